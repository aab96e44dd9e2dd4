"""`tinyalign methods` and `tinyalign show`: what they print is read off the rows and the source."""

import ast
import inspect
import statistics
import subprocess
import sys

import pytest
from strategies import LOSSES
from test_layout import code_lines

from tinyalign import cli, losses, methods
from tinyalign.cli import show
from tinyalign.methods.steps import argument_names

each_row = pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)


def printed(capsys, *argv):
    assert cli.main(list(argv)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_its_screen_and_names_every_method(columns, capsys, monkeypatch):
    """No line is longer than the screen is wide; a line begins with each method's name."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = printed(capsys, "methods")
    assert max(len(line) for line in out.splitlines()) <= columns
    begins = [line.split(" ")[0] for line in out.splitlines()]
    assert {row.name for row in methods.METHODS} <= set(begins)
    together = " ".join(out.split())
    for row in methods.METHODS:
        assert not row.caveat or row.caveat.split()[0] in together
        assert columns == 80 or methods.author_and_year(row.paper) in out


@each_row
def test_a_method_shows_its_formula_its_paper_and_its_source(row, capsys):
    """The first paragraph of the loss's docstring, the paper, and the functions as they run."""
    out = printed(capsys, "show", row.name)
    assert row.title in out
    assert row.paper in out
    assert show.formula(row.loss) in out
    assert len(show.formula(row.loss)) > 5
    for function in (row.loss, row.stage, row.surrogate, row.reduce):
        assert function is None or inspect.getsource(function) in out
    assert row.name == "best_of_n" or "_step(" in out  # it trains nothing


def test_the_product_that_a_policy_gradient_is_stands_in_the_order_of_reading():
    """grpo: three advantages, the surrogate, the mean, the KL, the step, the stage."""
    names = [function.__name__ for _, function in show.parts(methods.named("grpo"))]
    expected = [
        *("group_standardize", "group_rank", "clipped_surrogate", "clipped", "by_completion"),
        *("sequence_mean", "k3", "policy_gradient_step", "policy_gradient", "collect"),
    ]
    assert [name for name in names if name in expected] == expected
    of_ppo = {function.__name__ for _, function in show.parts(methods.named("ppo"))}
    assert {"gae", "whiten", "kl_shaped_reward", "critic_step"} <= of_ppo


def test_the_middle_loss_has_four_lines():
    """Median over all public losses, without signature and docstring."""
    lengths = []
    for name in losses.__all__:
        source = inspect.getsource(getattr(losses, name))
        (function,) = ast.parse(source).body
        signature = function.body[0].lineno - function.lineno
        lengths.append(code_lines(function, source) - signature)
    assert statistics.median(lengths) <= 4


def test_a_reader_may_stop_reading():
    """tinyalign show grpo | head: no traceback."""
    command = f"{sys.executable} -m tinyalign show grpo | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "Group Relative Policy Optimization\n"
    assert done.stderr == ""


@each_row
def test_what_a_row_calls_constant_gets_no_gradient(row):
    """Of the arguments of the loss, those without a slope are those that the table names."""
    name = row.loss.__name__
    if name not in LOSSES:
        pytest.skip("a wrapper, or no loss: its parts have rows of their own")
    case = LOSSES[name]
    words = {"ref_": "reference", "old_": "old", "reward": "reward", "advan": "advantage"}
    words |= {"z0": "z0"}
    fixed = {argument_names(row.loss)[place] for place in case.constants}
    told = {word for start, word in words.items() if any(f.startswith(start) for f in fixed)}
    assert told <= set(methods.constants(row)) <= told | {"reference", "advantage", "reward"}


def test_a_method_shows_its_recipe_and_only_what_it_reads(capsys):
    recipe = "steps 190, learning_rate 0.001, batch_size 128"
    assert f"{recipe}, beta 0.01, num_generations 8 (" in printed(capsys, "show", "grpo")
    assert f"{recipe}, num_generations 8 (" in printed(capsys, "show", "dr_grpo")  # it has no KL


def test_papers_are_in_a_table_that_goes_to_a_file(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert "Rafailov 2023" in printed(capsys, "methods")
