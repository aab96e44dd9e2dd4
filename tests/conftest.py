"""One BLAS thread per test process, Hypothesis profiles, and fixtures that several files share."""

import os

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")  # before anything imports NumPy

import pytest  # noqa: E402
from hypothesis import HealthCheck, Phase, settings  # noqa: E402

from tinyalign import report  # noqa: E402
from tinyalign.engine import backend, strict_cupy  # noqa: E402

relaxed = [HealthCheck.too_slow, HealthCheck.differing_executors]
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=relaxed)
settings.register_profile(
    "thorough", max_examples=2000, deadline=None, suppress_health_check=relaxed
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def has_gpu():
    try:
        backend.LOADERS["cupy"]()
    except backend.BackendError:
        return False
    return True


@pytest.fixture(params=["strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def device(request, monkeypatch):
    """Run the test once on the CPU stand-in, float64 forbidden, and once on a GPU if marked so."""
    if request.param == "cupy" and not has_gpu():
        if os.environ.get("TINYALIGN_REQUIRE_GPU"):
            pytest.fail("TINYALIGN_REQUIRE_GPU is set, but no GPU was found")
        pytest.skip("no GPU")
    strict_cupy.reset()
    monkeypatch.setattr(strict_cupy, "allow_float64", False)
    with backend.using(request.param):
        yield request.param


@pytest.fixture
def course(tmp_path):
    """A folder with two short walkthroughs."""
    from course import course_in

    return course_in(tmp_path)


@pytest.fixture(scope="module")
def plain_curves():
    """Empty pictures: a real one takes a hundred times longer than the run that it would show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "curves", lambda metrics, path: path.write_text("<svg/>"))
        yield


@pytest.fixture
def few_examples():
    """Enough for a test that says that something runs."""
    active = settings.get_current_profile_name()
    # no counterexample has to be small
    phases = [Phase.explicit, Phase.generate]
    settings.register_profile("few", settings.get_profile(active), max_examples=5, phases=phases)
    settings.load_profile("few")
    yield
    settings.load_profile(active)
