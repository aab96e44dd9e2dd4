"""The functions of a folder of source files, read from their syntax trees: nothing is imported."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LARGEST = 2_000_000  # bytes: a longer file holds data
SKIPPED = re.compile(r"^(\.|__pycache__|tests?$|site-packages$|node_modules$|build$|venv)")


@dataclass(frozen=True, eq=False)
class Found:
    """One function: where it stands, and its tree."""

    path: Path
    name: str  # Class.function for a method
    node: ast.FunctionDef
    owner: ast.ClassDef | None

    @property
    def line(self):
        return self.node.lineno

    def parameters(self):
        """Names in order, without self."""
        a = self.node.args
        names = [q.arg for q in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
        return [n for n in names if n not in ("self", "cls")]

    def defaults(self):
        """{parameter: tree of its default} for those that have one."""
        a = self.node.args
        positional = [q.arg for q in (*a.posonlyargs, *a.args)]
        first = len(positional) - len(a.defaults)
        pairs = [*zip(positional[first:], a.defaults, strict=True)]
        pairs += [(q.arg, d) for q, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d]
        return dict(pairs)


@cache
def parse(path):
    """The syntax tree of a file; None where it is no Python, or too long."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        return ast.parse(path.read_bytes())  # bytes: a mark or a comment may name their encoding
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def source_files(path):
    """The Python files of a folder, but for tests and what is installed; a file is itself."""
    if path.is_file():
        return [path]
    files = []
    for child in sorted(path.iterdir()):
        if child.is_dir() and not child.is_symlink() and not SKIPPED.match(child.name):
            files += source_files(child)
        elif child.suffix == ".py" and not child.name.startswith(("test_", "conftest")):
            files.append(child)
    return files


def functions(path):
    """Every function of a file that is not inside another one."""
    tree = parse(path)
    return [] if tree is None else list(_functions(path, tree.body, None))


def _functions(path, body, owner):
    for node in body:
        if isinstance(node, ast.FunctionDef):
            name = f"{owner.name}.{node.name}" if owner else node.name
            yield Found(path, name, node, owner)
        elif isinstance(node, ast.ClassDef) and owner is None:
            yield from _functions(path, node.body, node)
        elif isinstance(node, ast.If | ast.Try) and owner is None:
            for part in branches(node):
                yield from _functions(path, part, None)


def branches(node):
    """Every list of statements of an if or a try."""
    handlers = [handler.body for handler in getattr(node, "handlers", ())]
    return [node.body, *handlers, node.orelse, getattr(node, "finalbody", [])]
