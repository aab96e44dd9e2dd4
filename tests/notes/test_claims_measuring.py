"""Measuring the claims again: what is found, where it is written, and where it is not."""

import dataclasses
import json
import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest

from tinyalign import cli
from tinyalign.engine.backend import using
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError
from tinyalign.notes import claims
from tinyalign.notes.claims import ledger, measuring, runs
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.runs import files, plan, train

FIGURES = ledger.read_measurements("figures")


def assert_alike(current, kept):
    """The same tree of figures but for rounding."""
    if isinstance(kept, dict):
        assert current.keys() == kept.keys(), "tinyalign claims ID --measure --write writes them"
        for key in kept:
            assert_alike(current[key], kept[key])
    elif isinstance(kept, float) or (
        isinstance(kept, list) and kept and isinstance(kept[0], float)
    ):
        np.testing.assert_allclose(current, kept, rtol=1e-3, atol=1e-7)
    else:
        assert current == kept


EXACT = [name for name, measure in MEASURES.items() if measure.exact]


@pytest.mark.parametrize("name", EXACT)
def test_exact_measures_find_what_is_on_file(name):
    with using("numpy"):  # exact answers are worked out in NumPy's float64, like the walkthroughs
        current = MEASURES[name].run()
    assert_alike(measuring.round_figures(current), FIGURES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["thumbs", "reach", "endings_dpo", "endings_tpo", "peaks"])
def test_a_sample_of_the_others_decides_the_same(name):
    """Trained again, perhaps on another machine: the verdicts that follow are those on file."""
    figures = FIGURES | {name: measuring.round_figures(MEASURES[name].run())}
    for now, before in zip(claims.rows(figures=figures), claims.rows(), strict=True):
        assert now.verdict == before.verdict, now.claim.id


@pytest.mark.parametrize("name", ["sft", "dpo", "reward"])
def test_training_in_memory_is_a_run_of_the_command(tmp_path, name):
    """The same weights, bit for bit; SFT as a warm start, which ends at the same look."""
    config = runs.DIGITS if name == "sft" else runs.BANDIT
    config = dataclasses.replace(config, steps=12, num_pairs=40, warm_start_accuracy=0.0)
    job = plan.plan_run([name], config)
    job = plan.as_warm_start(job) if name == "sft" else job
    (summary,) = train.run(job, tmp_path)
    assert summary["steps"] == (5 if name == "sft" else 12)
    saved, _ = files.load_tree(tmp_path / "model.safetensors")
    found = runs.train_in_memory(job, 0, job.initial_params)
    for network, params in found.items():
        one, other = leaves(saved[network]), leaves(params)
        assert all(np.array_equal(one[path], other[path]) for path in one)


def test_writing_replaces_only_what_was_asked(tmp_path):
    file = tmp_path / "measured.json"
    file.write_text(json.dumps({"passes": {"setting": "", "seconds": 0, "figures": {"kept": 1}}}))
    seen = []
    claims.write(claims.remeasure(["k2-no-signal"], lambda *place: seen.append(place)), file)
    written = json.loads(file.read_text())
    assert seen == [("signal", 0, 2), ("gradients", 1, 2)]
    assert set(written) == {"passes", "signal", "gradients"}
    assert written["passes"]["figures"] == {"kept": 1}
    assert_alike(written["signal"]["figures"], FIGURES["signal"])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package's file of figures, as a copy that may be spoilt."""
    copied = tmp_path / "measured.json"
    copied.write_bytes(ledger.MEASURED.read_bytes())
    monkeypatch.setattr(ledger, "MEASURED", copied)
    monkeypatch.setattr(claims, "MEASURED", copied)
    return copied


