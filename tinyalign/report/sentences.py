"""What a comparison can say in words: which method is better, only where intervals say so."""

from tinyalign.report import intervals
from tinyalign.report.rows import by_method, judged_by
from tinyalign.report.tables import COLUMNS, COSTS

FEW = 6  # methods of which every pair is named
NOTES = (  # a line each: what the columns of the tables are; {judged}: accuracy or reward
    {
        "accuracy, %": "accuracy: the likeliest completion of held-out problems",
        "reward": "reward: of sampled completions of them",
        "KL, nats": "KL: to the start, nats per completion",
        "entropy": "entropy: nats per token",
    },
    {
        "samples": "samples: completions drawn while training",
        "to 90 %": "to 90 %: at the first look that found so much accuracy, – where the start "
        "has it already",
        "failed": "failed: seeds that broke off, or ended below their start in {judged}",
    },
    {
        "memory": "memory: weights and optimizer state, to the byte",
        "peak": "peak: those and the most that one step allocates besides, measured",
        "models held": "RM: reward model; ref: frozen reference",
    },
    {
        "forward": "forward, backward: completions that a network reads, or gradients go back "
        "through, in one update (gradient step of the policy)",
        "tokens": "tokens: sampled for it",
        "seconds": "seconds: without evaluation",
    },
)


def notes(rows, columns=(*COLUMNS, *COSTS)):
    """What stands below the tables: a list of lines, about these columns only."""
    judged = judged_by(rows)
    shown = [[told for name, told in line.items() if name in columns] for line in NOTES]
    return ["; ".join(line).format(judged=judged) for line in shown if line]


def sentences(rows):
    """The closing lines of a comparison, a list of strings."""
    scores, measured = scores_of(rows)
    seeds = max((len(values) for values in scores.values()), default=0)
    if seeds < intervals.ENOUGH:
        return [
            f"nothing is called better with fewer than {intervals.ENOUGH} seeds here "
            f"({seeds} ran): --seeds {intervals.ENOUGH}"
        ]
    lines = against_start(scores, measured)
    names = [name for name in scores if name != "start"]
    lines += every_pair(scores, names) if len(names) <= FEW else against_best(scores, names)
    every = len(names) * (len(names) + 1) // 2  # the start is one of them
    pairs = every if len(names) <= FEW else 2 * len(names) - 1
    told = f"{pairs} paired differences in {measured}, each at 95 %"
    return [*lines, f"{told}: about {pairs / 20:.0f} would be called by chance among equals"]


def scores_of(rows):
    """{method: {seed: score}} of methods that were measured, and what the score is."""
    measured = judged_by(rows)
    groups = by_method(rows)
    scores = {
        method: {row.seed: getattr(row, measured) for row in group if not row.diverged}
        for method, group in groups.items()
    }
    known = {m: {s: v for s, v in of.items() if v == v} for m, of in scores.items()}
    return {method: of for method, of in known.items() if of}, measured


def against_start(scores, measured):
    """Three lists: better than the start, worse, and what cannot be told from it.

    measured  what the scores are; said where they are not the accuracy that readers expect
    """
    start = scores.get("start", {})
    found = {1: [], -1: [], 0: []}
    for name, values in scores.items():
        if name != "start":
            found[intervals.verdict(values, start)].append(name)
    words = {1: "better than the start", -1: "worse than the start", 0: "not told from the start"}
    by = "" if measured == "accuracy" else f" in {measured}"
    return [f"{words[sign]}{by}: {', '.join(names)}" for sign, names in found.items() if names]


def every_pair(scores, names):
    """For each method those that it beats, and the pairs that cannot be told apart."""
    lines, apart = [], []
    for i, first in enumerate(names):
        beaten = [n for n in names if intervals.verdict(scores[first], scores[n]) > 0]
        lines += [f"{first} better than {', '.join(beaten)}"] if beaten else []
        apart += [
            f"{first} – {second}"
            for second in names[i + 1 :]
            if intervals.verdict(scores[first], scores[second]) == 0
        ]
    return [*lines, f"cannot be told apart: {', '.join(apart)}"] if apart else lines


def against_best(scores, names):
    """The method with the highest mean, what it beats and what cannot be told from it."""
    best = max(names, key=lambda name: sum(scores[name].values()) / len(scores[name]))
    others = [name for name in names if name != best]
    found = {name: intervals.verdict(scores[best], scores[name]) for name in others}
    beaten = [name for name in others if found[name] > 0]
    rest = [name for name in others if found[name] <= 0]
    lines = [f"{best}, highest on average, better than {', '.join(beaten)}"] if beaten else []
    return [*lines, f"cannot be told from {best}: {', '.join(rest)}"] if rest else lines
