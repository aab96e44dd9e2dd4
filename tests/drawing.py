"""The drawing of the rooms in CONTRIBUTING.md, and what files have to do to agree with it."""

import ast
import graphlib
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Drawing(NamedTuple):
    """The rooms of the drawing, by their names as drawn: "runs/compare/", "policy.py"."""

    floors: list  # lists of rooms, the highest floor first
    apart: list  # rooms that import nothing of the rest
    folders: list  # (room, folder in it) for every folder that is drawn inside a room

    def rooms(self):
        return [room for floor in self.floors for room in floor] + self.apart

    def floor(self, room):
        """The number of the floor, from 0 at the top, that a room which is not apart stands on."""
        return next(number for number, floor in enumerate(self.floors) if room in floor)

    def allows(self, room, other):
        """Whether a file of one room may import from another."""
        if other is None or room == other:
            return room == other
        if room in self.apart or other in self.apart:
            return room not in self.apart
        return self.floor(other) > self.floor(room)


def parse(block):
    """The Drawing in a block of text.

    A line names the rooms of a floor, and two spaces further what is in them. The rooms below an
    empty line stand apart.
    """
    above, below = block.strip("\n").split("\n\n")
    floors = [line.split("  ")[0].split() for line in above.splitlines()]
    apart = [room for line in below.splitlines() for room in line.split("  ")[0].split()]
    folders = [
        (line.split()[0], folder)
        for line in block.splitlines()
        for folder in re.findall(r"\w+/", line.partition("  ")[2])
    ]
    return Drawing(floors, apart, folders)


def read_drawing():
    """The Drawing in CONTRIBUTING.md."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
    return parse(re.search(r"## The rooms\n.*?```\n(.*?)```", page, re.DOTALL)[1])


def sources(package, root=ROOT):
    return sorted((root / package).rglob("*.py"))


def imports(path, root=ROOT):
    """Full names of the modules that a file imports, relative ones resolved."""
    package = path.relative_to(root).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else ()
            module = ".".join([*base, node.module or ""]).strip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own_imports(path, root=ROOT):
    """The imports of a file that are of tinyalign or toy_envs."""
    return [name for name in imports(path, root) if re.match(r"(tinyalign|toy_envs)\b", name)]


def room_of(parts, rooms):
    """The room that holds a module, given the parts of its full name; None where none does.

    The longest name counts: runs/compare/ is a room of its own inside runs/.
    """
    inside = "/".join(parts).removeprefix("tinyalign/") + "/"
    holding = [
        room for room in rooms if inside.startswith(room.removesuffix(".py").rstrip("/") + "/")
    ]
    return max(holding, key=len, default=None)


def holds_files(folder):
    """Whether there is more in a folder than what Python left of code that is gone."""
    return any(path.name != "__pycache__" for path in folder.iterdir())


def mismatches(house, root=ROOT):
    """Names in the drawing without a file or folder, and the other way round."""
    package = root / "tinyalign"
    there = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    folders = [path for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"]
    there |= {f"{path.name}/" for path in folders if holds_files(path)}
    inner = {room for room in house.rooms() if room.count("/") == 2}  # runs/compare/
    outer = set(house.rooms()) - inner - {"toy_envs/"}
    inner |= {room + folder for room, folder in house.folders}
    return sorted(there ^ outer | {name for name in inner if not (package / name).is_dir()})


def wrong_imports(house, root=ROOT):
    """Imports that the drawing does not allow, as sentences."""
    wrong = []
    for path in [*sources("tinyalign", root), *sources("toy_envs", root)]:
        room = room_of(path.relative_to(root).with_suffix("").parts, house.rooms())
        if room is None:
            continue  # __init__.py, __main__.py, and what mismatches() finds
        for name in own_imports(path, root):
            if not house.allows(room, room_of(name.split("."), house.rooms())):
                wrong.append(f"{path.relative_to(root).as_posix()} imports {name}")
    return wrong


def file_of(name, root=ROOT):
    """The file that an imported name comes from."""
    path = root.joinpath(*name.split("."))
    while not (file := path.with_suffix(".py")).is_file():
        if (file := path / "__init__.py").is_file():
            break
        path = path.parent
    return file


def circle(root=ROOT):
    """Files that import one another in a circle, the first of them twice; empty without one."""
    graph = {
        path: {file_of(name, root) for name in own_imports(path, root)} - {path}
        for path in [*sources("tinyalign", root), *sources("toy_envs", root)]
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [path.relative_to(root).as_posix() for path in error.args[1]]
    return []
