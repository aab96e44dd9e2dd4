"""Which place of a tuple holds the loss, by the names in the function's return statements."""

import ast

from tinyalign.laws.binding.parameter_names import parts
from tinyalign.laws.binding.source_tree import tree_of

LOSSES = {"loss", "losses", "objective"}
BESIDE = {"metrics", "info", "stats", "type", "mask", "name", "dict", "log", "logs"}


def places_of_losses(fn, answer):
    """The places of this tuple that are called a loss; none where no name is known."""
    names = getattr(answer, "_fields", None)
    rows = [[[n] for n in names]] if names else _names_returned(fn, len(answer))
    return sorted({i for row in rows for i, names in enumerate(row) if any(map(_is_loss, names))})


def _is_loss(name):
    words = set(parts(name))
    return bool(words & LOSSES) and not words & BESIDE


def _names_returned(fn, length):
    """For each return statement with so many values, the names that each of them is made of."""
    returned = [n.value for n in ast.walk(tree_of(fn)) if isinstance(n, ast.Return)]
    return [
        [[m.id for m in ast.walk(value) if isinstance(m, ast.Name)] for value in each.elts]
        for each in returned
        if isinstance(each, ast.Tuple) and len(each.elts) == length
    ]
