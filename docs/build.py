"""Write everything in this repository that is made from something else.

python docs/build.py --everything   all that follows but --all: a quarter of an hour
python docs/build.py --derived      what takes seconds: docs/claims.md, docs/metrics.md,
                                    docs/peers.md, the types of tinyalign, and in the pages of --all
                                    the methods that are newer than they
python docs/build.py --museum       which law finds which wrong loss: verdicts.json and
                                    docs/kill_matrix.md, some minutes
python docs/build.py                the comparison of README: its tables, and docs/compare.png
python docs/build.py --all          every method, ten seeds, on addition and on the bandit:
                                    docs/compare_addition.md and docs/compare_bandit.md, an hour
A folder after --all or after nothing takes a comparison that is already there, one that holds
addition/ and bandit/. build_exam.py, build_noise.py and build_exercises.py stand alone.
"""

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tinyalign import cli, methods, report
from tinyalign.report import (
    comparison_page,
    comparison_plots,
    plots,
    score_tables,
    sentences,
    story,
    story_plot,
)
from tinyalign.report import differences as report_differences
from tinyalign.report.rows import by_method, score_name
from tinyalign.runs import tuned
from tinyalign.runs.compare import results
from tinyalign.runs.compare.comparison import captioned_figures, closing_sentences, sections
from tinyalign.runs.compare.jobs import UPDATES, shared_budget

ROOT = Path(__file__).resolve().parent.parent
# What stands between these two lines of README is written here, and nowhere else.
BEGIN, END = "<!-- compare: begin -->\n", "<!-- compare: end -->"
TASKS = {"addition": "two-digit addition", "bandit": "the bandit"}
EVERY = ["compare", "--all", "--seeds", "10", "--env"]
# What sets these apart: the baseline, GRPO's division by the standard deviation, the clip.
ESTIMATORS = ("reinforce", "rloo", "dr_grpo", "grpo")
UNMEASURED = "Not measured yet: "
NOT_SEARCHED = (
    "No settings were searched for these runs: every method took the recipe of its family. What a "
    "method loses here may be its settings' fault. `tinyalign tune` searches them."
)


def replace_table(readme, table):
    """README's text with other tables of a comparison between the two marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table + "\n" + rest[rest.index(END) :]


def cost_table(comparison):
    """The table of costs in Markdown."""
    return report.markdown_table(report.COSTS, report.cost_cells(comparison.rows, comparison.costs))


def page(env, comparison, parts):
    """A comparison page as Markdown: command, tables with words and pictures, costs.

    parts  its report.sections
    """
    names = {"learning": "Learning curves", "frontier": "Reward against KL"}
    columns = [*report.all_columns(parts), *report.COSTS]
    pieces = [
        f"# Every method on {TASKS[env]}",
        f"Made by `python docs/build.py --all` from `{command_of(env, comparison)}`.",
        bullets([*closing_sentences(comparison), *warnings(env, comparison.rows)]),
        *(section(env, part) for part in parts),
        *differences(parts),
        *estimators(parts),
        *settings(comparison.rows),
        "## On the way",
        *(f"![{caption}](compare_{env}_{name}.svg)" for name, caption in names.items()),
        "## What it costs",
        cost_table(comparison),
        f"![What training takes](compare_{env}_costs.svg)",
        "## What the columns are",
        bullets(sentences.notes(comparison.rows, columns)),
    ]
    return "\n\n".join(piece for piece in pieces if piece)


def command_of(env, comparison):
    """What was typed for a comparison of every method."""
    budget = comparison.config.budget
    typed = "" if budget == shared_budget(env) else f" --budget {budget}"
    return f"tinyalign compare --all --seeds {comparison.seeds} --env {env}{typed}"


def section(env, part):
    """A table with its heading, footnotes, sentences and picture."""
    table = report.markdown_table(part.columns, part.cells)
    picture = f"![{part.heading}](compare_{env}_{part.name}.svg)"
    # A star would begin a list.
    notes = "\n".join(line.replace("*", "\\*", 1) + "  " for line in part.footnotes)
    pieces = [f"## {part.heading}", table, notes, bullets(part.sentences), picture]
    return "\n\n".join(piece for piece in pieces if piece)


def bullets(lines):
    """A list of Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def differences(parts):
    """The section of paired differences, a table of them for each tested table of scores."""
    tested = [part for part in parts if part.tests]
    if not tested:
        return []
    tables = [f"{part.heading}:\n\n{report.markdown_table(*part.differences)}" for part in tested]
    return ["## Differences", comparison_page.DIFFERENCES, *tables]


def estimators(parts):
    """The section of estimators that differ in their baseline, at equal numbers of updates."""
    tests = [test for part in parts for test in part.tests]
    pairs = list(itertools.combinations(ESTIMATORS, 2))
    cases = itertools.product(pairs, UPDATES)
    found = {(p, n): difference_of(tests, *(f"{name}@{n}" for name in p)) for p, n in cases}
    if not all(found.values()):
        return []
    score = score_name(parts[0].rows)
    cells = [
        (" minus ".join(pair), *(estimator_cell(found[pair, n], score) for n in UPDATES))
        for pair in pairs
    ]
    columns = ("difference", *(f"updates a rollout: {count}" for count in UPDATES))
    told = sum(test.verdict != 0 for test in found.values())
    sentence = (
        f"{told} of {len(found)} of these differences are told from 0, {len(found) - told} are "
        "not. Every method had the same completions and numbers of updates, and a rate from the "
        "same search. The tests and their correction are those of the table From rewards. "
        "`reinforce` subtracts the mean of the batch, `rloo` that of the group's other members, "
        "`dr_grpo` that of the group; `grpo` divides by the group's standard deviation besides. "
        "The last two clip the ratio, which matters after the first update of a rollout."
    )
    heading = "## REINFORCE, RLOO and GRPO at equal updates"
    return [heading, sentence, report.markdown_table(columns, cells)]


