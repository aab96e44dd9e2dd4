"""A config, or an object of a class, as code that a counterexample can be pasted with."""

import ast
import inspect

from tinyalign.laws.binding.held_values import guess
from tinyalign.laws.binding.holders import guesses, holders_inside, instance
from tinyalign.laws.binding.source_tree import tree_of


def config_as_code(fn, holder, read, said):
    """The config as code: a dict where it is read by key."""
    inside = holders_inside(fn, holder)
    kind = "dict" if is_keyed(fn, holder) else "SimpleNamespace"
    values = guesses(fn, holder, read) | said
    pairs = [f"{n}={v!r}" for n, v in values.items()]
    pairs += [f"{n}={kind}({', '.join(pairs)})" for n in inside]
    return f"{holder}={kind}({', '.join(pairs)})"


def instance_as_code(fn, owner, name, read, own):
    """An object with these attributes, made by its __init__ if that takes them."""
    try:
        wanted = inspect.signature(owner).parameters
    except (TypeError, ValueError):
        wanted = {}
    given = {n: guess(n) for n, q in wanted.items() if q.default is q.empty} | own
    takes_them = all(n in wanted for n in own) and owner.__init__ is not object.__init__
    if takes_them and None not in given.values():
        return f"{name}({', '.join(f'{n}={v!r}' for n, v in given.items())})"
    made = instance(owner)
    plain = {n: getattr(made, n) for n in read if hasattr(made, n)}
    plain = {n: v for n, v in plain.items() if isinstance(v, bool | int | float | str | None)}
    values = guesses(fn, "self", read) | plain | own
    pairs = ", ".join(f"{n}={v!r}" for n, v in values.items())
    return f"type('Judged', ({name},), dict(__init__=lambda self: None, {pairs}))()"


def is_keyed(fn, holder):
    """Whether it is read by key, as a dict is."""
    nodes = ast.walk(tree_of(fn))
    keyed = [n.value for n in nodes if isinstance(n, ast.Subscript)]
    return any(isinstance(n, ast.Name) and n.id == holder for n in keyed)
