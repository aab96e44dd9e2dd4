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
# # 00 · A bandit is a one-token language model
#
# ## The question
#
# How does a language model learn from a reward? Nobody shows the model the right answer. The model
# tries answers, and each answer earns a number. In which direction should its parameters move?
#
# ## The idea
#
# Take the smallest language model that there is. The prompt is one letter, and the answer is one
# letter. For the prompt `c` the model may say `a` with 5 %, `b` with 20 %, and so on; each answer
# has a reward that is written in a table. In the theory of reinforcement learning this is a
# *bandit*: a slot machine with several arms, where each pull of an arm pays something. Eight
# answers can be listed, so every average is a short sum, and every question has an answer that can
# be computed exactly.
#
# The direction to move in is the *gradient of the expected reward*. This page computes that
# gradient in four ways: by algebra, by automatic differentiation, by small differences, and by
# sampling. A real model has only the last way, because nobody can list all its answers. Sampling is
# right on average but noisy. The page predicts how noisy, and shows the oldest remedy: subtract a
# *baseline* from every reward.
#
# ```
# prompt c --> [ 8 numbers: logits ]
#                    | softmax
#                    v
#           [ 8 probabilities ] --> draw one letter
#                                       |
#      move the logits  <--  reward of that letter
# ```
#
# Here is one round in words. The prompt is `c`. The model draws the answer `f`. The table says that
# `f` after `c` earns 1.2. The model earns 0.3 on average, so `f` is better than usual, and the
# model raises the probability of `f`.
#
# | word | meaning | on this page |
# |---|---|---|
# | prompt | what the model is given | one letter |
# | completion | what the model writes | one letter, also called the arm |
# | logits | scores before the softmax, one per token | a row of a table |
# | policy $\pi$ | the model, seen as probabilities of completions | softmax of that row |
# | log-probability | logarithm of the probability of what was written | one number, at most 0 |
# | reward $r$ | how good a completion is | a number in a table |
# | reference $\pi_{\mathrm{ref}}$ | the model before training, frozen | used from page 04 on |

# %%
import autograd.numpy as np
from autograd import grad

from tinyalign import policy
from tinyalign.losses import reinforce
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.models import tabular
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import policy_gradient
from toy_envs import bandit

PROMPT = 2
rewards = bandit.reward_table(contexts=4, arms=8, seed=0)  # (prompts, arms)
reward = rewards[PROMPT]
ARMS = len(reward)
logits = np.random.default_rng(1).normal(size=(ARMS, ARMS))  # row s scores what follows token s

# %% [markdown]
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $\theta$ | the logits, one number per answer |
# | $\pi_a$ | probability of answer $a$: $\pi = \mathrm{softmax}(\theta)$ |
# | $r_a$ | reward of answer $a$ |
# | $J(\theta) = \sum_a \pi_a r_a$ | expected reward |
# | $b$ | a constant that is subtracted from every reward, the baseline |
# | $N$ | number of samples |
#
# The softmax has the derivative $\partial \pi_a / \partial \theta_b = \pi_a(1[a=b] - \pi_b)$, where
# $1[a=b]$ is 1 if the two answers are the same and 0 otherwise. Therefore
#
# $$\frac{\partial J}{\partial \theta_b} = \pi_b\,(r_b - J)$$
#
# In words: an answer is pushed up if it is better than average, and the push is proportional to how
# often the answer is tried.
#
# The *score-function trick* writes the same vector as an average over samples. The trick uses
# $\nabla \pi_a = \pi_a \nabla \log \pi_a$:
#
# $$\nabla J = \mathbb{E}_{a\sim\pi}[\,r_a \nabla \log \pi_a\,]$$
#
# This average is the algorithm REINFORCE: draw answers, multiply the gradient of each
# log-probability by the reward, and average. A trainer *minimises*, so the loss carries a minus
# sign.
#
# {source tinyalign.losses.policy_gradient.reinforce}
#
# In the source, the *advantage* is the reward, or the reward minus a baseline. `constant_advantage`
# makes sure that the advantage is a constant: no gradient may flow through a reward.
#
# {source tinyalign.optimum.policy_gradient}
#
# The next cell first shows that the table really is a language model. The library's functions for a
# transformer score it and sample from it, and the probabilities of all completions sum to 1.

