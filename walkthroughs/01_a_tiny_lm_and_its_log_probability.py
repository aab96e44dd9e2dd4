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
# ## The question
#
# Every method of this course reads one number from a language model: the logarithm of the
# probability that the model writes a given text. How is this number computed, and how can you
# *prove* that your code computes it correctly?
#
# ## The idea
#
# A language model does one thing. It reads a row of tokens and returns a probability for each
# possible next token. To write, draw a token from these probabilities, append it, and repeat; stop
# at the end mark, called EOS. To *score* a given text, multiply the probabilities of its tokens,
# each one read after the tokens before it. Products of many small numbers become too small for a
# computer, so one adds logarithms instead. The sum is the log-probability of the text.
#
# Most silent bugs of alignment code sit in the few lines that compute this sum: a shift by one, a
# mask that starts too late, an EOS that is forgotten. There is a test that finds them without a
# second opinion. A model spreads a total probability of 1 over all texts that it can write. So list
# *all* texts of a tiny model, score each one, and add up the probabilities. The total must be 1.
#
# ```
#  text          a    b    b    .
#  the model sees a b  -> p(b) = 0.30   log -1.20
#        then   a b b  -> p(.) = 0.18   log -1.72
#                         ----          -----
#  probability of "b."    0.05   sum    -2.92
# ```
#
# The point stands for EOS. The cell below the formula prints these numbers.
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $x$ | the prompt |
# | $y = (y_1, \dots, y_T)$ | the completion, EOS included |
# | $z$ | the logits: one score per token of the vocabulary |
# | $\tau$ | the temperature, a number above 0; 1 leaves the model as it is |
# | $m_t$ | the mask: 1 where the target belongs to the completion |
# | $L$ | the largest number of tokens in a completion |
#
# The model turns logits into probabilities with a softmax, and the probability of a text is a
# product:
#
# $$\pi(y_t \mid x, y_{<t}) = \mathrm{softmax}(z/\tau)_{y_t}$$
#
# $$\log \pi(y \mid x) = \sum_t \log \pi(y_t \mid x, y_{<t})$$
#
# A row of $T$ tokens gives $T$ rows of logits. Row $t$ scores the *next* token, so the last row
# predicts nothing here, and the first token is predicted by nothing. Prompt `ab`, completion `b`
# and EOS `.`, then padding `_`:
#
# ```
# tokens   a  b  b  .  _   row t reads tokens[:t+1]
# target      b  b  .  _   and scores tokens[t + 1]
# mask        0  1  1  0   1: part of completion
# ```
#
# {source tinyalign.policy.token_logp}
# {source tinyalign.policy.sequence_logp}

# %%
from collections import Counter
from itertools import product

import numpy as np

from tinyalign import policy
from tinyalign.engine.tree import size, tree_map
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
# The next cell scores one text step by step, and then with the library.

# %%
LETTERS = "ab."  # the point is EOS
text, start = [0, 1, 1, EOS], 2  # prompt "ab", completion "b."
model = MODELS["transformer, 1 head"]

rows, total = [], 0.0
for t in range(start, len(text)):
    logits = policy.logits(*model, np.array([text[:t]]))[0, -1]  # what is known before token t
    logp = log_softmax(logits)[text[t]]
    total += logp
    rows.append(["".join(LETTERS[i] for i in text[:t]), LETTERS[text[t]], np.exp(logp), logp])
table(["the model sees", "next token", "probability", "log-probability"], rows)
one_row, one_mask = tokenizer.batch([text[:start]], [text[start:]])
by_library = policy.sequence_logp(*model, one_row, one_mask)[0]
print(f"\nsum {total:.6f}, by the library {by_library:.6f}, probability {np.exp(total):.6f}")

