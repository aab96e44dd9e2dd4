"""What the numbers of an exam say, in one sentence, and never more than they show.

A mistake is named only where two checkpoints show that training is over: half-way to the optimum of
DPO looks like DPO with a doubled beta.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.exam import sentences
from tinyalign.exam.grade import answer_weight, kl, nearest, normal, optimum
from tinyalign.exam.methods import METHODS
from tinyalign.exam.suspects import fit_suspect

RIGHT, OTHER_BETA, MISTAKE, UNKNOWN = "right", "right at another beta", "looks like", "unknown"
UNTRAINED, LEAKED, UNDECIDED = "not trained enough", "mass leaked", "undecided"
EXIT = {RIGHT: 0, OTHER_BETA: 1, MISTAKE: 1, UNKNOWN: 1, UNTRAINED: 2, LEAKED: 2, UNDECIDED: 2}

STRAIGHT = 0.02  # unexplained share below which a statistic counts as a straight line
MAYBE = 0.1  # and below which a deviation is mentioned where nothing can be said
CLEARER = 4  # how many times less a mistake must leave unexplained than the right line
LEAST = 1e-4  # unexplained shares below are rounding and the last steps' noise
CLOSE = 0.04  # how far from 1 a slope may be, relative
NEAR = 0.01  # nats from the optimum, more than which is not right
LITTLE = 0.02  # of the way, in KL: a policy that has gone less has not been trained
SETTLED = 0.002  # moved between the checkpoints, as a share of the KL from the reference
STEADY = 0.03  # how much a slope may change between them, relative
COLLAPSED = 0.97  # the probability of one answer, above which nothing holds a policy back
LOST = 0.05  # an answer's probability over that at the optimum, below which it cannot come back
MASS = 0.8  # of the probability, that the answers must have in all


class Verdict(NamedTuple):
    """A word, the sentence, and the exit status: 0 right, 1 wrong, 2 not judged."""

    word: str
    sentence: str
    exit_code: int
    suspect: str = ""  # name of the deviation that it looks like
    drawn: Any = None  # that Suspect, for the picture; None: the right statistic


def judge(paper, now, before=None, fits=None):
    """The Verdict on a Reading.

    before  the Reading of an earlier checkpoint of the same run; None: there is none
    fits    grade.nearest(paper, now); None: worked out here, where it is needed
    """
    way = float(kl(normal(paper.ref_logp), optimum(paper)).mean())
    if now.moved < LITTLE * way:
        return say(UNTRAINED, f"The policy stands where it began, {now.moved:.2g} nats from it.")
    if now.mass >= MASS and is_right(now):
        return say(RIGHT, sentences.praise(paper, now))
    if now.mass >= MASS and is_right_at_beta_itself(paper, now):
        return say(RIGHT, sentences.praise_at_beta_itself(paper, now))
    fits = nearest(paper, now) if fits is None else fits
    if now.mass < MASS:
        return on_leak(paper, now, before, fits)
    if before is None:
        return say(UNDECIDED, sentences.one_checkpoint(paper, now, likely(now, fits)))
    return on_two(paper, now, before, fits)


def is_right(now):
    return now.kl < NEAR and is_straight(now.right) and abs(now.scale - 1) < CLOSE


def is_right_at_beta_itself(paper, now):
    """Whether GRPO ends at beta, not at β·G/(G−1): its baseline leaves the sample out."""
    if paper.method != "grpo" or not is_straight(now.right):
        return False
    return abs(now.scale * sentences.own_group(paper) - 1) < CLOSE


def is_straight(line):
    return line.unexplained < STRAIGHT


def on_leak(paper, now, before, fits):
    """The Verdict where much of the probability has gone to what is no answer."""
    named = None if before is None else named_mistake(paper, now, before, fits)
    if named is None and before is not None and has_wrong_short_prompts(paper, now):
        return say(MISTAKE, sentences.short_prompts(paper, now), "padding")
    return named or say(LEAKED, sentences.leak(paper, now))


def on_two(paper, now, before, fits):
    """The Verdict on a policy that is not where it should be, from two checkpoints."""
    gone = distance(now, before)
    if gone == 0:
        return say(UNDECIDED, "Both checkpoints hold the same policy: give an earlier one.")
    settled = gone < SETTLED * now.moved
    verdict = named_mistake(paper, now, before, fits)
    if verdict:
        return verdict
    if has_collapsed(paper, now):
        return say(MISTAKE, sentences.collapse(now), "no KL")
    verdict = on_scale(paper, now, before, fits, settled)
    if verdict:
        return verdict
    if lost_answers(paper, now):
        return say(UNDECIDED, sentences.lost(now, lost_answers(paper, now)))
    if is_running_away(now, before, fits):
        return say(MISTAKE, sentences.running_away(now, before), "reference moves")
    if has_wrong_short_prompts(paper, now):
        return say(MISTAKE, sentences.short_prompts(paper, now), "padding")
    if settled:
        return say(UNKNOWN, sentences.unknown(paper, now))
    nearer = now.kl < before.kl
    return say(
        UNTRAINED if nearer else UNDECIDED,
        sentences.movement(now, before, gone, likely(now, fits)),
    )


def distance(now, before):
    """KL between two checkpoints, nats."""
    return float(kl(log_policy(now), log_policy(before)).mean())


def log_policy(reading):
    """Log-probabilities of the answers, renormalised: (P, K)."""
    return normal(reading.token_logp.sum(axis=2))


def named_mistake(paper, now, before, fits):
    """The Verdict on a policy that lies on the line of a deviation in both checkpoints, or None."""
    if has_collapsed(paper, now):  # nearly everything is straight through so few points
        fits = [(suspect, line) for suspect, line in fits if suspect.holds_slope]
    if not fits or not is_clear(fits[0][1], now.right):
        return None
    suspect, line = fits[0]
    first = fit_suspect(paper, before.token_logp, suspect, answer_weight(paper, before.token_logp))
    if not is_straight(first) or abs(first.slope / line.slope - 1) > STEADY:
        return None
    limit = CLEARER * max(line.unexplained, LEAST)
    alike = [other for other, far in fits[1:] if far.unexplained < limit]
    return say(MISTAKE, sentences.accuse(now, line, [suspect, *alike]), suspect.name, suspect)


def is_clear(line, right):
    """Whether a deviation's line is straight, and much straighter than the right one."""
    return is_straight(line) and CLEARER * max(line.unexplained, LEAST) < right.unexplained


def on_scale(paper, now, before, fits, settled):
    """The Verdict on the right line with another slope, or None."""
    steady = is_straight(before.right) and abs(before.scale / now.scale - 1) < STEADY
    if not is_straight(now.right) or not (settled or steady) or abs(now.scale - 1) < CLOSE:
        return None
    if now.scale < 0:
        return say(MISTAKE, sentences.turned_sign(now), "turned sign")
    if paper.method == "rloo" and abs(now.scale / sentences.own_group(paper) - 1) < CLOSE:
        return say(MISTAKE, sentences.sample_in_baseline(now), "baseline with the sample")
    # A deviation whose slope is known explains as much as a free slope does, and with less.
    rivals = [(s, line) for s, line in fits if s.holds_slope and is_straight(line)]
    if rivals and rivals[0][1].unexplained < now.right.unexplained:
        suspect, line = rivals[0]
        sentence = sentences.accuse(now, line, [suspect]) + sentences.or_other_beta(now)
        return say(MISTAKE, sentence, suspect.name, suspect)
    return say(OTHER_BETA, sentences.other_beta(now))


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


def say(word, sentence, suspect="", drawn=None):
    return Verdict(word, sentence, EXIT[word], suspect, drawn)