def test_measuring_shows_both_and_writes_nothing(package, capsys):
    before = package.read_bytes()
    assert cli.main(["claims", "--measure", "k2-no-signal"]) == 0
    printed, said = capsys.readouterr()
    assert "recorded  contradicted" in printed and "now       contradicted" in printed
    assert "changed verdicts: none" in printed and "nothing was written" in said
    assert cli.main(["claims", "--measure", "--json", "k2-no-signal"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["recorded"]["verdict"] == row["verdict"] == "contradicted"
    assert package.read_bytes() == before


@pytest.mark.parametrize("old", [{}, {"noise": 1.0}])
def test_recorded_figures_of_another_layout_are_said_and_replaced(package, old, capsys):
    """The claim that needs the changed figures has no comparison; the others keep theirs."""
    entries = json.loads(package.read_text())
    kept = {key: value for key, value in entries["guards"]["figures"].items() if key != "noise"}
    entries["guards"]["figures"] = kept | old
    package.write_text(json.dumps(entries))
    typed = ["claims", "--measure", "guard-even-better", "std-near-zero"]
    assert cli.main(typed) == 0
    printed = capsys.readouterr().out
    assert printed.count("have another layout") == 1 and "--write puts" in printed
    assert printed.count("recorded  depends on a convention") == 1
    assert printed.count("now       depends on a convention") == 2
    assert cli.main([*typed, "--json"]) == 0
    assert ["recorded" in row for row in json.loads(capsys.readouterr().out)] == [False, True]
    assert cli.main([*typed, "--write"]) == 0
    assert_alike(json.loads(package.read_text())["guards"]["figures"], FIGURES["guards"])


def test_figures_go_where_they_are_wanted(package, tmp_path, capsys):
    before, out = json.loads(package.read_text()), tmp_path / "mine.json"
    assert cli.main(["claims", "--measure", "k2-no-signal", "--output", str(out)]) == 0
    assert set(json.loads(out.read_text())) == {"signal", "gradients"}
    assert json.loads(package.read_text()) == before
    assert cli.main(["claims", "--measure", "k2-no-signal", "--write"]) == 0
    after = json.loads(package.read_text())
    assert list(after) == list(before) and after["passes"] == before["passes"]
    assert "written: " in capsys.readouterr().err


def test_stopped_while_measuring_nothing_is_written(package, tmp_path, monkeypatch, capsys):
    """After one measure of two: neither is kept, and it says so."""
    before, out = package.read_bytes(), tmp_path / "mine.json"

    def ctrl_c():
        raise KeyboardInterrupt

    monkeypatch.setitem(MEASURES, "gradients", MEASURES["gradients"]._replace(run=ctrl_c))
    typed = ["claims", "--measure", "k2-no-signal", "--write", "--output", str(out)]
    assert cli.main(typed) == 130
    assert capsys.readouterr().err.endswith("tinyalign: stopped; nothing was written\n")
    assert package.read_bytes() == before and sorted(tmp_path.iterdir()) == [package]


@pytest.mark.parametrize("typed", [["--output", "none/x.json"], ["--output", "."]])
def test_where_nothing_can_be_written_nothing_is_measured(typed, monkeypatch, capsys):
    monkeypatch.setattr(claims, "remeasure", None)
    assert cli.main(["claims", "--measure", *typed]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_files_that_cannot_take_figures_are_sentences(tmp_path, capsys):
    for name in ("--write", "--output=x.json"):
        assert cli.main(["claims", name]) == 2
        assert "are for --measure" in capsys.readouterr().err
    with pytest.raises(InputError, match="cannot write"):
        claims.write({}, tmp_path / "none" / "measured.json")
    other = tmp_path / "other.txt"
    other.write_text("a letter")
    with pytest.raises(InputError, match="something else"):
        claims.write({}, other)


def test_figures_say_what_computed_them_and_not_whose_it_is():
    on = ledger.read_measurements("on").values()
    assert all(set(machine) == {"numpy", "blas", "threads", "cpu"} for machine in on)
    assert all(machine["threads"] == "1" for machine in on)
    text = ledger.MEASURED.read_text(encoding="utf8")
    assert platform.node() not in text and not re.search(r"/(home|root|tmp|work|Users)/", text)


def test_the_command_computes_with_one_thread_whatever_the_shell_says():
    """Said before NumPy is imported, for `claims` alone."""
    code = "import os, tinyalign.cli; print(os.environ['OPENBLAS_NUM_THREADS'])"
    shell = os.environ | {"OPENBLAS_NUM_THREADS": "4"}
    for name, threads in (("claims", "1"), ("run", "4")):
        done = subprocess.run(
            [sys.executable, "-c", code, name], env=shell, capture_output=True, text=True
        )
        assert done.stdout.strip() == threads


def test_a_claim_that_is_none_is_a_sentence(capsys):
    assert cli.main(["claims", "no-such"]) == 2
    assert "there is no claim about 'no-such'" in capsys.readouterr().err


def test_all_figures_are_on_file():
    assert set(FIGURES) == set(MEASURES)
    assert sum(ledger.read_measurements("seconds").values()) < 600
