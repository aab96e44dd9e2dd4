"""A language model as a policy: score sequences of tokens, and sample them.

A batch is `tokens` (N, S), each row a prompt, its completion and padding, and `mask` (N, S−1),
where mask[n, t] = 1 if tokens[n, t+1], the token that position t predicts, belongs to the
completion. EOS does; the prompt and the padding do not. What stands in the padding never matters.
Every function takes the model (a module of tinyalign.models) and its parameters first.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine import ops
from tinyalign.engine.backend import FLOAT, to_device, to_host, xp
from tinyalign.losses.policy_gradient import entropy


def logits(model, params, tokens, **options):
    """Scores of every next token: tokens (N, S) -> (N, S, V). Options go to the model's trunk."""
    return project(model, params, model.trunk(params, tokens, **options), tokens.shape)


def project(model, params, features, shape):
    """Features (N·S, C) times the output table: (N, S, V)."""
    table = model.unembedding(params)
    flat = ops.linear(features, table.T, xp.zeros(table.shape[0], table.dtype))
    return flat.reshape((*shape, -1))


def token_logp(model, params, tokens, *, temperature=1.0):
    """log π(token | the tokens before it), nats: tokens (N, S) -> (N, S−1).

    tokens       (N, S) ids; entry t of the result scores tokens[:, t + 1]
    temperature  > 0; scores the distribution softmax(logits / temperature)
    """
    target = tokens[:, 1:]
    features = model.trunk(params, tokens[:, :-1])
    table = model.unembedding(params)
    flat = ops.token_logp(features, table, target.reshape(-1), temperature)
    return flat.reshape(target.shape)


def token_logp_and_entropy(model, params, tokens, *, temperature=1.0):
    """token_logp and the entropy of each of the distributions it reads from: (N, S−1) each, nats.

    One pass through the trunk serves both.
    """
    target = tokens[:, 1:]
    features = model.trunk(params, tokens[:, :-1])
    logp = ops.token_logp(features, model.unembedding(params), target.reshape(-1), temperature)
    z = project(model, params, features, target.shape) * (1.0 / temperature)
    return logp.reshape(target.shape), entropy(z)


def sequence_logp(model, params, tokens, mask, *, temperature=1.0):
    """log π(completion | prompt) = the sum over completion tokens, nats: -> (N,)."""
    return (token_logp(model, params, tokens, temperature=temperature) * mask).sum(axis=1)


def scalar_features(model, params, tokens):
    """What a scalar head reads: the trunk, with the options that the model wants for it."""
    return model.trunk(params, tokens, **getattr(model, "FOR_SCALARS", {}))


def scalar_init(model, params):
    """A critic or reward model: the trunk of a language model with a scalar head that reads 0.

    params   the language model's parameters; the trunk starts from them
    returns  {"trunk": params, "head": {"w": (C, 1), "b": (1,)}}
    """
    table = model.unembedding(params)
    width = model.scalar_width(params) if hasattr(model, "scalar_width") else table.shape[1]
    head = {"w": xp.zeros((width, 1), table.dtype), "b": xp.zeros(1, table.dtype)}
    return {"trunk": params, "head": head}


def scalar(model, params, tokens):
    """One number per position, read off the trunk: tokens (N, S) -> (N, S).

    Position t has seen tokens[:, : t + 1]: as a critic it values the state before token t + 1.
    """
    features = scalar_features(model, params["trunk"], tokens)
    return ops.linear(features, **params["head"]).reshape(tokens.shape)


def sequence_reward(model, params, tokens, mask):
    """A reward model's score: the scalar at the last completion token of each row, (N,)."""
    position = xp.arange(mask.shape[1], dtype=mask.dtype)
    last = (position == (mask * position).max(axis=1)[:, None]).astype(mask.dtype)
    return (scalar(model, params, tokens)[:, 1:] * last).sum(axis=1)


class Rollout(NamedTuple):
    """Sampled completions, a batch in the sense of this module."""

    tokens: Any  # (N, S) prompt, completion, padding
    mask: Any  # (N, S−1) 1 where the target is a completion token
    logp: Any  # (N, S−1) its log-probability under the distribution it was drawn from, else 0