# %% [markdown]
# ## Predict
#
# All completions of at most `LONGEST` tokens over two letters are listed: those that end (fewer
# letters, then EOS) and those that are cut off (only letters). Their number is
# $\sum_{n<L} 2^n + 2^L$.
#
# **Question 1.** The model has random parameters and was never trained. What is the sum of the
# probabilities of all completions?
#
# * a) 1.
# * b) Less than 1.
# * c) That depends on the parameters.
#
# **Question 2.** A bug makes the mask start one token late, so the first token of each completion
# is not scored. The vocabulary has 3 tokens. What is the sum now?
#
# * a) 1.
# * b) 3.
# * c) Less than 1.
#
# **Question 3.** Samples are drawn at temperature 0.7 and scored at temperature 1. Does the sum
# over all completions find this mistake?
#
# * a) Yes.
# * b) No.
#
# <details><summary>The answers</summary>
#
# **1 a.** After every prefix the probabilities of the next token sum to 1. So the whole tree of
# texts carries a total of 1, for any parameters.
#
# **2 b.** For each of the 3 first tokens a whole distribution of the rest is left. Each of these
# three has the sum 1, so the total is 3. EOS is one of these first tokens. The sum can even tell
# *which* bug it is.
#
# **3 b.** A model at another temperature is still a distribution. Its sum is 1. It is the wrong
# distribution, and only a comparison with the sampler finds that.
#
# </details>
#
# **The dial:** `LONGEST`. The sum stays 1 while the number of completions doubles with each step.
#
# ## Run
#
# ### All completions
#
# The next cell lists them all.

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

# %% [markdown]
# ### One right way and five wrong ones
#
# Each wrong version differs from the right one in one place.


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
# ### Sampling and temperature
#
# To write a text, draw the next token, append it and repeat. The temperature divides the logits
# before the softmax. Below 1 the likely tokens become likelier; near 0 the likeliest token always
# wins, which is called *greedy* decoding. Above 1 the probabilities become more even.


# %%
def write(model, prompt, rng, *, temperature):
    """Draw tokens until EOS, or until the completion has LONGEST tokens."""
    ids = list(prompt)
    while len(ids) < len(prompt) + LONGEST and ids[-1] != EOS:
        logits = policy.logits(*model, np.array([ids]))[0, -1]
        ids.append(int(rng.choice(3, p=softmax(logits / temperature))))
    return "".join(LETTERS[i] for i in ids[len(prompt) :])


hand = np.random.default_rng(3)
table(
    ["temperature", "four texts"],
    [
        [f"{heat:g}", "  ".join(write(model, [0, 1], hand, temperature=heat) for _ in range(4))]
        for heat in (0.1, 1.0, 5.0)
    ],
)

DRAWN = 20_000
drawn = policy.sample(
    *model, [[0, 1]] * DRAWN, np.random.default_rng(4), max_new_tokens=LONGEST, eos=EOS
)
lengths = drawn.mask.sum(axis=1).astype(int)
seen = Counter(tuple(row[2 : 2 + n]) for row, n in zip(drawn.tokens, lengths, strict=True))
share = np.array([seen[tuple(ids)] / DRAWN for ids in completions])
chance = right(*model)

figure, (left, middle) = picture(2, width=8.2)
heats = np.geomspace(0.1, 10, 60)
after_prompt = policy.logits(*model, np.array([[0, 1]]))[0, -1]
for token, line in enumerate(np.transpose([softmax(after_prompt / heat) for heat in heats])):
    left.semilogx(heats, line, label=f"next token {LETTERS[token]}")
left.axhline(1 / 3, color="0.6", linewidth=0.8)
left.set(xlabel="temperature", ylabel="probability", title="From greedy to even")
left.legend(fontsize="small")
middle.loglog(chance, chance, color="0.6", linewidth=0.8)
middle.loglog(chance[share > 0], share[share > 0], "o", markersize=4)
middle.set(xlabel="probability by scoring", ylabel="share of 20 000 samples", title="All texts")
figure

# %% [markdown]
# {figure}
#
# ### Sampled at one temperature, scored at another
#
# The next cell samples at temperature 0.7 and scores at temperature 1, on logits (2, 0, −1). Then
# it checks that the library's sampler returns the log-probabilities that a second scoring gives.

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
# ### A text that goes through a string
#
# Some programs turn the sampled tokens into a string, strip it, and turn it into tokens again
# before they score it. Tokens are lost on the way.

