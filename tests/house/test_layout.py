"""What may import what, what an import may load, and how long a function may be."""

import ast
import subprocess
import sys

import pytest
from code_lines import code_lines
from drawing import ROOT, circle, imports, mismatches, read_drawing, sources, wrong_imports

LIMITS = {("losses",): 15, ("engine", "ops"): 20}
LONGEST_FUNCTION, LONGEST_FILE = 25, 250
LOOP = ("runs/train.py", "train_stage")  # the one loop, read from top to bottom: 40


def test_every_file_has_its_room_and_every_room_is_there():
    """The drawing names every file and folder of the package, and the folders inside exist."""
    assert mismatches(read_drawing()) == []


def test_imports_point_downward_only():
    """A room imports from lower floors and from the rooms that stand apart; these from none."""
    assert wrong_imports(read_drawing()) == []


def test_no_files_import_one_another_in_a_circle():
    """Nor do rooms, since every import points downward; this is about files of one room."""
    assert circle() == []


def test_there_are_ten_rooms_to_hold_in_mind():
    """Besides the data, the tasks, and a room inside a room; at most five files stand alone."""
    folders = {room for room in read_drawing().rooms() if room.endswith("/")}
    assert len(folders - {"runs/compare/", "examples/", "toy_envs/"}) == 10
    assert len(list((ROOT / "tinyalign").glob("*.py"))) <= 5


def test_tests_stand_in_folders_named_like_the_rooms():
    """And in house/ where they are about the whole; no two files have one name."""
    paths = list((ROOT / "tests").rglob("test_*.py"))
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() + "/" for path in paths}
    assert folders - {"./", "house/"} <= set(read_drawing().rooms())
    assert len({path.name for path in paths}) == len(paths)


@pytest.mark.parametrize(
    ("room", "users"), [("laws", {"cli", "notes/exercises"}), ("exam", {"cli"})]
)
def test_nothing_that_trains_uses_the_rooms_that_judge(room, users):
    """Laws judge anybody's losses and the exercises of the course, exams anybody's trainers."""
    places = {
        path.parent.relative_to(ROOT / "tinyalign").as_posix()
        for path in sources("tinyalign")
        if any(name.startswith(f"tinyalign.{room}") for name in imports(path))
    }
    assert {place for place in places if place.split("/")[0] != room} == users


def test_losses_need_only_the_engine():
    """A loss knows arrays and checks: no model, no optimizer, no step."""
    for path in sources("tinyalign/losses"):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("tinyalign.")}
        assert used <= {"losses", "engine"}, path


def test_only_backend_names_cupy():
    """Everything else says xp."""
    for path in sources("tinyalign"):
        uses = any(name.split(".")[0] == "cupy" for name in imports(path))
        assert uses == (path.name == "backend.py"), path


def test_environments_know_neither_gradients_nor_losses():
    """toy_envs imports NumPy and the standard library alone."""
    for path in sources("toy_envs"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in {"numpy", "toy_envs"} | set(sys.stdlib_module_names), (path, name)


@pytest.mark.parametrize(
    "package", ["tinyalign", "tinyalign.methods.steps", "tinyalign.models.transformer"]
)
def test_importing_the_package_loads_nothing_heavy(package):
    """sys.modules after `import tinyalign`: numpy and autograd, no pictures, screens or tests."""
    heavy = ["matplotlib", "rich", "tyro", "safetensors", "hypothesis", "scipy", "pytest", "cupy"]
    code = f"import sys, {package}; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_command_loads_only_what_every_command_needs():
    """sys.modules after `import tinyalign.cli`: no pictures, no screen and no Hypothesis."""
    slow = ["matplotlib", "rich.live", "hypothesis", "scipy", "pytest", "cupy", "tinyalign.laws"]
    code = f"import sys, tinyalign.cli; print(*[m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def limit(path):
    """How many lines of code a function of this file may have."""
    parts = path.relative_to(ROOT).parts[1:-1]
    return LIMITS.get(parts, LONGEST_FUNCTION)


@pytest.mark.parametrize("package", ["tinyalign", "toy_envs"])
def test_functions_are_short(package):
    """A loss has 15 lines of code at most, a primitive 20, all else 25; docstrings do not count."""
    long = {}
    for path in sources(package):
        source = path.read_text(encoding="utf8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                where = path.relative_to(ROOT / package).as_posix(), node.name
                most = 40 if where == LOOP else limit(path)
                if code_lines(node, source) <= most:
                    continue
                long[f"{path.relative_to(ROOT)}:{node.name}"] = code_lines(node, source)
    assert long == {}


@pytest.mark.parametrize("package", ["tinyalign", "toy_envs"])
def test_files_are_short(package):
    """A file has at most 250 lines, all included."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf8").splitlines())
        for path in sources(package)
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}
