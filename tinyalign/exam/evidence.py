"""What a verdict rests on: yes or no, or a number, of one or two Readings."""

import numpy as np

from tinyalign.exam.grade import kl, normal, optimum
from tinyalign.exam.methods import METHODS
from tinyalign.exam.optima import own_group

STRAIGHT = 0.02  # unexplained share below which a statistic counts as a straight line
MAYBE = 0.1  # and below which a deviation is mentioned where nothing can be said
CLEARER = 4  # how many times less a mistake must leave unexplained than the right line
LEAST = 1e-4  # unexplained shares below are rounding and the last steps' noise
CLOSE = 0.04  # how far from 1 a slope may be, relative
ERRORS = 4  # or how many times the slope's own uncertainty
NEAR = 0.01  # nats from the optimum, more than which is not right
LITTLE = 0.02  # of the way, in KL: a policy that has gone less has not been trained
SETTLED = 0.002  # moved between the checkpoints, as a share of the KL from the reference
STEADY = 0.03  # how much a slope may change between them, relative
DRIFT = 0.15  # and how much where it stands right: who passes by changes by far more
COLLAPSED = 0.97  # the probability of one answer, above which nothing holds a policy back
LOST = 0.05  # an answer's probability over that at the optimum, below which it cannot come back
MASS = 0.8  # of the probability, that the answers must have in all


def hides_eos(paper):
    """Whether a trainer that leaves EOS out ends where a right one does, as far as can be seen.

    So it is where the reference says EOS after every answer with a probability near 1: no training
    has to move EOS. A mean over tokens shows EOS all the same.
    """
    if not paper.ends or METHODS[paper.method].samples or paper.method == "reward":
        return False
    short = paper._replace(ends=False)  # the same answers, without their last token
    kept = paper.reference[:, :, : short.mask.shape[1]] * short.mask
    if np.max(kept.sum(axis=2) - paper.ref_logp) > NEAR:  # nats, −log P(EOS)
        return False
    return bool(kl(optimum(short._replace(reference=kept)), optimum(paper)).mean() < NEAR)


def is_right(now):
    return now.kl < NEAR and is_straight(now.right) and is_at(1.0, now)


def is_at(scale, now):
    """Whether the slope is so many times the right one, as far as the points' scatter can tell."""
    prompts, answers = now.token_logp.shape[:2]
    error = np.sqrt(now.right.unexplained / (prompts * (answers - 1) - 1))  # of the slope, relative
    return abs(now.scale / scale - 1) < max(CLOSE, ERRORS * error)


def is_right_at_beta_itself(paper, now):
    """Whether GRPO ends at beta, not at β·G/(G−1): its baseline leaves the sample out."""
    if paper.method != "grpo" or not is_straight(now.right):
        return False
    return is_at(1 / own_group(paper), now)


def is_straight(line):
    return line.unexplained < STRAIGHT


def is_steady(now, before):
    """Whether an earlier checkpoint lies on the same straight line."""
    return is_straight(before.right) and abs(before.scale / now.scale - 1) < STEADY


def had_that_slope(now, before):
    """Whether an earlier checkpoint's slope was nearly the same.

    With the noise of small batches its points are scattered, and its slope is off by some percent.
    """
    return before.right.unexplained < MAYBE and abs(before.scale / now.scale - 1) < DRIFT


def distance(now, before):
    """KL between two checkpoints, nats."""
    return float(kl(log_policy(now), log_policy(before)).mean())


def log_policy(reading):
    """Log-probabilities of the answers, renormalised: (P, K)."""
    return normal(reading.token_logp.sum(axis=2))


def is_clear(line, right):
    """Whether a deviation's line is straight, and much straighter than the right one."""
    return is_straight(line) and CLEARER * max(line.unexplained, LEAST) < right.unexplained


def has_collapsed(paper, now):
    """Whether one answer has nearly everything in every prompt, far more than at the optimum."""
    most, fair = (np.exp(logp).max(axis=1) for logp in (log_policy(now), optimum(paper)))
    return most.min() > COLLAPSED > fair.max()


def lost_answers(paper, now):
    """Answers that a trainer which learns from its own samples has nearly ceased to sample."""
    if not METHODS[paper.method].samples:
        return []
    fair, own = np.exp(optimum(paper)), np.exp(log_policy(now))
    lost = ((own < LOST * fair) & (fair > 0.005)).any(axis=0)
    return [answer for answer, gone in zip(paper.answers, lost, strict=True) if gone]


def is_running_away(now, before, fits):
    """Whether the slope has passed the right one and grows, and no deviation is straighter."""
    grows = before.scale > 1.1 and now.scale > (1 + STEADY) * before.scale
    straightest = min([line.unexplained for _, line in fits], default=1.0)
    return grows and now.right.unexplained < min(0.1, straightest)


def has_wrong_short_prompts(paper, now):
    """Whether the longest prompts are right and shorter ones are not."""
    length = np.array([len(prompt) for prompt in paper.prompts])
    longest = length == length.max()
    return not longest.all() and now.kls[longest].max() < NEAR < now.kls[~longest].max()


def likely(now, fits):
    """The deviation that a policy lies nearest to, if it is much nearer than to the right line."""
    clear = fits and fits[0][1].unexplained < min(MAYBE, now.right.unexplained / CLEARER)
    return fits[0][0] if clear else None
