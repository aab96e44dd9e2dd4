# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · A tiny language model and its log-probability
#
# Every method of this course reads one number off a language model: the log-probability of a
# completion. Most silent bugs of alignment code sit in the few lines that compute it. There is a
# test that needs no second opinion: the probabilities of *all* completions of a prompt must sum
# to 1. This page builds models small enough to list them all.
#
# ## What the notes say
#
# {notes 000 1-6}
# {notes 004 144-181}
# {notes 004 227-290}
#
# One of the notes links to texts on self-attention, multi-head attention, LSTMs, encoders and
# decoders; all of them run below. Another shows how *not* to score a response:
#
# * The mask starts [one token late](errata.html#row-38), so the first token is dropped.
# * The logits are [not shifted](errata.html#row-39). PyTorch's `gather` happens to accept that, and
#   NumPy refuses it.
# * Responses are [sampled at temperature 0.7 and scored at 1](errata.html#row-34).
# * The text is [decoded, stripped and tokenised again](errata.html#row-36). So the scored text is
#   not the sampled one and has no EOS.
# * [`max_length` counts the prompt](errata.html#row-35); `max_new_tokens` does not.
#
# ## The score, live
#
# {source tinyalign.policy.token_logp}
# {source tinyalign.policy.sequence_logp}
#
# The convention in one picture, prompt `ab`, completion `b` and EOS `.`, then padding `_`:
#
# ```
# tokens   a  b  b  .  _        position t reads tokens[: t + 1] …
# target      b  b  .  _        … and scores tokens[t + 1]
# mask        0  1  1  0        1 where the target belongs to the completion, EOS included
# ```

# %%
from itertools import product

import numpy as np

from tinyalign import policy
from tinyalign.engine.tree import size, tree_map
from tinyalign.laws import assert_lawful
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.models import lstm, tokenizer, transformer
from tinyalign.notes.lesson import check_exercise, picture, table

VOCABULARY = tokenizer.Vocabulary("ab", ends=True)  # tokens 0, 1 and EOS = 2
EOS = VOCABULARY.eos


def model_of(module, loud=1.7, **shape):
    """Random parameters in double precision, so that a sum to 1 can be seen to twelve digits."""
    params = module.init(np.random.default_rng(0), vocab=VOCABULARY.size, **shape)
    return tree_map(lambda leaf: loud * leaf.astype(float), params)


MODELS = {
    "transformer, 1 head": (transformer, model_of(transformer, width=16, heads=1, context=12)),
    "transformer, 4 heads": (transformer, model_of(transformer, width=16, heads=4, context=12)),
    "LSTM": (lstm, model_of(lstm, loud=1.0, width=16)),
}

# %% [markdown]
# ## Before the run
#
# Completions of at most `LONGEST` tokens over two letters: those that end (fewer letters, then EOS)
# and those that are cut off (all letters). Their number is
# $\sum_{n<L} 2^n + 2^L$, and their probabilities add up to exactly 1, whatever the parameters are,
# because after every prefix the next-token probabilities do.
#
# **The dial:** `LONGEST`. The sum stays 1; the number of completions doubles.

# %%
LONGEST = 5

letters = [list(ids) for n in range(LONGEST + 1) for ids in product((0, 1), repeat=n)]
completions = [[*ids, EOS] for ids in letters if len(ids) < LONGEST]
completions += [ids for ids in letters if len(ids) == LONGEST]
count_predicted = sum(2**n for n in range(LONGEST)) + 2**LONGEST
prompts = [[0, 1]] * len(completions)
tokens, mask = tokenizer.batch(prompts, completions)
print(
    f"{len(completions)} completions, predicted {count_predicted}; rows of {tokens.shape[1]} tokens"
)
print("predicted sum of their probabilities: 1")

# %% [markdown]
# ## The run: right, and wrong in five ways
#
# The wrong versions differ from the right one in one place each.


# %%
def scored(mask, shift=0):
    """exp of the summed log-probabilities where the mask is 1; shift = 1 forgets the shift."""

    def probabilities(model, params):
        z = policy.logits(model, params, tokens)
        here = log_softmax(z[:, 1:] if shift else z[:, :-1])
        picked = np.take_along_axis(here, tokens[:, 1:, None], axis=2)[..., 0]
        return np.exp(np.sum(picked * mask, axis=1))

    return probabilities


def right(model, params):
    return np.exp(policy.sequence_logp(model, params, tokens, mask))


def mean_for_sum(model, params):
    each = policy.token_logp(model, params, tokens)
    return np.exp(np.sum(each * mask, axis=1) / np.sum(mask, axis=1))


