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
# # 19 · GRPO: why wrong answers grow longer
#
# ## The question
#
# Many models write longer answers after reinforcement learning, and their *wrong* answers grow
# most. Nobody rewarded length. Where does the growth come from?
#
# This page is the second of three about GRPO. Page 13 treats the advantage, and page 20 treats the
# ratio and the clip.
#
# ## The idea
#
# A loss is first computed for each token. Then the token losses must become one number, and this
# step is less harmless than it looks. GRPO divides the sum over an answer by the length of *this*
# answer. A wrong answer has a negative advantage, which is a penalty. In a long wrong answer the
# penalty is spread over many tokens, so each token receives less. The cheapest way to be wrong is
# therefore to be wrong at length. A right answer has a positive advantage, and each token receives
# more in a short answer. So right answers become short.
#
# Two repairs are common. Dr. GRPO divides by one fixed number for all answers. DAPO divides by the
# number of tokens in the whole batch. Both give every token the same weight, whatever answer it
# belongs to.
#
# ```
# two answers of 2 and 8 tokens; the weight of ONE token in the loss
#                         short answer      long answer
# 1/|o|   GRPO            1/2 * 1/2 = 0.25  1/2 * 1/8 = 0.06
# 1/L     Dr. GRPO, L=8   1/2 * 1/8 = 0.06  1/2 * 1/8 = 0.06
# batch   DAPO            1/(2+8)   = 0.10  1/(2+8)   = 0.10
# ```
#
# ## The formula
#
# Let $x_{i,t}$ be the loss of token $t$ of answer $i$, with $N$ answers in the batch, $|o_i|$
# tokens in answer $i$, and a fixed length $L$. In practice $L$ is the limit on the length of an
# answer. The three means are:
#
# $$\frac{1}{N}\sum_i \frac{1}{|o_i|} \sum_t x_{i,t}$$
#
# $$\frac{1}{N}\sum_i \frac{1}{L} \sum_t x_{i,t}$$
#
# $$\frac{1}{\sum_i |o_i|} \sum_i \sum_t x_{i,t}$$
#
# The first is GRPO's mean over sequences, the second is Dr. GRPO's mean with a fixed length, and
# the third is DAPO's mean over tokens.
#
# {source tinyalign.losses.aggregate.sequence_mean}
# {source tinyalign.losses.aggregate.fixed_length_mean}
# {source tinyalign.losses.aggregate.token_mean}
#
# ## Predict
#
# The experiment of this page takes away every other reason for length. Whether an answer is right
# is decided by a coin, so nobody can improve it. The policy chooses only the *length*, from 1 to 8
# tokens. It has one distribution over lengths for answers that will be right and one for answers
# that will be wrong. Every length earns the same reward on average. At the start the mean length is
# 4.5.
#
# **1.** The loss is GRPO's. What is the mean length of wrong answers after training?
#
# * (a) it stays near 4.5
# * (b) more than 6
# * (c) less than 3
#
# **2.** Dr. GRPO changes two things at once: it does not divide by the standard deviation, and it
# does not divide by $|o|$. Which of the two changes stops the growth?
#
# * (a) the standard deviation
# * (b) the length
# * (c) both together
#
# <details><summary>The answers</summary>
#
# **1.** (b): wrong answers grow to almost 8 tokens, and right answers shrink to 1.
#
# **2.** (b). The table below crosses the two choices. With $1/|o|$ the lengths separate, with or
# without the standard deviation. Without $1/|o|$ they stay.
#
# </details>
#
# ## Run
#
# ### Two choices, crossed
#
# The policy is trained with each of the three means, once with GRPO's standardised advantage and
# once with the centred one. The log-probability of a length is spread evenly over the tokens of the
# answer, so the tokens add up to it.
#
# **The dial:** `STEPS`. Set it to 30. How far have the lengths moved after a tenth of the training?

# %%
from functools import partial

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import (
    fixed_length_mean,
    group_center,
    group_standardize,
    overlong_penalty,
    reinforce,
    sequence_mean,
    token_mean,
)
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, picture, table

LENGTHS = np.arange(1, 9)
STEPS, GROUPS, SIZE, RATE = 300, 64, 8, 2.0


def mean_lengths(theta):
    return softmax(theta) @ LENGTHS


def grow(reduce, baseline, seed=0):
    """Mean length of wrong and of right answers after each step, (steps + 1, 2)."""
    rng, theta, seen = np.random.default_rng(seed), np.zeros((2, 8)), []
    for _ in range(STEPS):
        seen.append(mean_lengths(theta))
        right = rng.integers(2, size=GROUPS * SIZE)
        cumulative = np.cumsum(softmax(theta), axis=1)[right]
        drawn = np.minimum(np.sum(rng.random((len(right), 1)) > cumulative, axis=1), 7)
        size = LENGTHS[drawn][:, None]
        mask = (np.arange(8) < size).astype(float)
        advantage = baseline(right.reshape(GROUPS, SIZE).astype(float)).reshape(-1, 1)

        def loss(theta, right=right, drawn=drawn, size=size, mask=mask, advantage=advantage):
            logp = log_softmax(theta)[right, drawn][:, None] / size  # every token's share
            return reduce(reinforce(logp * mask, advantage), mask)

        theta = theta - RATE * grad(loss)(theta)
    return np.array([*seen, mean_lengths(theta)])


