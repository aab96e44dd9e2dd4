"""A function's syntax tree, and what it calls that which it returns."""

import ast
import inspect
import textwrap
from functools import cache


def tree_of(fn):
    """The syntax tree of the function below its decorators; an empty one without a source."""
    return _tree_of(getattr(fn, "__code__", None) and inspect.unwrap(fn))


@cache
def _tree_of(fn):
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(fn)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def returns_nothing(fn):
    """Whether its source has no return statement with a value."""
    nodes = list(ast.walk(tree_of(fn)))
    several = len(nodes) > 1  # a module without anything: there is no source
    return several and not any(isinstance(n, ast.Return) and n.value for n in nodes)


def names_returned(fn, count):
    """The names of the so many parts that it returns; none where they have no names."""
    for node in ast.walk(tree_of(fn)):
        if isinstance(node, ast.Return) and node.value is not None:
            several = isinstance(node.value, ast.Tuple | ast.List)
            names = [_name_of(e) for e in (node.value.elts if several else [node.value])]
            if len(names) == count and all(names):
                return names
    return []


def _name_of(node):
    """The name that an expression starts from: advantages of advantages.detach() * mask."""
    inside = {ast.Attribute: "value", ast.Subscript: "value", ast.Call: "func", ast.BinOp: "left"}
    while type(node) in inside:
        node = getattr(node, inside[type(node)])
    return node.id if isinstance(node, ast.Name) else ""