first = np.cumsum(mask, axis=1) * mask == 1  # the first completion token of each row
is_eos = tokens[:, 1:] == EOS
to_the_end = (np.cumsum(mask, axis=1) > 0).astype(float)  # padding included
ways = {
    "right": right,
    "bug: logits not shifted": scored(mask, shift=1),
    "bug: mask one token late": scored(mask * ~first),
    "bug: EOS not scored": scored(mask * ~is_eos),
    "bug: padding scored": scored(to_the_end),
    "bug: mean per token": mean_for_sum,
}
sums = {
    way: [function(*model).sum() for model in MODELS.values()] for way, function in ways.items()
}
table(["sum over all completions", *MODELS], [[way, *values] for way, values in sums.items()])

# %% [markdown]
# (Forgetting the first token gives exactly 3, one whole distribution for each first token: a sum of
# probabilities can tell *which* bug it is.)
#
# Only the right one is a probability. The check is cheap enough for any code base: a random
# model, a vocabulary of three, all completions of five tokens.
#
# What it cannot see: a model that is scored at another temperature than it was sampled at is
# still a distribution, the wrong one. The note's two temperatures, on logits (2, 0, −1):

# %%
three = np.array([2.0, 0.0, -1.0])
sampled_from, scored_as = softmax(three / 0.7), softmax(three)
table(
    ["", "token 0", "token 1", "token 2"],
    [["drawn from, T = 0.7", *sampled_from], ["scored as, T = 1", *scored_as]],
)
rollout = policy.sample(
    *MODELS["LSTM"],
    [[0, 1]] * 50,
    np.random.default_rng(1),
    max_new_tokens=LONGEST,
    eos=EOS,
    temperature=0.7,
)
again = policy.token_logp(*MODELS["LSTM"], rollout.tokens, temperature=0.7) * rollout.mask
agree = np.abs(again - rollout.logp).max()
print(f"\nthe sampler's log-probabilities against a second scoring: largest difference {agree:.0e}")

# %% [markdown]
# Decoding and tokenising again loses tokens too. One round trip of a sampled text through a string,
# as the note does:

# %%
ids = [0, 1, 0, EOS]
string = "".join(" a"[i] if i < 2 else "" for i in ids)  # a vocabulary with a space in it
round_trip = [" a".index(character) for character in string.strip()]
print("sampled ids:", ids, " after decode, strip and encode:", round_trip)

# %% [markdown]
# ## Self-attention, one head and four
#
# At each position, attention asks with a query, compares it with the keys of the positions it may
# see, and averages their values: $\mathrm{softmax}(QK^\top/\sqrt{d})\,V$. *Multi-head* attention
# does it several times in slices of the width, so that one position can look at several places at
# once. The number of parameters is the same.
#
# A *decoder* may look back only (a causal mask); an *encoder* looks both ways. For a language model
# this is no detail: an encoder sees the token that it is asked to predict.
#
# {source tinyalign.models.transformer.self_attention}


# %%
def attention_weights(params, tokens, causal=True):
    """Who looks at whom in the first block: (heads, T, T)."""
    block = params["block0"]
    x = params["tok"][tokens] + params["pos"][: len(tokens)]
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x = x * block["ln1"]["gain"] + block["ln1"]["bias"]
    qkv = np.einsum("tc,cshd->shtd", x, block["attn"]["qkv"]["w"])
    qkv = qkv + block["attn"]["qkv"]["b"][:, :, None]
    scores = np.einsum("htd,hsd->hts", qkv[0], qkv[1]) / np.sqrt(qkv.shape[-1])
    future = np.triu(np.ones(scores.shape[1:]), 1) > 0
    return softmax(np.where(causal & future, -np.inf, scores))


sentence = np.array([0, 1, 1, 0, 0, 1, 0, 2])
one_head = attention_weights(MODELS["transformer, 1 head"][1], sentence)
four_heads = attention_weights(MODELS["transformer, 4 heads"][1], sentence)
encoder = attention_weights(MODELS["transformer, 1 head"][1], sentence, causal=False)

figure, panels = picture(4, width=9.0, height=2.7)
titles = ["1 head", "4 heads: first", "4 heads: second", "1 head, encoder"]
for axes, title, weight in zip(
    panels, titles, [one_head[0], *four_heads[:2], encoder[0]], strict=True
):
    axes.imshow(weight, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="looks at position")
    axes.grid(False)
panels[0].set_ylabel("position")
figure

# %% [markdown]
# {figure}
#
# The same model without its causal mask fails the test of this page, and the reason can be seen by
# changing the last token and watching the first score.

# %%
module, params = MODELS["transformer, 1 head"]
z = policy.logits(module, params, tokens, causal=False)
picked = np.take_along_axis(log_softmax(z[:, :-1]), tokens[:, 1:, None], axis=2)[..., 0]
encoder_sum = np.exp(np.sum(picked * mask, axis=1)).sum()


