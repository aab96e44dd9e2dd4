"""What the terminal shows while a run goes on, and when it has ended."""

import contextlib
import functools
import os

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from tinyalign import methods, report
from tinyalign.errors import shown
from tinyalign.report import sentences

METRIC_LABELS = (  # the metrics of a progress line, in its order: a key of metrics.jsonl, its label
    ("reward", "reward"),
    ("rewards/margins", "margin"),
    ("kl", "kl"),
    ("policy_loss", "policy loss"),
    ("value_loss", "value loss"),
    ("entropy", "entropy"),
    ("loss", "loss"),
    ("accuracy", "pair accuracy"),
    ("eval_accuracy", "held-out accuracy"),
    ("eval_kl", "held-out kl"),
    ("eval_optimum_kl", "to optimum"),
    ("eval_nll", "held-out nll"),
)
PIPED = 160  # characters of a line where no screen limits them


def printer():
    """The Console for results: as wide as the screen, or as COLUMNS says where that is set.

    In a file no column is left out.
    """
    console = Console(highlight=False)
    limited = console.is_terminal or "COLUMNS" in os.environ
    return console if limited else Console(highlight=False, width=PIPED)


def format_metrics(row, env, learned=False):
    """The key metrics of a row in one line.

    env      the task; on the bandit the accuracy is left out: it is of four prompts, all trained on
    learned  whether its reward is that of a reward model, whose scale is its own
    """
    labels = dict(METRIC_LABELS) | ({"reward": "learned reward"} if learned else {})
    if "stage" in row and methods.find(row["stage"]).trains_reward_model:
        labels["eval_accuracy"] = "held-out pair accuracy"
    elif env == "bandit":
        del labels["eval_accuracy"]
    return "  ".join(f"{label} {row[name]:.3f}" for name, label in labels.items() if name in row)


