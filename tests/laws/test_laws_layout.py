"""What the laws import: nothing of the rest, few libraries, and no room from a room above it."""

import ast
from pathlib import Path

import pytest

import tinyalign.laws

LAWS = Path(tinyalign.laws.__file__).parent
# Lowest first. A room imports from itself and from rooms below it, so there is no circle.
ROOMS = (
    "outcomes", "binding", "forms", "harness", "catalogue", "museum", "curate", "source", "reading",
    "diagnosis", "check", "scan", "__init__", "__main__",
)  # fmt: skip
TERMINAL = {
    "check/arguments.py",
    "check/terminal.py",
    "check/gallery.py",
    "scan/arguments.py",
    "scan/table.py",
    "__main__.py",
}
FILES = sorted(LAWS.rglob("*.py"))


def imported(path):
    """Full names of the modules that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name):
    """The room of "tinyalign.laws.harness.law"; names that the package itself exports are above."""
    first = name.split(".")[2]
    return first if first in ROOMS else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LAWS)))
def test_a_room_imports_from_the_rooms_below_it(path):
    own = path.relative_to(LAWS).with_suffix("").parts[0]
    for name in imported(path):
        if name.startswith("tinyalign."):
            assert name.startswith("tinyalign.laws."), f"{path} imports {name}"
            assert ROOMS.index(room(name)) <= ROOMS.index(own), f"{own} imports {name} from above"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LAWS)))
def test_laws_need_numpy_and_hypothesis(path):
    """The terminal needs rich and tyro, some exhibits autograd; frameworks are imported by name."""
    inside = str(path.relative_to(LAWS))
    allowed = {"rich", "tyro"} if inside in TERMINAL else set()
    allowed |= {"autograd"} if inside.startswith("museum/") else set()
    libraries = {name.split(".")[0] for name in imported(path)}
    assert libraries & {"torch", "jax", "autograd", "rich", "tyro"} <= allowed
