"""Methods side by side: one start a seed, one run folder each, tables, words and pictures."""

import dataclasses
import itertools
import json
from pathlib import Path

from tinyalign import report
from tinyalign.errors import InputError
from tinyalign.report import comparison_plots, page, sentences
from tinyalign.runs import plan
from tinyalign.runs.compare import cost, results
from tinyalign.runs.compare.sweep import ONE_AT_A_TIME, Job, JobsFailed, planned, sweep
from tinyalign.runs.files import write_atomically

METHODS = ("sft", "dpo", "grpo", "ppo", "reward,ppo")
# The budget of --all and of several seeds, unless another is typed: a quarter of an hour on two
# cores for five seeds of every method.
MANY = {"bandit": "samples:131072", "addition": "samples:16384"}
LOOKS = 6  # at held-out problems in a run, unless --eval_every is typed


def compare(names, config, folder, executor, *, seeds=1, resume=False, on_poll=lambda rows: None):
    """Train every method on every seed, from one SFT start a seed: results.Results.

    names     methods, or several joined by commas: stages one after another. Each is a run of its
              own below `folder`; where one stage is `reward`, later stages maximise the learned
              reward
    config    config.Config shared by all, with the first seed; eval_every may be None
    executor  concurrent.futures.Executor that carries them out
    seeds     how many, one after another
    on_poll   see sweep.sweep
    raises    InputError before any work; JobsFailed if a start fails, or everything else does
    """
    folder = Path(folder)
    check(names, config, seeds)
    every = [dataclasses.replace(config, seed=config.seed + i) for i in range(seeds)]
    sweep([start_of(own, folder) for own in every], executor, resume=resume, on_poll=on_poll)
    jobs = [job_of(name, own, folder) for own in every for name in names]
    jobs.sort(key=lambda job: -len(job.methods))  # pipelines take longest
    failed = {}
    try:
        sweep(jobs, executor, resume=resume, on_poll=on_poll)
    except JobsFailed as error:
        if len(error.failed) == len(jobs):
            raise
        failed = {str(Path(*Path(f).parts[-2:])): why for f, why in error.failed.items()}
    told = results.note(names, config, seeds, failed)
    write_atomically(folder / "compare.json", json.dumps(told, indent=1).encode())
    measure_costs(names, config, folder, executor)
    found = results.read(folder)
    write_report(found, folder)
    return found


def check(names, config, seeds):
    """InputError for every mistake that shows before any work."""
    if seeds < 1:
        raise InputError(f"--seeds is {seeds}, want 1 or more")
    if len(set(names)) < len(names):
        raise InputError(f"a method is named twice in {', '.join(names)}: name each once")
    for name in names:
        plan.plan_run(name.split(","), with_looks(config, 1))


def usual_budget(env):
    """The budget of a comparison of many runs."""
    return MANY.get(env, MANY["addition"])


