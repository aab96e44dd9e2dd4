"""From rewards to advantages over time: GAE, shaped rewards, whitening. Arrays are (N, T)."""

import numpy as np

from tinyalign.laws.domain import floats
from tinyalign.laws.general import whole_laws
from tinyalign.laws.law import at_most, law, rounding, same
from tinyalign.laws.method import rows
from tinyalign.laws.tree import SEQUENCE_KL, UNBIASED


def garbage(array, mask, value):
    """The same array with other content where the mask is 0."""
    return np.where(mask > 0, array, value)


def rows_are_separate(loss, x, p):
    """each row is computed by itself"""
    whole = loss(*x, **p)
    for i, row in enumerate(rows(x)):
        same(loss(*row, **p)[..., 0, :], whole[..., i, :])


# GAE: the two outputs, advantage and returns, come stacked as (2, N, T)


def gae(loss, x, p, **numbers):
    return np.where(x[2] > 0, loss(*x, **p | numbers), 0.0)


def after(array, mask):
    """The next value in the row, 0 after the last real token."""
    shifted = np.concatenate([array[:, 1:] * mask[:, 1:], np.zeros((len(array), 1))], axis=1)
    return shifted * mask


def padding_is_nothing(loss, x, p):
    """what stands in the padding changes no advantage and no return"""
    reward, value, mask = x
    same(
        gae(loss, (garbage(reward, mask, 77.0), garbage(value, mask, -99.0), mask), p),
        gae(loss, x, p),
    )


def returns_are_advantage_plus_value(loss, x, p):
    """returns = raw advantage + value"""
    advantage, returns = gae(loss, x, p)
    same(returns, advantage + x[1] * x[2])


def one_step(loss, x, p):
    """λ = 0: r + γV' - V, with V = 0 after the end"""
    reward, value, mask = x
    want = reward + p["gamma"] * after(value, mask) - value
    same(gae(loss, x, p, lam=0.0)[0], want * mask)


def whole_return(loss, x, p):
    """λ = 1: the discounted sum of what is still to come, less V"""
    reward, value, mask = x
    to_go = np.zeros_like(reward)
    for t in reversed(range(reward.shape[1])):
        later = to_go[:, t + 1] if t + 1 < reward.shape[1] else 0.0
        to_go[:, t] = reward[:, t] * mask[:, t] + p["gamma"] * later
    same(gae(loss, x, p, lam=1.0)[0], (to_go - value) * mask)


def exact_critic_leaves_nothing(loss, x, p):
    """γ = 1 and a critic that knows the sum to come: no advantage anywhere"""
    reward, _, mask = x
    knows = np.cumsum((reward * mask)[:, ::-1], axis=1)[:, ::-1]
    same(gae(loss, (reward, knows, mask), p, gamma=1.0)[0], 0.0)


def recursion(loss, x, p):
    """R_t = r_t + γ[(1-λ)V' + λR'], both 0 after the end"""
    reward, value, mask = x
    returns = gae(loss, x, p)[1]
    mix = (1 - p["lam"]) * after(value, mask) + p["lam"] * after(returns, mask)
    same(returns, (reward + p["gamma"] * mix) * mask)


def double_sum(loss, x, p):
    """A_t = Σ_l (γλ)^l δ_(t+l)"""
    reward, value, mask = x
    delta = (reward + p["gamma"] * after(value, mask) - value) * mask
    steps = np.arange(reward.shape[1])
    power = np.maximum(steps[None, :] - steps[:, None], 0)
    weight = np.where(steps[None, :] >= steps[:, None], (p["gamma"] * p["lam"]) ** power, 0.0)
    same(gae(loss, x, p)[0], delta @ weight.T * mask)


def episodes_in_one_row(loss, x, p):
    """two episodes in one row, a masked token between them, are what each is in a row of its own"""
    width, between = x[0].shape[1], (5.0, -5.0, 0.0)  # reward and value of the masked token: any
    packed = [
        np.concatenate([a[:1], np.full((1, 1), gap), a[-1:]], axis=1)
        for a, gap in zip(x, between, strict=True)
    ]
    whole, alone = gae(loss, packed, p), gae(loss, x, p)
    same(whole[:, :, :width], alone[:, :1])
    same(whole[:, :, width + 1 :], alone[:, -1:])


GAE = whole_laws(
    law("R5", rows_are_separate),
    law("G3", padding_is_nothing),
    law("C.G5", returns_are_advantage_plus_value),
    law("G4", exact_critic_leaves_nothing),
    law("C.G4", episodes_in_one_row, when={"packed": "yes"}),
    UNBIASED,
    law("G1", one_step),
    law("G1b", whole_return),
    law("G2", recursion),
    law("C.G3", double_sum),
)

# shaped rewards: x is (score (N,), logp, ref_logp, mask)


