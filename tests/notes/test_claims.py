"""The claims ledger: quotes are the notes', verdicts follow from figures, the page is current."""

import copy
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tinyalign import cli
from tinyalign.notes import claims
from tinyalign.notes.claims import ledger, report
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.notes.claims.measures.digits import RATES
from tinyalign.notes.claims.rules import RULES, steadiness
from tinyalign.notes.claims.rules.differences import UNCLEAR, paired_difference, sentence

ROOT = Path(__file__).parents[2]
NOTES = ROOT.parent / "shared" / "notes"
CLAIMS = ledger.claims()
FIGURES = ledger.read_measurements("figures")


def verdict(name, figures):
    """The verdict of one claim by these figures."""
    (row,) = claims.rows([name], figures)
    return row.verdict


# The list.


def test_there_are_enough_claims_and_many_fail():
    rows = claims.rows()
    failing = [row for row in rows if row.verdict == ledger.FAILS]
    assert len(rows) >= 55 and len({row.claim.id for row in rows}) == len(rows)
    assert len(failing) >= 15
    assert all(re.search(r"\d|holds |→", row.measured) for row in failing), "each has its figure"


def test_every_claim_has_a_rule_or_says_why_not_and_no_rule_is_idle():
    for claim in CLAIMS:
        assert (claim.rule is None) == bool(claim.why), claim.id
        assert claim.rule is None or claim.rule in RULES, claim.id
    assert {claim.rule for claim in CLAIMS} - {None} == set(RULES)
    assert {name for _, names in RULES.values() for name in names} == set(MEASURES)


def test_quotes_are_short():
    assert max(len(re.findall(r"\w+", claim.quote)) for claim in CLAIMS) < 10


@pytest.mark.skipif(not NOTES.exists(), reason="the notes are not beside this repository")
def test_quotes_stand_in_their_lines_word_for_word():
    for claim in CLAIMS:
        (path,) = NOTES.glob(f"{claim.note}_*.txt")
        lines = path.read_text(encoding="utf8", errors="replace").split("\n")
        assert claim.quote in lines[claim.line - 1], claim.id


def test_every_note_and_every_kind_of_question_is_there():
    assert {claim.note for claim in CLAIMS} == {"000", "001", "002", "003", "004"}
    assert {row.verdict for row in claims.rows()} == set(claims.VERDICTS)


def test_no_verdict_is_typed_in():
    for name in ("claims.json", "measured.json"):
        text = (ledger.FOLDER / name).read_text(encoding="utf8")
        assert not any(word in text for word in (*claims.VERDICTS, "verdict"))


# The verdicts.


