"""A table of logits: row s scores the token that follows token s. Exact, and solvable on paper.

With a one-token prompt and a one-token completion it is a contextual bandit's softmax policy.
"""

import math

from tinyalign.engine.backend import FLOAT, xp

# A reward head needs the (prompt, arm) pair, so it reads one-hot bigrams.
FOR_SCALARS = {"pairs": True}


def init(rng, *, vocab):
    """All logits 0: the uniform policy. `rng` is not used; every model's init takes one.

    vocab   number of tokens, V
    """
    return {"table": xp.zeros((vocab, vocab), FLOAT)}


def sizes(params):
    """The keywords of `init`, but vocab, that make parameters of these shapes."""
    return {}


def context(params):
    """Longest row of tokens the parameters can read: a table has no limit."""
    return math.inf


def unembedding(params):
    """(V, V): column s holds the logits that follow token s."""
    return params["table"].T


def trunk(params, tokens, *, pairs=False):
    """Features of every position, the one-hot of its token: (B, T) -> (B·T, V).

    pairs  the one-hot of a token and the one before it instead, (B·T, V²); the first token counts
           as its own predecessor
    """
    table = params["table"]
    ids, size = tokens, table.shape[0]  # tokens numbered 0 … V − 1
    if pairs:
        before = xp.concatenate([tokens[:, :1], tokens[:, :-1]], axis=1)  # (B, T)
        ids, size = before * size + tokens, size * size  # pairs numbered 0 … V² − 1
    onehot = ids.reshape(-1, 1) == xp.arange(size)  # (B·T, 1) against (V,) or (V²,)
    return onehot.astype(table.dtype)


def scalar_width(params):
    """Features of a position that a critic or reward model reads, V²."""
    return params["table"].size


def init_cache(params, batch, length):
    """Nothing to remember: only the newest token counts."""
    return None


def decode_step(params, cache, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, V), cache)."""
    return trunk(params, tokens), None


def select_rows(cache, rows):
    """The cache of the chosen rows only: still nothing."""
    return None
