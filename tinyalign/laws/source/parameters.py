"""The parameters of a function that was cut out: those that a law cannot know are given a value."""

import ast

from tinyalign.laws.binding.held_values import guess
from tinyalign.laws.binding.holders import HOLDERS
from tinyalign.laws.binding.number_names import called
from tinyalign.laws.binding.parameter_names import MASKS, names_array, names_setting, parts
from tinyalign.laws.catalogue.lookup import find_spec

CONFIG = {"config", "cfg", "conf", "args", "hparams"}


def fit_parameters(node, methods, words):
    """The function without parameters that are bound or never read, in its place.

    A mask that may be left out is given, since some functions need it. A setting that no method
    knows has a default.
    """
    a = node.args
    node = _Renamed({q.arg for q in (*a.args, *a.kwonlyargs)}).visit(node)
    read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    known = {"self", "cls"} | _numbers(methods, [q.arg for q in (*a.args, *a.kwonlyargs)])
    kept = []
    for q, default in _with_defaults(a):
        if q.arg in words or not (q.arg in read | known or names_array(q.arg)):
            continue
        if q.arg in MASKS and isinstance(default, ast.Constant) and default.value is None:
            default = None
        elif default is None and q.arg not in known and _usual(q.arg) is not None:
            default = ast.Constant(_usual(q.arg))
        kept.append((q, default))
    # Python wants those without a default first
    kept.sort(key=lambda pair: pair[1] is not None)
    a.posonlyargs, a.args = [], [q for q, _ in kept]
    a.defaults = [d for _, d in kept if d is not None]
    named = zip(a.kwonlyargs, a.kw_defaults, strict=True)
    named = [(q, d) for q, d in named if q.arg not in words and q.arg in read]
    a.kwonlyargs, a.kw_defaults = [q for q, _ in named], [d for _, d in named]
    if a.vararg is not None and a.vararg.arg not in read:
        a.vararg = None
    if a.kwarg is not None and a.kwarg.arg not in read:
        a.kwarg = None
    return ast.fix_missing_locations(node)


class _Renamed(ast.NodeTransformer):
    """Configs of all names called config: policy_loss_cfg, self.train_config."""

    def __init__(self, parameters):
        self.parameters = parameters

    def visit_Name(self, node):
        node.id = _shared(node.id) if node.id in self.parameters else node.id
        return node

    def visit_arg(self, node):
        node.arg = _shared(node.arg)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if ast.unparse(node.value) == "self":
            node.attr = _shared(node.attr)
        return node


def _shared(name):
    return "config" if CONFIG & set(parts(name)[1:]) and name not in HOLDERS else name


def _usual(name):
    """What a setting is that no method has: the first token, or what is guessed of a config."""
    if name in ("start", "prompt_length"):
        return 0
    return guess(name) if names_setting(name) else None


def _numbers(methods, names):
    """Those of the names that numbers of the methods are called."""
    rows = [find_spec(m) for m in methods]
    return {n for row in rows for number in row.numbers for n in called(row.name, number, names)}


def _with_defaults(a):
    """(parameter, default or None) of those that may go by position."""
    positional = [*a.posonlyargs, *a.args]
    first = len(positional) - len(a.defaults)
    return [(q, None if i < first else a.defaults[i - first]) for i, q in enumerate(positional)]