def progress_bar(console):
    """A Progress for a terminal; it is disabled in a file, where its lines would run together."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[metrics]}", table_column=Column(ratio=1, no_wrap=True)),
        expand=True,  # the metrics get the room that is left, and are cut on a narrow screen
        console=console,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def run_progress(env):
    """A bar for each stage, and a line for each evaluation; gives the function to call per step."""
    console = Console(stderr=True)  # standard output is left to the results
    progress = progress_bar(console)
    bars, log = {}, functools.partial(console.print, soft_wrap=True)
    with progress:

        def on_step(row, total):
            stage, index = row["stage"], row["stage_index"]
            if index not in bars:
                bars[index] = progress.add_task(stage, total=total, metrics="")
            # The stage before has ended, perhaps without all of its steps.
            if index - 1 in bars and not progress.tasks[bars[index - 1]].finished:
                before = progress.tasks[bars[index - 1]]
                reason = "good enough (--warm_start_accuracy, --until), or its --budget is used up"
                log(f"{before.description} stopped early: {reason}")
                progress.update(before.id, total=before.completed)
            metrics = format_metrics(row, env)
            progress.update(bars[index], completed=row["step"], metrics=metrics)
            if "eval_accuracy" in row or "eval_nll" in row:
                log(f"{stage} {row['step']}/{total}  {metrics}")

        yield on_step


EVALUATION_LABELS = (  # the columns of the summary that only some stages have
    ("eval_accuracy", "accuracy"),
    ("eval_reward", "reward"),
    ("eval_kl", "KL, nats"),
    ("eval_optimum_kl", "to optimum"),
    ("eval_nll", "nll"),
    ("eval_pass@1", "pass@1"),
    ("eval_pass@8", "pass@8"),
)


def labels_to_show(summaries):
    """(key, title) of each number of an evaluation that some stage has."""
    scored = [pair for pair in EVALUATION_LABELS if any(pair[0] in s for s in summaries)]
    if any(s.get("settings", {}).get("env") == "bandit" for s in summaries):
        scored = [pair for pair in scored if pair[0] != "eval_accuracy"]  # of four prompts
    if any(s.get("settings", {}).get("data") for s in summaries):  # no problem is solved there
        pairs = {"eval_accuracy": "pair accuracy"}
        scored = [(key, pairs.get(key, title)) for key, title in scored]
    return scored


def print_summaries(summaries, folder):
    """A line for each stage, sample completions, and where the files are."""
    table, scored = Table(**report.PLAIN), labels_to_show(summaries)
    titles = [title for _, title in scored]
    for column in ("stage", "steps", *titles, "samples", "networks", "memory", "seconds"):
        table.add_column(column, justify="left" if column in ("stage", "networks") else "right")
    for s in summaries:
        # A reward model's accuracy is over pairs of completions, not over problems.
        of_pairs = " of pairs" if "reward_model" in s["networks"][:1] else ""
        scores = [f"{s[name]:.3f}{of_pairs}" if name in s else "" for name, _ in scored]
        table.add_row(
            s["method"], str(s["steps"]), *scores, f"{s['completions_sampled']:,}",
            ", ".join(s["networks"]), report.format_bytes(s["bytes"]), f"{s['train_seconds']:.1f}",
        )  # fmt: skip
    console = printer()
    console.print(table)
    for s in summaries:
        if "until" in s:
            verdict = "reached" if s["reached"] else "not reached"
            console.print(f"\n{s['method']}: {s['until']} {verdict} after {s['steps']} steps")
    if "sample_completions" in summaries[-1]:
        lines = (shown(text.replace("\n", "↵")) for text in summaries[-1]["sample_completions"])
        console.print("\nsample completions: " + ", ".join(lines), markup=False)
    where = f"\nin {shown(folder)}: metrics.jsonl, curves.svg, model.safetensors"
    console.print(where, soft_wrap=True, markup=False)


def print_tuned(entries, file):
    """The settings that a search chose: {run: entry of runs.compare.tune}."""
    table = Table(**report.PLAIN)
    for column in ("run", "chosen", "score", "of the median setting"):
        table.add_column(column, justify="left" if column in ("run", "chosen") else "right")
    for name, entry in entries.items():
        chosen = ", ".join(f"{key} {value:g}" for key, value in entry["chosen"].items())
        table.add_row(name, chosen, f"{entry['score']:.3f}", f"{entry['median']:.3f}")
    console = printer()
    console.print(table)
    console.print(f"\nevery setting that was tried: {file}", soft_wrap=True, markup=False)


def print_comparison(comparison, parts, lines, folder):
    """The tables of a comparison with their sentences, the closing ones, and where its report is.

    comparison  results.Results
    parts       its report.sections
    lines       its closing sentences
    """
    console, rows = printer(), comparison.rows
    for part in parts:
        print_section(console, part, several=len(parts) > 1)
    console.print("\nwhat it costs\n", style="bold")
    costs = report.cost_cells(rows, comparison.costs)
    console.print(report.table(report.COSTS, costs, console.width))
    console.print()
    print_lines(console, lines)
    print_lines(console, [f"{r.method}, seed {r.seed}: {r.failure}" for r in rows if r.failure])
    console.print()
    tables = [*((part.columns, part.cells) for part in parts), (report.COSTS, costs)]
    # Only the columns that fitted the screen are explained.
    visible = [name for pair in tables for name in report.columns_that_fit(*pair, console.width)]
    print_lines(console, sentences.notes(rows, visible), style="dim")
    more = ["more columns"] * (len(visible) < sum(len(columns) for columns, _ in tables))
    more += ["Differences"] * any(part.tests for part in parts)
    print_lines(console, [f"{' and '.join(more)} in report.html"] if more else [], style="dim")
    console.print(f"\nreport: {shown(folder)}/report.html", soft_wrap=True, markup=False)


def print_section(console, part, several):
    """A table with its footnotes and sentences; its heading where there are several."""
    if several:
        console.print(f"{part.heading}\n", style="bold")
    console.print(report.table(part.columns, part.cells, console.width))
    if part.footnotes or part.sentences:
        console.print()
        print_lines(console, [*part.footnotes, *part.sentences])
    if several:
        console.print()


def print_lines(console, lines, style=None):
    """Lines of plain text: a sentence may hold [low, high], which rich would take for a style."""
    for line in lines:
        console.print(line, style=style, markup=False)
