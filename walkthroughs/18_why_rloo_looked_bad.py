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
# # 18 · Why RLOO looked bad: an unfair comparison, taken apart
#
# ## The question
#
# An earlier edition of this project printed a table in which every method had drawn the same number
# of completions. GRPO stood far above RLOO. Each number was right, and the lesson that readers took
# away was wrong. What was the gap made of?
#
# ## The idea
#
# There are two suspects. The two methods subtract different baselines, and they took different
# numbers of gradient steps for the same completions. The first suspect can be examined on paper:
# the two advantages differ by one factor, and Adam ignores a factor. The second suspect needs a
# minute of training.
#
# The lesson is general. Two methods can be given equal completions, equal gradient steps, equal
# time, or equal tuning. A table that makes one of them equal says little until you know the others.
#
# ```
#                       completions   gradient steps a rollout   ratio and clip
# GRPO in the table     16 384        4                          yes
# RLOO in the table     16 384        1                          no
# ```
#
# ## The formula
#
# RLOO takes from each reward the mean of the *other* $K - 1$ rewards of its group. Write $r_i$ for
# a reward, $K$ for the size of the group and $\bar r$ for the mean of all $K$ rewards. The mean of
# the others is $(K\bar r - r_i)/(K-1)$, and therefore
#
# $$r_i - \frac{K\bar r - r_i}{K - 1} = \frac{K}{K-1}\,(r_i - \bar r).$$
#
# Leave-one-out is the centred advantage times $K/(K-1)$. This factor is 1.33 for groups of four.
#
# A factor on the advantage is a factor $c$ on the gradient. Adam divides the mean $m$ of the
# gradients by the root of the mean $v$ of their squares, and the factor stands in both:
#
# $$\frac{c\,m}{\sqrt{c^2 v} + \epsilon} \approx \frac{m}{\sqrt v}$$
#
# What remains is $\epsilon = 10^{-8}$. Where a gradient is clipped to a norm, the clip removes the
# factor as well. So with Adam, RLOO and the centred advantage train alike at the same learning
# rate.
#
# {source tinyalign.losses.advantage.leave_one_out}
# {source tinyalign.losses.advantage.group_center}
#
# ## Predict
#
# Both methods drew the same completions. But GRPO reads each batch of rollouts twice, in two
# minibatches: **four** gradient steps. It may, because its ratio corrects for samples of a slightly
# older policy. RLOO has no ratio and takes **one**. Which of these do you expect, at the same
# learning rate and after the same completions?
#
# * (a) RLOO with one step a rollout falls behind GRPO with one step a rollout.
# * (b) GRPO with one step falls behind GRPO with four.
# * (c) RLOO with four steps does as well as GRPO with four, at every learning rate.
#
# <details><summary>The answers</summary>
#
# (a) no: they are not told apart. (b) yes: this was the gap. (c) only at a small learning rate. At
# three times the rate RLOO loses all that it had, because nothing corrects for samples of an older
# policy.
#
# </details>
#
# ## Run
#
# ### Two claims on paper, checked

# %%
import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tinyalign.engine.optim import adam, adam_init
from tinyalign.losses import group_center, leave_one_out
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.report import intervals
from tinyalign.runs import plan, train
from tinyalign.runs.config import Config

reward = np.random.default_rng(0).normal(size=(1000, 4))
ratio = leave_one_out(reward) / group_center(reward)
print(f"leave-one-out ÷ centred: from {ratio.min():.12f} to {ratio.max():.12f}")

# %% [markdown]
# The next cell runs Adam for two hundred steps on noisy gradients, once with the factor and once
# without.

# %%
FACTOR = 4 / 3


def walk(factor):
    """Where Adam is after two hundred noisy gradients of ½·θ², each times a factor."""
    rng, theta = np.random.default_rng(0), {"w": np.full(5, 3.0)}
    state = adam_init(theta)
    for _ in range(200):
        gradient = {"w": factor * (theta["w"] + rng.normal(size=5))}
        theta, state = adam(theta, gradient, state, learning_rate=0.02)
    return theta["w"]


apart = np.abs(walk(FACTOR) - walk(1.0)).max()
print(f"largest difference after 200 steps of Adam: {apart:.1e}")

# %% [markdown]
# ### Six ways to train
#
# **The dial:** `RATE`. The last two runs have three times the learning rate. One of them falls
# apart. Which one, and why?