means = {
    "1/|o| (GRPO)": sequence_mean,
    "fixed (Dr. GRPO)": partial(fixed_length_mean, length=LENGTHS[-1]),
    "tokens (DAPO)": token_mean,
}
advantages = {"÷ std": group_standardize, "centred": group_center}
lengths = {
    (mean, advantage): grow(reduce, baseline)
    for mean, reduce in means.items()
    for advantage, baseline in advantages.items()
}
table(
    ["mean", "advantage", "wrong, start", "wrong, end", "right, end"],
    [[*names, seen[0, 0], seen[-1, 0], seen[-1, 1]] for names, seen in lengths.items()],
)

# %%
figure, axes = picture()
for mean in means:
    seen = lengths[mean, "÷ std"]
    (line,) = axes.plot(seen[:, 0], label=f"{mean}, wrong")
    axes.plot(seen[:, 1], ":", color=line.get_color(), label=f"{mean}, right")
axes.set(xlabel="step", ylabel="mean length", title="Same rewards, three means")
axes.legend(fontsize="small", loc="center right", bbox_to_anchor=(1, 0.35))
figure

# %% [markdown]
# {figure}
#
# ### A mean that does not survive splitting
#
# The token mean has a trap of its own. Four answers of lengths 6, 2, 1 and 3 are averaged once in
# one batch, and once in two micro-batches whose losses are averaged afterwards.

# %%
rng = np.random.default_rng(7)
batch_mask = (np.arange(6) < np.array([[6], [2], [1], [3]])).astype(float)
batch = rng.random((4, 6))
split = []
for name, reduce in {**means, "fixed (Dr. GRPO)": partial(fixed_length_mean, length=6)}.items():
    halves = [reduce(batch[part], batch_mask[part]) for part in (slice(0, 2), slice(2, 4))]
    split.append([name, reduce(batch, batch_mask), np.mean(halves)])
table(["mean", "one batch", "two micro-batches"], split)

# %% [markdown]
# ### A penalty for answers that are too long
#
# DAPO also changes the *reward*. An answer that uses the last part of the permitted length loses up
# to 1. An answer that is cut off at the limit loses all of it. This asks for shorter answers on
# purpose, where $1/|o|$ changes the length by accident.
#
# {source tinyalign.losses.policy_gradient.overlong_penalty}

# %%
long = np.array([10, 16, 18, 20, 25])
penalty = overlong_penalty(long, max_length=20, buffer=4)
table(["tokens", "penalty"], [[int(n), value] for n, value in zip(long, penalty, strict=True)])


# %% [markdown]
# ## What it shows
#
# **The divisor makes the length.** With $1/|o|$ the wrong answers grow and the right answers
# shrink, for both advantages. With a fixed length or with the token mean, the length stays at its
# start. The standard deviation has almost no part in this effect. So the growth is no sign that a
# model thinks longer.
#
# **A growing answer can also be honest.** Where longer answers are better, the reward itself asks
# for length. This experiment excludes that case. A real run mixes both causes.
#
# **The token mean depends on the batch.** A token weighs one divided by the number of tokens beside
# it. Averaging micro-batches gives another loss than one batch. The repair is to divide every
# micro-batch by the token count of the whole batch, as `micro_batch_mean` does.
#
# ## What goes wrong in practice
#
# **“My loss changes with gradient accumulation.”** The trainer averages token means of
# micro-batches (huggingface/trl #2615; verl #5619). Divide by the number of tokens of the whole
# batch. With several devices, count the tokens of all devices.
#
# **“My answers grow longer and the reward does not.”** Plot the length of right and wrong answers
# separately. If only the wrong answers grow, look at the divisor first.
#
# **“Answers are cut off at the limit and get reward 0.”** A cut answer may have been right. Leave
# cut answers out of the loss, or penalise the length gradually as above. Do not treat them as
# wrong.
#
# ### The same line in TRL
#
# GRPO's mean is `GRPOConfig(loss_type="grpo")`, Dr. GRPO's is
# `GRPOConfig(loss_type="dr_grpo", scale_rewards="none")`, and DAPO's is
# `GRPOConfig(loss_type="dapo")`, which is TRL's default.
# `GRPOConfig(mask_truncated_completions=True)` leaves cut answers out of the loss.

