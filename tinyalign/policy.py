"""A language model as a policy: score sequences of tokens, and sample them.

A batch is `tokens` (N, S), each row a prompt, its completion and padding, and `mask` (N, S−1),
where mask[n, t] = 1 if tokens[n, t+1], the token that position t predicts, belongs to the
completion. EOS does; the prompt and the padding do not. The tokens in the padding never matter.
Every public function takes the model (a module of tinyalign.models) and its parameters first.
"""

from dataclasses import dataclass
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
    table = model.unembedding(params)  # (V, C)
    no_bias = xp.zeros(table.shape[0], table.dtype)
    flat = ops.linear(features, table.T, no_bias)  # (N·S, C) -> (N·S, V)
    return flat.reshape((*shape, -1))


def token_logp(model, params, tokens, *, temperature=1.0):
    """log π(token | the tokens before it), nats: tokens (N, S) -> (N, S−1).

    tokens       (N, S) ids; entry t of the result scores tokens[:, t + 1]
    temperature  > 0; scores the distribution softmax(logits / temperature)
    """
    target = tokens[:, 1:]  # (N, S−1): position t predicts token t + 1
    features = model.trunk(params, tokens[:, :-1])  # (N·(S−1), C); nothing follows the last token
    table = model.unembedding(params)  # (V, C)
    flat = ops.token_logp(features, table, target.reshape(-1), temperature)  # (N·(S−1),)
    return flat.reshape(target.shape)


def token_logp_and_entropy(model, params, tokens, *, temperature=1.0):
    """token_logp, and the entropy of each next-token distribution: (N, S−1) each, nats.

    One pass through the trunk serves both.
    """
    target = tokens[:, 1:]
    features = model.trunk(params, tokens[:, :-1])  # (N·(S−1), C)
    logp = ops.token_logp(features, model.unembedding(params), target.reshape(-1), temperature)
    z = project(model, params, features, target.shape) * (1.0 / temperature)
    return logp.reshape(target.shape), entropy(z)


def sequence_logp(model, params, tokens, mask, *, temperature=1.0):
    """log π(completion | prompt) = the sum over completion tokens, nats: -> (N,)."""
    return (token_logp(model, params, tokens, temperature=temperature) * mask).sum(axis=1)


def scalar_features(model, params, tokens):
    """Features for a scalar head: the trunk, with the options that the model names for it."""
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
    # (N, S−1): 1 at the largest masked position. Column t of the mask speaks of token t + 1.
    last = (position == (mask * position).max(axis=1)[:, None]).astype(mask.dtype)
    return (scalar(model, params, tokens)[:, 1:] * last).sum(axis=1)


class Rollout(NamedTuple):
    """Sampled completions, a batch in the sense of this module."""

    tokens: Any  # (N, S) prompt, completion, padding
    mask: Any  # (N, S−1) 1 where the target is a completion token
    logp: Any  # (N, S−1) its log-probability under the distribution it was drawn from, else 0


@dataclass
class Decoder:
    """A rollout in the making. A of its N rows are active: their next token is still computed."""

    tokens: Any  # (N, S) prompts, and the completions as far as they are drawn
    mask: Any  # (N, S−1) as in Rollout
    logp: Any  # (N, S−1) as in Rollout
    length: Any  # (N,) tokens in each prompt
    cache: Any  # what the model keeps of the tokens that the active rows have read
    active: Any  # (A,) numbers of the active rows
    unfinished: Any  # (A,) bool; a finished row stays active until `drop_finished` takes it out