# %%
ids = [0, 1, 0, EOS]
string = "".join(" a"[i] if i < 2 else "" for i in ids)  # a vocabulary with a space in it
round_trip = [" a".index(character) for character in string.strip()]
print("sampled ids:", ids, " after decode, strip and encode:", round_trip)

# %% [markdown]
# ### A model that sees the future
#
# A *decoder* may look back only; a mask inside the model hides the later tokens. An *encoder* looks
# both ways. As a language model an encoder is wrong, because it sees the token that it is asked to
# predict. Page 22 explains what happens inside.

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
# ## What it shows
#
# **Only the right version is a probability.** The other sums differ from 1, each in its own way.
# The test needs a random model, a vocabulary of three tokens and all completions of five tokens, so
# any project can afford it.
#
# **The test is blind for the temperature.** Compare the log-probabilities of the sampler with a
# second scoring instead; the difference must be rounding.
#
# **Sampling follows scoring.** In the right picture each dot is one text. The dots lie on the line:
# the share of the samples is the probability that scoring gives.
#
# **A model that looks ahead fails.** Its sum is not 1, and its first score moves when only the last
# token changes.
#
# ## What goes wrong in practice
#
# **"My model never stops."** Padding and EOS share an id, and the mask was made with `ids != pad`.
# So EOS is never trained (huggingface/trl #1623, #3091, #3200). Build masks from lengths.
#
# **"The first token of the answer stays bad."** The mask is shifted by one (verl PR #3287; minimind
# PR
# #621, #395).
#
# **"My log-probability is −2 and yours is −40."** One number is a mean per token, the other a sum.
# DPO wants sums; SimPO, ORPO and RRHF want means (SimPO #4, #5).
#
# **"The mask looks shifted the wrong way."** In DeepSpeedExamples #741 the reporter withdrew this
# complaint: the shift was right. The sum over all completions settles such questions.
#
# ### The same line in TRL
#
# `selective_log_softmax(logits[:, :-1], input_ids[:, 1:])`, summed with `completion_mask`. The mask
# is chosen by `SFTConfig(completion_only_loss=True)`.

# %% [markdown]
# ## Turn the dial
#
# A text of so many tokens, each of probability p, beside a text of ten tokens of probability 0.6.
# Before you turn: with p = 0.9, from which length on is the *better written* text the less
# probable one?

# %%
from tinyalign.notes.dials import dial, long_texts