# %%
RATE, ROLLOUTS, SEEDS = 1e-3, 40, range(5)
RUNS = {  # method, passes over a batch of rollouts, minibatches of a pass, learning rate
    "rloo, 1 step": ("rloo", 1, 1, RATE),
    "grpo, 1 step": ("grpo", 1, 1, RATE),
    "grpo, 4 steps": ("grpo", 2, 2, RATE),
    "rloo, 4 steps": ("rloo", 2, 2, RATE),
    "grpo, 4 large steps": ("grpo", 2, 2, 3 * RATE),
    "rloo, 4 large steps": ("rloo", 2, 2, 3 * RATE),
}
folder = TemporaryDirectory()
place = Path(folder.name)
shared = Config(env="addition", width=32, layers=2, eval_size=300, eval_every=10**6, beta=0.0)


def start_of(seed):
    """A policy that has imitated until it solves four in ten: (its folder, its mean reward)."""
    imitate = dataclasses.replace(
        shared, seed=seed, steps=600, batch_size=64, learning_rate=8e-3, warmup_steps=30
    )
    (summary,) = train.run(plan.as_warm_start(plan.plan_run(["sft"], imitate)), place / f"{seed}")
    return place / f"{seed}", summary["eval_reward"]


def train_from(start, seed, method, iterations, minibatches, rate):
    """The mean reward after ROLLOUTS batches of 256 completions."""
    config = dataclasses.replace(
        shared, seed=seed, init_from=start, steps=ROLLOUTS, batch_size=64, num_generations=4,
        num_iterations=iterations, num_minibatches=minibatches, learning_rate=rate,
    )  # fmt: skip
    own = place / f"{seed}-{method}-{iterations * minibatches}-{rate}"
    return train.run(plan.plan_run([method], config), own)[-1]["eval_reward"]


scores = {name: {} for name in ("start", *RUNS)}
for seed in SEEDS:
    start, scores["start"][seed] = start_of(seed)
    for name, settings in RUNS.items():
        scores[name][seed] = train_from(start, seed, *settings)

rows = [[name, np.mean(list(found.values())), *found.values()] for name, found in scores.items()]
table(["", "mean reward", *(f"seed {seed}" for seed in SEEDS)], rows)


def difference(first, second):
    """The interval of a paired difference over seeds."""
    return intervals.difference(scores[first], scores[second])


PAIRS = [
    ("grpo, 1 step", "rloo, 1 step"),
    ("grpo, 4 steps", "grpo, 1 step"),
    ("rloo, 4 steps", "grpo, 4 steps"),
    ("rloo, 4 large steps", "grpo, 4 large steps"),
]
for first, second in PAIRS:
    low, high = difference(first, second)
    print(f"{first} − {second}: {low:+.3f} to {high:+.3f}")

# %%
figure, axes = picture()
for position, found in enumerate(scores.values()):
    axes.plot(list(found.values()), [position] * len(found), "o")
    axes.plot(np.mean(list(found.values())), position, "k|", ms=18)
axes.set_yticks(range(len(scores)), list(scores))
axes.invert_yaxis()
axes.set_xlabel("mean reward of samples, held-out problems; dots are seeds, bars their mean")
figure


# %% [markdown]
# {figure}
#
# ## What it shows
#
# **With one step a rollout, GRPO and RLOO are not told apart.** Five seeds leave room for a few
# hundredths either way. Four steps lift GRPO well above its own single step. This is the old gap:
# it belonged to the number of gradient steps, and not to the estimator.
#
# **RLOO may take four steps as well, at a small rate.** Then it is not told apart from GRPO with
# four. At three times the rate RLOO loses all that it had, and GRPO does not. The second and later
# steps read samples of a policy that has already moved. RLOO has no ratio that corrects for this,
# and GRPO's clip stops it.
#
# **A fair comparison gives each estimator both:** one step a rollout and several, each at a
# learning rate of its own. `tinyalign compare rloo@1 rloo@4 grpo@1 grpo@4` does this, and
# `tinyalign tune` finds the rates.
#
# ## What goes wrong in practice
#
# **“RLOO's progress bar shows fewer steps than I asked for.”** Steps, rollouts, episodes and epochs
# are four different numbers (huggingface/trl #2515). Before you compare anything else, find out
# which of them two methods were given equally.
#
# **“GRPO and RLOO have the same curve.”** At one step a rollout they should. The standardised
# advantage differs by a factor for each group, and for groups of zeros and ones this factor varies
# little.
#
# ### The same line in TRL
#
# `RLOOConfig(num_generations=4, num_iterations=1)` against
# `GRPOConfig(num_generations=4, num_iterations=2, steps_per_generation=2)`. Compare
# `num_iterations` and `steps_per_generation` before you compare the trainers.

