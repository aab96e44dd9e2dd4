"""`tinyalign methods` and `tinyalign show`: what they print is read off the rows and the source."""

import ast
import importlib
import inspect
import statistics
import subprocess
import sys

import numpy as np
import pytest
from code_lines import code_lines
from strategies import LOSSES

from tinyalign import cli, losses, methods
from tinyalign.cli import show
from tinyalign.losses import advantage, aggregate, divergence, policy_gradient
from tinyalign.methods import steps
from tinyalign.methods.loss_inputs import argument_names, loss_inputs
from toy_envs import bandit, feedback

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
    for name in show.call_chain(row):
        assert name in out


def test_a_method_shows_what_it_is_made_of_in_the_order_of_the_calls():
    """grpo: the stage, the advantages, the step, the loss, the surrogate, the mean, the KL."""
    row = methods.find("grpo")
    expected = [
        *(row.stage, advantage.group_standardize, advantage.group_rank),
        *(steps.policy_gradient_step, steps.update),
        *(row.loss, row.surrogate, row.reduce, aggregate.sequence_mean, divergence.k3),
    ]
    assert [function for _, function in show.parts(row) if function in expected] == expected
    headings = {function: heading for heading, function in show.parts(row)}
    assert [headings[function] for function in expected] == (
        ["stage"] + ["data"] * 2 + ["step"] * 2 + ["loss"] * 5
    )


def test_what_only_some_methods_have_is_shown_too():
    """PPO's advantages and its critic's loss; DPO's pairs; what hands a step's loss its inputs."""

    def shown(name):
        return {function for _, function in show.parts(methods.find(name))}

    critic = {steps.critic_step, policy_gradient.value_loss}
    assert {advantage.gae, advantage.whiten, advantage.kl_shaped_reward} | critic <= shown("ppo")
    assert {feedback.pairs, loss_inputs, argument_names} <= shown("dpo")
    assert {feedback.triples, feedback.thumbs} & shown("dpo") == set()
    assert feedback.triples in shown("tpo") and feedback.pairs not in shown("tpo")
    assert feedback.pairs not in shown("rso")  # it takes those that rejection sampling accepted


@each_row
def test_the_calls_lead_from_the_command_to_the_loss(row):
    """Each name can be imported, and the source of each names the next one."""
    command, *names = show.call_chain(row)
    assert command == f"tinyalign run {row.name}"
    loop, stage, *rest = [name for step in names for name in step.split(" and ")]
    assert loop.startswith("runs.train.") and stage == show.dotted_name(row.stage)
    for name in rest:
        module, _, function = f"tinyalign.{name}".rpartition(".")
        assert inspect.isfunction(getattr(importlib.import_module(module), function))
    taken = [name.rpartition(".")[2] for name in rest if name.endswith("_step")]
    assert all(name in inspect.getsource(row.stage) for name in taken)
    assert not taken or rest[-1] == show.dotted_name(row.loss)


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


def test_a_method_says_what_its_constants_are(capsys):
    told = "the reference's log-probs (the loss reads them, no gradient flows into them)"
    assert told in printed(capsys, "show", "dpo")


def test_a_method_shows_its_recipe_and_only_what_it_reads(capsys):
    recipe = "steps 180, learning_rate 0.0015, batch_size 256"
    assert f"{recipe}, beta 0, num_generations 4 (" in printed(capsys, "show", "grpo")
    assert f"{recipe}, num_generations 4 (" in printed(capsys, "show", "dr_grpo")  # it has no KL


def test_papers_are_in_a_table_that_goes_to_a_file(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert "Rafailov 2023" in printed(capsys, "methods")


def test_a_task_shows_its_prompts_its_answers_and_their_rewards(capsys):
    assert cli.main(["show", "bandit"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = [
        [float(cell) for cell in row[1:]]
        for row in rows
        if row and row[0] in "ad" and len(row) == 9
    ]
    np.testing.assert_allclose(shown, bandit.reward_table()[[0, 3]], atol=0.00501)
    for name in ("addition", "programs", "hackable"):
        assert cli.main(["show", name]) == 0
        said = capsys.readouterr().out
        assert "prompts to learn from" in said and said.count("(demonstration)") >= 3


def test_show_says_what_a_cited_row_of_the_errata_says(capsys):
    one = " ".join(printed(capsys, "show", "k1").split())
    assert "errata row 43 (note 004, line 344)" in one and "expected gradient exactly 0" in one
    several = " ".join(printed(capsys, "show", "ipo").split())  # its docstring cites 50 to 54
    assert [f"errata row {n} (" in several for n in range(49, 56)] == [False, *[True] * 5, False]
    assert "errata row" not in printed(capsys, "show", "k2")
