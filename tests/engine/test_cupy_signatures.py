"""Every call that reaches CuPy on a GPU, and the stand-in, against CuPy's own signatures.

The tests marked so need CuPy's wheel, which imports where there is no GPU:
pip install cupy-cuda12x, then pytest -m cupy.
"""

import operator
from pathlib import Path

import numpy as np
import pytest
import tiny_steps
from cupy_calls import Call, calls_of, signature_of

from tinyalign import policy
from tinyalign.engine import strict_cupy
from tinyalign.engine.backend import using
from tinyalign.models import lstm, tabular, transformer

ROOT = Path(__file__).parents[2]
# Functions that make arrays of files and texts, or put out two; and how NumPy was built.
LEFT_OUT = {"load", "from_dlpack", "fromstring", "divmod", "frexp", "modf", "show_config"}


@pytest.fixture(scope="module")
def cupy():
    """CuPy, whether or not there is a GPU."""
    return pytest.importorskip("cupy", reason="CuPy's wheel is not installed: cupy-cuda12x")


def used_in_training():
    """The name of every function that steps and samples of all models call."""
    strict_cupy.seen.clear()
    with using("strict"):
        for family in tiny_steps.FAMILIES:
            for model in (transformer, lstm, tabular):
                tiny_steps.train(*family(model), count=1)
        for model in (transformer, lstm, tabular):
            params = tiny_steps.start(model)
            policy.sample(model, params, [[0, 1], [2]], np.random.default_rng(0), max_new_tokens=3,
                          eos=1, num_generations=2)  # fmt: skip
    return set(strict_cupy.seen)


def test_cupy_has_every_function_that_training_calls():
    """None of them is on the list of what CuPy lacks."""
    used = used_in_training()
    assert {"exp", "matmul", "concatenate", "cumsum", "argmax"} <= used
    assert not used & (strict_cupy.LACKING | strict_cupy.LACKING_METHODS)


def refusal(cupy, call):
    """Why CuPy refuses a call, or None."""
    try:
        function = operator.attrgetter(call.name)(cupy.ndarray if call.is_method else cupy)
        arguments = [None] * (call.count + call.is_method)  # a method's first is the array
        signature_of(function).bind_partial(*arguments, **dict.fromkeys(call.keywords))
    except (AttributeError, TypeError) as error:
        return str(error)


def functions_of(module):
    """{name: function} of what can be called and is no type."""
    public = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {n: f for n, f in public.items() if callable(f) and not isinstance(f, type)}


def keywords_of(function):
    """(the names of its arguments, those that may be left out, whether it takes any other name)."""
    named = signature_of(function).parameters.values()
    optional = {p.name for p in named if p.default is not p.empty}
    return {p.name for p in named}, optional, any(p.kind is p.VAR_KEYWORD for p in named)


@pytest.mark.cupy
def test_cupy_takes_every_call_in_the_source(cupy):
    """Names, numbers of arguments and keywords: `xp`, autograd.numpy, methods of arrays."""
    files = [*(ROOT / "tinyalign").rglob("*.py"), *(ROOT / "toy_envs").rglob("*.py")]
    made = {call: path for path in files for call in calls_of(path.read_text(encoding="utf8"))}
    assert {"exp", "matmul", "asarray", "cuda.runtime.getDevice"} <= {call.name for call in made}
    refused = {call: why for call in made if (why := refusal(cupy, call))}
    assert not {(made[call].name, *call, why) for call, why in refused.items()}


@pytest.mark.cupy
def test_cupy_takes_every_call_that_training_makes(cupy, monkeypatch):
    """What the stand-in sees of steps and samples of all models, autograd's own calls included."""
    made, call = set(), strict_cupy.call

    def watched(name, function, args, kw):
        made.add(Call(name, not hasattr(np, name) or is_bound(function), len(args), tuple(kw)))
        return call(name, function, args, kw)

    monkeypatch.setattr(strict_cupy, "call", watched)
    used_in_training()
    assert len(made) > 50
    assert not {call: why for call in made if (why := refusal(cupy, call))}


def is_bound(function):
    """Whether it is a method that knows its array."""
    return isinstance(getattr(function, "__self__", None), np.ndarray)


@pytest.mark.cupy
def test_the_stand_in_lacks_what_the_installed_cupy_lacks(cupy):
    """NumPy's functions, and methods of its arrays, without a namesake."""
    missing = {name for name in functions_of(np) if not hasattr(cupy, name)}
    assert missing <= strict_cupy.LACKING
    public = {name for name in dir(np.ndarray) if not name.startswith("_")}
    missing = {name for name in public if not hasattr(cupy.ndarray, name)}
    assert missing <= strict_cupy.LACKING_METHODS


@pytest.mark.cupy
def test_the_stand_in_takes_and_refuses_the_keywords_that_cupy_does(cupy):
    """Of every function that both libraries have, each keyword of NumPy's."""
    wrong, compared = [], 0
    for name in sorted(functions_of(np).keys() & functions_of(cupy).keys() - LEFT_OUT):
        _, ours, _ = keywords_of(getattr(np, name))
        theirs, _, takes_any = keywords_of(getattr(cupy, name))
        if not takes_any:
            refused = {k for k in ours if strict_cupy.lacks(name, getattr(np, name), k)}
            wrong += [(name, keyword) for keyword in (ours - theirs) ^ refused]
            compared += len(ours)
    assert compared > 1000
    assert not wrong
