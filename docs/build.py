"""Write the tables and figures of README and of the comparison pages, from `tinyalign compare`.

python docs/build.py            the comparison of README: its tables, and docs/compare.png
python docs/build.py --all      every method, five seeds, on addition and on the bandit:
                                docs/compare_addition.md and docs/compare_bandit.md
A folder after either takes a comparison that is already there (with --all: one that holds
addition/ and bandit/).
"""

import sys
import tempfile
from pathlib import Path

from tinyalign import cli, report
from tinyalign.report import comparison_plots, plots, sentences
from tinyalign.runs.compare import results
from tinyalign.runs.compare.comparison import captioned_figures, closing_sentences

ROOT = Path(__file__).resolve().parent.parent
# What stands between these two lines of README is written here, and nowhere else.
BEGIN, END = "<!-- compare: begin -->\n", "<!-- compare: end -->"
TASKS = {"addition": "two-digit addition", "bandit": "the bandit"}
EVERY = ["compare", "--all", "--seeds", "5", "--env"]


def replace_table(readme, table):
    """README's text with other tables of a comparison between the two marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table + "\n" + rest[rest.index(END) :]


def tables(comparison):
    """The two tables of a comparison in Markdown."""
    # Scores first, then costs.
    cells = report.main_cells(comparison.rows), report.cost_cells(comparison.rows, comparison.costs)
    columns = report.main_columns(comparison.rows), report.COSTS
    return [report.markdown_table(*pair) for pair in zip(columns, cells, strict=True)]


def page(env, comparison):
    """A comparison page as Markdown: command, table, words, pictures, costs."""
    main, costs = tables(comparison)
    names = {"scores": "The score of every method", "learning": "Learning curves",
             "frontier": "Reward against KL", "costs": "What training takes"}  # fmt: skip
    # The last figure is about costs and stands in their section.
    figures = [f"![{caption}](compare_{env}_{name}.svg)" for name, caption in names.items()]
    return "\n\n".join(
        [
            f"# Every method on {TASKS[env]}",
            f"Made by `python docs/build.py --all` from `tinyalign {' '.join(EVERY)} {env}`.",
            main,
            "\n".join(f"- {line}" for line in closing_sentences(comparison)),
            *figures[:3],
            "## What it costs",
            costs,
            figures[3],
            "\n".join(f"- {line}" for line in sentences.notes(comparison.rows)),
        ]
    )


def write_page(env, comparison):
    """docs/compare_ENV.md and its pictures."""
    docs = ROOT / "docs"
    (docs / f"compare_{env}.md").write_text(page(env, comparison) + "\n")
    for name, (figure, _) in captioned_figures(comparison).items():
        if name != "compare":  # its panels are in the other figures
            plots.save(figure, docs / f"compare_{env}_{name}.svg")


def write_readme(comparison):
    """README's tables and its picture."""
    readme = ROOT / "README.md"
    both = "\n\n".join(tables(comparison))
    readme.write_text(replace_table(readme.read_text(), both))
    comparison_plots.write(
        comparison_plots.overview(comparison.rows, comparison.exact), ROOT / "docs" / "compare"
    )


def main(arguments):
    """Make README's part, or with --all both pages, from new runs or from a folder of runs."""
    everything, given = "--all" in arguments, [a for a in arguments if a != "--all"]
    # New runs are kept only as long as it takes to read them.
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(given[0]) if given else Path(scratch) / "compare"
        if not given:
            typed = [*EVERY, ",".join(TASKS)] if everything else ["compare"]
            cli.main([*typed, "--output", scratch, "--name", "compare"])
        if not everything:
            write_readme(results.read(folder))
        for env in TASKS if everything else ():
            write_page(env, results.read(folder / env))


if __name__ == "__main__":
    main(sys.argv[1:])