def first_score_moves(**options):
    """How much the distribution after the first token changes when only the last token does."""
    two = np.array([[0, 1, 1, 0], [0, 1, 1, 1]])
    here = policy.logits(module, params, two, **options)[:, 0]
    return np.abs(here[0] - here[1]).max()


leaks = {"causal": first_score_moves(), "encoder": first_score_moves(causal=False)}
table(
    ["model", "parameters", "longest context"],
    [[name, str(size(p)), str(m.context(p))] for name, (m, p) in MODELS.items()],
)
print(f"\nencoder: sum over all completions {encoder_sum:.4f}")
print("the first position notices the last token:", {k: f"{v:.1e}" for k, v in leaks.items()})

# %% [markdown]
# ## Weird numbers
#
# **“My model never stops.”** PAD and EOS share an id, and the mask was made with `ids != pad`, so
# EOS is never trained (huggingface/trl #1623, #3091, #3200). Build masks from lengths.
#
# **“The first answer token stays bad.”** A mask shifted by one (verl PR #3287; minimind PR #621,
# #395).
#
# **“My log-probability is −2 and yours −40.”** One is a mean per token, the other a sum. DPO wants
# sums, SimPO, ORPO and RRHF want means (SimPO #4, #5).
#
# **“The action mask looks shifted the wrong way.”** DeepSpeedExamples #741 was withdrawn by its
# reporter: the shift was right. The sum over all completions settles such questions.
#
# ## Exercises
#
# **1.** Score tokens: logits `(B, T, V)` and ids `(B, T)` to `(B, T − 1)`.
#
# **2.** Score completions that sit behind prompts of different length, in rows padded on the right.
#
# **3.** Causal attention of one head, `(T, d)` each, from `q`, `k` and `v`.


# %%
def my_token_logp(logits, ids):
    raise NotImplementedError


def check_my_token_logp(solution):
    assert_lawful(solution, "token_logp")


def my_sequence_logp(logits, ids, prompt_length, length):
    raise NotImplementedError  # (B, T, V), (B, T), (B,), (B,) -> (B,); length counts the prompt too


def check_my_sequence_logp(solution):
    assert_lawful(solution, "sequence_logp")


def my_attention(q, k, v):
    raise NotImplementedError  # (T, d), (T, d), (T, d) -> (T, d)


def check_my_attention(solution):
    draw = np.random.default_rng(3)
    q, k, v = draw.normal(size=(3, 5, 4))
    attended = solution(q, k, v)
    np.testing.assert_allclose(attended[0], v[0], err_msg="the first position sees only itself")
    weights = np.exp(q[2] @ k[:3].T / 2)
    np.testing.assert_allclose(attended[2], weights @ v[:3] / weights.sum(), err_msg="position 2")
    later = v + 9.0 * (np.arange(5) > 2)[:, None]
    np.testing.assert_allclose(solution(q, k, later)[:3], attended[:3], err_msg="the future leaks")


check_exercise(check_my_token_logp, my_token_logp)
check_exercise(check_my_sequence_logp, my_sequence_logp)
check_exercise(check_my_attention, my_attention)

# %% [markdown]
# ## The same line in TRL
#
# `selective_log_softmax(logits[:, :-1], input_ids[:, 1:])`, summed with `completion_mask`; the mask
# is chosen by `SFTConfig(completion_only_loss=True)`.
#
# ## What this page showed

# %%
assert len(completions) == count_predicted
assert all(abs(total - 1) < 1e-9 for total in sums.pop("right")), "all completions sum to 1"
late = sums["bug: mask one token late"]
assert all(abs(total - VOCABULARY.size) < 1e-9 for total in late), "3, one for each first token"
assert all(abs(total - 1) > 1e-3 for bug in sums.values() for total in bug), "no bug does"
assert abs(encoder_sum - 1) > 1e-3 and leaks["encoder"] > 1e-3 > leaks["causal"], "encoders peek"
assert agree < 1e-9, "samples carry the log-probability that they were drawn with"
assert np.abs(sampled_from - scored_as).max() > 0.08, "two temperatures are two policies"
assert round_trip != ids, "decode and encode is not the identity"
assert size(MODELS["transformer, 1 head"][1]) == size(MODELS["transformer, 4 heads"][1])
try:
    np.take_along_axis(np.zeros((1, 4, 3)), np.zeros((1, 3, 1), int), axis=2)
except (ValueError, IndexError):
    print("unshifted logits: NumPy refuses")
else:
    raise AssertionError("NumPy accepts unshifted logits")
print("all claims of this page hold")
