"""Symptoms that any training may show. Each function says what it measures and its threshold."""

import numpy as np

from tinyalign.notes.explain.measures import (
    SURE,
    early,
    falls,
    from_to,
    jump,
    late,
    not_seen,
    rises,
    seen,
    seen_if,
    too_few,
    undecided,
)

EXPLODES = 20.0  # times the median of the first half
RISES_AGAIN = 0.05  # of the size of the lowest held-out loss
EVALUATIONS = 4  # fewer held-out measurements show no trend


def not_a_number(log):
    """One loss or gradient norm that is NaN or infinite.

    A few infinite gradient norms with finite losses decide nothing: a loss scaler skips the step.
    """
    for name in ("loss", "value_loss", "grad_norm"):
        values = log.all_values(name)
        if not np.all(np.isfinite(values)):
            first = int(np.argmax(~np.isfinite(values)))
            evidence = f"{log.key(name)} is {values[first]} in row {first + 1}"
            if name == "grad_norm" and is_skipped(log):
                return undecided(f"{evidence}; did a loss scaler skip that step?")
            return seen(evidence)
    return not_seen() if log.has("loss") else None


def is_skipped(log):
    """Whether at most a tenth of the gradient norms are infinite, none NaN, and no loss is."""
    norms, losses = log.all_values("grad_norm"), log.all_values("loss")
    few = np.sum(np.isinf(norms)) <= max(1, len(norms) // 10)
    return bool(few and not np.any(np.isnan(norms)) and np.all(np.isfinite(losses)))


def gradient_explodes(log):
    """The last fifth is EXPLODES times the median of the first half, which is not 0."""
    values = log.values("grad_norm")
    if not values.size:
        return None
    if few := too_few(values, "grad_norm"):
        return few
    usual = float(np.median(values[: len(values) // 2]))
    evidence = f"grad_norm {usual:.3g} in the first half, {late(values):.3g} at the end"
    if not usual:
        return not_seen(f"{evidence}; most early rows have no gradient, as with sparse rewards")
    return seen_if(late(values) > EXPLODES * usual and late(values) > 1, evidence)


def over_fitting(log):
    """The training loss falls; the last two held-out losses are well above the lowest.

    Well above is 5 % and three usual jumps of the held-out loss between neighbours.
    """
    held_out, loss = log.values("eval_loss"), log.values("loss")
    if not held_out.size or not loss.size:
        return None
    if len(held_out) < EVALUATIONS:
        return undecided(f"{len(held_out)} held-out losses, want {EVALUATIONS}")
    if few := too_few(loss, "loss"):
        return few
    lowest = float(np.min(held_out))
    evidence = f"eval_loss lowest at {lowest:.3g}, now {held_out[-1]:.3g}; {from_to('loss', loss)}"
    room = max(RISES_AGAIN * abs(lowest), SURE * jump(held_out))  # a loss may be negative
    return seen_if(np.min(held_out[-2:]) > lowest + room and falls(loss), evidence)


def accuracy_out_of_range(log):
    """One accuracy above 1 or below 0."""
    keys = {key for row in log.rows for key in row if "accurac" in key}
    for key in sorted(keys):
        for number, row in enumerate(log.rows, 1):
            value = row.get(key)
            if isinstance(value, (int, float)) and not -1e-6 <= value <= 1 + 1e-6:
                return seen(f"{key} is {value:.4g} in row {number}")
    return not_seen() if keys else None


def value_loss_explodes(log):
    """The last fifth is ten times the median of the first half; the reward does not rise."""
    values = log.values("value_loss")
    if not values.size:
        return None
    key = log.key("value_loss")
    if few := too_few(values, key):
        return few
    usual = float(np.median(values[: len(values) // 2]))
    evidence = f"{key} {usual:.3g} in the first half, {late(values):.3g} at the end"
    if not (late(values) > 10 * usual and late(values) > early(values)):
        return not_seen(evidence)
    if log.has("reward") and rises(log.values("reward")):
        return undecided(f"{evidence}; the reward rises: are the returns larger now?")
    return seen(evidence)


SIGNS = {
    "not_a_number": not_a_number,
    "gradient_explodes": gradient_explodes,
    "over_fitting": over_fitting,
    "accuracy_out_of_range": accuracy_out_of_range,
    "value_loss_explodes": value_loss_explodes,
}
