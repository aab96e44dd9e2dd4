"""What the numbers of an exam say, in one sentence, and never more than they show.

A mistake is named only where two checkpoints show that training is over: half-way to the optimum of
DPO looks like DPO with a doubled beta.
"""

from typing import Any, NamedTuple

from tinyalign.exam import evidence, sentences
from tinyalign.exam.grade import answer_weight, kl, nearest, normal, optimum
from tinyalign.exam.optima import own_group
from tinyalign.exam.suspects import fit_suspect

RIGHT, OTHER_BETA, MISTAKE, UNKNOWN = "right", "right at another beta", "looks like", "unknown"
UNTRAINED, LEAKED, UNDECIDED = "not trained enough", "mass leaked", "undecided"
EXIT = {RIGHT: 0, OTHER_BETA: 1, MISTAKE: 1, UNKNOWN: 1, UNTRAINED: 2, LEAKED: 2, UNDECIDED: 2}


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
    if now.moved < evidence.LITTLE * way:
        return say(UNTRAINED, f"The policy stands where it began, {now.moved:.2g} nats from it.")
    praise = praise_for(paper, now)
    if praise:
        return on_right(praise, now, before)
    fits = nearest(paper, now) if fits is None else fits
    if now.mass < evidence.MASS:
        return on_leak(paper, now, before, fits)
    if before is None:
        return say(UNDECIDED, sentences.one_checkpoint(paper, now, evidence.likely(now, fits)))
    return on_two(paper, now, before, fits)


def praise_for(paper, now):
    """The sentence on a policy that stands where it should, or an empty text."""
    if now.mass >= evidence.MASS and evidence.is_right(now):
        hidden = sentences.HIDDEN_EOS if evidence.hides_eos(paper) else ""
        return sentences.praise(paper, now) + hidden
    if now.mass >= evidence.MASS and evidence.is_right_at_beta_itself(paper, now):
        return sentences.praise_at_beta_itself(paper, now)
    return ""


def on_right(praise, now, before):
    """The Verdict on a policy that stands where it should, and may be passing by."""
    if before is None:
        return say(RIGHT, praise + sentences.MAY_PASS)
    if evidence.distance(now, before) == 0:
        return say(RIGHT, praise + sentences.MAY_PASS)
    if is_settled(now, before) or evidence.had_that_slope(now, before):
        return say(RIGHT, praise)
    return say(UNTRAINED, sentences.passing(now, before))


def on_leak(paper, now, before, fits):
    """The Verdict where much of the probability has gone to what is no answer."""
    named = None if before is None else named_mistake(paper, now, before, fits)
    if named is None and before is not None and has_wrong_padding(paper, now, before):
        return say(MISTAKE, sentences.short_prompts(paper, now), "padding")
    return named or say(LEAKED, sentences.leak(paper, now))


def has_wrong_padding(paper, now, before):
    """Whether the shorter prompts alone have come to rest where they should not.

    On its way a right trainer may reach the end of the longest prompts first.
    """
    return is_settled(now, before) and evidence.has_wrong_short_prompts(paper, now)


def is_settled(now, before):
    """Whether two checkpoints are so near each other that training is over."""
    return 0 < evidence.distance(now, before) < evidence.SETTLED * now.moved


def on_two(paper, now, before, fits):
    """The Verdict on a policy that is not where it should be, from two checkpoints."""
    gone = evidence.distance(now, before)
    if gone == 0:
        return say(UNDECIDED, "Both checkpoints hold the same policy: give an earlier one.")
    settled = is_settled(now, before)
    verdict = named_mistake(paper, now, before, fits) or on_shape(paper, now, before, fits, settled)
    if verdict:
        return verdict
    if settled:
        return say(UNKNOWN, sentences.unknown(paper, now))
    word = UNTRAINED if now.kl < before.kl else UNDECIDED
    return say(word, sentences.movement(now, before, gone, evidence.likely(now, fits)))


def on_shape(paper, now, before, fits, settled):
    """The Verdict on a policy that no deviation's line goes through, from what it looks like."""
    if evidence.has_collapsed(paper, now):
        return say(MISTAKE, sentences.collapse(now), "no KL")
    verdict = on_scale(paper, now, before, fits, settled)
    if verdict:
        return verdict
    lost = evidence.lost_answers(paper, now)
    if lost:
        return say(UNDECIDED, sentences.lost(now, lost))
    if evidence.is_running_away(now, before, fits):
        return say(MISTAKE, sentences.running_away(now, before), "reference moves")
    if has_wrong_padding(paper, now, before):
        return say(MISTAKE, sentences.short_prompts(paper, now), "padding")
    return None


def named_mistake(paper, now, before, fits):
    """The Verdict on a policy that lies on the line of a deviation in both checkpoints, or None."""
    if evidence.has_collapsed(paper, now):  # nearly everything is straight through so few points
        fits = [(suspect, line) for suspect, line in fits if suspect.holds_slope]
    if not fits or not evidence.is_clear(fits[0][1], now.right):
        return None
    suspect, line = fits[0]
    first = fit_suspect(paper, before.token_logp, suspect, answer_weight(paper, before.token_logp))
    if not evidence.is_straight(first) or abs(first.slope / line.slope - 1) > evidence.STEADY:
        return None
    limit = evidence.CLEARER * max(line.unexplained, evidence.LEAST)
    alike = [other for other, far in fits[1:] if far.unexplained < limit]
    return say(MISTAKE, sentences.accuse(now, line, [suspect, *alike]), suspect.name, suspect)


def on_scale(paper, now, before, fits, settled):
    """The Verdict on the right line with another slope, or None."""
    rests = settled or evidence.is_steady(now, before)
    if not evidence.is_straight(now.right) or not rests or evidence.is_at(1.0, now):
        return None
    if now.scale < 0:
        return say(MISTAKE, sentences.turned_sign(now), "turned sign")
    if paper.method == "rloo" and evidence.is_at(own_group(paper), now):
        return say(MISTAKE, sentences.sample_in_baseline(now), "baseline with the sample")
    # A deviation whose slope is known explains as much as a free slope does, and with less.
    rivals = [(s, line) for s, line in fits if s.holds_slope and evidence.is_straight(line)]
    if rivals and rivals[0][1].unexplained < now.right.unexplained:
        suspect, line = rivals[0]
        sentence = sentences.accuse(now, line, [suspect]) + sentences.or_other_beta(now)
        return say(MISTAKE, sentence, suspect.name, suspect)
    return say(OTHER_BETA, sentences.other_beta(now))


def say(word, sentence, suspect="", drawn=None):
    return Verdict(word, sentence, EXIT[word], suspect, drawn)
