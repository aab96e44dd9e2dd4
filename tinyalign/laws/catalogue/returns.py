"""From rewards to advantages over time: GAE. Arrays are (N, T)."""

import numpy as np

from tinyalign.laws.catalogue.enumeration import UNBIASED
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.harness.law import assert_close, law
from tinyalign.laws.harness.spec import rows


def with_garbage(array, mask, value):
    """The same array with other content where the mask is 0."""
    return np.where(mask > 0, array, value)


def rows_are_separate(loss, x, p):
    """each row is computed by itself"""
    whole = loss(*x, **p)
    # rows are the last axis but one, also where two outputs are stacked
    for i, row in enumerate(rows(x)):
        # alone, a row without tokens may have no mean and no deviation to be whitened by
        if not np.any(row[-1]):
            continue
        assert_close(loss(*row, **p)[..., 0, :], whole[..., i, :])


# GAE: the two outputs, advantage and returns, come stacked as (2, N, T)


def gae(loss, x, p, **numbers):
    # the padding of the outputs is free: set it to 0
    return np.where(x[2] > 0, loss(*x, **p | numbers), 0.0)


def next_value(array, mask):
    """The next value in the row, 0 after the last real token."""
    # one to the left, and 0 where the next token is padding
    shifted = np.concatenate([array[:, 1:] * mask[:, 1:], np.zeros((len(array), 1))], axis=1)
    return shifted * mask


def padding_changes_nothing(loss, x, p):
    """what stands in the padding changes no advantage and no return"""
    reward, value, mask = x
    assert_close(
        gae(loss, (with_garbage(reward, mask, 77.0), with_garbage(value, mask, -99.0), mask), p),
        gae(loss, x, p),
    )


def returns_are_advantage_plus_value(loss, x, p):
    """returns = raw advantage + value"""
    advantage, returns = gae(loss, x, p)
    assert_close(returns, advantage + x[1] * x[2])


def lambda_zero_is_one_step(loss, x, p):
    """λ = 0: r + γV' - V, with V = 0 after the end"""
    reward, value, mask = x
    want = reward + p["gamma"] * next_value(value, mask) - value
    assert_close(gae(loss, x, p, lam=0.0)[0], want * mask)


def lambda_one_is_the_whole_return(loss, x, p):
    """λ = 1: the discounted sum of what is still to come, less V"""
    reward, value, mask = x
    to_go = np.zeros_like(reward)
    # backwards, as the sum to come is defined
    for t in reversed(range(reward.shape[1])):
        later = to_go[:, t + 1] if t + 1 < reward.shape[1] else 0.0
        to_go[:, t] = reward[:, t] * mask[:, t] + p["gamma"] * later
    assert_close(gae(loss, x, p, lam=1.0)[0], (to_go - value) * mask)


def exact_critic_leaves_no_advantage(loss, x, p):
    """γ = 1 and a critic that knows the sum to come: no advantage anywhere"""
    reward, _, mask = x
    # (N, T): a sum over the tokens from here to the end
    knows = np.cumsum((reward * mask)[:, ::-1], axis=1)[:, ::-1]
    assert_close(gae(loss, (reward, knows, mask), p, gamma=1.0)[0], 0.0)


def return_recursion(loss, x, p):
    """R_t = r_t + γ[(1-λ)V' + λR'], both 0 after the end"""
    reward, value, mask = x
    returns = gae(loss, x, p)[1]
    mix = (1 - p["lam"]) * next_value(value, mask) + p["lam"] * next_value(returns, mask)
    assert_close(returns, (reward + p["gamma"] * mix) * mask)


def discounted_sum_of_errors(loss, x, p):
    """A_t = Σ_l (γλ)^l δ_(t+l)"""
    reward, value, mask = x
    delta = (reward + p["gamma"] * next_value(value, mask) - value) * mask
    steps = np.arange(reward.shape[1])
    # (T, T): s - t for s ≥ t, the number of steps ahead
    power = np.maximum(steps[None, :] - steps[:, None], 0)
    weight = np.where(steps[None, :] >= steps[:, None], (p["gamma"] * p["lam"]) ** power, 0.0)
    assert_close(gae(loss, x, p)[0], delta @ weight.T * mask)


def packed_episodes_are_separate(loss, x, p):
    """two episodes in one row, a masked token between them, are what each is in a row of its own"""
    width, between = x[0].shape[1], (5.0, -5.0, 0.0)  # reward and value of the masked token: any
    # one row (1, 2T + 1) of the first episode, a masked token, and the last
    packed = [
        np.concatenate([a[:1], np.full((1, 1), gap), a[-1:]], axis=1)
        for a, gap in zip(x, between, strict=True)
    ]
    whole, alone = gae(loss, packed, p), gae(loss, x, p)
    assert_close(whole[:, :, :width], alone[:, :1])
    assert_close(whole[:, :, width + 1 :], alone[:, -1:])


GAE = whole_laws(
    law(rows_are_separate, "R5"),
    law(padding_changes_nothing, "G3"),
    law(returns_are_advantage_plus_value, "C.G5"),
    law(exact_critic_leaves_no_advantage, "G4"),
    law(packed_episodes_are_separate, "C.G4", when={"packed": "yes"}),
    UNBIASED,
    law(lambda_zero_is_one_step, "G1"),
    law(lambda_one_is_the_whole_return, "G1b"),
    law(return_recursion, "G2"),
    law(discounted_sum_of_errors, "C.G3"),
)
