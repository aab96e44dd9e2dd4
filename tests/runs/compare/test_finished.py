"""tinyalign compare --runs: runs that were made one by one, in one table and one picture."""

import shutil

import pytest

from tinyalign import cli
from tinyalign.engine.tree import leaves, rebuild
from tinyalign.errors import InputError
from tinyalign.runs import storage
from tinyalign.runs.compare import finished


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with two short runs on the bandit, and one run of another task's size."""
    folder = tmp_path_factory.mktemp("runs")
    short = ["--steps", "2", "--eval_every", "2", "--output", str(folder)]
    for name, words in {
        "d": ["dpo", "--env", "bandit", "--num_pairs", "256"],
        "g": ["grpo", "--env", "bandit", "--num_generations", "3"],
        "small": ["dpo", "--env", "bandit", "--num_pairs", "256", "--eval_size", "3"],
    }.items():
        assert cli.main(["run", *words, *short, "--name", name]) == 0
    return folder


def test_two_runs_stand_in_one_table_with_the_reasons_against_a_ranking(
    runs, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    typed = [str(runs / "d"), str(runs / "g")]
    assert cli.main(["compare", "--runs", *typed, "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:6])) <= 80
    for words in ("known answer", "no ranking", "completions drawn: dpo", "--seeds 5", "different"):
        assert words in out
    assert (tmp_path / "compare-runs" / "compare.png").exists()


def test_runs_from_different_policies_are_told_as_such(runs, tmp_path):
    """One number of one start is moved; runs from one start are not told so."""
    other = shutil.copytree(runs / "g", tmp_path / "other")
    tree, note = storage.load_tree(before := other / "before.safetensors")
    numbers = leaves(tree)
    path = next(path for path in numbers if path.startswith("policy."))
    storage.save_tree(before, rebuild(numbers | {path: numbers[path] + 1}), note)
    for second, told in ((runs / "g", False), (other, True)):
        typed = [str(runs / "d"), str(second)]
        said = finished.sentences(typed, finished.read(typed).rows)
        assert ("- the runs began from different policies" in said) == told


def test_figures_are_those_that_the_runs_printed(runs):
    rows = finished.read([str(runs / "d"), str(runs / "g")]).rows
    for row, name in zip(rows, ("d", "g"), strict=True):
        last = finished.files.read_summaries(runs / name)[-1]
        assert row.accuracy == last["eval_accuracy"]
        assert row.samples == last["completions_sampled"]
        # The evaluation samples its reward; here it is exact, and never above the known answer.
        assert row.exact_reward == pytest.approx(last["eval_reward"], abs=0.2)
        assert row.exact_reward <= row.known_reward + 1e-6


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["d", "small"], "different problems"),
        (["d"], "two different runs"),
        (["d", "d"], "two different runs"),
        (["d", "g", "d"], "two different runs"),
        (["d", "nowhere"], "there is no run"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(runs, names, reason):
    with pytest.raises(InputError, match=reason):
        finished.read([str(runs / name) for name in names])


def test_nothing_is_trained_beside_it(runs, capsys):
    assert cli.main(["compare", "dpo", "--runs", str(runs / "d"), str(runs / "g")]) == 2
    assert "--runs trains nothing" in capsys.readouterr().err
