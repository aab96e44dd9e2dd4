"""docs/gpu.md: its predictions are those that the benchmark prints, and its commands exist."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tinyalign.engine import backend

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gpu.md").read_text(encoding="utf8")


@pytest.fixture
def benchmark(monkeypatch):
    """tests/benchmarks/gpu_steps.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "benchmarks"))
    import gpu_steps

    return gpu_steps


def table(text):
    """(size, weights, calls a step, milliseconds) of each row."""
    rows = [line.strip("|").split("|") for line in text.strip().splitlines()[2:]]
    return [
        (name.strip(), int(weights.replace(",", "")), int(calls), bound.strip())
        for name, weights, calls, bound in rows
    ]


@pytest.mark.slow
def test_the_predictions_are_what_the_benchmark_prints(benchmark):
    """Sizes and weights exactly, calls to a fifth: a faster step does not make the page wrong."""
    part = PAGE.split("<!-- predictions: begin -->")[1].split("<!-- predictions: end -->")[0]
    stated, counted = table(part), table(benchmark.predictions())
    assert [row[:2] for row in stated] == [row[:2] for row in counted]
    for (_, _, calls, least), (_, _, now, _) in zip(stated, counted, strict=True):
        assert calls == pytest.approx(now, rel=0.2)
        assert least == benchmark.bound(calls)


@pytest.mark.parametrize("name", ["numpy", "strict"])
def test_the_time_of_a_step_is_the_median_without_the_first_three(benchmark, monkeypatch, name):
    """On a clock that makes steps of 9, 9, 9, then 2, 7 and 3 seconds. The benchmark runs on the
    stand-in as it will on a GPU."""
    looks = np.cumsum([0, 9, 0, 9, 0, 9, 0, 2, 0, 7, 0, 3])
    clock = SimpleNamespace(perf_counter=map(float, looks).__next__)
    monkeypatch.setattr(benchmark, "time", clock)
    assert benchmark.milliseconds(name, *benchmark.SIZES[0], rounds=3) == 3000


def test_the_page_says_that_nothing_ran_on_a_gpu_and_names_what_exists():
    """Labelled twice; the variables, files and backends that it names are there."""
    assert len(re.findall("not yet run on a\\s+GPU", PAGE, flags=re.IGNORECASE)) >= 2
    paths = re.findall(r"(?:tests|tinyalign)/[\w/]+\.py", PAGE)
    assert {"tests/benchmarks/gpu_steps.py", "tests/methods/test_transfers.py"} <= set(paths)
    for path in paths:
        assert (ROOT / path).exists(), path
    assert backend.VARIABLE in PAGE and "strict" in backend.LOADERS
