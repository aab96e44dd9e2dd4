"""A language model as a policy: score sequences of tokens, and sample them.

A batch is `tokens` (N, S), each row a prompt, its completion and padding, and `mask` (N, S−1),
where mask[n, t] = 1 if tokens[n, t+1], the token that position t predicts, belongs to the
completion. EOS does; the prompt and the padding do not. The tokens in the padding never matter.
Every public function takes the model (a module of tinyalign.models) and its parameters first.
"""

import math
from typing import Any, NamedTuple

from tinyalign.engine import ops
from tinyalign.engine.backend import FLOAT, to_device, xp
from tinyalign.losses.policy_gradient import entropy
from tinyalign.models import sampling


def logits(model, params, tokens, **options):
    """Scores of every next token: tokens (N, S) -> (N, S, V). Options go to the model's trunk."""
    return project(model, params, model.trunk(params, tokens, **options), tokens.shape)


def project(model, params, features, shape):
    """Features (N·S, C) times the output table: (N, S, V)."""
    table = model.unembedding(params)  # (V, C)
    no_bias = xp.zeros(table.shape[0], table.dtype)
    flat = ops.linear(features, table.T, no_bias)  # (N·S, C) -> (N·S, V)
    return flat.reshape((*shape, -1))


def token_logp(model, params, tokens, *, temperature=1.0, layout=None):
    """log π(token | the tokens before it), nats: tokens (N, S) -> (N, S−1).

    tokens       (N, S) ids; entry t of the result scores tokens[:, t + 1]
    temperature  > 0; scores the distribution softmax(logits / temperature)
    layout       models.layout.share_prompts of the tokens: the numbers inside its mask, sooner,
                 since each prompt is read once; 0 outside of it. None reads every row whole.
    """
    features, targets = predicting_features(model, params, tokens, layout)
    flat = ops.token_logp(features, model.unembedding(params), targets, temperature)
    return to_rows(flat, tokens, layout)


def token_logp_and_entropy(model, params, tokens, *, temperature=1.0, layout=None):
    """token_logp, and the entropy of each next-token distribution: (N, S−1) each, nats.

    One pass through the trunk serves both.
    """
    features, targets = predicting_features(model, params, tokens, layout)
    logp = ops.token_logp(features, model.unembedding(params), targets, temperature)
    z = project(model, params, features, targets.shape) * (1.0 / temperature)  # (F, V)
    return to_rows(logp, tokens, layout), to_rows(entropy(z), tokens, layout)


def predicting_features(model, params, tokens, layout):
    """Features that predict a token, one a row, and the tokens that they predict: (F, C), (F,)."""
    if layout is None:  # nothing follows the last token of a row
        return model.trunk(params, tokens[:, :-1]), tokens[:, 1:].reshape(-1)
    features = model.layout_trunk(params, layout)
    if layout.group > 1:  # a prompt's last token predicts the first of each of its completions
        features = ops.before_each_token(features, len(layout.ids), layout.group)
    return features, layout.targets


def to_rows(x, tokens, layout):
    """Numbers (F,) of features that predict a token, as rows: (N, S−1)."""
    if layout is None:
        return x.reshape(len(tokens), -1)
    return ops.put(x, layout.places, math.prod(layout.shape)).reshape(layout.shape)


def sequence_logp(model, params, tokens, mask, *, temperature=1.0, layout=None):
    """log π(completion | prompt) = the sum over completion tokens, nats: -> (N,)."""
    logp = token_logp(model, params, tokens, temperature=temperature, layout=layout)
    return (logp * mask).sum(axis=1)


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

    Position t has seen tokens[:, : t + 1].
    """
    features = scalar_features(model, params["trunk"], tokens)
    return ops.linear(features, **params["head"]).reshape(tokens.shape)


def prefix_value(model, params, tokens, *, layout=None):
    """A critic's value of each prefix that a token follows: tokens (N, S) -> (N, S−1).

    layout  as in `token_logp`
    """
    if layout is None:
        return scalar(model, params, tokens[:, :-1])
    features, _ = predicting_features(model, params["trunk"], tokens, layout)
    return to_rows(ops.linear(features, **params["head"]).reshape(-1), tokens, layout)


def sequence_reward(model, params, tokens, mask, *, layout=None):
    """A reward model's score: the scalar at the last completion token of each row, (N,).

    layout  models.layout.share_prompts_to_judge of tokens and mask, or None
    """
    if layout is not None:
        features = model.layout_trunk(params["trunk"], layout)  # (N, C)
        return to_rows(ops.linear(features, **params["head"]).reshape(-1), tokens, layout)
    position = xp.arange(mask.shape[1], dtype=mask.dtype)
    # (N, S−1): 1 at the largest masked position. Column t of the mask speaks of token t + 1.
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
    tokens, length = sampling.pad_prompts(prompts, max_new_tokens)  # (P, S) and (P,)
    sampling.require_possible(tokens.shape[1], model.context(params), temperature, num_generations)
    unembedding = model.unembedding(params)  # (V, C)
    features, cache, time = sampling.read_shared(model, params, tokens, length, num_generations)
    decoder = sampling.start_decoder(cache, tokens, length, num_generations, unembedding.dtype)
    for t in range(time, tokens.shape[1] - 1):  # each step reads tokens[:, t], draws the next
        rows = decoder.active
        if t > time:  # `features` (A, C) are those of the token at t
            newest = decoder.tokens[rows, t]  # (A,)
            features, decoder.cache = model.decode_step(params, decoder.cache, newest)
        # A number for every row, active or not: no row's draws depend on when others finish.
        uniform = to_device(rng.random((len(decoder.tokens), 1), dtype=FLOAT))[rows]
        drawn, logp = sampling.draw(features @ unembedding.T, uniform, temperature)  # (A,) each
        sampling.append_token(decoder, t, drawn, logp, max_new_tokens, eos)
        if eos is not None:
            sampling.drop_finished(model, decoder)
        if len(decoder.active) == 0:
            break
    return Rollout(decoder.tokens[:, : t + 2], decoder.mask[:, : t + 1], decoder.logp[:, : t + 1])