def test_the_command_prints_verdicts_that_follow_from_the_figures(capsys):
    """--json against the rules applied here to the file's figures, one by one."""
    assert cli.main(["claims", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed) == len(CLAIMS)
    file = json.loads((ledger.FOLDER / "measured.json").read_text(encoding="utf8"))
    for entry, claim in zip(printed, CLAIMS, strict=True):
        assert list(entry) == ["quote", "note", "line", "measured", "verdict", "command"]
        assert (entry["quote"], entry["note"], entry["line"]) == (
            claim.quote, claim.note, claim.line,
        )  # fmt: skip
        if claim.rule is None:
            assert (
                entry["verdict"] == "not testable at toy scale" and claim.why in entry["measured"]
            )
            continue
        rule, names = RULES[claim.rule]
        holds, words = rule(*(file[name]["figures"] for name in names))
        assert entry["measured"] == words, claim.id
        assert entry["verdict"] == ("holds here" if holds else "does not hold here"), claim.id


PLANTED = {  # claim: a wrong figure, and where it is planted
    "grpo-memory": ("savings", ("ours", "weights, adam; reward exact"), 0.8),
    "grpo-no-reference": ("networks", ("exact", "grpo"), ["policy"]),
    "dpo-single-stage": ("stages", ("exact", "dpo"), ["dpo"]),
    "ppo-highest-cost": ("passes", ("ppo", "recipe"), 1e9),
    "k2-no-signal": ("signal", ("0.2", "2"), 0.0),
    "std-near-zero": ("guards", ("least_rank_spread",), 0.0),
    "advantages-near-zero": ("scorers", ("coin", "spread"), 0.0),
    "dpo-raises-chosen": ("displacement", ("dpo", "chosen"), 3.0),
    "ipo-conservative": ("overconfidence", ("0.5", "ipo"), 1.0),
    "rrhf-absolute-scores": ("rrhf_reads", ("large",), 7.0),
    "k16-better": ("group_sizes", ("prompts 16",), [0.1] * 10),
    "kto-almost-dpo": ("thumbs", ("kto, a quarter",), [9.0] * 10),
    "dpo-competitive": ("endings_dpo", ("10",), [0.99] * 15),
    "grpo-best": ("endings_grpo", ("10",), [0.99] * 15),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_figure_turns_the_verdict(name):
    measure, place, value = PLANTED[name]
    figures = planted(FIGURES, [(measure, place, value)])
    before, after = verdict(name, FIGURES), verdict(name, figures)
    assert {before, after} == {ledger.HOLDS, ledger.FAILS}


def leaves(tree, path=()):
    """Places of a measure's figures; lists are one figure."""
    if isinstance(tree, dict):
        for key, branch in tree.items():
            yield from leaves(branch, (*path, key))
    else:
        yield path, tree


def others(value):
    """Figures that could stand in a figure's place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [[], ["policy"], ["policy", "critic", "reference"], [*value, "reference"],
                [*value, "critic"], [*value, "reward"], [name for name in value if name != "sft"],
                ["policy", "reward model"], ["policy", "critic", "reward model"],
                ["sft", "reward", "dpo"]]  # fmt: skip
    if isinstance(value, list):
        return [[x] * len(value) for x in (-1e6, 0.0, 1e6)]
    return [-1e6, 0, 1e-7, 0.5, 0.999, 1.0, 1e6, *(value * np.geomspace(0.1, 10, 80)).tolist()]


def planted(figures, places):
    """The figures with other values: places are (measure, path, value)."""
    figures = copy.deepcopy(figures)
    for measure, (*path, last), value in places:
        branch = figures[measure]
        for key in path:
            branch = branch[key]
        branch[last] = value
    return figures


def verdict_turns(rule, names):
    """Whether the verdict turns when one figure is another, or all figures are one number."""
    figures = {name: FIGURES[name] for name in names}
    places = [(name, *leaf) for name in names for leaf in leaves(FIGURES[name])]
    tries = [[(name, path, other)] for name, path, value in places for other in others(value)]
    tries += [[(name, path, 0.4) for name, path, _ in places]]
    before, _ = rule(*figures.values())
    for changes in tries:
        try:
            if rule(*planted(figures, changes).values())[0] != before:
                return True
        except (KeyError, ZeroDivisionError, ValueError, TypeError, AttributeError):
            continue  # no figures that a measure could have found
    return False


# More than one figure has to change before these turn: one method among several others.
SEVERAL = {"grpo_best", "ppo_best", "tpo_steadiest"}


@pytest.mark.parametrize("name", sorted(set(RULES) - SEVERAL))
def test_no_rule_says_the_same_whatever_was_measured(name):
    assert verdict_turns(*RULES[name])


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_being_best_of_all_can_be_won_and_lost(name):
    rule, names = RULES[name]
    rates = list(map(str, RATES))
    flat = {"start": [0.2] * 10} | {rate: [0.3, 0.2, 0.4, 0.1, 0.5] * 2 for rate in rates}
    best = {"start": [0.2] * 10} | {rate: [0.9] * 10 for rate in rates}
    rest = [flat] * (len(names) - 1)
    assert rule(best, *rest)[0]
    assert not rule(flat, *rest)[0]


STEADINESS = [c.id for c in CLAIMS if c.theme == "stability" and c.rule != "clip_protects"]


@pytest.mark.parametrize("name", STEADINESS)
def test_no_verdict_on_steadiness_hangs_on_one_run(name):
    """One run of PPO ends below its start, as rounding once had it."""
    for seed in (0, 3, 9):
        chaos = copy.deepcopy(FIGURES)
        chaos["endings_ppo"]["30"][seed] = chaos["endings_ppo"]["start"][seed] - 0.1
        assert verdict(name, chaos) == verdict(name, FIGURES)


def test_what_one_seed_decides_is_not_told_apart():
    """Between no difference and a clear one: the interval leaves out 0, but not without a seed."""
    draws = np.random.default_rng(0).normal(size=(2, len(RATES), 20))

    def figures(rewards):
        return {str(rate): row.tolist() for rate, row in zip(RATES, rewards, strict=True)} | {
            "start": [-9.0] * 20
        }

    compared = [
        steadiness.steadiness(figures(draws[0]), figures(scale * draws[1]))
        for scale in np.linspace(1, 3, 41)
    ]
    hanging = [
        one
        for one in compared
        if steadiness.clear_direction(one.failed, one.spread) and not one.direction
    ]
    assert hanging
    assert all(steadiness.steadiness_sentence(one).endswith(UNCLEAR) for one in hanging)
    assert compared[0].direction == 0 and compared[-1].direction == -1


def test_what_the_interval_does_not_tell_apart_is_said():
    """Either the interval leaves out 0, or the figure says that nothing can be told."""
    same, other = [1.0, 2, 3, 4, 5], [5.0, 4, 3, 2, 1]
    assert sentence(paired_difference(same, other)).endswith(UNCLEAR)
    assert UNCLEAR not in sentence(paired_difference([5.0] * 5, [1.0] * 5))
    same = copy.deepcopy(FIGURES)
    same["endings_dpo"] = same["endings_ppo"]
    (row,) = claims.rows(["stability-table"], same)
    assert row.verdict == ledger.FAILS and row.measured.endswith(UNCLEAR)


def test_a_difference_within_the_noise_is_none():
    """Ten seeds that differ at random: neither more nor less."""
    a, b = np.random.default_rng(0).normal(size=(2, 10)).tolist()
    gap = paired_difference(a, b)
    assert not gap.above and not gap.below
    assert paired_difference([x + 5 for x in b], b).above
    assert paired_difference([x - 5 for x in b], b).below
    with pytest.raises(ValueError, match="as many seeds"):
        paired_difference([1.0], [1.0, 2.0])


# What is printed.


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_and_names_every_claim(width):
    out = io.StringIO()
    report.print_ledger(claims.rows(), Console(file=out, width=width, highlight=False))
    lines = out.getvalue().split("\n")
    assert max(map(len, lines)) <= width
    assert out.getvalue().count("…") == sum(row.measured.count("…") for row in claims.rows()) + 1
    flat = re.sub(r"\s+", "", out.getvalue())
    for claim in CLAIMS:
        assert claim.id[:12] in flat, claim.id


def test_one_claim_alone(capsys):
    assert cli.main(["claims", "grpo-memory"]) == 0
    printed = capsys.readouterr().out
    assert "1 claims" not in printed and "grpo-memory" in printed
    assert cli.main(["claims", "--json", "grpo-memory", "dpo-memory"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["command"] for row in rows] == [
        "tinyalign claims --measure grpo-memory", "tinyalign claims --measure dpo-memory",
    ]  # fmt: skip


def test_the_commands_of_the_ledger_can_be_typed():
    """--measure takes no value, so the id after it is the claim."""
    import tyro

    for row in claims.rows():
        parsed = tyro.cli(
            cli.COMMANDS["claims"], args=row.command.split()[2:], use_underscores=True,
            config=(tyro.conf.FlagCreatePairsOff,),
        )  # fmt: skip
        assert parsed.ids == (row.claim.id,) and parsed.measure == bool(row.claim.rule)


def test_the_help_says_once_what_is_the_default(capsys):
    with pytest.raises(SystemExit):
        cli.main(["claims", "--help"])
    printed = capsys.readouterr().out
    assert "[default: all]" in printed and "(default: )" not in printed


def test_the_page_is_current():
    """docs/claims.md is what `python docs/build_claims.py` writes now."""
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf8")
    assert page == report.markdown(claims.rows())