def shaped_padding(loss, x, p):
    """what stands in the padding changes nothing, and no reward lands there"""
    score, logp, ref, mask = x
    got = loss(score, garbage(logp, mask, -7.0), garbage(ref, mask, -9.0), mask, **p)
    same(got * mask, loss(*x, **p) * mask)
    same(loss(*x, **p) * (1 - mask), 0.0)


def no_drift_only_score(loss, x, p):
    """policy = reference: the score on the last real token, 0 elsewhere"""
    score, logp, _, mask = x
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    same(loss(score, logp, logp, mask, **p), score[:, None] * last)


def sums_to_score_less_kl(loss, x, p):
    """a row adds up to its score minus beta times its summed log-ratio"""
    score, logp, ref, mask = x
    drift = np.sum((logp - ref) * mask, axis=1)
    same(np.sum(loss(*x, **p), axis=1), score - p["beta"] * drift)


def each_token_pays(loss, x, p):
    """without a score every real token gets -beta · (logp - ref)"""
    score, logp, ref, mask = x
    same(loss(0 * score, logp, ref, mask, **p), -p["beta"] * (logp - ref) * mask)


SHAPED = whole_laws(
    law("R5", rows_are_separate),
    law("R11", shaped_padding),
    law("G5b", no_drift_only_score),
    law("G5", sums_to_score_less_kl),
    SEQUENCE_KL,
    law("G5c", each_token_pays),
)

# whitening: x is (values, mask)


def masked_moments(x, mask):
    count = np.sum(mask)
    mean = np.sum(x * mask) / count
    return mean, np.sum((x - mean) ** 2 * mask) / (count - 1)


def whiten_ignores_padding(loss, x, p):
    """what stands in the padding changes nothing; padded places come out 0"""
    values, mask = x
    same(loss(garbage(values, mask, 1e6), mask, **p), loss(garbage(values, mask, 0.0), mask, **p))
    same(loss(*x, **p) * (1 - mask), 0.0)


def mean_zero(loss, x, p):
    """the mean over the mask is 0"""
    got = loss(*x, **p | {"shift_mean": True})
    same(np.sum(got * x[1]), 0.0, room=rounding(1e-6, 2e-2))


def level_and_unit_cancel(loss, x, p, c):
    """other units and another zero of the values change nothing"""
    values, mask = x
    spread = masked_moments(values, mask)[1]
    if spread > 1e-2:
        p = p | {"shift_mean": True}
        same(loss(50.0 * values + c, mask, **p), loss(50.0 * values, mask, **p), room=1e-4)


def mean_kept(loss, x, p):
    """shift_mean=False differs only by adding the mean back"""
    mean = masked_moments(*x)[0]
    shifted = loss(*x, **p | {"shift_mean": True})
    got = loss(*x, **p | {"shift_mean": False})
    same(got, (shifted + mean) * x[1], room=rounding(1e-6, 1e-2))


def whitened_value(loss, x, p):
    """(x - mean)/√(variance + 1e-8), sample variance over the mask"""
    mean, variance = masked_moments(*x)
    got = loss(*x, **p | {"shift_mean": True})
    same(got * np.sqrt(variance + 1e-8), (x[0] - mean) * x[1], room=rounding(1e-7, 1e-2))


WHITEN = whole_laws(
    law("PP7b", whiten_ignores_padding),
    law("PP7a", mean_zero),
    law("PP7d", level_and_unit_cancel, c=floats(-20.0, 20.0)),
    law("PP7c", mean_kept),
    law("PP7", whitened_value),
)

# overlong penalty: x is (lengths (N,),)


def free_when_short(loss, x, p):
    """nothing up to max_length - buffer, -1 from max_length on"""
    knee = p["max_length"] - p["buffer"]
    lengths = np.array([0.0, knee, p["max_length"], p["max_length"] + 1, 10 * p["max_length"]])
    same(loss(lengths, **p), [0.0, 0.0, -1.0, -1.0, -1.0])


def longer_never_pays(loss, x, p):
    """never above 0, never below -1, and it falls with length"""
    here, longer = loss(*x, **p), loss(x[0] + 1.0, **p)
    at_most(here, 0.0)
    at_most(-1.0, here)
    at_most(longer, here)


def straight_line(loss, x, p):
    """in between it falls in a straight line"""
    inside = p["max_length"] - p["buffer"] * np.array([0.9, 0.6, 0.4, 0.1])  # few draws fall here
    lengths = np.concatenate([x[0], inside])
    along = (p["max_length"] - p["buffer"] - lengths) / p["buffer"]
    same(loss(lengths, **p), np.clip(along, -1.0, 0.0))


OVERLONG = whole_laws(
    law("R14b", longer_never_pays),
    law("R14", free_when_short),
    law("R14c", straight_line),
)
