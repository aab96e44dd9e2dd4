"""Train several methods from one warm start per seed and report the results."""

import dataclasses
import json
from pathlib import Path

from tinyalign import report
from tinyalign.errors import InputError
from tinyalign.report import comparison_plots, html, score_tables, sentences, table_plots
from tinyalign.report.comparison_page import page_parts
from tinyalign.report.differences import differences_csv
from tinyalign.report.rows import fits_one_table
from tinyalign.runs.compare import results
from tinyalign.runs.compare.jobs import measure_costs, method_job, require_job, start_job
from tinyalign.runs.compare.sweep import JobsFailed, sweep
from tinyalign.runs.folder import MARKER, require_unused
from tinyalign.runs.storage import write_atomically
from tinyalign.runs.target import LOOK_EVERY, parse_until

METHODS = ("sft", "dpo", "reward,ppo", "ppo", "grpo")  # from most that is shown to least
FIGURES = (
    "scores", *map(score_tables.figure_name, score_tables.HEADINGS),
    "frontier", "learning", "costs", "compare",
)  # fmt: skip


def compare(names, config, folder, executor, *, seeds=1, resume=False, on_poll=lambda states: None):
    """Train every method on every seed, from one SFT start a seed: results.Results.

    names     methods, or several joined by commas: stages one after another. Each is a run of its
              own below `folder`; where one stage is `reward`, later stages maximise the learned
              reward
    config    config.Config shared by all, with the first seed; eval_every may be None
    executor  concurrent.futures.Executor that carries the runs out
    seeds     how many, one after another
    on_poll   see sweep.sweep
    raises    InputError before any work; JobsFailed if a start fails, or everything else does
    """
    folder = Path(folder)
    require_valid(names, config, seeds)
    require_own_folder(folder, resume)
    configs = [dataclasses.replace(config, seed=config.seed + i) for i in range(seeds)]
    # Every method of a seed starts from the same policy, so the starts come first.
    starts = [start_job(own, folder) for own in configs]
    sweep(starts, executor, resume=resume, on_poll=on_poll)
    jobs = [method_job(name, own, folder) for own in configs for name in names]
    jobs.sort(key=lambda job: -len(job.methods))  # pipelines take longest
    failed = {}
    try:
        sweep(jobs, executor, resume=resume, on_poll=on_poll)
    except JobsFailed as error:
        if len(error.failed) == len(jobs):
            raise
        # Keyed by "seed0/grpo", which stays true when the folder is moved.
        failed = {str(Path(*Path(f).parts[-2:])): why for f, why in error.failed.items()}
    content = results.comparison_json(names, config, seeds, failed)
    write_atomically(folder / "compare.json", json.dumps(content, indent=1).encode())
    measure_costs(names, config, folder, executor)
    comparison = results.read(folder)
    write_report(comparison, folder)
    return comparison


def require_valid(names, config, seeds):
    """InputError for every mistake that shows before any work."""
    if seeds < 1:
        raise InputError(f"--seeds is {seeds}, want 1 or more")
    if len(set(names)) < len(names):
        raise InputError(f"a method is named twice in {', '.join(names)}: name each once")
    if config.until is not None:
        parse_until(config.until)
    for name in names:
        require_job(name, config)


def require_own_folder(folder, resume):
    """InputError where a file would be overwritten that is not of a comparison to be resumed."""
    begun = any(folder.glob(f"seed*/start/{MARKER}"))  # what a comparison writes first
    if not (begun and resume):
        pictures = [f"{name}{suffix}" for name in FIGURES for suffix in (".svg", ".png")]
        texts = ("compare.json", "costs.json", "differences.csv", "report.html")
        require_unused(folder, (*texts, *pictures))


def closing_sentences(comparison):
    """What ended the runs and how methods are ranked: not where the runs ended at one score."""
    rows, until = comparison.rows, comparison.config.until
    if until is None:
        return [*budget_sentences(comparison), sentences.ranking_sentence(rows)]
    return [
        *budget_sentences(comparison),
        f"until: a run ends at its first look at held-out problems that finds {until}, one every "
        f"{LOOK_EVERY} steps and with each evaluation; completions and seconds are up to there",
        *sentences.goal_sentences(rows),
    ]


def budget_sentences(comparison):
    """One sentence on the budget, one on what the brackets mean."""
    # With a limit on labels, a stage that learns from judged completions draws those besides.
    own = " stage that learns from its own samples" if "labels:" in comparison.config.budget else ""
    words = {
        "recipe": "every method by its own recipe, so they use different amounts",
        "samples": f"at most {{}} completions drawn by each{own}, to within one rollout",
        "labels": "at most {} judged completions for each that learns from feedback",
        "steps": "{} gradient steps of each",
        "seconds": "{} seconds of training each, so this does not come out twice the same",
    }
    parts = [part.strip().partition(":") for part in comparison.config.budget.split(",")]
    said = "; ".join(words[unit].format(amount) for unit, _, amount in parts)
    over = f"over {comparison.seeds} seeds (bootstrap; of differences: Student's)"
    # One seed says nothing about the spread over seeds, only about that over problems.
    if comparison.seeds == 1:
        over = "over held-out problems (Wilson), for this one seed"
    return [
        f"budget: {said} (--budget {comparison.config.budget})",
        f"[low, high]: 95 % intervals {over}",
    ]


def captioned_figures(comparison, parts):
    """{name: (matplotlib Figure, caption)}: scores, reward against KL, learning curves, costs.

    A few methods are also shown in one picture, `compare`; many have a picture of scores a table.

    parts  report.sections of the comparison
    """
    rows, exact = comparison.rows, comparison.exact
    figures = {
        part.name: (table_plots.table_scores(part.rows, part.tests), part.heading.lower())
        for part in parts
    }
    draw_frontier = table_plots.frontiers
    if fits_one_table(rows):
        caption = "the score of every method; dots are seeds"
        overview = comparison_plots.overview(rows, exact), "the comparison in one picture"
        figures = {"scores": (comparison_plots.scores(rows), caption), "compare": overview}
        draw_frontier = comparison_plots.frontier
    return figures | {
        "frontier": (draw_frontier(rows, exact), "reward against KL"),
        "learning": (
            comparison_plots.learning(rows),
            "learning curves, bands from lowest to highest seed",
        ),
        "costs": (comparison_plots.costs(rows, comparison.costs), "what training takes"),
    }


def sections(comparison):
    """The report.sections of a comparison: methods are ranked unless they ran until a score."""
    return report.sections(comparison.rows, ranked=comparison.config.until is None)


def write_report(comparison, folder):
    """The figures as SVG and PNG, every paired difference, and report.html, which holds all."""
    parts, figures = sections(comparison), {}
    for name, (figure, caption) in captioned_figures(comparison, parts).items():
        svg, _ = comparison_plots.write(figure, folder / name)
        if name != "compare":  # its panels are in the other figures
            figures[name] = html.figure(svg.read_text(encoding="utf8"), name, caption)
    tests = {part.heading: part.tests for part in parts if part.tests}
    if tests:
        write_atomically(folder / "differences.csv", differences_csv(tests).encode())
    lines = closing_sentences(comparison)
    content = page_parts(comparison, parts, lines, figures)
    title = f"{len(report.by_method(comparison.rows)) - 1} methods on {comparison.config.env}"
    write_atomically(folder / "report.html", html.page(title, content).encode())
