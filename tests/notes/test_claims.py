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
from tinyalign.notes.claims.verdicts import steadiness
from tinyalign.notes.claims.verdicts.differences import (
    SMALL,
    SeedDifference,
    judge_as_good,
    judge_less,
    judge_more,
    paired_difference,
)
from tinyalign.notes.claims.verdicts.finding import (
    CONTRADICTED,
    CONVENTION,
    NOT_TESTABLE,
    SUPPORTED,
    UNCLEAR,
    UNDECIDED,
    Finding,
    Interval,
    forbid_unclear_contradiction,
)

ROOT = Path(__file__).parents[2]
NOTES = ROOT.parent / "shared" / "notes"
CLAIMS = ledger.claims()
JUDGED = [claim for claim in CLAIMS if claim.judge]
FIGURES = ledger.read_measurements("figures")


def verdict(name, figures):
    """The verdict of one claim by these figures."""
    (row,) = claims.rows([name], figures)
    return row.verdict


# The list.


def test_every_claim_is_judged_or_says_why_not_and_no_measure_is_idle():
    assert len(CLAIMS) >= 55 and len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert (claim.judge is None) == bool(claim.why) == (not claim.measures), claim.id
    assert {name for claim in CLAIMS for name in claim.measures} == set(MEASURES)


def test_every_claim_has_a_heading_and_a_reading_in_one_line():
    for claim in CLAIMS:
        assert claim.heading and claim.quote
        assert re.fullmatch(r"[A-Z][^\n]{10,120}\.", claim.reading), claim.id


def test_quotes_are_short():
    """A sentence or a cell of a table, and no more."""
    assert max(len(re.findall(r"\w+", claim.quote)) for claim in CLAIMS) <= 25


def restored(text):
    """The note's text with its garbled symbols restored: UTF-8 that was read as Mac Roman."""
    try:
        return text.encode("mac_roman").decode("utf8")
    except UnicodeError:
        return text


@pytest.mark.skipif(not NOTES.exists(), reason="the notes are not beside this repository")
def test_quotes_stand_in_their_lines_word_for_word():
    for claim in CLAIMS:
        (path,) = NOTES.glob(f"{claim.note}_*.txt")
        line = path.read_text(encoding="utf8", errors="replace").split("\n")[claim.line - 1]
        assert claim.quote in line or claim.quote in restored(line), claim.id


@pytest.mark.skipif(not NOTES.exists(), reason="the notes are not beside this repository")
def test_headings_stand_in_their_notes():
    """Each part of a heading is the note's own: of a section, a table's column or its row."""

    def letters(text):
        return re.sub(r"[^A-Za-z0-9]+", " ", text).strip()

    for claim in CLAIMS:
        (path,) = NOTES.glob(f"{claim.note}_*.txt")
        text = letters(path.read_text(encoding="utf8", errors="replace"))
        for part in claim.heading.split(" · "):
            assert letters(part) in text, (claim.id, part)


def test_every_note_and_every_verdict_is_there():
    assert {claim.note for claim in CLAIMS} == {"000", "001", "002", "003", "004"}
    assert {row.verdict for row in claims.rows()} == set(claims.VERDICTS)


def test_no_verdict_is_typed_in():
    text = ledger.MEASURED.read_text(encoding="utf8")
    assert not any(word in text for word in (*claims.VERDICTS, "verdict"))


# The rules of the verdicts.


def test_an_interval_that_covers_no_difference_contradicts_nothing():
    """And figures with chance in them contradict nothing where there is no interval."""
    contradiction = Finding(CONTRADICTED, "")
    for low, high, none, expected in (
        (-0.2, 0.1, 0.0, UNDECIDED), (0.0, 0.1, 0.0, UNDECIDED), (0.01, 0.1, 0.0, CONTRADICTED),
        (-0.2, -0.1, 0.0, CONTRADICTED), (0.5, 2.0, 1.0, UNDECIDED), (1.5, 2.0, 1.0, CONTRADICTED),
        (np.nan, np.nan, 0.0, UNDECIDED),
    ):  # fmt: skip
        finding = contradiction._replace(interval=Interval(low, high, none))
        assert forbid_unclear_contradiction(finding, exact=True).verdict == expected
    assert forbid_unclear_contradiction(contradiction, exact=True).verdict == CONTRADICTED
    assert forbid_unclear_contradiction(contradiction, exact=False).verdict == UNDECIDED


