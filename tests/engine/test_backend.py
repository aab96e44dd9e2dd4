"""Where arrays live: choosing a backend, crossing over, and the stand-in's refusals."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import cli
from tinyalign.engine import backend, strict_cupy
from tinyalign.engine.backend import BackendError, describe, to_device, to_host, using, xp
from tinyalign.runs.compare import executors


def test_an_unknown_backend_is_refused_by_name():
    """use("tpu") raises, names the choices, and leaves the backend as it was."""
    before = xp.module
    with pytest.raises(BackendError, match="unknown backend 'tpu': choose one of numpy, cupy"):
        backend.use("tpu")
    assert xp.module is before


def test_a_missing_cupy_says_what_to_install(monkeypatch):
    """use("cupy") without CuPy raises BackendError; it never falls back on the CPU."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    before = xp.module
    with pytest.raises(BackendError, match="pip install"):
        backend.use("cupy")
    assert xp.module is before


def test_a_cupy_without_a_gpu_says_so(monkeypatch):
    """CuPy imports on machines without a driver; that is not a device to train on."""
    hollow = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "cupy", hollow)
    with pytest.raises(BackendError, match="no NVIDIA GPU"):
        backend.use("cupy")


def test_using_restores_the_backend_also_after_an_error():
    """with using(a): with using(b): … ends in a; after an exception too."""
    before = xp.module
    with using("strict"):
        with pytest.raises(ZeroDivisionError), using("numpy"):
            assert xp.module is np
            _ = 1 / 0
        assert xp.module is strict_cupy.xp
    assert xp.module is before


@pytest.mark.parametrize(
    "name, line", [("numpy", "CPU (NumPy"), ("strict", "strict stand-in (NumPy")]
)
def test_the_log_line_names_the_device(name, line):
    """describe() starts with where the numbers come from."""
    with using(name):
        assert describe().startswith(line)


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_the_environment_variable_chooses_the_backend():
    """TINYALIGN_BACKEND is read once, at import, and a bad value raises."""
    code = "from tinyalign.engine.backend import describe; print(describe())"
    assert run_python(code, TINYALIGN_BACKEND="strict").stdout.startswith("strict")
    failed = run_python(code, TINYALIGN_BACKEND="tpu")
    assert failed.returncode != 0
    assert "unknown backend 'tpu'" in failed.stderr


@pytest.fixture
def afterwards(monkeypatch):
    """The backend and the variable as they were, after a test that chooses a device."""
    monkeypatch.setenv(backend.VARIABLE, os.environ.get(backend.VARIABLE, "numpy"))
    with using("numpy"):
        yield


def test_auto_takes_the_gpu_where_there_is_one_and_says_why_where_not(afterwards, monkeypatch):
    """--device auto: CuPy's device, or the CPU with the reason in the line that is printed."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    line = backend.use_device("auto")
    assert line.startswith("CPU (NumPy") and "CuPy is not installed: in the checkout" in line
    monkeypatch.setitem(backend.DEVICES, "gpu", "strict")  # as if CuPy found a GPU
    for name in ("auto", "gpu"):
        backend.use_device("cpu")
        assert xp.module is np
        assert backend.use_device(name).startswith("strict stand-in")
        assert xp.module is strict_cupy.xp


def test_a_gpu_that_is_asked_for_and_missing_is_an_error(afterwards, monkeypatch):
    """--device gpu never falls back on the CPU; an unknown device is named with the choices."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match="pip install"):
        backend.use_device("gpu")
    with pytest.raises(BackendError, match="--device is 'tpu', want cpu, gpu or auto"):
        backend.use_device("tpu")
    assert xp.module is np


@pytest.mark.parametrize("name, line", [("cpu", "CPU"), ("gpu", "strict stand-in")])
def test_worker_processes_compute_on_the_device_that_was_typed(afterwards, monkeypatch, name, line):
    """compare's workers inherit the choice, whatever the variable said before."""
    monkeypatch.setitem(backend.DEVICES, "gpu", "strict")
    other = {"cpu": "strict", "gpu": "numpy"}[name]
    monkeypatch.setenv(backend.VARIABLE, other)
    backend.use_device(name)
    with executors.open_executor(2) as pool:
        assert pool.submit(describe).result().startswith(line)


@pytest.mark.parametrize("command", ["run", "compare"])
def test_the_commands_take_a_device(afterwards, capsys, command):
    """run and compare print where they compute before anything else happens."""
    assert cli.main([command, "nonsense", "--device", "cpu"]) == 2
    assert capsys.readouterr().out.startswith("device: CPU (NumPy")


@given(st.integers(0, 200), st.integers(1, 50))
def test_pieces_cover_a_vector_once_and_in_order(size, piece):
    """The concatenation of x[part] over the parts is x."""
    x = np.arange(size)
    with using("numpy"):  # the only backend with a cache to fit
        parts = [x[part] for part in backend.pieces(size, piece)]
    assert all(0 < len(part) <= piece for part in parts)
    np.testing.assert_array_equal(np.concatenate([[], *parts]), x)


def test_a_device_takes_a_vector_in_one_piece(device):
    """Pieces are for a processor's cache: on a device there is one."""
    assert backend.pieces(10**6) == [slice(None)]


def test_arrays_cross_over_and_come_back(device):
    """to_host(to_device(x)) = x, dtype kept unless another is asked for."""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    there = to_device(x)
    assert isinstance(there, xp.ndarray)
    back = to_host(there)
    assert type(back) is np.ndarray
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, x)
    assert to_device([1, 2], np.float32).dtype == np.float32
    assert to_device(there) is there


