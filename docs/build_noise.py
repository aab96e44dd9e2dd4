"""Write docs/compare_noise.md: DPO and its two relatives for wrong labels, at four shares of them.

python docs/build_noise.py            train: ten seeds a share, about eight minutes on two cores
python docs/build_noise.py FOLDER     read runs that are there, a comparison in FOLDER/SHARE
"""

import sys
import tempfile
from pathlib import Path

from tinyalign import cli, report
from tinyalign.report import differences, intervals, tables
from tinyalign.report.rows import by_method
from tinyalign.runs.compare import results

PAGE = Path(__file__).resolve().parent / "compare_noise.md"
METHODS = ("dpo", "cdpo", "robust_dpo")
SHARES = ("0", "0.1", "0.2", "0.3")  # of the pairs, whose two completions are swapped
TYPED = ["compare", *METHODS, "--seeds", "10", "--label_noise"]
HEAD = f"""# Wrong labels

Made by `python docs/build_noise.py`, which runs
`tinyalign {" ".join(TYPED)} SHARE --set flip=SHARE`
for each share of swapped pairs: 0, 10, 20 and 30 %. All three methods read the same pairs. `cdpo`
and `robust_dpo` are told the true share, which nobody knows of real data. Their other settings
were searched on pairs without noise, by `tinyalign tune`.
"""


def scores_table(comparisons):
    """Accuracy with its interval: a line for each method, a column for each share."""
    columns = [heading(share) for share in comparisons]
    groups = [by_method(comparison.rows) for comparison in comparisons.values()]
    cells = [
        [name, *(tables.accuracy_cell(group[name]) for group in groups)]
        for name in ("start", *METHODS)
    ]
    return report.markdown_table(["accuracy, %, at", *columns], cells)


def tests_of(comparisons):
    """[Difference of a method at a share minus DPO there], corrected for all of them together."""
    pairs = {}
    for share, comparison in comparisons.items():
        scores = differences.scores_by_seed(comparison.rows)
        for name in METHODS[1:]:
            pairs[f"{name}, {heading(share)}", "dpo"] = intervals.paired_test(
                scores[name], scores["dpo"]
            )
    return differences.corrected(pairs)


def heading(share):
    """0.1 as 10 % swapped."""
    return f"{100 * float(share):.0f} % swapped"


def differences_table(tests):
    """Each method minus DPO, in points, with its interval and its verdict."""
    columns = ("method, pairs", "minus dpo, points", "against dpo")
    cells = [
        (test.first, differences.difference_text(test, "accuracy"), differences.verdict_text(test))
        for test in tests
    ]
    return report.markdown_table(columns, cells)


def sentences(tests):
    """What the tests say: a line for each verdict that a method got."""
    words = {1: "Better than DPO", -1: "Worse than DPO", 0: "Not told from DPO"}
    by_verdict = {
        words[verdict]: [test.first for test in tests if test.verdict == verdict]
        for verdict in words
    }
    return "\n".join(
        f"- {word}: {'; '.join(names)}." for word, names in by_verdict.items() if names
    )


def page(comparisons):
    """The page as Markdown, from {share: results.Results}."""
    tests = tests_of(comparisons)
    note = (
        "Ten seeds, paired. The intervals hold for all eight tests at once (95 %, Bonferroni); "
        "p is adjusted for them by Holm."
    )
    parts = [HEAD, sentences(tests), scores_table(comparisons), "## Differences", note]
    return "\n\n".join(part.strip() for part in [*parts, differences_table(tests)]) + "\n"


def main(arguments):
    """Make the page from new runs, or from a folder of runs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments[0] if arguments else scratch)
        for share in () if arguments else SHARES:
            told = ["--set", f"flip={share}"]  # cdpo and robust_dpo have this number
            status = cli.main([*TYPED, share, *told, "--output", scratch, "--name", share])
            if status:  # what went wrong is said already
                raise SystemExit(status)
        PAGE.write_text(page({share: results.read(folder / share) for share in SHARES}))


if __name__ == "__main__":
    main(sys.argv[1:])