def noisy(figures, rng):
    """Figures of seeds, drawn around their own means with much noise."""
    if isinstance(figures, dict):
        return {key: noisy(branch, rng) for key, branch in figures.items()}
    if isinstance(figures, list) and figures and isinstance(figures[0], float):
        return (np.mean(figures) + rng.normal(size=len(figures))).tolist()
    return figures


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_no_claim_is_contradicted_by_an_interval_that_covers_no_difference(seed):
    """By the figures on file, and by figures so noisy that they say nothing."""
    rng = np.random.default_rng(seed)
    for row in claims.rows(figures=FIGURES if seed is None else noisy(FIGURES, rng)):
        exact = all(MEASURES[name].exact for name in row.claim.measures)
        if row.verdict == CONTRADICTED:
            interval = row.finding.interval
            assert exact if interval is None else not interval.covers_none, row.claim.id


def test_a_difference_counts_where_it_is_clear_and_matters():
    """Each of the three questions at gaps that are clear, unclear, and clear but small."""
    b = np.random.default_rng(0).normal(size=10)

    def verdicts(shift, noise=0.0):
        gap = paired_difference((b + shift + noise).tolist(), b.tolist())
        return [judge(gap, "").verdict for judge in (judge_more, judge_less, judge_as_good)]

    assert verdicts(1.0) == [SUPPORTED, CONTRADICTED, SUPPORTED]
    assert verdicts(-1.0) == [CONTRADICTED, SUPPORTED, CONTRADICTED]
    assert verdicts(0.01) == [UNDECIDED, UNDECIDED, SUPPORTED]
    assert verdicts(0.0, np.tile([1.0, -1.0], 5)) == [UNDECIDED] * 3
    # Gap and interval within what matters: with 0 in it, without, and an end beyond what matters.
    for low, high, said in (
        (-0.01, 0.02, "contains 0: no better, and no worse, is shown; a difference of 0.05 or"),
        (0.01, 0.02, "a difference is shown, but one of 0.05 or more is excluded"),
        (-0.01, 0.06, UNCLEAR),
    ):
        for judge in (judge_more, judge_less):
            assert said in judge(SeedDifference(0.51, 0.5, 0.01, low, high), "").doubt
    # Less by more than what matters, and perhaps not: that is no small difference.
    assert judge_as_good(SeedDifference(0.0, 0.2, -0.2, -0.39, -0.01), "").doubt == UNCLEAR
    assert judge_as_good(SeedDifference(0.0, 0.04, -0.04, -0.07, -0.01), "").doubt == SMALL
    with pytest.raises(ValueError, match="as many seeds"):
        paired_difference([1.0], [1.0, 2.0])


def test_a_verdict_names_its_convention_and_its_doubt():
    for row in claims.rows():
        assert (row.verdict == CONVENTION) == bool(row.finding.convention), row.claim.id
        assert (row.verdict == UNDECIDED) == bool(row.finding.doubt), row.claim.id
        assert (row.verdict == NOT_TESTABLE) == (row.claim.judge is None), row.claim.id
        assert row.finding.matters and "lambda" not in row.finding.sentence