# %% [markdown]
# ## Turn the dial
#
# A right answer and a wrong one, each with its own number of tokens. Before you make the wrong
# answer longer: for which of the three means does the penalty on one of its tokens shrink?

# %%
from tinyalign.notes.dials import dial, token_weight

dial(
    token_weight.frame,
    {"right": (2, 4, 8), "wrong": (2, 4, 8, 16, 24, 32)},
    start=(4, 8),
    try_it=token_weight.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# For GRPO the penalty on a token shrinks like one over the length of its own answer, so a long
# wrong answer is cheap. Dr. GRPO's weight never changes. DAPO's weight shrinks too, but equally
# for both answers, so no answer gains by being long.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 19.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Compute the weight of one token of each answer, for all three means. `lengths` holds the
# number of tokens of each answer, and `limit` is the fixed length.
#
# <details><summary>Hint 1</summary>
#
# GRPO averages in each answer and then over answers, so a token of answer i has weight 1 / (N ·
# length of i).
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Dr. GRPO puts the limit in place of the length. DAPO divides by the number of all tokens.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_token_weights(lengths, limit):
#     count, ones = len(lengths), np.ones(len(lengths))
#     return 1 / (count * lengths), ones / (count * limit), ones / np.sum(lengths)
# ```
#
# </details>
#
# **2.** Write the part of a token mean that one micro-batch contributes. `tokens` is the number
# of tokens in the whole batch.
#
# <details><summary>Hint 1</summary>
#
# The parts of all micro-batches have to add up to the mean over the whole batch.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Divide the sum over the mask by `tokens`. What stands outside the mask may be anything.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_micro_batch_mean(x, mask, *, tokens):
#     return np.sum(np.where(mask > 0, x, 0.0)) / tokens
# ```
#
# </details>
#
# **3. On paper.** A group has one wrong answer of length 4 with advantage −1. Under which of the
# three means does a wrong answer of length 8 with advantage −2 push each token equally hard?
#
# <details><summary>The answer</summary>
#
# Under GRPO's: $1/4 = 2/8$. With the fixed length and with DAPO's mean each token of the second
# answer is pushed twice as hard.
#
# </details>
#
# **4. Open ended.** You split a batch into micro-batches of very different length. Which of the
# three means can be computed from parts, and what must the parts know?
#
# <details><summary>What to look for</summary>
#
# All can, if a part knows the divisor of the whole: the number of answers for GRPO and Dr. GRPO,
# the number of tokens for DAPO. A mean of means is wrong.
#
# </details>

# %%
from tinyalign.notes.exercises.lengths import check_my_micro_batch_mean, check_my_token_weights


def my_token_weights(lengths, limit):
    raise NotImplementedError  # (N,), a number -> GRPO's, Dr. GRPO's, DAPO's weights, (N,) each


def my_micro_batch_mean(x, mask, *, tokens):
    raise NotImplementedError  # (N, T), (N, T) -> one number


check_exercise(check_my_token_weights, my_token_weights)
check_exercise(check_my_micro_batch_mean, my_micro_batch_mean)

# %% [markdown]
# ## What you may have read
#
# {notes 001 45-67}
# {notes 004 57-104}
# {notes 004 383-389}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * An objective without any $1/|o|$ is called GRPO: [it is not GRPO's](errata.html#row-15). The
#   paper's objective divides by the length of each answer, and this division is the subject of this
#   page.
# * A reward that counts words: [the same notes warn against it](errata.html#row-44) with “Longer =
#   better? No!”. Here the length came from the loss, and not from the reward.
#
# </details>
#
# ## Further reading
#
# * Liu and others 2025, “Understanding R1-Zero-like training”, arXiv:2503.20783: the bias of
#   $1/|o|$, and Dr. GRPO.
# * Yu and others 2025, DAPO, arXiv:2503.14476: the token mean and the penalty for overlong answers.
# * Shao and others 2024, DeepSeekMath, arXiv:2402.03300: the objective with $1/|o|$.
#
# ### The claims of this page, tested

# %%
ends = {names: seen[-1] for names, seen in lengths.items()}
for advantage in advantages:
    wrong_end, right_end = ends["1/|o| (GRPO)", advantage]
    assert wrong_end > 7 and right_end < 2, "1/|o| lengthens what is wrong, with std or without"
    for mean in ("fixed (Dr. GRPO)", "tokens (DAPO)"):
        assert np.all(np.abs(lengths[mean, advantage] - 4.5) < 0.3), "the other means do not"
assert abs(split[2][1] - split[2][2]) > 1e-3, "token means do not split"
assert all(abs(row[1] - row[2]) < 1e-12 for row in split[:2]), "the others do"
assert np.all(np.diff(penalty) <= 0) and penalty[0] == 0 and penalty[-1] == -1, "overlong"
print("all claims of this page hold")