# %% [markdown]
# ## Turn the dial
#
# The same group of rewards, centred, and centred by leaving one out. Before you move K: how do
# the two differ at K = 4? Does the number of right answers matter?

# %%
from tinyalign.notes.dials import dial, leave_out

dial(leave_out.frame, {"K": (2, 3, 4, 6, 8, 16, 32)}, start=(4,), try_it=leave_out.TRY)

# %% [markdown]
# <details><summary>The answer</summary>
#
# By the factor K/(K − 1), 4/3 at K = 4, for every group of rewards. The factor goes to 1 as K
# grows, and an optimizer that divides by the size of the gradient does not see it.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 18.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** The factor between leave-one-out and the centred advantage, for groups of `k`.
#
# <details><summary>Hint 1</summary>
#
# Write both for a group in which one reward is 1 and the others are 0.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The better answer gets 1 by leave-one-out and 1 − 1/k by centring.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_factor(k):
#     return k / (k - 1)
# ```
#
# </details>
#
# **2.** Gradient steps in a run that draws `completions`, `group` to a prompt and `prompts` to a
# rollout, reading each rollout in `passes` passes of `minibatches` minibatches.
#
# <details><summary>Hint 1</summary>
#
# How many completions has a rollout, and how many rollouts are there?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each rollout gives `passes * minibatches` steps.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_gradient_steps(completions, group, prompts, passes, minibatches):
#     return completions // (group * prompts) * passes * minibatches
# ```
#
# </details>
#
# **3. On paper.** Method A takes 64 gradient steps and method B takes 16, from the same
# completions. Name three comparisons that could be called fair, and what each one holds equal.
#
# <details><summary>The answer</summary>
#
# Equal completions (the price of sampling), equal gradient steps (the price of training), equal
# seconds or equal tuning effort. Each answers another question; say which.
#
# </details>
#
# **4. Open ended.** Take a table of methods from a paper that you like. Which of these were equal
# for all rows: completions, gradient steps, rate search, seeds?
#
# <details><summary>What to look for</summary>
#
# Most tables hold completions or steps equal and do not say how many settings each method was
# given. Without that, the row with most tuning wins.
#
# </details>

# %%
from tinyalign.notes.exercises.speed import check_my_factor, check_my_gradient_steps


def my_factor(k):
    raise NotImplementedError  # a whole number -> one number


def my_gradient_steps(completions, group, prompts, passes, minibatches):
    raise NotImplementedError  # five whole numbers -> one whole number


check_exercise(check_my_factor, my_factor)
check_exercise(check_my_gradient_steps, my_gradient_steps)

# %% [markdown]
# ## What you may have read
#
# {notes 000 17-27}
# {notes 001 45-67}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * The notes rank methods by their names. [The mean baseline](errata.html#row-13) that one of them
#   calls GRPO's is Dr. GRPO's, and it is RLOO's too, up to a factor.
#
# </details>
#
# ## Further reading
#
# * Ahmadian and others 2024, arXiv:2402.14740: RLOO for language models.
# * Henderson and others 2018, “Deep reinforcement learning that matters”, arXiv:1709.06560: how
#   comparisons of methods go wrong.
# * Agarwal and others 2021, “Deep RL at the edge of the statistical precipice”, arXiv:2108.13264:
#   intervals over seeds.
#
# ### The claims of this page, tested

# %%
assert np.allclose(ratio, 4 / 3, atol=1e-9), "leave-one-out is the centred advantage, times 4/3"
assert apart < 1e-6, "Adam cancels a factor"
low, high = difference("grpo, 1 step", "rloo, 1 step")
assert low < 0 < high, "one step a rollout: not told apart"
assert difference("grpo, 4 steps", "grpo, 1 step")[0] > 0, "four steps: better than one"
low, high = difference("rloo, 4 steps", "grpo, 4 steps")
assert low < 0 < high, "four small steps: not told apart"
assert difference("rloo, 4 large steps", "grpo, 4 large steps")[1] < 0, "large ones need a ratio"
folder.cleanup()
print("all claims of this page hold")
