"""A comparison in words: which method is better, said only where intervals support it."""

from tinyalign.report import intervals
from tinyalign.report.rows import by_method, ends_at_goal, score_name
from tinyalign.report.tables import COSTS, main_columns

FEW = 6  # methods for which every pair is named
NOTES = (  # a line each: what the columns of the tables are; in braces: words of `notes`
    {
        "accuracy, %": "accuracy: the likeliest completion of held-out problems",
        "reward": "reward: of sampled completions of them",
        "KL, nats": "KL: to the start, nats per completion",
        "entropy": "entropy: nats per token",
    },
    {
        "samples": "samples: completions drawn while training",
        "samples to {goal}": "samples to {goal}: those drawn by the first evaluation with this "
        "{asked}, – if the start has it already",
        "failed runs": "failed runs: seeds that broke off, or ended below their start in {score}",
    },
    {
        "memory": "memory: weights and optimizer state, to the byte",
        "peak memory": "peak memory: those and the most that one step allocates besides, measured",
        "networks": "RM: reward model; ref: frozen reference",
    },
    {
        "forward": "forward, backward: completions that a network reads, or gradients go back "
        "through, in one update (gradient step of the policy)",
        "tokens": "tokens: sampled for it",
        "seconds": "seconds: without evaluation",
    },
)


def notes(rows, columns=()):
    """The lines below the tables, about these columns only; () for all of them."""
    columns = columns or (*main_columns(rows), *COSTS)
    goal = rows[0].goal
    words = {"score": score_name(rows), "goal": goal.words, "asked": goal.score}
    lines = [
        [text.format(**words) for name, text in line.items() if name.format(**words) in columns]
        for line in NOTES
    ]
    return ["; ".join(line) for line in lines if line]


def goal_sentences(rows):
    """Which methods ended at the goal, in how many of their runs, and which in none: two lines."""
    names_by_verdict = {"reached": [], "not reached": []}
    for method, group in by_method(rows).items():
        # A start and a judge have no curve; a run that broke off has none either, but counts.
        if method != "start" and any(row.curve or row.failure for row in group):
            count = sum(map(ends_at_goal, group))
            verdict = "reached" if count else "not reached"
            names_by_verdict[verdict].append(f"{method} ({count}/{len(group)})")
    # A verdict that no method got has no line.
    goal = rows[0].goal
    return [
        f"{goal.score} {goal.amount:g} {verdict}: {', '.join(names)}"
        for verdict, names in names_by_verdict.items()
        if names
    ]


def sentences(rows):
    """The closing lines of a comparison, a list of strings."""
    scores, score = scores_by_seed(rows)
    seeds = max((len(values) for values in scores.values()), default=0)
    if seeds < intervals.ENOUGH:
        runs = f"{intervals.ENOUGH} needed, {seeds} run"
        return [f"too few seeds to rank methods: {runs} (--seeds {intervals.ENOUGH})"]
    lines = against_start(scores, score)
    names = [name for name in scores if name != "start"]
    few = len(names) <= FEW
    lines += every_pair(scores, names) if few else against_best(scores, names)
    # Few: all pairs, the start included. Many: each with the start, and the best with the others.
    comparisons = len(names) * (len(names) + 1) // 2 if few else 2 * len(names) - 1
    expected = f"{comparisons / 20:.0f}"  # one in twenty, at 95 %
    plural = "" if expected == "1" else "s"
    return [
        *lines,
        f"{comparisons} paired comparisons of {score} at 95 % confidence: "
        f"expect about {expected} false positive{plural}",
    ]


def scores_by_seed(rows):
    """({method: {seed: score}} of runs that were measured, the name of the score)."""
    score = score_name(rows)
    scores = {}
    for method, group in by_method(rows).items():
        values = {row.seed: getattr(row, score) for row in group if not row.failure}
        # NaN is not equal to itself: a score that was not measured is left out.
        measured = {seed: value for seed, value in values.items() if value == value}
        if measured:
            scores[method] = measured
    return scores, score


def against_start(scores, score):
    """Up to three lines: methods better than the start, worse, and those that cannot be told.

    score  the name of what is compared; said where it is not the accuracy that readers expect
    """
    start = scores.get("start", {})
    names_by_verdict = {1: [], -1: [], 0: []}
    for name, values in scores.items():
        if name != "start":
            names_by_verdict[intervals.verdict(values, start)].append(name)
    words = {1: "better than the start", -1: "worse than the start", 0: "not told from the start"}
    by = "" if score == "accuracy" else f" in {score}"
    # A verdict that no method got has no line.
    return [
        f"{words[verdict]}{by}: {', '.join(names)}"
        for verdict, names in names_by_verdict.items()
        if names
    ]


def every_pair(scores, names):
    """For each method the methods that it beats, and the pairs that cannot be told apart."""
    lines, apart = [], []
    for i, first in enumerate(names):
        # Against all others: those before it in the list too.
        beaten = [n for n in names if intervals.verdict(scores[first], scores[n]) > 0]
        lines += [f"{first} better than {', '.join(beaten)}"] if beaten else []
        # Against those after it: a pair that cannot be told apart is named once.
        apart += [
            f"{first} – {second}"
            for second in names[i + 1 :]
            if intervals.verdict(scores[first], scores[second]) == 0
        ]
    return [*lines, f"cannot be told apart: {', '.join(apart)}"] if apart else lines


def against_best(scores, names):
    """The method with the highest mean, the methods it beats and those it cannot be told from."""
    best = max(names, key=lambda name: sum(scores[name].values()) / len(scores[name]))
    others = [name for name in names if name != best]
    verdicts = {name: intervals.verdict(scores[best], scores[name]) for name in others}
    beaten = [name for name in others if verdicts[name] > 0]
    rest = [name for name in others if verdicts[name] <= 0]
    lines = [f"{best}, highest on average, better than {', '.join(beaten)}"] if beaten else []
    return [*lines, f"cannot be told from {best}: {', '.join(rest)}"] if rest else lines
