"""Symptoms of methods that sample while they learn. Each function says its threshold."""

import numpy as np

from tinyalign.notes.explain.general import EVALUATIONS
from tinyalign.notes.explain.measures import (
    SURE,
    change,
    early,
    error,
    from_to,
    is_solved,
    jump,
    late,
    may_be_solved,
    not_seen,
    rises,
    second_half,
    seen,
    seen_if,
    too_few,
    undecided,
)


def negative_kl(log):
    """The mean of the second half is below 0 by more than three standard errors."""
    values = log.values("kl")
    if not values.size:
        return None
    if few := too_few(values, log.key("kl")):
        return few
    half = second_half(values)
    evidence = f"{log.key('kl')} {np.mean(half):.3g} ± {error(half):.2g} in the second half"
    return seen_if(np.mean(half) + SURE * error(half) < -1e-6, evidence)


def kl_runs_away(log):
    """The last fifth is above 5 nats and four times the middle fifth."""
    values = log.values("kl")
    if not values.size:
        return None
    if few := too_few(values, log.key("kl")):
        return few
    fifth = len(values) // 5
    middle = float(np.mean(values[2 * fifth : 3 * fifth]))
    evidence = f"{log.key('kl')} {middle:.3g} in the middle, {late(values):.3g} at the end"
    return seen_if(late(values) > 5 and late(values) > 4 * middle, evidence)


def never_stops(log):
    """More than 9 of 10 completions are cut off; equal lengths alone do not decide it."""
    cut, length = log.values("cut_off_share"), log.values("length")
    if cut.size:
        if few := too_few(cut, log.key("cut_off_share")):
            return few
        return seen_if(late(cut) > 0.9, from_to(log.key("cut_off_share"), cut))
    if not length.size:
        return None
    if few := too_few(length, log.key("length")):
        return few
    if np.ptp(length) == 0 and length[0] > 1:
        return undecided(f"all completions have {length[0]:g} tokens; do they end there?")
    return not_seen(from_to(log.key("length"), length))


def longer_and_longer(log):
    """The last fifth is one and a half times the first, and the second half still rises."""
    values = log.values("length")
    if not values.size:
        return None
    if few := too_few(values, log.key("length")):
        return few
    evidence = from_to(log.key("length"), values)
    grows = rises(values) and late(values) > 1.5 * early(values)
    if not (grows and rises(second_half(values))):
        return not_seen(evidence)
    if log.has("reward") and rises(log.values("reward")):
        return undecided(f"{evidence}; the reward rises: are longer answers better?")
    return seen(evidence)


def loss_starts_at_zero(log):
    """There are rewards and no critic, and the first three losses are 0 to 0.001."""
    if not log.has("loss", "reward") or log.has("value_loss"):
        return None
    loss = log.values("loss")
    if len(loss) < 3:
        return undecided(f"{len(loss)} rows of loss, want 3")
    evidence = f"the first losses are {', '.join(f'{value:.2g}' for value in loss[:3])}"
    return seen_if(np.max(np.abs(loss[:3])) < 1e-3, evidence)


def silent_groups(log):
    """Rewards do not differ in 9 of 10 groups, or at all, and the task is not solved."""
    share, spread = log.values("silent_share"), log.values("reward_std")
    if share.size and np.all(share == 1) and np.any(spread > 1e-6):
        return not_seen("one completion for each prompt: there are no groups")
    name, values = ("silent_share", share) if share.size else ("reward_std", spread)
    if not values.size:
        return None
    if few := too_few(values, log.key(name)):
        return few
    half = float(np.mean(second_half(values)))
    evidence = f"{log.key(name)} {half:.3g} in the second half"
    silent = half > 0.9 if share.size else half < 1e-6
    if silent and is_solved(log):
        return not_seen(f"{evidence}; the reward is near 1, so there is nothing left to learn")
    if silent and log.has("reward") and (rises(log.values("reward")) or may_be_solved(log)):
        return undecided(f"{evidence}; the reward rises or is high: is it at its best?")
    return seen_if(silent, evidence)


