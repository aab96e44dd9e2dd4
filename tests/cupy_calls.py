"""The calls of a source file that reach CuPy on a GPU, by syntax tree, and what CuPy takes.

Three kinds reach it: functions of `xp`, those of `autograd.numpy` (NumPy hands a GPU array's over
to CuPy), and methods of arrays. Which names are arrays a syntax tree does not say, so every method
that is called like one of an array's counts as one.
"""

import ast
import inspect
from typing import NamedTuple

import numpy as np

ARRAY_METHODS = {name for name in dir(np.ndarray) if callable(getattr(np.ndarray, name))}


class Call(NamedTuple):
    """One call: of cupy.<name> or, for a method, of cupy.ndarray.<name>."""

    name: str  # with the modules before it: "exp", "add.at"
    is_method: bool
    count: int  # arguments by position, at least: what a star stands for is not known
    keywords: tuple


def imported(tree):
    """(what the file calls `xp` and `autograd.numpy`, every other name that it imports)."""
    libraries, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):  # where the backend makes it
            libraries |= {name.id for name in node.targets if getattr(name, "id", None) == "xp"}
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for alias in node.names:
            backend = getattr(node, "module", None) == "tinyalign.engine.backend"
            reaches = alias.name == "autograd.numpy" or (backend and alias.name == "xp")
            (libraries if reaches else others).add(alias.asname or alias.name)
    return libraries, others


def path_of(node):
    """["xp", "add", "at"] of `xp.add.at`; empty where something else is in the path."""
    if isinstance(node, ast.Name):
        return [node.id]
    before = path_of(node.value) if isinstance(node, ast.Attribute) else []
    return [*before, node.attr] if before else []


def calls_of(source):
    """Every Call of a file's text, in no order; none where it computes with neither library."""
    tree, found = ast.parse(source), set()
    libraries, others = imported(tree)
    for node in ast.walk(tree) if libraries else ():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, *path = path_of(node.func) or [None]
        count = sum(not isinstance(argument, ast.Starred) for argument in node.args)
        keywords = tuple(k.arg for k in node.keywords if k.arg)
        if owner in libraries:
            found.add(Call(".".join(path), False, count, keywords))
        elif node.func.attr in ARRAY_METHODS and owner not in others:
            found.add(Call(node.func.attr, True, count, keywords))
    return found


def signature_of(function):
    """inspect.signature, or, of what Cython made, the signature that its docstring begins with."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        text = function.__doc__.split("\n")[0].replace("\\*", "*").split(" -> ")[0]
    arguments = text[text.index("(") + 1 : -1].split(", ")
    arguments = [argument.split(" ")[-1] for argument in arguments]  # C's types go
    made = {}
    exec(f"def function({', '.join(arguments)}): pass", made)
    return inspect.signature(made["function"])
