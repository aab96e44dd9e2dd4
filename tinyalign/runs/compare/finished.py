"""Runs that were made one by one, put side by side: their results, and why they are no ranking."""

from collections import Counter
from pathlib import Path

import numpy as np

from tinyalign import methods, report
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError
from tinyalign.report import comparison_plots, intervals, story
from tinyalign.runs import asking, files, lookup
from tinyalign.runs.compare import known, results
from tinyalign.runs.config import Config
from tinyalign.runs.folder import has_ended

SAME_TASK = ("env", "digits", "eval_size")  # settings that decide what a score is measured on
AMOUNTS = {  # of MethodResult: what a run may use, in words
    "samples": "completions drawn",
    "labels": "completions judged",
}


def read(typed):
    """results.Results of runs in folders of their own, in the order typed; without a start.

    typed    folders of runs, or their names below runs/, two or more
    raises   InputError for a run that is not finished or has no policy, and for several tasks
    """
    folders = [asking.find_run(name) for name in typed]
    if len(set(folders)) < 2 or len(set(folders)) < len(folders):
        raise InputError("name two different runs or more, as `tinyalign runs` lists them")
    summaries = [read_policy_run(folder) for folder in folders]
    configs = [Config(**own[-1]["settings"]) for own in summaries]
    require_same_task(folders, configs)
    names, task = names_of(folders, summaries), lookup.find_task(configs[0])
    stages = map(len, summaries)
    rows = list(map(result_row, names, folders, configs, stages))
    if not known.is_enumerable(task):
        return results.Results(rows, {}, (), configs[0], 1)
    starts = [asking.probs_of(asking.read_trained(folder, before=True)) for folder in folders]
    reward = known.letter_rewards(task)
    rows = [
        with_known_answer(row, folder, start, reward)
        for row, folder, start in zip(rows, folders, starts, strict=True)
    ]
    exact = np.mean([known.frontier_of(start, reward) for start in starts], axis=0)
    return results.Results(rows, {}, tuple(exact), configs[0], 1)


def read_policy_run(folder):
    """The summaries of a run; InputError unless it is finished, and of a policy and a task."""
    if not has_ended(folder):
        raise InputError(
            f"the run {folder} is not finished: type the command that began it again, with --resume"
        )
    summaries = files.read_summaries(folder)
    last = summaries[-1]
    if not methods.find(last["method"]).trains == "policy":
        raise InputError(f"{folder} trained no policy: --runs compares policies")
    if last["settings"]["data"]:
        raise InputError(
            f"{folder} was trained on a file of examples, where no score compares two methods: "
            "ask each run with `tinyalign write`"
        )
    return summaries


def require_same_task(folders, configs):
    """InputError where scores would be of different problems."""
    first = configs[0]
    for folder, other in zip(folders, configs, strict=True):
        for name in SAME_TASK:
            mine, theirs = getattr(first, name), getattr(other, name)
            if mine != theirs:
                raise InputError(
                    f"no comparison: {folders[0]} has {name} {mine}, and {folder} has {name} "
                    f"{theirs}, so their scores are of different problems"
                )


def names_of(folders, summaries):
    """A name for each run: its method, or its folder's name where two runs share a method."""
    last = [own[-1]["method"] for own in summaries]
    count = Counter(last)
    return [
        method if count[method] == 1 else folder.name
        for method, folder in zip(last, folders, strict=True)
    ]


def result_row(name, folder, config, stages):
    """The report.MethodResult of a run; its start is unknown but for what its files hold."""
    start = report.MethodResult("start", "", "")
    row = results.result_row(name, folder, start)
    return row._replace(seed=0, stages=stages, problems=results.num_eval_problems(config))


def with_known_answer(row, folder, start, reward):
    """The row with its exact end point, and the best reward at its KL.

    start, reward  (P, K) probabilities of its start, and rewards, of every answer
    """
    frontier = known.frontier_of(start, reward, known.FINE)
    probs = asking.probs_of(asking.read_trained(folder))
    return known.with_end_point(row, probs, start, reward, frontier)


def sentences(typed, rows):
    """Why the runs are no ranking, a sentence a reason, and the command that makes one.

    typed  as in read
    rows   of its Results
    """
    folders = [asking.find_run(name) for name in typed]
    last = [files.read_summaries(folder)[-1] for folder in folders]
    settings = [summary["settings"] for summary in last]
    reasons = [
        amounts_sentence(rows, name, words)
        for name, words in AMOUNTS.items()
        if len({getattr(row, name) for row in rows} - {0}) > 1  # 0: it learns from other things
    ]
    if not have_one_start(folders):
        reasons.append("the runs began from different policies")
    betas = {row.method: own["beta"] for row, own in zip(rows, settings, strict=True)}
    if len(set(betas.values())) > 1:
        said = ", ".join(f"{method} {beta:g}" for method, beta in betas.items() if beta is not None)
        reasons.append(f"beta differs ({said}), so the runs aim at different policies")
    if len({story.SHOWN[row.learns_from] for row in rows}) > 1:
        reasons.append("the methods were shown different things")
    reasons.append(f"one run of each is too few: a ranking takes {intervals.ENOUGH} seeds")
    names = " ".join(dict.fromkeys(summary["method"] for summary in last))
    return [
        "This is no ranking:",
        *(f"- {reason}" for reason in reasons),
        f"For one: tinyalign compare {names} --env {settings[0]['env']} --seeds {intervals.ENOUGH}",
    ]


def amounts_sentence(rows, name, words):
    """ "other budgets: completions drawn: dpo 131,072, grpo 102,400"."""
    said = ", ".join(f"{row.method} {getattr(row, name):,.0f}" for row in rows)
    return f"budgets differ in {words}: {said}"


def have_one_start(folders):
    """Whether the last stages of all runs began from the same policy."""
    starts = [files.load_tree(folder / asking.BEFORE)[0]["policy"] for folder in folders]
    return all(equal(starts[0], other) for other in starts[1:])


def equal(first, second):
    """Whether two trees hold the same numbers at the same places."""
    mine, theirs = leaves(first), leaves(second)
    return mine.keys() == theirs.keys() and all(
        np.array_equal(mine[path], theirs[path]) for path in mine
    )


def write_picture(comparison, folder):
    """The overview of the runs as compare.svg and compare.png in a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    rows = comparison.rows
    if story.is_known(rows):
        rows = [row._replace(kl=row.exact_kl, reward=row.exact_reward) for row in rows]
    figure = comparison_plots.overview(rows, comparison.exact)
    return comparison_plots.write(figure, Path(folder) / "compare")
