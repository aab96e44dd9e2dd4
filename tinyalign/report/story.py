"""A small comparison as a story: a table of five columns, and three sentences to repeat.

Where all answers can be listed, the best policies are known, and the table says how near to them
each method came. Elsewhere the table says what each method was shown, and what it can do.
"""

import numpy as np

from tinyalign.report import intervals, plots
from tinyalign.report.rows import by_method, fits_one_table
from tinyalign.report.tables import accuracy_cell, mean_cell

KNOWN = ("method", "reward", "KL, nats", "known answer", "gap")
LEARNED = ("method", "was shown", "accuracy, %", "KL, nats", "seconds")
NEAR = 0.02  # a gap in reward up to which an end point is called the known answer
SHOWN = {  # what a method learns from, in words
    "demonstrations": "the answers",
    "pairs": "which of two is better",
    "triples": "the answer and a worse pair",
    "thumbs": "which are good",
    "rankings": "how several rank",
    "rewards": "a score of its own tries",
}


def has_story(comparison):
    """Whether a comparison is told this way: a few methods on a task, each for its own length."""
    config = comparison.config
    return fits_one_table(comparison.rows) and config.until is None and config.data is None


def is_known(rows):
    """Whether the best policies are known."""
    return bool(np.isfinite([row.known_reward for row in rows]).any())


def table(rows):
    """(columns, cells) of the table of five columns."""
    groups = by_method(rows).items()
    if is_known(rows):
        return KNOWN, [known_cells(method, group) for method, group in groups]
    return LEARNED, [learned_cells(method, group) for method, group in groups]


def known_cells(method, group):
    """A line of the table where the best policies are known; all of it exact."""
    return (
        method,
        mean_cell([row.exact_reward for row in group], ".3f"),
        mean_cell([row.exact_kl for row in group], ".3f"),
        mean_cell([row.known_reward for row in group], ".3f"),
        mean_cell([gap(row) for row in group], ".3f"),
    )


def learned_cells(method, group):
    """A line of the table where they are not."""
    return (
        method,
        shown_words(next((row for row in group if not row.failure), group[0])),
        accuracy_cell(group),
        mean_cell([row.kl for row in group], ".2f"),
        mean_cell([row.seconds for row in group], ".0f"),
    )


def gap(row):
    """Reward that the best policy at the same KL has more; NaN without an end point."""
    # Below 0 by rounding alone. NumPy keeps NaN, which max() would turn into a gap of 0.
    return float(np.maximum(0.0, row.known_reward - row.exact_reward))


def shown_words(row):
    """What a method was shown; of a single stage, or of a judge, how much of it too."""
    *earlier, _ = (stage.partition("@")[0] for stage in row.method.split(","))
    words = SHOWN[row.learns_from]
    if row.learns_from == "rewards" and "reward" in earlier:
        alone = earlier == ["reward"] and np.isfinite(row.labels)
        count = f"{row.labels / 2:,.0f} " if alone else ""
        return f"{count}pairs, and scores learned from them"
    if earlier:  # the counts of a row are sums over its stages
        return words
    if row.learns_from == "pairs" and np.isfinite(row.labels):
        return f"{words}, {row.labels / 2:,.0f} pairs"
    if row.learns_from == "rewards" and np.isfinite(row.samples):
        return f"a score of each of its own {row.samples:,.0f} tries"
    return words


def sentences(rows, problems=()):
    """Three sentences, and one for each problem whose answers were read.

    problems  runs.compare.samples.Problem
    """
    if is_known(rows):
        return known_sentences(rows)
    return [*learned_sentences(rows), *map(problem_sentence, problems)]