def difference_of(tests, first, second):
    """The Difference of two methods, or None where they were not tested."""
    return report_differences.against(tests, second).get(first)


def estimator_cell(test, score):
    """+0.5 [-2.1, 3.0], not told apart (p 0.800)."""
    difference = report_differences.difference_text(test, score)
    return f"{difference}, {report_differences.verdict_text(test)}"


def settings(rows):
    """The section of the settings that methods ran with; nothing where none were searched."""
    cells = score_tables.settings_cells(rows)
    table = report.markdown_table(score_tables.SETTINGS, cells)
    return ["## Settings", table] if cells else []


def warnings(env, rows):
    """What a reader should know before the tables: what was not searched, or not far enough."""
    if not score_tables.settings_cells(rows):
        return [NOT_SEARCHED]
    searched = {name: tuned.entries()[env].get(name) for name in by_method(rows)}
    at_edge = [name for name, entry in searched.items() if entry and is_at_edge(entry)]
    if not at_edge:
        return []
    return [
        f"The chosen rate is the highest or the lowest that was tried for {len(at_edge)} of "
        f"{sum(map(bool, searched.values()))} searched methods: a wider search might find better "
        "settings for them."
    ]


def is_at_edge(entry):
    """Whether the chosen learning rate is the highest or the lowest that was tried."""
    rates = {setting["learning_rate"] for setting, _ in entry["tried"]}
    return entry["chosen"]["learning_rate"] in (max(rates), min(rates))


def write_page(env, comparison):
    """docs/compare_ENV.md and its pictures."""
    docs, parts = ROOT / "docs", sections(comparison)
    (docs / f"compare_{env}.md").write_text(page(env, comparison, parts) + "\n")
    for name, (figure, _) in captioned_figures(comparison, parts).items():
        if name != "compare":  # its panels are in the other figures
            plots.save(figure, docs / f"compare_{env}_{name}.svg")


def with_unmeasured(text, names):
    """A comparison page that says which of these methods it has no row of, if there are any."""
    pieces = [piece for piece in text.split("\n\n") if not piece.startswith(UNMEASURED)]
    # "| grpo@4 |" is GRPO with four updates a rollout, and "| reward * |" has a caveat.
    missing = [name for name in names if not re.search(rf"^\| {name}[@ ]", text, re.MULTILINE)]
    if missing:
        again = "`python docs/build.py --all` measures every method anew, in an hour."
        pieces.insert(2, f"{UNMEASURED}{', '.join(missing)}. {again}")
    return "\n\n".join(pieces)


def write_readme(known, learned):
    """README's tables and its picture, from the two comparisons of the first command."""
    readme = ROOT / "README.md"
    text = "\n\n".join(map(readme_part, (known, learned)))
    readme.write_text(replace_table(readme.read_text(), text))
    comparison_plots.write(story_plot.picture(known, learned), ROOT / "docs" / "compare")


def readme_part(comparison):
    """The table of one comparison with its sentences."""
    rows = comparison.rows
    table = report.markdown_table(*story.table(rows))
    lines = bullets(story.sentences(rows, comparison.problems))
    return f"`{comparison.config.env}`\n\n{table}\n\n{lines}"


# Each is a program of its own: a command line below the root of the repository.
DERIVED = (
    ("docs/build_claims.py",),
    ("docs/build_metrics.py",),
    ("docs/build_peers.py",),
    ("tests/write_types.py",),
    ("-m", "ruff", "format", "--quiet", "tinyalign"),  # the types as the house writes lines
)
MUSEUM = (("-m", "tinyalign.laws.curate"),)


def run_programs(programs):
    """Carry out Python programs one after another, and stop at the first that fails."""
    for program in programs:
        print("python", *program, flush=True)
        subprocess.run([sys.executable, *program], cwd=ROOT, check=True)


def compared(arguments, scratch):
    """The folder of a comparison: the one that was named, or a new one."""
    flags = [word for word in arguments if word.startswith("--")]
    given = [word for word in arguments if word not in flags]
    if given:
        return Path(given[0])
    typed = [*EVERY, ",".join(TASKS)] if "--all" in flags else ["compare"]
    status = cli.main([*typed, "--output", scratch, "--name", "compare"])
    if status:  # what went wrong is said already
        raise SystemExit(status)
    return Path(scratch) / "compare"


def main(arguments):
    """Make what was asked for."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    everything = "--everything" in arguments
    if everything or "--derived" in arguments:
        run_programs(DERIVED)
        for path in (ROOT / "docs" / f"compare_{env}.md" for env in TASKS):
            path.write_text(
                with_unmeasured(path.read_text(), [row.name for row in methods.METHODS])
            )
    if everything or "--museum" in arguments:
        run_programs(MUSEUM)
    if {"--derived", "--museum"} & set(arguments):
        return
    # New runs are kept only as long as it takes to read them.
    with tempfile.TemporaryDirectory() as scratch:
        folder = compared([a for a in arguments if a != "--everything"], scratch)
        outcomes = {env: results.read(folder / env) for env in TASKS}
    if "--all" not in arguments:
        write_readme(outcomes["bandit"], outcomes["addition"])
        return
    for env, outcome in outcomes.items():
        write_page(env, outcome)


if __name__ == "__main__":
    main(sys.argv[1:])
