"""docs/speed.md and its picture are made from docs/speed.json: no figure on it was typed."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinyalign.engine.backend import using

ROOT = Path(__file__).parents[2]
BENCHMARKS, DOCS = ROOT / "tests" / "benchmarks", ROOT / "docs"


@pytest.fixture
def benchmark(monkeypatch):
    """The modules of the benchmark that need no framework."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import growth
    import prose
    import ratios
    import render
    import tables

    yield SimpleNamespace(growth=growth, prose=prose, ratios=ratios, render=render, tables=tables)
    for name in ("growth", "prose", "ratios", "render", "tables", "measure", "train_step"):
        sys.modules.pop(name, None)


def results():
    return json.loads((DOCS / "speed.json").read_text(encoding="utf8"))


def test_the_page_is_what_the_measurements_render_to(benchmark):
    """render(speed.json) = speed.md, which says that no GPU was used."""
    written = (DOCS / "speed.md").read_text(encoding="utf8")
    assert benchmark.render.page(results(), benchmark.prose.PROSE) == written
    assert "Not yet run on a GPU" in written


def test_what_misses_its_target_is_marked(benchmark):
    """✗ where a cost is above what was wanted, or a gain below it; nothing where it is met."""
    judged = benchmark.ratios.judged
    assert judged(0.81, 0.8) == "0.81 ✗"
    assert judged(0.803, 0.8) == "0.803 ✗"
    assert judged(0.8, 0.8) == "0.80"
    assert judged(1.9, 2.0, at_least=True) == "1.90 ✗"
    assert judged(2.0, 2.0, at_least=True) == "2.00"


def test_a_ratio_is_taken_within_each_run(benchmark):
    """The median of 1/2, 8/4 and 3/3 is 1, whatever the medians of the times are."""
    runs = [[{"ms": {"a": a, "b": b}}] for a, b in ((1, 2), (8, 4), (3, 3))]
    part = {"rows": runs[0], "runs": runs}
    ratio = benchmark.ratios.quotient("a", "b")
    assert benchmark.ratios.ratios_of(part, ratio) == [1.0]
    assert benchmark.ratios.ratios_of({"rows": runs[1]}, ratio) == [2.0]


def test_a_peer_is_its_fastest_form(benchmark):
    """12 ms ÷ the faster of two torch variants of 4 and 3 ms; what was not measured is a dash."""
    quotient, shown = benchmark.ratios.quotient, benchmark.ratios.shown
    ms = {"tinyalign": 12.0, "torch, one": 4.0, "torch, two": 3.0, "torch.compile": 1.0}
    assert shown(quotient("tinyalign", "torch, ")(ms)) == "4.00"
    assert shown(quotient("tinyalign", "JAX jit")(ms)) == "–"


def test_two_machines_stand_side_by_side(benchmark):
    """Each has its line at the top and its tables under its own name."""
    twice = results()
    other = "Another (family 1)"
    first = next(iter(twice["machines"]))
    twice["machines"][other] = twice["machines"][first] | {"processor": other}
    twice["imports"][other] = twice["imports"][first]
    page = benchmark.render.page(twice, benchmark.prose.PROSE)
    assert page.count(f"### {other}, 1 thread\n") == 1 and page.count(f"- {other}") == 1
    section = page[page.index("## Cold import") : page.index("## How the cost grows")]
    assert section.count("| `tinyalign` |") == 2


def test_shared_prompts_are_held_against_torch_with_and_without_them(benchmark):
    """12 and 6 ms here, 8 or 10 and 4 ms in torch: 1.50, 1.50, 0.75; sharing gains 2 and 2."""
    ms = {"tinyalign, whole": 12.0, "tinyalign, shared": 6.0, "torch, whole, one": 8.0}
    ms |= {"torch, whole, two": 10.0, "torch, shared, one": 4.0}
    row = {"step": "GRPO", "width": 64, "prompts": 32, "group": 8, "ms": ms}
    last = benchmark.tables.methods({"rows": [row]}).splitlines()[-1]
    assert last == "| GRPO 64 | 32 × 8 | 12.00 | 1.50 | 6.00 | 1.50 | 0.75 | 2.00 | 2.00 |"


def test_trl_is_raced_by_both_recipes_and_judged_only_where_both_arrive(benchmark):
    """10 s against 40 s by one recipe; by its own TRL does not get there, and there is no ratio."""
    row = {"seed": 0, "start": 0.4, "tinyalign": [10.0, 50, 0.96], "TRL": [40.0, 50, 0.95]}
    row |= {"TRL, own": [20.0, 80, 0.9]}
    recipes = {"TRL": {"beta": 0.0}, "TRL, own": {"beta": 0.5}}
    part = {"goal": 0.95, "recipes": recipes, "rows": [row]}
    text = benchmark.tables.solve(part)
    assert "| 10 | 50 | 96.0% | 40 | 50 | 95.0% | 4.00 |" in text
    assert "beta 0.5.\n" in text and "| 20 | 80 | 90.0% | – |" in text
    assert "median 10 s, slowest 10 s" in text


def test_every_section_has_its_figures(benchmark):
    """No part of the benchmark was left out of the page."""
    assert set(benchmark.render.SECTIONS) | {"machines"} == set(results())


def test_a_step_keeps_little_more_than_the_mathematics_must(benchmark):
    """Peak memory ≤ 1.5 × (activations that the backward pass reads + weights, Adam, gradients)."""
    growth, limit = benchmark.growth, benchmark.tables.MEMORY_TARGET
    sizes = {"batch": 32, "length": 16, "width": 64, "layers": 2}
    with using("numpy"):
        most = growth.peak(growth.supervised(**sizes))
    assert growth.must_keep(**sizes) < most <= limit * growth.must_keep(**sizes)


def test_an_exponent_is_the_slope_of_the_logarithms(benchmark):
    """time = 3·size² has exponent 2."""
    growth = benchmark.growth
    sizes = [1, 2, 4, 8]
    assert abs(growth.exponent(sizes, [3 * s**2 for s in sizes]) - 2) < 1e-9