# %%
every_row = np.stack([np.full(ARMS, PROMPT), np.arange(ARMS)], axis=1)  # prompt, completion
logp = policy.token_logp(tabular, {"table": logits}, every_row)[:, 0]
rollout = policy.sample(
    tabular, {"table": logits}, [[PROMPT]] * 20_000, np.random.default_rng(2), max_new_tokens=1
)
counted = np.bincount(rollout.tokens[:, 1], minlength=ARMS) / 20_000
table(
    ["arm", "reward", "probability", "share of 20 000 samples"],
    [["abcdefgh"[a], reward[a], np.exp(logp[a]), counted[a]] for a in range(ARMS)],
)
print(f"\nthe probabilities of all completions sum to {np.exp(logp).sum():.12f}")

# %% [markdown]
# ## Predict
#
# **Question 1.** You add 3 to every reward. What happens to the expected gradient?
#
# * a) It grows.
# * b) It stays the same.
# * c) It changes its direction.
#
# **Question 2.** And what happens to the error of the gradient that is estimated from 100 samples?
#
# * a) It grows.
# * b) It stays the same.
# * c) It shrinks.
#
# **Question 3.** How many samples halve the error?
#
# * a) Twice as many.
# * b) Four times as many.
# * c) Ten times as many.
#
# <details><summary>The answers</summary>
#
# **1 b.** The formula contains $r_b - J$, and adding 3 changes both by 3.
#
# **2 a.** Each sample now carries a larger number, so the samples differ more from each other. The
# table shows both errors.
#
# **3 b.** Let $V$ be the variance of the gradient of one sample, summed over its entries. The mean
# of $N$ samples has a root-mean-square error of $\sqrt{V/N}$. Four times the samples halve it.
#
# </details>
#
# **The dial:** `SHIFT` is a number that is added to every reward. It does not change which answer
# is best. Try 0, 3 and 10, and look at the error.
#
# ## Run
#
# First the gradient in four ways. The last row is the loss of the library. The page weighs each
# possible sample by its probability, so the row has no sampling noise.

# %%
theta = logits[PROMPT]


def expected_reward(theta):
    return np.sum(softmax(theta) * reward)


def expected_reinforce(theta):
    """The average of the loss over all samples there can be; who drew them is a constant."""
    chance = softmax(logits[PROMPT])
    return np.sum(chance * reinforce(log_softmax(theta), reward))


def finite_differences(function, theta, step=1e-5):
    moves = step * np.eye(len(theta))
    return np.array([(function(theta + m) - function(theta - m)) / (2 * step) for m in moves])


ways = {
    "on paper": policy_gradient(theta, reward),
    "autograd": grad(expected_reward)(theta),
    "finite differences": finite_differences(expected_reward, theta),
    "minus autograd of the loss": -grad(expected_reinforce)(theta),
}
table(["gradient", *"abcdefgh"], [[name, *values] for name, values in ways.items()])
worst = max(np.abs(values - ways["on paper"]).max() for values in ways.values())
print(f"\nlargest difference between any two: {worst:.0e}")

# %% [markdown]
# Now the gradient from samples. A real model cannot list its answers. It draws $N$ of them and
# takes the average.

# %%
SHIFT = 3.0
SAMPLES = (10, 100, 1_000)
TRIALS = 400

probability = softmax(theta)
score = np.eye(ARMS) - probability  # row a: ∇ log π_a


def predicted_error(values, n):
    """√(V/n), V the variance of one sample's r·∇log π, summed over its entries."""
    mean = probability @ (values[:, None] * score)
    second = probability @ np.sum((values[:, None] * score) ** 2, axis=1)
    return np.sqrt((second - np.sum(mean**2)) / n)


def measured_error(values, n, rng):
    arms = rng.choice(ARMS, size=(TRIALS, n), p=probability)
    estimates = (values[:, None] * score)[arms].mean(axis=1)  # (TRIALS, ARMS)
    return np.sqrt(np.mean(np.sum((estimates - ways["on paper"]) ** 2, axis=1)))