def sample(
    model, params, prompts, rng, *, max_new_tokens, eos=None, temperature=1.0, num_generations=1
):
    """Complete each prompt: prefill what the prompts share, then draw one token a step.

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
    tokens, length = pad_prompts(prompts, max_new_tokens)  # (P, S) and (P,)
    require_possible(tokens.shape[1], model.context(params), temperature, num_generations)
    unembedding = model.unembedding(params)  # (V, C)
    cache, time = prefill_shared(model, params, tokens, length, num_generations)
    decoder = start_decoder(cache, tokens, length, num_generations, unembedding.dtype)
    for t in range(time, tokens.shape[1] - 1):  # each step reads tokens[:, t] and draws the next
        rows = decoder.active
        newest = decoder.tokens[rows, t]  # (A,)
        features, decoder.cache = model.decode_step(params, decoder.cache, newest)  # (A, C)
        # A number for every row, active or not: no row's draws depend on when others finish.
        uniform = to_device(rng.random((len(decoder.tokens), 1), dtype=FLOAT))[rows]
        drawn, logp = draw(features @ unembedding.T, uniform, temperature)  # (A,) each
        append_token(decoder, t, drawn, logp, max_new_tokens, eos)
        if eos is not None:
            drop_finished(model, decoder)
        if len(decoder.active) == 0:
            break
    return Rollout(decoder.tokens[:, : t + 2], decoder.mask[:, : t + 1], decoder.logp[:, : t + 1])


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


def prefill_shared(model, params, tokens, length, num_generations):
    """A cache of N rows that has read the first tokens of all prompts: (cache, tokens read).

    Each prompt is read once, not once for each of its completions. What is read ends one token
    before the end of the shortest prompt: the step that reads a last token draws the next.
    """
    time = int(length.min()) - 1
    first = to_device(tokens[:, :time])  # (P, time)
    cache = model.init_cache(params, *tokens.shape)
    if time and hasattr(model, "prefill"):
        cache = model.prefill(params, cache, first)
    else:
        for t in range(time):
            _, cache = model.decode_step(params, cache, first[:, t])
    if num_generations > 1:  # P rows -> N = P·G rows
        copies = np.repeat(np.arange(len(tokens)), num_generations)
        cache = model.select_rows(cache, to_device(copies))
    return cache, time


def start_decoder(cache, tokens, length, num_generations, dtype):
    """A Decoder that has drawn nothing: tokens (P, S) and length (P,), each row G times."""
    tokens = to_device(np.repeat(tokens, num_generations, axis=0))  # (N, S)
    length = to_device(np.repeat(length, num_generations))  # (N,)
    count, width = tokens.shape
    return Decoder(
        tokens=tokens,
        mask=xp.zeros((count, width - 1), dtype),
        logp=xp.zeros((count, width - 1), dtype),
        length=length,
        cache=cache,
        active=xp.arange(count),
        unfinished=xp.ones(count, bool),
    )


def draw(z, uniform, temperature):
    """The token at a uniform (N, 1) of each row of logits z (N, V), and its logp: ((N,), (N,))."""
    if temperature == 0:
        return z.argmax(axis=-1), xp.zeros(len(z), z.dtype)
    z = (z - z.max(axis=-1, keepdims=True)) * (1.0 / temperature)
    cdf = xp.cumsum(xp.exp(z), axis=-1)  # (N, V), not divided by its last column, the total
    token = xp.argmax(cdf > uniform * cdf[:, -1:], axis=-1)  # u < 1: some entry is always above
    chosen = xp.take_along_axis(z, token[:, None], -1)[:, 0]
    return token, chosen - xp.log(cdf[:, -1])


def append_token(decoder, t, drawn, logp, max_new_tokens, eos):
    """Write the token drawn at t + 1 and its logp, (A,) each, and note which rows it finishes."""
    rows = decoder.active
    length = decoder.length[rows]  # (A,)
    # Where the prompt lasts longer, its own next token stays and the draw is thrown away.
    own = decoder.unfinished & (length <= t + 1)  # (A,) bool
    decoder.tokens[rows, t + 1] = xp.where(own, drawn, decoder.tokens[rows, t + 1])
    decoder.mask[rows, t] = own
    decoder.logp[rows, t] = logp * own
    decoder.unfinished &= t + 2 < length + max_new_tokens  # room for another token
    if eos is not None:
        decoder.unfinished &= ~(own & (drawn == eos))


def drop_finished(model, decoder):
    """Make finished rows inactive once they are a quarter of the active ones.

    Not sooner, because the cache of the rows that stay has to be copied.
    """
    left = np.flatnonzero(to_host(decoder.unfinished))
    if 4 * len(left) > 3 * len(decoder.active):
        return
    left = to_device(left)
    decoder.cache = model.select_rows(decoder.cache, left)
    decoder.active = decoder.active[left]
    decoder.unfinished = decoder.unfinished[left]
