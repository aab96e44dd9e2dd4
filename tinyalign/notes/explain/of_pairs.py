"""Symptoms of losses on pairs. Each function says what it measures and its threshold."""

import numpy as np

from tinyalign.notes.explain.measures import (
    SURE,
    change,
    error,
    falls,
    from_to,
    jump,
    late,
    not_seen,
    rises,
    second_half,
    seen_if,
    too_few,
    undecided,
)

LOG_2 = float(np.log(2))
LEAST = 0.1  # a fall of a reward that matters: its probability falls by 10 % if beta is 1


def stuck_at_log_2(log):
    """In the second half the loss is log 2 to 0.002, and the margin of rewards is 0 to 0.005."""
    if not log.has("loss", "margin"):
        return None
    loss, margin = log.values("loss"), log.values("margin")
    if few := too_few(loss, "loss"):
        return few
    ends, gap = second_half(loss), second_half(margin)
    near = abs(np.mean(ends) - LOG_2) < 0.002 and abs(np.mean(gap)) < 0.005
    evidence = f"loss {np.mean(ends):.4f} and margin {np.mean(gap):.2g} in the second half"
    return seen_if(near and not rises(margin), evidence)


def both_rewards_fall(log):
    """Both fall by LEAST and their usual jump; the chosen one by a quarter of the last margin."""
    if not log.has("chosen", "rejected"):
        return None
    chosen, rejected = log.values("chosen"), log.values("rejected")
    if few := too_few(chosen, log.key("chosen")):
        return few
    falls_by = [-change(values)[0] for values in (chosen, rejected)]
    margin = abs(late(chosen) - late(rejected))
    spread = max(jump(chosen), jump(rejected))
    evidence = (
        f"{from_to(log.key('chosen'), chosen)}; {from_to(log.key('rejected'), rejected)}; "
        f"the margin is {margin:.2g} at the end, and a usual jump between rows {spread:.2g}"
    )
    both = falls(chosen) and falls(rejected) and late(chosen) < 0
    large = min(falls_by) > max(LEAST, spread) and falls_by[0] > 0.25 * margin
    orders = log.values("pair_accuracy")
    if both and large and orders.size and late(orders) >= 0.9:
        evidence += f"; it may be harmless: the accuracy is {late(orders):.2f}"
    return seen_if(both and large, evidence)


def accuracy_at_half(log):
    """In the second half within 0.03 of one half, and known to 0.02."""
    values = log.values("pair_accuracy")
    if not values.size or not log.has("margin"):
        return None
    key = log.key("pair_accuracy")
    if few := too_few(values, key):
        return few
    half = second_half(values)
    mean, uncertain = float(np.mean(half)), error(half)
    evidence = f"{key} {mean:.3f} ± {uncertain:.3f} in the second half"
    if abs(mean - 0.5) > max(0.03, SURE * uncertain):
        return not_seen(evidence)
    if uncertain > 0.02:
        return undecided(evidence)
    return seen_if(abs(mean - 0.5) < 0.03, evidence)


def margin_runs_away(log):
    """At the end the loss is below 0.005, the margin is above 10, and it still rises."""
    if not log.has("loss", "margin", "chosen"):
        return None
    loss, margin = log.values("loss"), log.values("margin")
    if few := too_few(margin, log.key("margin")):
        return few
    evidence = f"{from_to(log.key('margin'), margin)}; {from_to('loss', loss)}"
    large = 0 <= late(loss) < 0.005 and late(margin) > 10
    return seen_if(large and rises(second_half(margin)), evidence)


SIGNS = {
    "stuck_at_log_2": stuck_at_log_2,
    "both_rewards_fall": both_rewards_fall,
    "accuracy_at_half": accuracy_at_half,
    "margin_runs_away": margin_runs_away,
}
