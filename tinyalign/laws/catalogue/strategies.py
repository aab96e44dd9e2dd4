"""Strategies for the arrays of each kind of function: tuples that fit the method's arguments."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import (
    avg_logps,
    batches,
    floats,
    logps,
    nlls,
    rewards,
    softmax,
    tables,
)

# one example a row, (B,) each
pairs = batches(*[logps] * 4)
gaps = batches(logps, logps)
gaps_nll = batches(logps, logps, nlls)
averages = batches(avg_logps, avg_logps)
averages_nll = batches(avg_logps, avg_logps, nlls)
reward_pairs = batches(rewards, rewards)


@st.composite
def thumbs(draw):
    # z0 is one number for the batch, and a clamped mean: never below 0
    logp, ref, desirable = draw(batches(logps, logps, st.booleans()))
    return logp, ref, desirable, np.array(draw(floats(0.0, 5.0)))


@st.composite
def candidates(draw, cell):
    """(B,K) of a cell and of rewards, K from 2 to 4."""
    # two at least: one answer alone has nothing to be compared with
    return draw(tables(cell, rewards, width=2))


@st.composite
def candidates_nll(draw):
    # (B, K) twice, then (B,)
    logp, reward = draw(candidates(avg_logps))
    return logp, reward, np.array([draw(nlls) for _ in logp])


# token tables are (N, T), groups (P, G), logits (N, V)
groups = tables(floats(-5.0, 5.0), width=2, high=8)
logits = tables(floats(-6.0, 6.0), width=2)
two_logits = tables(floats(-6.0, 6.0), floats(-6.0, 6.0), width=2)
token_pairs = tables(floats(-6.0, -0.01), floats(-6.0, -0.01), high=3)
values = tables(*[floats(-5.0, 5.0)] * 3, high=3)
reinforce_tokens = tables(floats(-6.0, -0.01), floats(-3.0, 3.0), high=3)


@st.composite
def ratio_tokens(draw):
    """logp, old_logp, advantage: ratios from e^-3 to e^3."""
    # drift is the log-ratio
    drift, old, advantage = draw(tables(floats(-3, 3), floats(-6, -0.01), floats(-3, 3), high=3))
    return old + drift, old, advantage


@st.composite
def masks(draw, shape, least=1, empty=False):
    """Padded rows, perhaps with a prompt in front: the first has `least` tokens, the others one.

    empty  whether they may have none
    """
    n, t = shape
    # (N, 1): where each row ends
    ends = st.integers(0 if empty else 1, t)
    stop = np.array(draw(st.lists(ends, min_size=n, max_size=n)))[:, None]
    stop[0] = max(stop[0, 0], min(t, least))
    # where it starts, before its end
    tokens = [least, *[0 if empty else 1] * (n - 1)]
    gap = np.array([draw(st.integers(0, stop[i, 0] - tokens[i])) for i in range(n)])
    position = np.arange(t)
    return ((position < stop) & (position >= gap[:, None])).astype(float)


@st.composite
def tables_with_mask(draw, *cells, width=1, empty=False):
    """Tables of one shape and their mask, which comes last."""
    arrays = draw(tables(*cells, width=width))
    return (*arrays, draw(masks(arrays[0].shape, min(2, width), empty)))


@st.composite
def ratio_sequences(draw):
    # within ±1 for each token, so the mean ratio is moderate
    drift, old, mask = draw(tables_with_mask(floats(-1.0, 1.0), floats(-6.0, -0.01)))
    advantage = np.array([draw(floats(-3.0, 3.0)) for _ in old])
    return old + drift, old, advantage, mask


@st.composite
def scored_sequences(draw):
    logp, ref, mask = draw(tables_with_mask(floats(-6.0, -0.01), floats(-6.0, -0.01)))
    return np.array([draw(rewards) for _ in logp]), logp, ref, mask


# softmax of moderate logits: no outcome is impossible
probabilities = (
    st.integers(2, 4)
    .flatmap(
        lambda k: st.lists(
            st.lists(floats(-2.0, 2.0), min_size=k, max_size=k), min_size=1, max_size=2
        )
    )
    .map(lambda rows: softmax(np.array(rows)))
)


@st.composite
def bandits(draw, n=None):
    """Reference probabilities and rewards, (B,K) each, and perhaps a count of draws."""
    probs = draw(probabilities)
    reward = np.array([[draw(floats(-3.0, 3.0)) for _ in row] for row in probs])
    return (probs, reward) if n is None else (probs, reward, np.array(draw(n)))


@st.composite
def policies(draw):
    """Policy, reference, rewards."""
    probs, reward = draw(bandits())
    other = np.array([[draw(floats(-2.0, 2.0)) for _ in row] for row in probs])
    return softmax(other), probs, reward


@st.composite
def texts(draw, spans=True):
    """Logits (B,T,V) and ids (B,T), and where each completion starts and ends."""
    # the last has as many texts as tokens
    b, t = draw(st.sampled_from([(1, 3), (2, 3), (1, 4), (2, 4), (2, 5), (3, 3)]))
    v = draw(st.integers(2, 3))
    cells = draw(st.lists(floats(-5.0, 5.0), min_size=b * t * v, max_size=b * t * v))
    ids = draw(st.lists(st.integers(0, v - 1), min_size=b * t, max_size=b * t))
    text = (np.array(cells).reshape(b, t, v), np.array(ids).reshape(b, t))
    if not spans:
        return text
    # a completion starts after the first token and may be empty, but for the first
    prompt = [draw(st.integers(1, t - 1)) for _ in range(b)]
    length = [draw(st.integers(p + (i == 0), t)) for i, p in enumerate(prompt)]
    return *text, np.array(prompt), np.array(length)
