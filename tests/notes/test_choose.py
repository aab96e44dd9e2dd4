"""tinyalign choose: every way through the questions ends, and every end can be run."""

import dataclasses
import functools
import importlib
import itertools
import json
import re
import shlex
import sys
import typing
from pathlib import Path

import pytest
import tyro

from tinyalign import cli
from tinyalign.cli.training import plain_config
from tinyalign.methods import find
from tinyalign.notes import choose, claims
from tinyalign.runs import plan

ROOT = Path(__file__).parents[2]
NAMES = [f"{end.method}-{i}" for i, end in enumerate(choose.TREE)]
every_end = pytest.mark.parametrize("end", choose.TREE, ids=NAMES)


def never(name):
    raise AssertionError(f"{name} was asked although everything was answered")


def test_every_combination_of_answers_ends_in_a_recommendation_and_each_is_reached():
    reached = set()
    for answers in itertools.product(*(q.answers for q in choose.QUESTIONS.values())):
        end = choose.walk(dict(zip(choose.QUESTIONS, answers, strict=True)), never)
        reached.add(choose.TREE.index(end))
    assert reached == set(range(len(choose.TREE)))


def test_the_answers_of_the_caller_stay_as_they_are():
    answers = {"data": "rewards"}
    choose.walk(answers, lambda name: next(iter(choose.QUESTIONS[name].answers)))
    assert answers == {"data": "rewards"}


def test_the_method_fits_what_you_have():
    """What a method learns from is there, or can be sampled and scored."""
    kinds = {"rankings": {"rankings"}, "none": {"demonstrations"}}
    for answers in itertools.product(*(q.answers for q in choose.QUESTIONS.values())):
        known = dict(zip(choose.QUESTIONS, answers, strict=True))
        needed = find(choose.walk(known, never).method).learns_from
        if known["data"] == "rewards" or known["scorer"] == "yes":
            assert needed == "rewards"
        else:
            assert needed in kinds.get(known["data"], {known["data"]}), known


def test_small_memory_never_gets_a_reference_or_a_critic():
    from tinyalign.methods import holds

    for data, reference in itertools.product(choose.QUESTIONS["data"].answers, ("yes", "no")):
        for scorer in ("yes", "no"):
            known = {"data": data, "scorer": scorer, "memory": "small", "reference": reference}
            end = choose.walk(known, lambda name: next(iter(choose.QUESTIONS[name].answers)))
            if data != "thumbs" or scorer == "yes":  # no method here learns from thumbs without one
                assert holds(find(end.method)) == ["policy"], known


def test_only_what_decides_is_asked():
    """Thumbs without a scorer lead to one method, whatever memory there is."""
    asked = []

    def answer(name):
        asked.append(name)
        return {"data": "thumbs", "scorer": "no"}[name]

    assert choose.walk({}, answer).method == "kto"
    assert asked == ["data", "scorer"]
    asked.clear()
    assert choose.walk({"data": "rewards", "memory": "small"}, answer).method == "dr_grpo"
    assert asked == []


@every_end
def test_the_command_of_an_end_can_be_typed_and_laid_out(end):
    """tyro reads it, it names the method of the recommendation, and the job can be made."""
    name, *args = shlex.split(end.command)
    assert name == "tinyalign"
    command = tyro.extras.subcommand_cli_from_dict(
        cli.COMMANDS, args=args, use_underscores=True, config=(tyro.conf.FlagCreatePairsOff,)
    )
    job = plan.plan_run(command.method.split(","), plain_config(command))
    assert job.stages[-1].method.name == end.method


@every_end
def test_a_recommendation_is_backed(end):
    """Its claims are in the ledger, its errata exist, and a correction says where the note is."""
    rows = claims.rows(end.claims)
    assert rows and all(row.claim.judge for row in rows)
    errata = json.loads((ROOT / "walkthroughs" / "errata.json").read_text(encoding="utf8"))
    assert set(end.errata) <= {row["row"] for row in errata}
    assert bool(end.correction) == bool(re.fullmatch(r"note 00\d, line \d+", end.place))
    assert end.correction == "" or re.fullmatch(r"One of the notes [^.]*\.", end.correction)
    assert 1 <= end.reason.count(". ") + end.reason.endswith(".") <= 2


def test_the_flags_are_the_questions():
    """The dataclass of the command offers exactly the answers of the tree."""
    hints = typing.get_type_hints(cli.COMMANDS["choose"])
    fields = [field.name for field in dataclasses.fields(cli.COMMANDS["choose"])]
    assert fields == list(choose.QUESTIONS)
    for name, question in choose.QUESTIONS.items():
        assert set(typing.get_args(hints[name])) == {"ask", *question.answers}


def test_the_help_has_one_word_for_nothing(capsys):
    with pytest.raises(SystemExit):
        cli.main(["choose", "--help"])
    printed = capsys.readouterr().out
    assert "None" not in printed and "{ask,yes,no}" in re.sub(r"\s", "", printed)


def test_flags_alone_are_enough(capsys):
    assert cli.main(["choose", "--data", "thumbs", "--scorer", "no"]) == 0
    printed = capsys.readouterr().out
    for part in ("kto", "KTOTrainer", "tinyalign run kto", "supported [", "One of the notes"):
        assert part in printed
    assert "kto-less-data" in printed


def test_without_a_terminal_the_flags_are_named(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert cli.main(["choose", "--data", "pairs"]) == 2
    said = capsys.readouterr().err
    assert "--scorer is needed" in said and "--memory small|large" in said


def test_the_dialogue_asks_again_until_it_has_an_answer(capsys, monkeypatch):
    typed = iter(["9", "what?", "2", "no", "1", "2", "2", "1"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert cli.main(["choose", "--memory", "large"]) == 0
    printed = capsys.readouterr().out
    assert "a number from 1 to 7, please" in printed
    assert "robust_dpo" in printed and "What do you have?" in printed


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # TRL's and transformers' own deprecations
@every_end
def test_the_names_in_trl_are_there(end, monkeypatch):
    """Trainer and config can be imported and the config takes what is said."""
    pytest.importorskip("trl")
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    if end.trl.startswith("none"):
        return
    path, _, config = end.trl.partition(", ")
    module, _, trainer = path.rpartition(".")
    module = importlib.import_module(module or "trl")
    assert hasattr(module, trainer)
    if config and "…" not in config:
        name = config.partition("(")[0]
        # Left alone, a config of TRL asks for a GPU that computes in bfloat16.
        made = eval(config, {name: functools.partial(getattr(module, name), use_cpu=True)})
        assert made.loss_type in (config.split('loss_type="')[1].split('"')[0], [made.loss_type[0]])


def test_a_reward_decides_and_contradicts_no_scorer(capsys):
    assert cli.main(["choose", "--data", "rewards", "--scorer", "no"]) == 2
    assert "leave out one of the two" in capsys.readouterr().err
    assert cli.main(["choose", "--data", "rewards", "--memory", "small"]) == 0
    decided, _, idle = capsys.readouterr().out.partition("did not matter here")
    assert "A reward that can be computed" in decided.split("decided by")[1]
    assert "A reward that can be computed" not in idle
