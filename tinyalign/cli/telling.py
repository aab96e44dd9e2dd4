"""What the terminal says at the end of a small comparison, and of a run."""

import shlex
from pathlib import Path

from rich.table import Table

from tinyalign import methods, report
from tinyalign.cli.screen import print_lines, printer
from tinyalign.errors import shown
from tinyalign.report import story
from tinyalign.runs.dataset import START
from tinyalign.runs.files import read_summaries

PROBLEM_SETTINGS = ("env", "digits", "data", "eval_size")  # which problems accuracy is measured on


def print_story(comparison, budget, folder):
    """A table of five columns, what a newcomer can repeat, and where the rest is.

    comparison  runs.compare.results.Results
    budget      sentences on the budget and the brackets
    """
    console, rows = printer(), comparison.rows
    console.print(f"\n{comparison.config.env}\n", style="bold")
    console.print(story_table(*story.table(rows)))
    console.print()
    print_lines(console, story.sentences(rows, comparison.problems))
    print_lines(console, [f"{r.method}, seed {r.seed}: {r.failure}" for r in rows if r.failure])
    console.print()
    # Nothing is estimated where the best policies are known.
    print_lines(console, budget[:1] if story.is_known(rows) else budget, style="dim")
    where = f"entropy, memory, seconds, curves and pictures: {shown(folder)}/report.html"
    console.print(where, soft_wrap=True, markup=False)


def print_finished(comparison, lines):
    """A table of runs that were made one by one, and why it is no ranking.

    comparison  runs.compare.results.Results
    lines       finished.sentences
    """
    console = printer()
    console.print(f"{comparison.config.env}\n", style="bold")
    console.print(story_table(*story.table(comparison.rows)))
    console.print()
    print_lines(console, lines)


def story_table(columns, cells):
    """A rich Table; only the column of words may break in two lines."""
    table = Table(**report.PLAIN)
    for name in columns:
        words = name == "was shown"
        left = words or name == "method"
        table.add_column(
            name,
            justify="left" if left else "right",
            overflow="fold",
            no_wrap=not words,
        )
    for line in cells:
        table.add_row(*line)
    return table


def run_sentences(run_plan, summaries, folder):
    """What a finished run shows, in three sentences, and how to ask its model.

    run_plan   runs.plan.RunPlan
    summaries  of its stages, a dict each
    """
    last, stage = summaries[-1], run_plan.stages[-1]
    if stage.method.trains_reward_model:
        share = 100 * last["eval_accuracy"]
        return [
            f"{last['method']} was shown {amount_shown(last)}.",
            f"It scores the better of two higher in {share:.0f} % of pairs from problems that it "
            "was not trained on.",
        ]
    lines = [f"{last['method']} was shown {amount_shown(last)}."]
    if run_plan.task is None:
        lines += file_sentences(stage, last)
    elif last.get("settings", {}).get("env") == "bandit":
        lines += bandit_sentences(folder, last)
    else:
        lines += problem_sentences(run_plan, summaries)
    if not stage.method.trains:  # the model is still the start
        return lines
    command = f"tinyalign write {shown(folder)} {example_of(run_plan)} --before"
    return [*lines, f"To ask it: {command}"]


def amount_shown(summary):
    """What a stage learned from, and how much of it."""
    learns_from, judged = summary["learns_from"], summary["completions_judged"]
    words = story.SHOWN[learns_from]
    if learns_from == "pairs" and judged:
        return f"{words}, in {judged // 2:,} pairs"
    if learns_from == "rewards":
        learned = "learned " * (summary["settings"]["reward"] == "model")
        return f"a {learned}score of each of its own {summary['completions_sampled']:,} tries"
    return words


def bandit_sentences(folder, summary):
    """Reward, KL, and how far the run ended from the optimum that is known."""
    from tinyalign.runs import asking

    points = asking.end_points(folder)
    if points is None:  # at test time the best of some tries is taken, and no policy changes
        return [f"What it takes has a mean reward of {summary['eval_reward']:.3f}."]
    (kl, reward), start, best = points
    lines = [
        f"Its expected reward went from {start:.3f} to {reward:.3f}, {kl:.3f} nats (KL) from its "
        "start."
    ]
    if best is not None and "eval_optimum_kl" in summary:
        beta = summary["settings"]["beta"]
        lines.append(
            f"Known answer: the best policy for beta {beta:g} has reward {best[1]:.3f} at "
            f"{best[0]:.3f} nats; the run ended {summary['eval_optimum_kl']:.3f} nats from it."
        )
    else:
        lines.append(
            f"tinyalign has no formula for the best policy of {summary['method']} under these "
            "settings, so no known answer is printed."
        )
    return lines


def problem_sentences(run_plan, summaries):
    """How many problems the policy solves now, and solved before; and how far it moved."""
    last, count = summaries[-1], min(len(run_plan.task.held_out), run_plan.config.eval_size)
    before = accuracy_before(run_plan, summaries)
    began = "" if before is None else f", and {100 * before:.0f} % before {last['method']}"
    lines = [
        f"It solves {100 * last['eval_accuracy']:.0f} % of {count} problems that it was not "
        f"trained on{began}."
    ]
    if "eval_kl" in last:
        lines.append(f"It ended {last['eval_kl']:.2f} nats (KL of a completion) from its start.")
    return lines


def accuracy_before(run_plan, summaries):
    """Accuracy of the policy with which the last stage began, on the same problems; or None."""
    start, last = run_plan.config.init_from, summaries[-1]
    known = start and (Path(start) / "summary.json").exists()
    earlier = [*(read_summaries(Path(start)) if known else []), *summaries[:-1]]
    # Those of a reward model are over pairs, and at test time no policy changes.
    policies = [stage for stage in earlier if methods.find(stage["method"]).trains == "policy"]
    if not policies:
        return None
    then, now = policies[-1]["settings"], last["settings"]
    same = all(then.get(name) == now.get(name) for name in PROBLEM_SETTINGS)
    return policies[-1].get("eval_accuracy") if same else None


def file_sentences(stage, last):
    """What the figures of a run on a file of one's own are."""
    lines = []
    count = len(stage.held_out_data.prompts)
    if "eval_accuracy" in last:
        right = round(last["eval_accuracy"] * count)
        lines.append(
            f"In {right} of {count} held-out pairs the chosen answer has gained on the rejected "
            "one since the start" + (": too few to tell much." if count < 30 else ".")
        )
    if "eval_nll" in last:
        lines.append(
            f"A character of a held-out answer costs it {last['eval_nll']:.2f} nats (0: it knew "
            "each)."
        )
    return lines


def example_of(run_plan):
    """A prompt to ask, as it is typed."""
    if run_plan.task is not None:
        prompt = run_plan.task.held_out[len(run_plan.task.held_out) // 2]
    else:
        prompt = run_plan.stages[-1].held_out_data.prompts[0].removeprefix(START)
    return shlex.quote(shown(prompt))
