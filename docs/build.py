"""Make what README and the comparison pages show, from runs of `tinyalign compare`.

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
from tinyalign.runs.compare import comparison, results

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- compare: begin -->\n", "<!-- compare: end -->"
TASKS = {"addition": "two-digit addition", "bandit": "the bandit"}
EVERY = ["compare", "--all", "--seeds", "5", "--env"]


def replace_table(readme, table):
    """README's text with other tables of a comparison between the two marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table + "\n" + rest[rest.index(END) :]


def tables(found):
    """The two tables of a comparison in Markdown."""
    cells = report.main_cells(found.rows), report.cost_cells(found.rows, found.costs)
    columns = report.COLUMNS, report.COSTS
    return [report.markdown_table(*pair) for pair in zip(columns, cells, strict=True)]


def page(env, found):
    """A comparison page as Markdown: command, table, words, pictures, costs."""
    main, costs = tables(found)
    said = [*comparison.budget_said(found), *sentences.sentences(found.rows)]
    names = {"scores": "What every method came to", "learning": "Learning curves",
             "frontier": "Reward against KL", "costs": "What training takes"}  # fmt: skip
    shown = [f"![{told}](compare_{env}_{name}.svg)" for name, told in names.items()]
    return "\n\n".join(
        [
            f"# Every method on {TASKS[env]}",
            f"Made by `python docs/build.py --all` from `tinyalign {' '.join(EVERY)} {env}`.",
            main,
            "\n".join(f"- {line}" for line in said),
            *shown[:3],
            "## What it costs",
            costs,
            shown[3],
            "\n".join(f"- {line}" for line in sentences.notes(found.rows)),
        ]
    )


def write_page(env, found):
    """docs/compare_ENV.md and its pictures."""
    docs = ROOT / "docs"
    (docs / f"compare_{env}.md").write_text(page(env, found) + "\n")
    for name, (figure, _) in comparison.figures_of(found).items():
        if name != "compare":
            plots.save(figure, docs / f"compare_{env}_{name}.svg")


def write_readme(found):
    """README's tables and its picture."""
    readme = ROOT / "README.md"
    both = "\n\n".join(tables(found))
    readme.write_text(replace_table(readme.read_text(), both))
    comparison_plots.write(
        comparison_plots.overview(found.rows, found.exact), ROOT / "docs" / "compare"
    )


def main(arguments):
    everything, given = "--all" in arguments, [a for a in arguments if a != "--all"]
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
