"""What a scan found, as lines that a person and a search read, and as data."""

import shutil
import textwrap

from tinyalign.laws.scan.judging import BROKEN, LAWFUL, NOT_JUDGED

COLOURS = {BROKEN: "red", LAWFUL: "green", NOT_JUDGED: "yellow"}  # in the order of printing
WIDEST = 100  # of a sentence
NOTHING = (
    "No loss, advantage, KL estimator or aggregation was found by its name and its arguments. "
    "`tinyalign scan FILE.py:FUNCTION --as METHOD` judges a function of any name."
)
NO_FILES = "There is no Python file in {} (tests are left out)."


def as_data(rows, status, unread=()):
    functions = [row.as_data() for row in rows]
    return {"exit_code": status, "functions": functions, "unread": list(unread)}


def print_rows(rows, path, unread=(), count=1, full=False):
    """The whole report of each where there are any, then a line for each, then what was not read.

    count  files that were looked at
    full   whether the whole reports were asked for, so that nobody is sent to them
    """
    from rich.console import Console

    console = Console(soft_wrap=True)  # no path and no name is ever cut
    for text in filter(None, (row.text for row in rows)):
        print(text)
    for verdict in COLOURS:
        _print_group(console, [row for row in rows if row.verdict == verdict])
    if rows:
        _say(console, summary(rows))
        for sentence in [] if full else next_steps(rows):
            _say(console, sentence)
    else:
        _say(console, NOTHING if count else NO_FILES.format(path))
    if unread:
        files = "1 file" if len(unread) == 1 else f"{len(unread)} files"
        print(f"{files} could not be read as Python: {', '.join(unread)}")


def _print_group(console, rows):
    """file:line: verdict: function as method, as compilers write it; then why."""
    from rich.text import Text

    for row in rows:
        judged = f" as {row.method}" if row.method else ""
        said = f" with {row.said}" if row.said else ""
        # plain text: a name in brackets is no markup
        line = Text(f"{row.where}: ").append(row.verdict, COLOURS[row.verdict])
        console.print(line.append(f": {row.function}{judged}{said}"))
        _say(console, _why(row), "    ")
    if rows:
        console.print()


def _why(row):
    """Its sentence, with how much a verdict that acquits rests on."""
    if row.verdict != LAWFUL or not row.notes:
        return row.sentence
    count = "1 assumption" if len(row.notes) == 1 else f"{len(row.notes)} assumptions"
    return row.sentence.replace(" laws hold.", f" laws hold ({count}).", 1)


def _say(console, sentence, indent=""):
    from rich.text import Text

    width = min(shutil.get_terminal_size().columns, WIDEST)
    lines = textwrap.wrap(
        sentence, width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    console.print(Text("\n".join(lines)))


def summary(rows):
    """How many of each."""
    count = {v: sum(row.verdict == v for row in rows) for v in COLOURS}
    judgements = "1 judgement" if len(rows) == 1 else f"{len(rows)} judgements"
    return (
        f"{judgements}: {count[LAWFUL]} lawful, {count[BROKEN]} broken, "
        f"{count[NOT_JUDGED]} not judged."
    )


def next_steps(rows):
    """What to type next, with an example of each verdict that is there."""
    first = {row.verdict: row.target for row in reversed(rows)}
    if BROKEN in first:
        yield f"Broken: `tinyalign scan {first[BROKEN]}` shows the counterexamples."
    if NOT_JUDGED in first:
        yield (
            f"Not judged accuses nobody: `tinyalign scan {first[NOT_JUDGED]} --as METHOD` judges "
            f"it as what you name, and --convention NAME=VALUE gives it what it lacks."
        )
    if LAWFUL in first:
        yield f"Lawful: `tinyalign scan {first[LAWFUL]}` lists the laws and the assumptions."
