"""A comparison in words: which method is better, said only where intervals support it."""

import numpy as np

from tinyalign.report import differences, intervals, matched
from tinyalign.report.rows import DIGITS, SCALE, by_method, ends_at_goal, score_name

MOST_NAMES = 8  # in a list; a longer one stands in the table of differences
PLACE = "listed under Differences"
MOST_SENTENCES = 5  # about a table
NEAR_OPTIMUM = 0.02  # nats per prompt
NOTES = (  # a line each: how columns begin, what they are; in braces: words of `notes`
    {
        "accuracy, %": "accuracy: the likeliest completion of held-out problems",
        "reward": "reward: of sampled completions of them",
        "KL, nats": "KL: to the start, nats per completion",
        "KL to optimum": "KL to optimum: of the policy to the best one for the method's own "
        "objective, nats per prompt",
        "entropy": "entropy: nats per token",
    },
    {
        "at KL": "at KL k: the score where a run first was k nats from its start, interpolated "
        "between evaluations; nine tenths of the table's runs go so far; (m/n): seeds that do",
        "sensitivity": "sensitivity: the score of the search's median setting minus that of the "
        "chosen one",
    },
    {
        "labels": "labels: judged completions that a method learned from, two a pair, one a thumb",
        "completions": "completions: drawn while training",
        "updates": "updates: gradient steps of the policy",
        "completions to {goal}": "completions to {goal}: those drawn by the first evaluation with "
        "this {asked}, – if the start has it already",
        "updates to {goal}": "updates to {goal}: those before the first evaluation with this "
        "{asked}, – if the start has it already",
        "failed seeds": "failed seeds: those that broke off, or ended below their start in {score}",
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


def notes(rows, columns):
    """The lines below the tables, about these columns only."""
    goal = rows[0].goal
    words = {"score": score_name(rows), "goal": goal.words, "asked": goal.score}
    lines = [
        [
            text.format(**words)
            for name, text in line.items()
            if any(column.startswith(name.format(**words)) for column in columns)
        ]
        for line in NOTES
    ]
    several = any("@" in row.method for row in rows)
    lines += [["method@4: with four updates a rollout, method@1 with one"]] if several else []
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


def ranking_sentence(rows):
    """How methods are ranked, or why they are not."""
    seeds = max(map(len, by_method(rows).values()))
    if seeds < intervals.ENOUGH:
        runs = f"{intervals.ENOUGH} needed, {seeds} run"
        return f"too few seeds to rank methods: {runs} (--seeds {intervals.ENOUGH})"
    return (
        "better, worse: by Student's paired t test over seeds, at 5 % after Holm's correction for "
        "all tests of a table, which are every method against the start and all pairs of methods"
    )


def table_sentences(rows, tests):
    """What the numbers of one table say, in MOST_SENTENCES at most; the last one gives way.

    rows   of one table, the start among them
    tests  their differences.differences, one or more
    """
    best = differences.best_method(rows, tests)
    several = set(differences.against(tests, best)) != {"start"}
    lines = [
        optimum_sentence(rows),
        start_sentence(tests),
        best_sentence(rows, tests, best) if several else "",
        worse_sentence(tests, best),
        apart_sentence(tests, score_name(rows)),
        matched_sentence(rows),
    ]
    return [line for line in lines if line][:MOST_SENTENCES]


def listed(names):
    """The names where they are few, otherwise where they are listed."""
    return ", ".join(names) if len(names) <= MOST_NAMES else PLACE


def counted(names):
    """ "dpo", or "3 methods (a, b, c)"."""
    return names[0] if len(names) == 1 else f"{len(names)} methods ({listed(names)})"


def score_text(value, score):
    """78.2 %, or 0.871."""
    return f"{SCALE[score] * value:.{DIGITS[score]}f}{' %' if score == 'accuracy' else ''}"


def optimum_sentence(rows):
    """How many methods end near the optimum of their own objective, and who does not."""
    # A run that broke off has no distance, and its method is not called near.
    groups = {name: [row.optimum_kl for row in group] for name, group in by_method(rows).items()}
    groups = {name: values for name, values in groups.items() if not np.isnan(values).all()}
    far = [
        f"{name} {np.nanmean(values):.2g}"
        for name, values in groups.items()
        if not np.mean(values) <= NEAR_OPTIMUM
    ]
    sentence = (
        f"{len(groups) - len(far)} of {len(groups)} methods with a known optimum end within "
        f"{NEAR_OPTIMUM} nats of it on average"
    )
    return (f"{sentence}; the others: {listed(far)}." if far else f"{sentence}.") if groups else ""


def start_sentence(tests):
    """Who is better than the start, who is worse, and who is not told from it."""
    words = {1: "better than the start", -1: "worse than the start", 0: "not told from the start"}
    names_by_verdict = {verdict: [] for verdict in words}
    for name, test in differences.against(tests, "start").items():
        names_by_verdict[test.verdict].append(name)
    # A verdict that no method got has no part in the sentence.
    parts = [
        f"{counted(names)} {'is' if len(names) == 1 else 'are'} {words[verdict]}"
        for verdict, names in names_by_verdict.items()
        if names
    ]
    return "; ".join(parts) + "." if parts else ""


def best_sentence(rows, tests, best):
    """Who is highest, and who is not told from that method."""
    values = differences.scores_by_seed(rows)[best].values()
    highest = f"{best} is highest with {score_text(sum(values) / len(values), score_name(rows))}"
    others = [name for name in differences.best_group(rows, tests) if name != best]
    if not others:
        return f"{highest}."
    return f"{highest}; {counted(others)} {'is' if len(others) == 1 else 'are'} not told from it."


def worse_sentence(tests, best):
    """Who is worse than the highest method."""
    against = differences.against(tests, best)
    worse = [name for name, test in against.items() if test.verdict < 0 and name != "start"]
    return f"{best} is better than {counted(worse)}." if worse else ""


def apart_sentence(tests, score):
    """How many tests tell nothing, and the widest interval among them."""
    apart = [test for test in tests if not test.verdict]
    if not apart:
        return ""
    widest = max(apart, key=lambda test: test.high - test.low)
    points = " points" if score == "accuracy" else ""
    return (
        f"{len(apart)} of {len(tests)} tests tell no difference; the widest of their intervals is "
        f"that of {widest.first} minus {widest.second}, "
        f"{differences.difference_text(widest, score)}{points}."
    )


def matched_sentence(rows):
    """Who leads at the matched KL, where the order there is another than at the end."""
    score, at_kl = score_name(rows), matched.means_at_kl(rows)
    scores = differences.scores_by_seed(rows)
    end = {name: sum(scores[name].values()) / len(scores[name]) for name in at_kl if name in scores}
    names = list(end)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    turned = sum((end[a] - end[b]) * (at_kl[a] - at_kl[b]) < 0 for a, b in pairs)
    if not turned:
        return ""
    first, last = max(names, key=at_kl.get), max(names, key=end.get)
    leads = f"{first} leads with {score_text(at_kl[first], score)}"
    if first != last:
        leads += f" before {last} with {score_text(at_kl[last], score)}"
    return (
        f"At KL {matched.matched_kl(rows):.2g} {leads}; {turned} of {len(pairs)} pairs of methods "
        "stand the other way round than at the end."
    )
