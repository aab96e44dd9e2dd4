"""Arrays that a function reads for their shape alone, such as the targets of a whole batch."""

import ast

import numpy as np

from tinyalign.laws.binding.parameter_names import names_setting
from tinyalign.laws.binding.source_tree import tree_of
from tinyalign.laws.forms.wrapper import Wrapper


def shape_only(fn, parameters):
    """{parameter: whether it has two rows for each example}, of those that must be given."""
    tree = tree_of(getattr(fn, "forward", fn))
    required = [n for n, q in parameters.items() if q.default is q.empty and not names_setting(n)]
    return {n: _is_halved(tree, n) for n in required if _only_shape(tree, n)}


def _only_shape(tree, name):
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    shapes = [
        n for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and n.attr == "shape" and ast.unparse(n.value) == name
    ]  # fmt: skip
    return 0 < len(read) == len(shapes)


def _is_halved(tree, name):
    """Whether half of its rows are counted: the chosen answers and the rejected ones."""
    return any(
        isinstance(n, ast.BinOp)
        and isinstance(n.op, ast.FloorDiv)
        and ast.unparse(n) == f"{name}.shape[0] // 2"
        for n in ast.walk(tree)
    )


class Shaped(Wrapper):
    """Given zeros of the wanted number of rows for what is read for its shape."""

    def __init__(self, fn, names, parameters, framework):
        self.names, self.framework = names, framework
        super().__init__(fn, [q for n, q in parameters.items() if n not in names])
        said = " and ".join(names)
        self.sentence = f"{said} is read for its shape: zeros are given."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        return self.fn(**arguments, **self._zeros(arguments, self.framework.zeros))

    def _zeros(self, arguments, zeros):
        rows = max(len(a) for a in arguments.values() if getattr(a, "ndim", 0))
        return {n: zeros((2 * rows if twice else rows, 1)) for n, twice in self.names.items()}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = {n: np.asarray(a) for n, a in self.bind(given, named).items()}
        return self.written_with(arguments | self._zeros(arguments, np.zeros), literal)