def sample(
    model, params, prompts, rng, *, max_new_tokens, eos=None, temperature=1.0, num_generations=1
):
    """Complete each prompt: it is read while it lasts, then each token drawn is read in turn.

    prompts          P sequences of ids, of any lengths ≥ 1
    rng              numpy Generator; one uniform per row and step, drawn on the host
    max_new_tokens   longest completion, EOS included
    eos              id that ends a completion (it is part of it); None: all have max_new_tokens
    temperature      ≥ 0, draws from softmax(logits / temperature); 0 takes the likeliest token
    num_generations  completions of each prompt, G ≥ 1, in G rows one after another
    returns          Rollout of N = P·G rows; a row that never drew EOS simply has no EOS
    raises           ValueError for an empty prompt, one too long for the model, or no room; for
                     another num_generations or temperature than these
    """
    tokens, length = pad_prompts(prompts, max_new_tokens)
    require_possible(tokens.shape[1], model.context(params), temperature, num_generations)
    state, shared = read_together(model, params, tokens, length, num_generations)
    tokens, length = (to_device(np.repeat(a, num_generations, axis=0)) for a in (tokens, length))
    (count, width), table = tokens.shape, model.unembedding(params)
    logp, mask = (xp.zeros((count, width - 1), table.dtype) for _ in range(2))
    rows, going, used = xp.arange(count), xp.ones(count, bool), width
    for t in range(shared, width - 1):
        features, state = model.decode_step(params, state, tokens[rows, t])
        uniform = to_device(rng.random((count, 1), dtype=FLOAT))[rows]
        drawn, score = draw(features @ table.T, uniform, temperature)
        own = going & (length[rows] <= t + 1)
        tokens[rows, t + 1] = xp.where(own, drawn, tokens[rows, t + 1])
        logp[rows, t], mask[rows, t] = score * own, own
        going &= t + 2 < length[rows] + max_new_tokens
        if eos is not None:
            going &= ~(own & (drawn == eos))
            state, rows, going = drop_finished(model, state, rows, going)
            if len(rows) == 0:
                used = t + 2
                break
    return Rollout(tokens[:, :used], mask[:, : used - 1], logp[:, : used - 1])


def drop_finished(model, state, rows, going):
    """Rows that ended cost nothing once they are a quarter of all: (state, rows, going).

    Not sooner, because to drop some is to copy what is kept of the others.
    """
    left = np.flatnonzero(to_host(going))
    if 4 * len(left) > 3 * len(rows):
        return state, rows, going
    left = to_device(left)
    return model.select_rows(state, left), rows[left], going[left]


def read_together(model, params, tokens, length, num_generations):
    """Read what all prompts have, once for all completions of a prompt: (state, tokens read).

    At one go where the model has a `read`; else it is fed one token after another.
    """
    state, shared = model.init_cache(params, *tokens.shape), int(length.min()) - 1
    rows = to_device(tokens[:, :shared])
    if shared and hasattr(model, "prefill"):
        state = model.prefill(params, state, rows)
    else:
        for t in range(shared):
            _, state = model.decode_step(params, state, rows[:, t])
    copies = to_device(np.repeat(np.arange(len(tokens)), num_generations))
    return model.select_rows(state, copies) if num_generations > 1 else state, shared


def draw(z, uniform, temperature):
    """The token at a uniform (N, 1) of each row of logits z (N, V), and its logp: ((N,), (N,))."""
    if temperature == 0:
        return z.argmax(axis=-1), xp.zeros(len(z), z.dtype)
    z = (z - z.max(axis=-1, keepdims=True)) * (1.0 / temperature)
    cdf = xp.cumsum(xp.exp(z), axis=-1)
    token = xp.argmax(cdf > uniform * cdf[:, -1:], axis=-1)  # u < 1: some entry is always above
    chosen = xp.take_along_axis(z, token[:, None], -1)[:, 0]
    return token, chosen - xp.log(cdf[:, -1])


def pad_prompts(prompts, room):
    """Ragged prompts as one array with `room` empty places after the longest: (tokens, length)."""
    if room < 1:
        raise ValueError(f"max_new_tokens must be at least 1, got {room}")
    length = np.array([len(prompt) for prompt in prompts])
    if len(length) == 0 or length.min() == 0:
        raise ValueError("sample needs at least one prompt, and at least one token in each")
    tokens = np.zeros((len(prompts), length.max() + room), np.int64)
    for row, prompt in zip(tokens, prompts, strict=True):
        row[: len(prompt)] = prompt
    return tokens, length


def require_possible(width, limit, temperature, num_generations):
    """Raise ValueError for rows longer than the model can read, or settings that mean nothing."""
    if width > limit:
        raise ValueError(
            f"prompt and completion together take {width} tokens, but the model's context is "
            f"{limit}: shorten them, or train a model with a larger context"
        )
    if not temperature >= 0:  # a NaN too
        raise ValueError(f"temperature must be at least 0, got {temperature}")
    if num_generations < 1 or num_generations != int(num_generations):
        raise ValueError(f"num_generations must be 1, 2, 3 …, got {num_generations}")