def test_a_copy_on_the_device_does_not_share_memory_with_the_host(device):
    """Writing to the host's array afterwards changes nothing there, and the other way round."""
    x = np.zeros(3, np.float32)
    there = to_device(x)
    x[0] = 1.0
    assert to_host(there).sum() == 0
    to_host(there)[1] = 5.0
    assert to_host(there).sum() == 0


def test_a_device_refuses_the_hosts_arrays(device):
    """device + host, np.asarray(device) and where(host, …) raise TypeError or AttributeError."""
    x, there = np.ones(3, np.float32), xp.ones(3, np.float32)
    for refused in [
        lambda: there + x,
        lambda: x + there,
        lambda: xp.exp(x),
        lambda: np.asarray(there),
        lambda: there.__setitem__(slice(None), x),
        lambda: xp.where(x > 0, there, there),
    ]:
        with pytest.raises((TypeError, AttributeError, ValueError)):
            refused()


def test_a_gradient_on_the_device_begins_and_ends_there(device):
    """d(Σ x²)/dx = 2x, of the device's type, without a copy."""
    x = to_device(np.arange(3, dtype=np.float32))
    strict_cupy.reset()
    slope = grad(lambda x: (x * x).sum())(x)
    assert (strict_cupy.stats.h2d, strict_cupy.stats.d2h) == (0, 0)
    assert isinstance(slope, xp.ndarray)
    np.testing.assert_array_equal(to_host(slope), [0, 2, 4])


def test_the_stand_in_forbids_float64_where_it_is_told_to(monkeypatch):
    """allow_float64 = False: making a float64 array raises, making a float32 one does not."""
    with using("strict"):
        xp.zeros(3)
        monkeypatch.setattr(strict_cupy, "allow_float64", False)
        xp.zeros(3, np.float32)
        for leak in (lambda: xp.zeros(3), lambda: xp.ones(3, np.float32) * np.float64(2)):
            with pytest.raises(TypeError, match="float64 array"):
                leak()


@pytest.mark.parametrize("name", sorted(strict_cupy.LACKING))
def test_the_stand_in_refuses_functions_that_cupy_lacks(name):
    """xp.vecdot is an AttributeError, and np.vecdot of a device array is refused as well."""
    with using("strict"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(xp, name)
        if isinstance(getattr(np, name, None), np.ufunc):
            with pytest.raises((AttributeError, TypeError)):
                getattr(np, name)(xp.ones(3), xp.ones(3))


@pytest.mark.parametrize("name", sorted(strict_cupy.LACKING_METHODS))
def test_the_stand_in_refuses_methods_that_cupy_lacks(name):
    """x.setflags is an AttributeError."""
    with using("strict"), pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(xp.ones(3), name)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "std", "var", "all", "any"])
def test_the_stand_in_refuses_keywords_that_cupys_reductions_lack(name):
    """where=, initial= and correction=, in the function, in NumPy's function and in the method."""
    with using("strict"):
        x = xp.ones(3, np.float32)
        for keyword, value in {"where": x > 0, "initial": 0.0, "correction": 1}.items():
            for call in (getattr(xp, name), getattr(np, name)):
                with pytest.raises(TypeError, match=keyword):
                    call(x, **{keyword: value})
            with pytest.raises(TypeError, match=keyword):
                getattr(x, name)(**{keyword: value})


@pytest.mark.parametrize("keyword", ["where", "subok", "order"])
def test_the_stand_in_refuses_keywords_that_cupys_ufuncs_lack(keyword):
    """out=, dtype= and casting= are all they take."""
    with using("strict"):
        x = xp.ones(3, np.float32)
        for add in (xp.add, np.add):
            with pytest.raises(TypeError, match=keyword):
                add(x, x, **{keyword: "C"})
        assert float(xp.add(x, x, out=xp.zeros(3, np.float32), casting="no")[0]) == 2


@pytest.mark.parametrize(
    "name, keyword",
    [
        ("lexsort", "axis"), ("unpackbits", "count"), ("count_nonzero", "keepdims"),
        ("partition", "kind"), ("clip", "max"), ("std", "mean"), ("clip", "min"), ("take", "mode"),
        ("array", "ndmax"), ("sort", "order"), ("unique", "sorted"), ("indices", "sparse"),
        ("broadcast_to", "subok"), ("percentile", "weights"),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_keywords_that_one_function_lacks(name, keyword):
    """CuPy's signature of the function does not have the keyword, whatever the arguments are."""
    with using("strict"), pytest.raises(TypeError, match=f"{name}.*unexpected.*{keyword}"):
        getattr(xp, name)(xp.ones(3, np.float32), 3, **{keyword: None})


def test_the_stand_in_takes_the_same_keywords_where_cupy_does():
    """A keyword that one function lacks is another's."""
    with using("strict"):
        x = xp.ones(3, np.float32)
        assert xp.meshgrid(x, x, sparse=True)[0].shape == (1, 3)
        assert x.sum(axis=0, keepdims=True).shape == (1,)
        assert float(xp.average(xp.sort(x, kind="stable"), weights=x)) == 1


def test_the_stand_in_counts_copies():
    """One copy over, one back; float(x), int(x), bool(x) and NumPy indices are copies too."""
    with using("strict"):
        strict_cupy.reset()
        x = to_device(np.arange(3, dtype=np.float32))
        assert (strict_cupy.stats.h2d, strict_cupy.stats.d2h) == (1, 0)
        for read in (to_host, lambda x: float(x[0]), lambda x: int(x[0]), lambda x: bool(x[0])):
            strict_cupy.reset()
            read(x)
            assert (strict_cupy.stats.h2d, strict_cupy.stats.d2h) == (0, 1)
        strict_cupy.reset()
        x[np.array([0, 1])]
        assert (strict_cupy.stats.h2d, strict_cupy.stats.d2h) == (1, 0)