def known_sentences(rows):
    """What the table of known answers says."""
    groups = {method: group for method, group in by_method(rows).items() if method != "start"}
    gaps = {m: plots.finite_mean([gap(row) for row in group]) for m, group in groups.items()}
    near = [method for method, value in gaps.items() if value <= NEAR]
    far = [f"{method} (by {value:.3f})" for method, value in gaps.items() if value > NEAR]
    lines = [
        "Known answer: no policy at this distance (KL) from the start has a higher reward. All "
        "answers can be listed here, so it is computed, not estimated."
    ]
    parts = []
    if near:
        most = max(gaps[method] for method in near)
        parts.append(f"{joined(near)} reached it to within {max(most, 0.001):.3f}")
    if far:
        parts.append(f"{'' if near else 'No method reached it: '}{joined(far)} fell short of it")
    parts += broken_off(groups)
    idle = [m for m, g in groups.items() if np.isnan(gaps[m]) and not any(r.failure for r in g)]
    if idle:
        parts.append(f"{joined(idle)} {'train' if len(idle) > 1 else 'trains'} no policy")
    lines += [f"{'; '.join(parts)}."] if parts else []
    return lines + price_sentences(groups)


def broken_off(groups):
    """Words on each method with failed runs: how many, and whose figures are shown.

    groups  {method: its rows}
    """
    words = []
    for method, group in groups.items():
        failed = sum(bool(row.failure) for row in group)
        if failed == len(group):
            words.append(f"{method} broke off")
        elif failed:
            count = f"{failed} of {len(group)} seeds"
            words.append(f"{method} broke off on {count}, and its figures are of the rest")
    return words


def price_sentences(groups):
    """What the known answer costs in distance: a sentence, or none for a single method."""
    ends = [
        (
            plots.finite_mean([row.exact_kl for row in group]),
            plots.finite_mean([row.known_reward for row in group]),
        )
        for group in groups.values()
    ]
    ends = sorted(end for end in ends if np.isfinite(end).all())
    if len(ends) < 2:
        return []
    (near_kl, low), (far_kl, high) = ends[0], ends[-1]
    return [
        f"Reward costs distance: the known answer is {low:.3f} at a KL of {near_kl:.2f}, and "
        f"{high:.3f} at {far_kl:.2f}."
    ]


def learned_sentences(rows):
    """What the table says where the best policies are not known: problems, scores, doubt."""
    groups = {m: g for m, g in by_method(rows).items() if np.isfinite(accuracy_of(g))}
    start = accuracy_of(groups["start"]) if "start" in groups else np.nan
    lines = [
        f"Before: the start solves {100 * start:.1f} % of {rows[0].problems} problems that nothing "
        "was trained on."
    ]
    scores = [f"{m} {100 * accuracy_of(g):.1f} %" for m, g in groups.items() if m != "start"]
    parts = [*([joined(scores)] if scores else []), *broken_off(by_method(rows))]
    if parts:
        lines.append(f"After: {'; '.join(parts)}.")
    seeds = max(map(len, by_method(rows).values()))
    if seeds < intervals.ENOUGH:
        shown = {shown_words(row) for row in rows if row.method != "start" and not row.failure}
        differ = "; and methods were shown different things" if len(shown) > 1 else ""
        lines.append(
            f"This is no ranking: a ranking takes {intervals.ENOUGH} seeds (--seeds "
            f"{intervals.ENOUGH}), this is {seeds}{differ}."
        )
    return lines


def accuracy_of(group):
    """Mean accuracy over the seeds that ended."""
    return plots.finite_mean([row.accuracy for row in group])


def problem_sentence(problem):
    """What each policy answers: "12+34= is 046: the start writes 045, sft and dpo write 046."."""
    said = {}
    for method, answer in problem.answers.items():
        said.setdefault(answer, []).append("the start" if method == "start" else method)
    parts = [
        f"{joined(names)} {'write' if len(names) > 1 else 'writes'} {answer or 'nothing'}"
        for answer, names in said.items()
    ]
    return f"{problem.prompt} is {problem.solution}: {'; '.join(parts)}."


def joined(names):
    """ "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