dial(
    long_texts.frame,
    {"p": (0.5, 0.6, 0.75, 0.9, 0.97), "tokens": (1, 2, 5, 10, 20, 30, 40)},
    start=(0.9, 10),
    try_it=long_texts.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Never within 40 tokens, but the gap closes: 40 tokens of 0.9 have −4.2 nats and 10 tokens of 0.6
# have −5.1. With p = 0.75 it happens at 18 tokens: the sum falls with every token, and the mean
# does not. A comparison of sums is a comparison of lengths, too.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 01.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Score tokens: logits `(B, T, V)` and ids `(B, T)` to `(B, T − 1)`.
#
# <details><summary>Hint 1</summary>
#
# The logits at position $t$ predict the token at position $t + 1$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Cut the last logits and the first ids, take `log_softmax`, and pick with `np.take_along_axis`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_softmax
#
#
# def my_token_logp(logits, ids):
#     logp = log_softmax(logits[:, :-1])
#     return np.take_along_axis(logp, ids[:, 1:, None], axis=2)[..., 0]
# ```
#
# </details>
#
# **2.** Score completions that stand behind prompts of different length, in rows padded on the
# right.
#
# <details><summary>Hint 1</summary>
#
# Begin with exercise 1, and build a mask `(B, T − 1)`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Column $t$ scores the token at place $t + 1$. That token counts if its place is at least
# `prompt_length` and less than `length`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_softmax
#
#
# def my_sequence_logp(logits, ids, prompt_length, length):
#     logp = np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], axis=2)[..., 0]
#     place = np.arange(1, ids.shape[1])  # of the token that each column scores
#     mask = (place >= prompt_length[:, None]) & (place < length[:, None])
#     return np.sum(logp * mask, axis=1)
# ```
#
# </details>
#
# **3.** Causal attention of one head, from `q`, `k` and `v`, each `(T, d)`.
#
# <details><summary>Hint 1</summary>
#
# Row $t$ of $q k^\top / \sqrt{d}$ holds the scores of all positions for position $t$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Set the scores above the diagonal to minus infinity *before* the softmax.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_attention(q, k, v):
#     scores = q @ k.T / np.sqrt(q.shape[1])  # (T, T): row t asks, column s answers
#     scores = np.where(np.tri(len(q)) > 0, scores, -np.inf)
#     return softmax(scores) @ v
# ```
#
# </details>
#
# **4. On paper.** A vocabulary has $V$ tokens, of which one ends the completion. How many
# completions of at most $L$ tokens are there, the end token counted, if a completion may also be
# cut off at $L$?
#
# <details><summary>The answer</summary>
#
# $1 + (V - 1) + (V - 1)^2 + … + (V - 1)^{L - 1}$ that end, and $(V - 1)^L$ that are cut off.
#
# </details>
#
# **5. Open ended.** Plant a mistake of your own into the score of a completion, and find out
# whether the sum over all completions notices. Can you plant one that it does not notice?
#
# <details><summary>What to look for</summary>
#
# The sum notices every mistake that breaks a conditional distribution. A mistake that keeps the
# sum at 1 for every prompt is another distribution: exchange two tokens of the vocabulary
# everywhere, for example. Only samples or a second model notice that.
#
# </details>

# %%
from tinyalign.notes.exercises.basics import (
    check_my_attention,
    check_my_sequence_logp,
    check_my_token_logp,
)


def my_token_logp(logits, ids):
    raise NotImplementedError  # (B, T, V), (B, T) -> (B, T - 1)


def my_sequence_logp(logits, ids, prompt_length, length):
    raise NotImplementedError  # (B, T, V), (B, T), (B,), (B,) -> (B,); length counts the prompt too


def my_attention(q, k, v):
    raise NotImplementedError  # (T, d), (T, d), (T, d) -> (T, d)


check_exercise(check_my_token_logp, my_token_logp)
check_exercise(check_my_sequence_logp, my_sequence_logp)
check_exercise(check_my_attention, my_attention)

# %% [markdown]
# ## What you may have read
#
# {notes 000 1-6}
# {notes 004 144-181}
# {notes 004 227-290}
#
# <details><summary>Five lines of the notes, and what is true</summary>
#
# One note shows code that scores a response. Each of these lines is in it.
#
# * *"mask[:, prompt_len:] = 1"*, after the shift. **Wrong.** The mask starts [one token
#   late](errata.html#row-38), so the first token is dropped.
# * *"log_probs.gather(2, input_ids[:, 1:].unsqueeze(-1))"*. **Right by accident.** The logits are
#   [not shifted](errata.html#row-39). PyTorch accepts the extra row, and NumPy refuses it.
# * *"temperature: float = 0.7"* while sampling, and no temperature while scoring. **Wrong.** [Two
#   temperatures are two policies](errata.html#row-34).
# * *"response = response[len(prompt):].strip()"*. **Wrong.** The text is [decoded, stripped and
#   tokenised again](errata.html#row-36), so the scored text is not the sampled one.
# * *"max_length: int = 512"*. **A trap.** [This limit counts the prompt too](errata.html#row-35);
#   `max_new_tokens` does not.
#
# </details>
#
# ## Further reading
#
# * Radford et al. 2019, *Language models are unsupervised multitask learners*: the model of this
#   page, larger.
# * Holtzman et al. 2019, arXiv:1904.09751: why sampling needs care.
# * Vaswani et al. 2017, arXiv:1706.03762: the transformer.
#
# ### The claims of this page, tested

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
assert abs(total - by_library) < 1e-9, "step by step is the library's score"
assert abs(chance.sum() - 1) < 1e-9 and np.abs(share - chance).max() < 0.02, "samples follow scores"
try:
    np.take_along_axis(np.zeros((1, 4, 3)), np.zeros((1, 3, 1), int), axis=2)
except (ValueError, IndexError):
    print("unshifted logits: NumPy refuses")
else:
    raise AssertionError("NumPy accepts unshifted logits")
print("all claims of this page hold")
