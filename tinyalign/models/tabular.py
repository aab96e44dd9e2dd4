"""A table of logits: row s scores the token that follows token s. Exact, and solvable on paper.

With a one-token prompt and a one-token completion it is a contextual bandit's softmax policy.
"""

import math

from tinyalign.backend import FLOAT, xp


def init(rng, *, vocab):
    """All logits 0: the uniform policy. `rng` is not used; every model's init takes one.

    vocab   number of tokens, V
    """
    return {"table": xp.zeros((vocab, vocab), FLOAT)}


def context(params):
    """Longest row of tokens the parameters can read: a table has no limit."""
    return math.inf


def unembedding(params):
    """(V, V): column s holds the logits that follow token s."""
    return params["table"].T


def trunk(params, tokens):
    """Features of every position, the one-hot of its token: (B, T) -> (B·T, V)."""
    table = params["table"]
    ids = tokens.reshape(-1, 1)
    return (ids == xp.arange(table.shape[0])).astype(table.dtype)


def start(params, batch, length):
    """Nothing to remember: only the newest token counts."""
    return None


def step(params, state, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, V), state)."""
    return trunk(params, tokens), None


def keep(state, rows):
    """The state of the chosen rows only."""
    return None