rng = np.random.default_rng(3)
centred = reward - expected_reward(theta)
errors = []
for name, values in {"r": reward, f"r + {SHIFT:g}": reward + SHIFT, "r − mean": centred}.items():
    for n in SAMPLES:
        errors.append([name, n, predicted_error(values, n), measured_error(values, n, rng)])
table(["learning signal", "samples", "predicted error", "measured error"], errors)

# %%
figure, axes = picture()
names = dict.fromkeys(row[0] for row in errors)
for name, dash in zip(names, ("-", "-", "--"), strict=True):  # two of them nearly coincide
    rows = [row for row in errors if row[0] == name]
    (line,) = axes.loglog(SAMPLES, [row[2] for row in rows], dash, label=f"{name}, predicted")
    axes.loglog(SAMPLES, [row[3] for row in rows], "o", color=line.get_color())
axes.set(xlabel="samples", ylabel="error of the gradient", title="Dots: measured. Lines: √(V/n)")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The four gradients are one vector.** The largest difference is that of the small differences,
# which are only approximate.
#
# **A constant changes the noise and nothing else.** Adding a constant to the rewards leaves the
# expected gradient alone and multiplies its error. Subtracting a good constant removes the noise
# again. The rows "r" and "r − mean" nearly agree, because the mean reward happens to be near 0
# here.
#
# **Methods differ in how they find the constant.** A critic, the mean of a group of answers, and
# the mean of the *other* answers are three ways. [Page 07](07_reinforce_to_ppo.html) and [page
# 13](13_grpo_rloo_dr_grpo.html) compare them. The mean reward is a good constant, but it is not the
# best one; exercise 2 asks for the best.
#
# ## What goes wrong in practice
#
# **"My REINFORCE loss goes up, or below zero, while the reward improves."** The value of the loss
# is $-A \log \pi$. This value depends on the mean advantage and on how sure the policy is. Only the
# gradient of the loss means something. The next cell prints a loss of exactly 0 whose gradient is
# not 0: the rewards are centred and the policy is uniform, so the terms cancel. The same question
# about GRPO is asked again and again (huggingface/trl #2703, #3452, #3857).
#
# **"Does a baseline change what I optimise?"** No. The average of $\nabla \log \pi$ under the
# policy is 0, so a constant times this average is 0 too. The next cell prints the average.

# %%
even = np.zeros(ARMS)


def centred_loss(theta):
    return np.mean(reinforce(log_softmax(theta), reward - reward.mean()))


zero_loss, slope = centred_loss(even), np.abs(grad(centred_loss)(even)).max()
mean_score = np.abs(probability @ score).max()
print(f"loss {abs(zero_loss):.1e}, largest slope {slope:.3f}; E[∇ log π] at most {mean_score:.0e}")

# %% [markdown]
# ### The same line in TRL
#
# `RLOOConfig(num_generations=4)`: REINFORCE on whole completions. The baseline is the mean reward
# of the other samples of the same prompt.

# %% [markdown]
# ## Turn the dial
#
# The baseline is subtracted from the reward of every sample. Before you move the slider from 0 to
# 3: does the mean of the gradient change? Does its noise?

# %%
from tinyalign.notes.dials import baseline, dial

