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
# A language model that answers with one token has as many answers as tokens. They can all be
# listed, so every expectation is a short sum, every gradient can be computed three ways, and
# every method in this course has a known answer to be checked against. This page builds that
# model and takes its gradient: by algebra, by automatic differentiation, by finite differences,
# and by sampling.
#
# ## What the notes say
#
# {notes 000 17-21}
# {notes 001 58-61}
# {notes 003 13-16}
#
# One of the notes says rightly that the policy is the language model. Another prints [an expression
# to *maximise*](errata.html#row-15) and calls it a loss; so does [its formula of
# PPO](errata.html#row-10). This page minimises minus the reward, as the library does everywhere;
# the sign is worth checking once by hand.
#
# ## Six words
#
# | word | here |
# |---|---|
# | prompt | one letter, the context |
# | completion | one letter, the arm |
# | policy $\pi$ | softmax of a row of logits |
# | reward $r$ | a table, one number per prompt and arm |
# | reference $\pi_{ref}$ | the policy before training, frozen |
# | sample | draw an arm, read its reward |

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

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
# ## It is a language model
#
# The same functions that score and sample a transformer's text score and sample this table. Row
# `PROMPT` of the table is a softmax policy over the arms; the probabilities of all completions of a
# prompt sum to 1, which is what makes it a language model.

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
# ## Before the run: the gradient on paper
#
# The expected reward is $J(\theta) = \sum_a \pi_a r_a$ with $\pi = \mathrm{softmax}(\theta)$. From
# $\partial \pi_a / \partial \theta_b = \pi_a(1[a=b] - \pi_b)$,
#
# $$\frac{\partial J}{\partial \theta_b} = \pi_b\,(r_b - J)$$
#
# An arm is pushed up if it is better than average, in proportion to how often it is tried. The
# *score-function trick* writes the same thing as an expectation over samples,
# $\nabla J = \mathbb{E}_{a\sim\pi}[\,r_a \nabla \log \pi_a\,]$, which is REINFORCE:
#
# {source tinyalign.losses.policy_gradient.reinforce}
#
# {source tinyalign.optimum.policy_gradient}
#
# Four prints of one vector. The fourth is the loss of the library, weighted by the probability of
# each sample instead of being averaged over samples.

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
# ## The run: the same gradient from samples
#
# A real model cannot list its answers; it samples `N` of them and averages. The average is right in
# expectation, and its error can be predicted before anything is drawn: if one sample's gradient has
# total variance $V$, the mean of $N$ has root-mean-square error $\sqrt{V/N}$.
#
# **The dial:** `SHIFT`, a number added to every reward. It changes nothing about which arm is best,
# and nothing about the gradient. Try 0, 3 and 10, and look at the error.

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

# %% [markdown]
# Adding a constant to the rewards leaves the gradient alone and multiplies its noise. Subtracting
# a good constant, a *baseline*, takes noise away. Critics, group means and leave-one-out means
# are all ways to find that constant; pages 07 and 13 compare them. (The mean reward is a good
# one, not the best one: exercise 2.)

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
# ## Weird numbers
#
# **“My REINFORCE loss goes up, or below zero, while the reward improves.”** Its value is
# $-A \log \pi$, which depends on the advantage's mean and on how sure the policy is; only its
# gradient means something. The next cell prints a loss that is exactly 0 with a gradient that is
# not: with centred rewards and a uniform policy the terms cancel (the same question for GRPO:
# huggingface/trl #2703, #3452, #3857; page 13).
#
# **“Does subtracting a baseline change what I optimise?”** No: $\mathbb{E}[\nabla \log \pi] = 0$,
# so a constant times it is 0 too. That expectation is printed below as well.

# %%
even = np.zeros(ARMS)


def centred_loss(theta):
    return np.mean(reinforce(log_softmax(theta), reward - reward.mean()))


zero_loss, slope = centred_loss(even), np.abs(grad(centred_loss)(even)).max()
mean_score = np.abs(probability @ score).max()
print(f"loss {abs(zero_loss):.1e}, largest slope {slope:.3f}; E[∇ log π] at most {mean_score:.0e}")

# %% [markdown]
# ## Exercises
#
# **1.** Write the gradient of the expected reward of a softmax policy, without autograd. The check
# compares it with finite differences.
#
# **2.** Write the baseline that makes the noise smallest. It is *not* the mean reward: minimise
# $\mathbb{E}[(r-b)^2 \lVert\nabla\log\pi\rVert^2]$ over $b$. The check tries others around yours.


# %%
def my_policy_gradient(logits, reward):
    raise NotImplementedError  # (K,), (K,) -> (K,)


def check_my_policy_gradient(solution):
    draw = np.random.default_rng(4)
    for size in (2, 3, 7):
        z, r = draw.normal(size=size), draw.normal(size=size)
        slopes = finite_differences(lambda t, r=r: np.sum(softmax(t) * r), z)
        assert_allclose(solution(z, r), slopes, atol=1e-8)


def my_best_baseline(logits, reward):
    raise NotImplementedError  # (K,), (K,) -> one number


def check_my_best_baseline(solution):
    draw = np.random.default_rng(5)
    for size in (2, 3, 7):
        z, r = draw.normal(size=size), draw.normal(size=size)
        p = softmax(z)
        squared = np.sum((np.eye(size) - p) ** 2, axis=1)
        best = solution(z, r)
        noise = [p @ ((r - b) ** 2 * squared) for b in (best, best - 1e-3, best + 1e-3)]
        assert noise[0] < min(noise[1:]), "a baseline close by has less noise"


check_exercise(check_my_policy_gradient, my_policy_gradient)
check_exercise(check_my_best_baseline, my_best_baseline)

# %% [markdown]
# ## The same line in TRL
#
# `RLOOConfig(num_generations=…)`: REINFORCE on whole completions, its baseline the other samples of
# the same prompt.
#
# ## What this page showed

# %%
assert abs(np.exp(logp).sum() - 1) < 1e-12, "all completions together are certain"
assert np.abs(counted - np.exp(logp)).max() < 0.02, "samples follow the probabilities"
assert worst < 1e-7, "paper, autograd, differences and REINFORCE agree"
assert all(abs(row[3] / row[2] - 1) < 0.2 for row in errors), "the error is √(V/n)"
noise = {row[0]: row[2] for row in errors}
assert noise["r − mean"] < noise[f"r + {SHIFT:g}"] or SHIFT < 1, "a baseline helps"
assert abs(zero_loss) < 1e-12 < 1e-3 < slope and mean_score < 1e-12, "loss 0 is not gradient 0"
print("all claims of this page hold")
