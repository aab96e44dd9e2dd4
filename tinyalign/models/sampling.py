"""The steps of `policy.sample`: prefill what prompts share, draw a token, note which rows are done.

P prompts with G completions each are N rows; a row that is finished is dropped, and A stay active.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyalign.engine.backend import to_device, to_host, xp


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


def read_shared(model, params, tokens, length, num_generations):
    """Read the first tokens of all prompts, each prompt once and not once for each completion.

    What is read ends with the last token of the shortest prompt, at `time`.
    returns  features of the tokens at `time` (N, C), a cache of N rows, time
    """
    time = int(length.min()) - 1
    first = to_device(tokens[:, : time + 1])  # (P, time + 1)
    cache = model.init_cache(params, *tokens.shape)
    if time and hasattr(model, "prefill"):
        cache = model.prefill(params, cache, first[:, :time])
    else:
        for t in range(time):
            _, cache = model.decode_step(params, cache, first[:, t])
    features, cache = model.decode_step(params, cache, first[:, time])
    if num_generations > 1:  # P rows -> N = P·G rows
        copies = to_device(np.repeat(np.arange(len(tokens)), num_generations))
        features, cache = features[copies], model.select_rows(cache, copies)
    return features, cache, time


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