dial(
    baseline.frame,
    {"baseline": (-2.0, -1.0, 0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 6.0, 8.0)},
    start=(0.0,),
    try_it=baseline.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The mean does not change: the two bars are equal for every baseline. The noise changes. The
# noise is smallest near the mean reward and grows on both sides, so a baseline of 8 is worse than
# none.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 00.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write the gradient of the expected reward of a softmax policy, without autograd.
#
# <details><summary>Hint 1</summary>
#
# The expected reward is $\sum_k p_k r_k$, and
# $\partial p_k / \partial z_j = p_k (1[k = j] - p_j)$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Collect the terms: each entry is $p_k$ times how much $r_k$ exceeds the expected reward.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_policy_gradient(logits, reward):
#     p = softmax(logits)
#     return p * (reward - p @ reward)
# ```
#
# </details>
#
# **2.** Write the baseline that makes the noise smallest. It is one number, and it is *not* the
# expected reward: minimise $\mathbb{E}[(r-b)^2 \lVert\nabla\log\pi\rVert^2]$ over $b$.
#
# <details><summary>Hint 1</summary>
#
# The noise is a parabola in $b$: set its derivative to 0.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The answer is a weighted mean of the rewards. The weights are $p_k$ times the squared length of
# $\nabla\log\pi(k)$, whose entries are $1[k = j] - p_j$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_best_baseline(logits, reward):
#     p = softmax(logits)
#     squared = np.sum((np.eye(len(p)) - p) ** 2, axis=1)  # length² of each ∇log p, (K,)
#     return p @ (reward * squared) / (p @ squared)
# ```
#
# </details>
#
# **3. On paper.** A policy chooses between two answers with probabilities $p$ and $1 - p$ and
# rewards 1 and 0. For which $p$ is the slope of the expected reward in the first logit largest,
# and what follows for a policy that is almost always wrong?
#
# <details><summary>The answer</summary>
#
# The slope is $p(1 - p)$, largest at $p = 1/2$, where it is $1/4$. At $p = 0.01$ it is 0.0099: a
# policy that is almost always wrong learns slowly, although it has most to learn.
#
# </details>
#
# **4. Open ended.** Add 100 to every reward of the bandit. Which numbers of this page change,
# which do not, and what would a training run notice?
#
# <details><summary>What to look for</summary>
#
# The gradient and its expectation do not change. The noise without a baseline grows more than a
# hundredfold, so a run needs more than ten thousand times as many samples for the same error.
# With a baseline nothing changes.
#
# </details>

# %%
from tinyalign.notes.exercises.basics import check_my_best_baseline, check_my_policy_gradient


def my_policy_gradient(logits, reward):
    raise NotImplementedError  # (K,), (K,) -> (K,)


def my_best_baseline(logits, reward):
    raise NotImplementedError  # (K,), (K,) -> one number


check_exercise(check_my_policy_gradient, my_policy_gradient)
check_exercise(check_my_best_baseline, my_best_baseline)

# %% [markdown]
# ## What you may have read
#
# {notes 000 17-21}
# {notes 001 58-61}
# {notes 003 13-16}
#
# <details><summary>Three sentences of the notes, and what is true</summary>
#
# * *"The language model being optimized (actor)"*, about the policy. **True.** This page is the
#   smallest case.
# * *"L_GRPO = E[A_i * log π_θ(a_i|s_i)] - …"*. **Wrong sign.** The note calls this expression a
#   loss, but it is [an expression to maximise](errata.html#row-15). Minimising it would teach the
#   worst answers.
# * *"L^CLIP(θ) = E[min(…)]"*. **Wrong sign again**: [this objective of PPO](errata.html#row-10) is
#   to be maximised too. The library minimises everywhere, so it puts a minus in front.
#
# </details>
#
# ## Further reading
#
# * Williams 1992, *Simple statistical gradient-following algorithms for connectionist reinforcement
#   learning*: REINFORCE and its baseline.
# * Greensmith, Bartlett and Baxter 2004: how a baseline reduces variance, and which one is best.
# * Ahmadian et al. 2024, arXiv:2402.14740: REINFORCE for language models.
#
# ### The claims of this page, tested

# %%
assert abs(np.exp(logp).sum() - 1) < 1e-12, "all completions together are certain"
assert np.abs(counted - np.exp(logp)).max() < 0.02, "samples follow the probabilities"
assert worst < 1e-7, "paper, autograd, differences and REINFORCE agree"
assert all(abs(row[3] / row[2] - 1) < 0.2 for row in errors), "the error is √(V/n)"
noise = {row[0]: row[2] for row in errors}
assert noise["r − mean"] < noise[f"r + {SHIFT:g}"] or SHIFT < 1, "a baseline helps"
assert abs(zero_loss) < 1e-12 < 1e-3 < slope and mean_score < 1e-12, "loss 0 is not gradient 0"
print("all claims of this page hold")