def test_the_command_prints_verdicts_that_follow_from_the_figures(capsys):
    """--json against the functions applied here to the file's figures, one by one."""
    assert cli.main(["claims", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    file = json.loads(ledger.MEASURED.read_text(encoding="utf8"))
    for entry, claim in zip(printed, CLAIMS, strict=True):
        assert (entry["quote"], entry["note"], entry["line"], entry["heading"]) == (
            claim.quote, claim.note, claim.line, claim.heading,
        )  # fmt: skip
        if claim.judge is None:
            assert entry["verdict"] == NOT_TESTABLE and claim.why[1:] in entry["measured"]
            continue
        finding = claim.judge(*(file[name]["figures"] for name in claim.measures))
        assert (entry["measured"], entry["verdict"]) == (finding.measured, finding.verdict)
        assert entry["interval"] == (finding.interval and list(finding.interval[:2]))


WEIGHTS = ("ours", "weights, adam; reward exact")
PLANTED = {  # claim: a wrong figure, where it is planted, and the verdicts before and after
    "grpo-memory": ("savings", WEIGHTS, 0.8, SUPPORTED, CONTRADICTED),
    "grpo-no-reference": ("networks", ("exact", "grpo"), ["policy"], CONVENTION, SUPPORTED),
    "dpo-single-stage": ("stages", ("exact", "dpo"), ["dpo"], CONVENTION, SUPPORTED),
    "ppo-highest-cost": ("passes", ("grpo", "each"), 99.0, CONVENTION, CONTRADICTED),
    "time-dpo": ("passes", ("ppo", "each"), 1.0, SUPPORTED, CONTRADICTED),
    "grpo-no-judge": ("stages", ("exact", "ppo"), ["sft", "reward", "ppo"], CONVENTION, SUPPORTED),
    "kto-only-option": ("thumbs_losses", ("dpo",), 0.0, CONVENTION, CONTRADICTED),
    "clip-forgetting": ("clips", ("kept 10.0",), [0.9] * 10, SUPPORTED, CONTRADICTED),
    "k2-no-signal": ("signal", ("0.2", "2"), 0.0, CONTRADICTED, SUPPORTED),
    "guard-even-better": ("guards", ("noise", "ranks", "guarded"), 0.0, CONVENTION, SUPPORTED),
    "advantages-near-zero": ("scorers", ("coin", "spread"), 0.0, CONVENTION, SUPPORTED),
    "dpo-raises-chosen": ("displacement", ("dpo", "chosen"), 3.0, CONVENTION, SUPPORTED),
    "ipo-conservative": ("overconfidence", ("0.5", "ipo"), 1.0, SUPPORTED, CONTRADICTED),
    "ipo-robust": ("overconfidence", ("0.5", "ipo"), 1.0, CONVENTION, UNDECIDED),
    "rrhf-absolute-scores": ("rrhf_reads", ("large",), 7.0, CONVENTION, SUPPORTED),
    "k16-better": ("group_sizes", ("prompts 16",), [0.1] * 10, SUPPORTED, CONTRADICTED),
    "kto-almost-dpo": ("thumbs", ("kto, a quarter",), [9.0] * 10, CONTRADICTED, SUPPORTED),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_figure_turns_the_verdict(name):
    measure, place, value, before, after = PLANTED[name]
    assert verdict(name, FIGURES) == before
    assert verdict(name, planted(FIGURES, [(measure, place, value)])) == after


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
                [*value, "critic"], [*value, "reward"], [*value, "reward model"],
                [name for name in value if name != "sft"], ["policy", "reward model"],
                ["policy", "critic"], ["sft", "reward", "dpo"]]  # fmt: skip
    if isinstance(value, list):
        return [[x] * len(value) for x in (-1e6, 0.0, 1e6)]
    return [-1e6, 0, 1e-12, 0.5, 0.999, 1.0, 1e6, *(value * np.geomspace(0.1, 10, 40)).tolist()]


def planted(figures, places):
    """The figures with other values: places are (measure, path, value)."""
    figures = copy.deepcopy(figures)
    for measure, (*path, last), value in places:
        branch = figures[measure]
        for key in path:
            branch = branch[key]
        branch[last] = value
    return figures


def verdict_turns(judge, names):
    """Whether the verdict turns when one figure is another, or all figures are one number."""
    figures = {name: FIGURES[name] for name in names}
    places = [(name, *leaf) for name in names for leaf in leaves(FIGURES[name])]
    tries = [[(name, path, other)] for name, path, value in places for other in others(value)]
    tries += [[(name, path, 0.4) for name, path, _ in places]]
    before = judge(*figures.values()).verdict
    for changes in tries:
        try:
            if judge(*planted(figures, changes).values()).verdict != before:
                return True
        except (KeyError, ZeroDivisionError, ValueError, TypeError, AttributeError):
            continue  # no figures that a measure could have found
    return False


# More than one figure has to change before these turn: one method among several others.
SEVERAL = {"grpo-best", "ppo-best", "grpo-math", "tpo-most-stable", "dpo-competitive"}


@pytest.mark.parametrize(
    "claim", [claim for claim in JUDGED if claim.id not in SEVERAL], ids=lambda claim: claim.id
)
def test_no_function_says_the_same_whatever_was_measured(claim):
    assert verdict_turns(claim.judge, claim.measures)


def test_robustness_is_decided_only_where_both_meanings_are():
    """Wrong labels that cost IPO less, more, and unclearly; the other meaning holds throughout."""
    lost = FIGURES["wrong_pairs"]["ipo, noise 0.0"]
    seesaw = np.tile([0.5, -0.5], len(lost) // 2)
    for shift, expected in ((0.0, SUPPORTED), (0.9, CONVENTION), (0.45 + seesaw, UNDECIDED)):
        noisy_labels = (np.array(lost) - shift).tolist()
        place = ("wrong_pairs", ("ipo, noise 0.3",), noisy_labels)
        assert verdict("ipo-robust", planted(FIGURES, [place])) == expected


SEARCHED = {"searched": ["learning rate", "strength"], "start": [0.2] * 10}
RATE_NAMES = list(map(str, RATES))
FLAT = SEARCHED | {rate: [0.3, 0.2, 0.4, 0.1, 0.5] * 2 for rate in RATE_NAMES}
BEST = SEARCHED | {rate: [0.9] * 10 for rate in RATE_NAMES}


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_being_best_of_all_can_be_won_and_lost(name):
    """And a ranking is held back where strengths were not searched."""
    (claim,) = claims.select([name])
    rest = len(claim.measures) - 1
    assert claim.judge(BEST, *[FLAT] * rest).verdict == SUPPORTED
    assert claim.judge(FLAT, *[BEST] * rest).verdict == CONTRADICTED
    if name != "tpo-most-stable":
        half = BEST | {"searched": ["learning rate"]}
        finding = claim.judge(half, *[FLAT] * rest)
        assert finding.verdict == UNDECIDED and "strength" in finding.doubt


RANKINGS = SEVERAL - {"tpo-most-stable"}
STEADINESS = [c.id for c in CLAIMS if any("endings" in name for name in c.measures)]


@pytest.mark.parametrize("name", sorted(set(STEADINESS) - SEVERAL))
def test_no_verdict_on_steadiness_hangs_on_one_run(name):
    """One run of PPO ends below its start, as rounding once had it."""
    for seed in (0, 3, 9):
        chaos = copy.deepcopy(FIGURES)
        chaos["endings_ppo"]["30"][seed] = chaos["endings_ppo"]["start"][seed] - 0.1
        assert verdict(name, chaos) == verdict(name, FIGURES)


def test_fewer_failures_at_the_recipe_s_rates_alone_decide_nothing():
    """The steadier method must be the steadier one at its best learning rate as well."""
    calm = {rate: [0.3 + 0.001 * seed for seed in range(15)] for rate in RATE_NAMES}
    wild = {rate: [0.3 + 0.1 * seed for seed in range(15)] for rate in RATE_NAMES}
    failing = dict(calm) | {RATE_NAMES[-1]: [0.1] * 15}
    start = {"start": [0.2] * 15}
    (claim,) = claims.select(["dpo-steadier-than-ppo"])
    only_over_rates = claim.judge(calm | start, failing | start)
    assert only_over_rates.verdict == UNDECIDED
    assert only_over_rates.doubt == steadiness.ONLY_OVER_RATES
    assert claim.judge(calm | start, wild | start).verdict == SUPPORTED
    assert claim.judge(wild | start, calm | start).verdict == CONTRADICTED


def test_what_one_seed_decides_is_not_told_apart():
    """Between no difference and a clear one: the interval leaves out 0, but not without a seed."""
    draws = np.random.default_rng(0).normal(size=(2, len(RATES), 12))

    def figures(rewards):
        return {str(rate): row.tolist() for rate, row in zip(RATES, rewards, strict=True)} | {
            "start": [-9.0] * 12
        }

    compared = [
        steadiness.steadiness(figures(draws[0]), figures(scale * draws[1]))
        for scale in np.linspace(1, 3, 21)
    ]
    hanging = [
        one
        for one in compared
        if steadiness.clear_direction(one.failed, one.spread) and not one.direction
    ]
    assert hanging
    told = [steadiness.ONE_SEED in steadiness.steadiness_sentence(one) for one in compared]
    assert told == [one in hanging for one in compared]
    assert compared[0].direction == 0 and compared[-1].direction == -1


def test_a_ratio_stands_beside_its_own_interval():
    """And no interval is printed twice."""
    number = r"(\d+\.\d\d)"
    ratios = 0
    for row in claims.rows(sorted(set(STEADINESS) - set(RANKINGS))):
        found = re.findall(rf"{number} times [^(]+\(99 %: {number} to {number}", row.measured)
        assert len(found) == row.measured.count(" times as far")
        ratios += len(found)
        assert all(float(low) < float(ratio) < float(high) for ratio, low, high in found)
        assert row.measured.count(str(row.finding.interval)) == 1
    assert ratios >= 11


def test_what_the_interval_does_not_tell_apart_is_said():
    same = copy.deepcopy(FIGURES)
    same["endings_dpo"] = same["endings_ppo"]
    (row,) = claims.rows(["stability-table"], same)
    assert row.verdict == UNDECIDED and row.measured.endswith(UNCLEAR)


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


def test_counts_are_by_verdict_and_by_measurement():
    """The tally adds up, and the page says which rows rest on one measurement."""
    rows = claims.rows()
    counts = [int(n) for n in re.findall(r"\d+", report.tally(rows))]
    assert counts[0] == len(rows) == sum(counts[1:6])
    assert counts[6:] == [len(JUDGED), len(MEASURES)]
    assert report.tally(rows[:1]).startswith("1 claim: 1 ")
    assert ledger.users("reach") == ["grpo-less-compute-to-goal", "grpo-sampling-cost"]


def test_the_page_names_the_cases_that_serve_two_measurements():
    """No other list of figures stands in two measurements, but for the starts of the runs."""
    lists = [
        (name, tuple(figure))
        for name, tree in FIGURES.items()
        for path, figure in leaves(tree)
        if isinstance(figure, list) and len(figure) >= 5 and path != ("start",)
    ]
    shared = {
        frozenset((one, other))
        for i, (one, values) in enumerate(lists)
        for other, same in lists[:i]
        if one != other and values == same
    }
    pairs = ("thumbs", "wrong_pairs"), ("group_sizes", "noisy_scorer")
    assert shared == set(map(frozenset, pairs))
    assert all(f"`{one}` and `{other}`" in report.settings_section() for one, other in pairs)


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
        assert parsed.ids == (row.claim.id,) and parsed.measure == bool(row.claim.judge)


def test_the_help_says_once_what_is_the_default(capsys):
    with pytest.raises(SystemExit):
        cli.main(["claims", "--help"])
    printed = capsys.readouterr().out
    assert printed.count("an overview") == 1 and "(default: )" not in printed


def test_the_page_is_current():
    """docs/claims.md is what `python docs/build_claims.py` writes now."""
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf8")
    assert page == report.markdown(claims.rows()), "python docs/build.py --derived writes it"
