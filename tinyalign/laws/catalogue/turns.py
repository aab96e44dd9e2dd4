"""GAE over several turns: gaps are stepped over, a cut end is bootstrapped. Arrays are (N, T)."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import floats, tables
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.catalogue.returns import gae, rows_are_separate, with_garbage
from tinyalign.laws.harness.law import assert_close, law


@st.composite
def tables_with_gaps(draw):
    """Rewards, values, and a mask with holes in it; each row has a token of its own."""
    reward, value = draw(tables(floats(-5.0, 5.0), floats(-5.0, 5.0), high=5))
    bits = st.lists(st.booleans(), min_size=reward.shape[1], max_size=reward.shape[1])
    mask = np.array([draw(bits.filter(any)) for _ in reward], dtype=float)
    return reward, value, mask


def gap_changes_nothing(loss, x, p):
    """what stands in a gap or in the padding changes no advantage and no return"""
    reward, value, mask = x
    dirty = with_garbage(reward, mask, 77.0), with_garbage(value, mask, -99.0), mask
    assert_close(gae(loss, dirty, p), gae(loss, x, p))


def own_tokens_move_together(loss, x, p):
    """a token of somebody else put between two of the policy's own changes nothing for them"""
    reward, value, mask = x
    wide = [np.insert(a, 1, gap, axis=1) for a, gap in ((reward, 5.0), (value, -5.0), (mask, 0.0))]
    got = gae(loss, wide, p)
    assert_close(np.delete(got, 1, axis=2), gae(loss, x, p))


def last_value_stands_for_what_follows(loss, x, p):
    """λ = 1: a value after the end counts as a reward of γ times it on the last own token"""
    reward, value, mask = x
    # the own token with none after it
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    paid = (reward + p["gamma"] * p["last_value"] * last, value, mask)
    assert_close(gae(loss, x, p)[0], gae(loss, paid, p, last_value=0.0)[0])


def returns_are_advantage_plus_value(loss, x, p):
    """returns = raw advantage + value, on the policy's own tokens"""
    advantage, returns = gae(loss, x, p)
    assert_close(returns, advantage + x[1] * x[2])


def recursion_over_own_tokens(loss, x, p):
    """A = r + γV' - V + γλA', ' the next own token, last_value and 0 after the last"""
    reward, value, mask = x
    want = np.zeros_like(value)
    for i in range(len(value)):
        later, ahead = 0.0, p["last_value"]
        for t in reversed(np.flatnonzero(mask[i])):
            later = reward[i, t] + p["gamma"] * (ahead + p["lam"] * later) - value[i, t]
            ahead = value[i, t]
            want[i, t] = later
    assert_close(gae(loss, x, p)[0], want)


TURNS = whole_laws(
    law(rows_are_separate, "R5"),
    law(gap_changes_nothing, "G3"),
    law(returns_are_advantage_plus_value, "C.G5"),
    law(own_tokens_move_together, "GO1"),
    law(last_value_stands_for_what_follows, "GO2"),
    law(recursion_over_own_tokens, "GO3"),
)
