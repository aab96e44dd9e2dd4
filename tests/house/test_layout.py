"""What may import what, what an import may load, and how long a function may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from code_lines import code_lines

ROOT = Path(__file__).parents[2]

# The rooms, lowest floor first, as CONTRIBUTING.md draws them. A file imports from its own room and
# from lower floors; `laws` stands apart, and knows none of the others.
FLOORS = [
    ["errors", "report", "examples", "threads"],
    ["engine"],
    ["losses", "models"],
    ["optimum", "policy"],
    ["methods"],
    ["runs"],
    ["notes", "laws"],
    ["cli"],
    ["__main__"],
]
FLOOR = {name: height for height, floor in enumerate(FLOORS) for name in floor}
LIMITS = {("losses",): 15, ("engine", "ops"): 20}
LONGEST_FUNCTION, LONGEST_FILE = 25, 250
LOOP = "train_stage"  # the one loop, read from top to bottom: 40


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    """Full names of the modules that a file imports, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else ()
            module = ".".join([*base, node.module or ""]).strip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_of(name):
    """The module of the package that "tinyalign.losses.dpo" belongs to: "losses"."""
    return name.split(".")[1]


files = [
    path
    for path in sources("tinyalign")
    if path.relative_to(ROOT / "tinyalign").parts[0] not in ("laws", "__init__.py")
]


@pytest.mark.parametrize("path", files, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downward_only(path):
    """A file imports from lower floors, or from its own package; every module has its floor."""
    own = path.relative_to(ROOT / "tinyalign").with_suffix("").parts[0]
    assert own in FLOOR, f"{own} has no floor: put it in FLOORS"
    for name in imported(path):
        if name.startswith("tinyalign."):
            other = module_of(name)
            assert other in FLOOR, f"{name} has no floor: put it in FLOORS"
            assert FLOOR[other] < FLOOR[own] or other == own, f"{own} imports {name} from above"


def test_losses_need_only_the_engine():
    """A loss knows arrays and checks: no model, no optimizer, no step."""
    for path in sources("tinyalign/losses"):
        used = {module_of(name) for name in imported(path) if name.startswith("tinyalign.")}
        assert used <= {"losses", "engine"}, path


def test_the_laws_import_nothing_else_of_the_package():
    """laws judges anybody's losses, so it knows none of ours."""
    for path in sources("tinyalign/laws"):
        for name in imported(path):
            assert not name.startswith("tinyalign") or module_of(name) == "laws", (path, name)


def test_only_backend_names_cupy():
    """Everything else says xp."""
    for path in sources("tinyalign"):
        uses = any(name.split(".")[0] == "cupy" for name in imported(path))
        assert uses == (path.name == "backend.py"), path


def test_environments_know_neither_gradients_nor_losses():
    """toy_envs imports NumPy and the standard library alone."""
    for path in sources("toy_envs"):
        for name in imported(path):
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
                most = 40 if node.name == LOOP else limit(path)
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
