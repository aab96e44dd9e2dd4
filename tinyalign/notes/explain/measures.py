"""What the signs measure, and the answers that they give."""

from typing import NamedTuple

import numpy as np

FEW = 10  # rows; fewer show nothing
SURE = 3.0  # standard errors


class Finding(NamedTuple):
    """What one sign says about a log."""

    state: str  # SEEN, NOT_SEEN or UNDECIDED
    evidence: str  # the numbers that it rests on


SEEN, NOT_SEEN, UNDECIDED = "seen", "not seen", "undecided"


def seen(evidence):
    return Finding(SEEN, evidence)


def not_seen(evidence=""):
    return Finding(NOT_SEEN, evidence)


def undecided(evidence):
    return Finding(UNDECIDED, evidence)


def seen_if(condition, evidence):
    """The symptom is seen, or it is not."""
    return Finding(SEEN if condition else NOT_SEEN, evidence)


def too_few(values, key):
    """A Finding for a column with few rows, or None."""
    if len(values) < FEW:
        return undecided(f"{len(values)} rows of {key}, want {FEW}")
    return None


def early(values):
    """Mean of the first fifth, of two values at least."""
    return float(np.mean(values[: max(2, len(values) // 5)]))


def late(values):
    """Mean of the last fifth, of two values at least."""
    return float(np.mean(values[-max(2, len(values) // 5) :]))


def second_half(values):
    return values[len(values) // 2 :]


def error(values):
    """The standard error of the mean of values, for rows that depend little on one another."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf


def change(values):
    """(last fifth minus first fifth, the standard error of that)."""
    count = max(2, len(values) // 5)
    first, last = values[:count], values[-count:]
    return float(np.mean(last) - np.mean(first)), float(np.hypot(error(first), error(last)))


def rises(values):
    """Whether the last fifth is above the first fifth by more than SURE standard errors."""
    difference, uncertain = change(values)
    return difference > SURE * uncertain and difference > 0


def falls(values):
    return rises(-values)


def from_to(key, values):
    """The evidence of most signs: "kl from 0.1 to 2.3"."""
    return f"{key} from {early(values):.3g} to {late(values):.3g}"


def jump(values):
    """The usual step between neighbours, a median: noise alone moves a value that far."""
    return float(np.median(np.abs(np.diff(values))))


def is_solved(log):
    """Whether a reward between 0 and 1 has come near 1."""
    reward = log.values("reward")
    return bool(reward.size >= FEW and np.max(reward) <= 1 + 1e-9 and late(reward) >= 0.9)


def may_be_solved(log):
    """Whether a reward is above 1 from the first row on and flat: its maximum is not known."""
    reward = log.values("reward")
    flat = reward.size >= FEW and not rises(reward) and not falls(reward)
    return bool(flat and early(reward) > 1)
