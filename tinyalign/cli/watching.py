"""What the terminal shows while many runs go on."""

import collections
import contextlib
import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tinyalign.cli.screen import format_metrics

FEW = 12  # runs that are all listed while they go on


@contextlib.contextmanager
def compare_progress(folder, env):
    """A live table of the runs below `folder`; gives the function to call with their states.

    Where there is no terminal, as in a log file, a line for each run that ends.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield end_of_run_lines(folder, env, console)
        return
    if env != "bandit":
        console.print("an accuracy is of problems that no method trains on", style="dim")
    with Live(console=console, refresh_per_second=2) as live:
        yield live_table(live.update, folder, env)


def live_table(show, folder, env):
    """A function to call with the states of runs: it shows their table, and how long they take.

    show  function of a table
    """
    began = {"runs": None}

    def on_poll(states):
        if states.keys() != began["runs"]:  # a sweep of other runs: first starts, then methods
            began.update(runs=set(states), time=time.monotonic(), done=steps_done(states))
        seconds = time.monotonic() - began["time"]
        show(table_of(states, folder, env, seconds, began["done"]))

    return on_poll


def table_of(states, folder, env, seconds=0.0, before=0):
    """A line for each run, or of many runs for those at work; the last line counts them all.

    seconds  since the first of them began
    before   steps that were done then
    """
    table = Table(box=None, show_header=False)
    for run, row in states.items():
        if len(states) <= FEW or row["state"] in ("running", "failed"):
            name, learned = str(run.relative_to(folder)), "reward," in run.name
            table.add_row(name, progress_words(row), format_metrics(row, env, learned))
    counts = collections.Counter(row["state"] for row in states.values())
    counted = ", ".join(f"{count} {state}" for state, count in counts.items())
    table.add_row("", "", f"{counted}; {time_words(states, seconds, before)}")
    return table


def progress_words(row):
    """Where a run stands: "dpo 104/300", or its state. A start ends sooner than it might."""
    if row["state"] != "running":
        return row["state"]
    return f"{row['stage']} {row['step']}/{row['stages'][row['stage_index']]}"


def time_words(states, seconds, before=0):
    """Seconds so far, and how many are left if every step takes as long.

    before  steps that were done when these seconds began, as of runs that --resume goes on with
    """
    total, done = sum(sum(row["stages"]) for row in states.values()), steps_done(states)
    made = done - before
    # Too early to say, or at the end.
    if seconds < 3 or made <= 0 or made < (total - before) / 50 or done >= total:
        return f"{seconds:.0f} s"
    return f"{seconds:.0f} s, about {seconds * (total - done) / made:.0f} s left"


def steps_done(states):
    """Steps that all runs have done; a run that has ended counts as whole."""
    return sum(
        sum(row["stages"])
        if row["state"] in ("finished", "failed")
        else sum(row["stages"][: row.get("stage_index", 0)]) + row.get("step", 0)
        for row in states.values()
    )


def end_of_run_lines(folder, env, console):
    """A function to call with the states of runs: it prints each run once, when it has ended."""
    reported = set()

    def on_poll(states):
        for run, row in states.items():
            if row["state"] in ("finished", "failed") and run not in reported:
                reported.add(run)
                metrics = format_metrics(row, env, "reward," in run.name)
                line = f"{run.relative_to(folder)} {row['state']}  {metrics}"
                console.print(line, soft_wrap=True, highlight=False, markup=False)

    return on_poll