def with_looks(config, steps):
    """The config with eval_every filled in: LOOKS times in so many steps."""
    if config.eval_every is not None:
        return config
    return dataclasses.replace(config, eval_every=max(1, -(-steps // LOOKS)))


def start_of(config, folder):
    """The job of a seed's start: SFT by its recipe, until it solves some problems."""
    begin = dataclasses.replace(
        config, steps=None, learning_rate=None, batch_size=None, budget="recipe", eval_every=25
    )
    return Job(results.seed_folder(folder, config.seed) / "start", ("sft",), begin, True)


def job_of(name, config, folder):
    """The job of one method, from the start of its seed."""
    stages, own = tuple(name.split(",")), results.seed_folder(folder, config.seed)
    reward = "model" if "reward," in name else config.reward
    steps = plan.plan_run(list(stages), with_looks(config, 1)).stages[-1].config.steps
    config = dataclasses.replace(with_looks(config, steps), init_from=own / "start", reward=reward)
    return Job(own / name, stages, config)


def measure_costs(names, config, folder, executor):
    """Write costs.json: what one update of each method takes, counted in the workers."""
    path = folder / "costs.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    running = {
        name: executor.submit(cost_of, job_of(name, config, folder.absolute()))
        for name in names
        if name not in known
    }
    found = {name: future.result() for name, future in running.items()}
    known |= {name: measured._asdict() for name, measured in found.items() if measured}
    write_atomically(path, json.dumps(known, indent=1).encode())


def cost_of(job):
    """The cost.Cost of a job's last stage, with the highest peak of all its stages; or None."""
    try:
        with ONE_AT_A_TIME:
            laid_out = planned(job)
            found = [cost.measure(laid_out, stage) for stage in range(len(job.methods))]
    except InputError:  # such as a start whose few samples all have the same reward
        return None
    return found[-1]._replace(peak=max(stage.peak for stage in found))


def budget_said(found):
    """The budget and what the brackets are, in a sentence each."""
    unit, _, amount = found.config.budget.partition(":")
    words = {
        "recipe": "every method by its own recipe, so they use different amounts",
        "samples": f"at most {amount} completions drawn by each, to within one rollout",
        "steps": f"{amount} gradient steps of each",
        "seconds": f"{amount} seconds of training each, so this does not come out twice the same",
    }
    over = f"over {found.seeds} seeds (bootstrap)"
    if found.seeds == 1:
        over = "over held-out problems (Wilson), for this one seed"
    return [
        f"budget: {words[unit]} (--budget {found.config.budget})",
        f"[low, high]: 95 % intervals {over}",
    ]


def figures_of(found):
    """{name: (figure, caption)} of a comparison."""
    rows = found.rows
    drawn = {
        "scores": (comparison_plots.scores(rows), "what every method came to; dots are seeds"),
        "frontier": (comparison_plots.frontier(rows, found.exact), "reward against KL"),
        "learning": (
            comparison_plots.learning(rows),
            "learning curves, bands from lowest to highest seed",
        ),
        "costs": (comparison_plots.costs(rows, found.costs), "what training takes"),
    }
    if len(report.by_method(rows)) <= comparison_plots.FEW:
        drawn["compare"] = (
            comparison_plots.overview(rows, found.exact),
            "the comparison in one picture",
        )
    return drawn


def write_report(found, folder):
    """The pictures as SVG and PNG, and report.html, which holds everything."""
    figures = []
    for name, (figure, caption) in figures_of(found).items():
        svg, _ = comparison_plots.write(figure, folder / name)
        if name != "compare":
            figures.append(page.picture(svg.read_text(encoding="utf8"), name, caption))
    results_, costs = report.main_cells(found.rows), report.cost_cells(found.rows, found.costs)
    notes = page.words(sentences.notes(found.rows))
    parts = [
        ("Results", [page.table(report.COLUMNS, results_, report.LEFT)]),
        ("In words", [page.words([*budget_said(found), *sentences.sentences(found.rows)])]),
        ("What it costs", [page.table(report.COSTS, costs, report.LEFT), notes]),
        ("Pictures", figures),
    ]
    title = f"{len(report.by_method(found.rows)) - 1} methods on {found.config.env}"
    write_atomically(folder / "report.html", page.written(title, parts).encode())


def free_folder(output, stem, resume, exact):
    """The folder of a run below `output`.

    stem     its name; a new run whose name was not typed takes stem-2, stem-3 … where it is taken
    resume   the newest of these
    exact    the name was typed: take it as it is
    """
    if exact:
        return named_folder(Path(output), stem, resume)
    tries = (Path(output) / (stem if i == 1 else f"{stem}-{i}") for i in itertools.count(1))
    taken = list(itertools.takewhile(Path.exists, tries))
    if not resume:
        return Path(output) / (f"{stem}-{len(taken) + 1}" if taken else stem)
    if not taken:
        raise InputError(f"there is no run {Path(output) / stem} to resume: leave --resume away")
    return taken[-1]


def named_folder(output, name, resume):
    """The folder of that name; InputError where it is no name, or where nothing can be resumed."""
    if name in (".", "..") or any(mark in name for mark in "/\\"):
        raise InputError(f"--name is {name!r}, want the name of one folder below --output")
    if resume and not (output / name).exists():
        raise InputError(f"there is no run {output / name} to resume: leave --resume away")
    return output / name
