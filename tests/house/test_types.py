"""The types that editors are told: names and defaults of the code, right for mypy.

Where one is missing, `python tests/write_types.py` writes them again.
"""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tinyalign
from tinyalign import laws, losses, optimum, policy

ROOT = Path(__file__).parents[2]
MODULES = {"losses/__init__": losses, "optimum": optimum, "policy": policy, "laws/__init__": laws}
WRONG = """
import numpy as np
import tinyalign as ta
x = np.zeros(3)
ta.dpo(x, x, x)
ta.dpo(x, x, x, x, beta="large")
ta.gae(x, x, x).mean()
"""


def typed_functions(name):
    """{function: (its parameters, its defaults as they are written)} of a file of types."""
    tree = ast.parse((ROOT / "tinyalign" / f"{name}.pyi").read_text(encoding="utf8"))
    found = {}
    for node in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        own = node.args
        defaults = [ast.literal_eval(default) for default in own.kw_defaults if default]
        defaults += [ast.literal_eval(default) for default in own.defaults]
        rest = [own.kwarg] if own.kwarg else []
        names = [part.arg for part in (*own.args, *own.kwonlyargs, *rest)]
        found[node.name] = names, defaults
    return found


@pytest.mark.parametrize("name", MODULES)
def test_types_have_the_names_and_defaults_of_the_code(name):
    module, typed = MODULES[name], typed_functions(name)
    public = getattr(module, "__all__", None) or [
        key for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and key[0] != "_"
    ]  # fmt: skip
    assert set(typed) == {key for key in public if inspect.isfunction(getattr(module, key))}
    for function, (names, defaults) in typed.items():
        own = inspect.signature(getattr(module, function)).parameters.values()
        assert names == [part.name for part in own], function
        assert defaults == [part.default for part in own if part.default is not part.empty]


def test_the_package_says_that_it_has_types():
    assert (Path(tinyalign.__file__).parent / "py.typed").exists()


def mypy(path, cache):
    """What mypy says of a script, strictly."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_users_script_is_right_and_mistakes_are_found(tmp_path):
    """Too few arguments, a word for a number, a pair for an array."""
    right = mypy(ROOT / "tests" / "types_script.py", tmp_path)
    assert right.returncode == 0, right.stdout
    (tmp_path / "wrong.py").write_text(WRONG)
    wrong = mypy(tmp_path / "wrong.py", tmp_path)
    assert [f"wrong.py:{line}: error" in wrong.stdout for line in (5, 6, 7)] == [True] * 3