def entropy_collapse(log):
    """The last fifth is below a tenth of the first and 0.1 nats, and the task is not solved."""
    values = log.values("entropy")
    if not values.size or not log.has("reward"):
        return None
    if few := too_few(values, log.key("entropy")):
        return few
    evidence = from_to(log.key("entropy"), values)
    if not (late(values) < 0.1 * early(values) and late(values) < 0.1):
        return not_seen(evidence)
    if is_solved(log):
        return not_seen(f"{evidence}; the reward is near 1, and one right answer needs no variety")
    reward = log.values("reward")
    if rises(reward) or rises(second_half(reward)) or may_be_solved(log):
        return undecided(f"{evidence}; the reward rises or is high: is it at its best?")
    return seen(evidence)


def clip_never_used(log):
    """Every clip fraction is 0."""
    values = log.values("clip_share")
    if not values.size:
        return None
    if few := too_few(values, log.key("clip_share")):
        return few
    return seen_if(not np.any(values), f"{len(values)} rows, all 0")


def clip_too_often(log):
    """More than 3 of 10 tokens in the second half, and the policy moves by 0.005 nats a step."""
    values = log.values("clip_share")
    if not values.size:
        return None
    if few := too_few(values, log.key("clip_share")):
        return few
    half = float(np.mean(second_half(values)))
    evidence = f"{log.key('clip_share')} {half:.2f} in the second half"
    moved = second_half(log.values("approx_kl"))
    if half > 0.3 and moved.size and np.max(np.abs(moved)) < 0.005:
        return not_seen(f"{evidence}; approx_kl stays below 0.005: the clip is narrow")
    return seen_if(half > 0.3, evidence)


def reward_flat(log):
    """Thirty rows, no change beyond two standard errors, which are below 2 % of the reward."""
    values = log.values("reward")
    if not values.size:
        return None
    if len(values) < 30:
        return undecided(f"{len(values)} rows of {log.key('reward')}, want 30")
    difference, uncertain = change(values)
    evidence = f"{from_to(log.key('reward'), values)} (± {uncertain:.2g})"
    if is_solved(log) or (difference and abs(difference) >= 2 * uncertain):
        return not_seen(evidence)
    if may_be_solved(log):
        return undecided(f"{evidence}; is that the largest reward?")
    small = uncertain < 0.02 * max(1.0, float(np.max(np.abs(values))))
    return seen(evidence) if small else undecided(evidence)


def reward_exploited(log):
    """The reward rises; the last two held-out scores are below the first and far below the best.

    Far is 0.05 and three usual jumps of the score between neighbours.
    """
    reward, score = log.values("reward"), log.values("eval_score")
    if not reward.size or not score.size:
        return None
    if len(score) < EVALUATIONS:
        return undecided(f"{len(score)} held-out scores, want {EVALUATIONS}")
    if few := too_few(reward, log.key("reward")):
        return few
    room = max(0.05, SURE * jump(score))
    worse = np.max(score[-2:]) < min(score[0], np.max(score) - room)
    evidence = (
        f"{from_to(log.key('reward'), reward)}; {log.key('eval_score')} from {score[0]:.3g}, "
        f"at best {np.max(score):.3g}, to {score[-1]:.3g}"
    )
    return seen_if(worse and rises(reward), evidence)


SIGNS = {
    "negative_kl": negative_kl,
    "kl_runs_away": kl_runs_away,
    "never_stops": never_stops,
    "longer_and_longer": longer_and_longer,
    "loss_starts_at_zero": loss_starts_at_zero,
    "silent_groups": silent_groups,
    "entropy_collapse": entropy_collapse,
    "clip_never_used": clip_never_used,
    "clip_too_often": clip_too_often,
    "reward_flat": reward_flat,
    "reward_exploited": reward_exploited,
}
