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
# # 13 · GRPO and RLOO: a group of answers as its own baseline
#
# ## The question
#
# A policy writes four answers to one prompt. One answer is right and three are wrong. There is no
# critic that says what reward was to be expected. How much credit should each answer get?
#
# This page is the first of three about Group Relative Policy Optimization (GRPO). It treats the
# *advantage*. Page 19 treats the length of answers, and page 20 treats the ratio and the clip.
#
# ## The idea
#
# A reward says little until you know what was to be expected. PPO trains a second network, the
# critic, to predict the expected reward. GRPO and RLOO use no critic. They sample a group of $K$
# answers to the *same* prompt and compare each answer with its group. An answer that is better than
# its group gets a positive *advantage*, and training makes it more likely. An answer that is worse
# than its group gets a negative advantage, and training makes it less likely.
#
# Three choices distinguish the methods: what is subtracted from each reward, what the difference is
# divided by, and whether an answer is part of its own average. Each choice has an effect on the
# average gradient, and this page computes this effect exactly.
#
# ```group
# one prompt -> K = 4 answers -> rewards 1 0 0 0 -> group mean 0.25
# advantage = reward - mean:     +0.75 -0.25 -0.25 -0.25     (centred: Dr. GRPO)
# divided by the spread 0.5:     +1.5  -0.5  -0.5  -0.5      (standardised: GRPO)
# reward - mean of the others:   +1.0  -0.33 -0.33 -0.33     (leave one out: RLOO)
# ```
#
# ## The formula
#
# GRPO maximises this objective. The first line is one token's share, and the second line averages
# the shares.
#
# $$s_{i,t} = \min(\rho_{i,t} A_i,\ \mathrm{clip}(\rho_{i,t}, 1-\varepsilon, 1+\varepsilon) A_i)$$
#
# $$J(\theta) = \frac{1}{K}\sum_{i=1}^{K} \frac{1}{|o_i|} \sum_t (s_{i,t} - \beta\, k_{i,t})$$
#
# * $K$ is the number of answers in the group; many programs call it `num_generations`.
# * $o_i$ is answer $i$, $|o_i|$ is its number of tokens, and $t$ counts the tokens.
# * $A_i$ is the advantage of answer $i$. All tokens of an answer share it. **This page.**
# * $1/|o_i|$ is the average over the tokens of an answer. Page 19 treats it.
# * $\rho_{i,t} = \pi_\theta(o_{i,t}) / \pi_{old}(o_{i,t})$ is the ratio of two probabilities of one
#   token: under the policy that is trained, and under the policy that wrote the answer. Page 20
#   treats $\rho$ and the clip width $\varepsilon$.
# * $k_{i,t}$ is an estimate of the KL divergence from a reference policy, and $\beta \ge 0$ is its
#   weight.
#
# The paper of 2024 has $\beta = 0.04$ and a frozen reference. In practice today $\beta$ is mostly
# 0: Dr. GRPO and DAPO drop the term, and 0 is the default of TRL and of this library. Then no
# reference is held in memory.
#
# The advantages are, with $r_i$ for a reward, $\bar r$ for the mean and $\sigma$ for the standard
# deviation of the group:
#
# $$A^{centred}_i = r_i - \bar r \qquad A^{GRPO}_i = \frac{r_i - \bar r}{\sigma + \epsilon}$$
#
# $$A^{RLOO}_i = r_i - \frac{1}{K-1}\sum_{j \neq i} r_j = \frac{K}{K-1}\,(r_i - \bar r)$$
#
# The last equation is worth a second look. RLOO's advantage *is* the centred advantage, times a
# number that depends on $K$ alone.
#
# The centred advantage subtracts the mean of the group. Dr. GRPO uses it.
#
# {source tinyalign.losses.advantage.group_center}
#
# GRPO divides it by the standard deviation of the group.
#
# {source tinyalign.losses.advantage.group_standardize}
#
# RLOO subtracts the mean of the *other* answers.
#
# {source tinyalign.losses.advantage.leave_one_out}
#
# A fourth way replaces each reward by its rank in the group.
#
# {source tinyalign.losses.advantage.group_rank}
#
# ## Predict
#
# **1.** Rewards are 0 and 1. The policy succeeds with probability 0.02, and a group has eight
# answers. In which share of the groups does *no* answer get any advantage?
#
# * (a) about 15 %
# * (b) about 50 %
# * (c) about 85 %
#
# **2.** A colleague replaces the centred advantage by leave-one-out, with $K = 4$ and the optimizer
# Adam. What changes in training?
#
# * (a) The gradient has no bias any more, so training ends at a better policy.
# * (b) The gradient is noisier, so training is slower.
# * (c) Almost nothing.
#
# <details><summary>The answers</summary>
#
# **1.** (c). A group is silent if all its answers fail or all succeed: $0.98^8 + 0.02^8 = 0.85$.
#
# **2.** (c). The two advantages differ by the factor $K/(K-1) = 4/3$. Adam divides by the size of
# the gradient, so Adam cancels a constant factor. Plain gradient descent would take larger steps,
# as with a larger learning rate.
#
# </details>
#
# ## Run
#
# ### Four baselines on three groups

# %%
import itertools
from functools import partial
from itertools import product

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import (
    clipped_surrogate,
    group_center,
    group_rank,
    group_standardize,
    leave_one_out,
)
from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import policy_gradient


def note_ranks(reward):
    """Ranks by argsort of argsort, standardised, as in one of the notes."""
    ranks = np.argsort(np.argsort(reward, axis=1), axis=1)
    return (ranks - ranks.mean(axis=1, keepdims=True)) / (ranks.std(axis=1, keepdims=True) + 1e-8)


baselines = {
    "centred (Dr. GRPO)": group_center,
    "standardised (GRPO)": group_standardize,
    "leave one out (RLOO)": leave_one_out,
    "ranks, ties shared": group_rank,
    "ranks by argsort (a note)": note_ranks,
}
groups = {"1 0 0 0": [1, 0, 0, 0], "1 1 1 1": [1, 1, 1, 1], "0 1 2 9": [0, 1, 2, 9]}
rows = [
    [name, label, *function(np.array([values], float))[0]]
    for label, values in groups.items()
    for name, function in baselines.items()
]
table(["baseline", "rewards", "A1", "A2", "A3", "A4"], rows)
tied = note_ranks(np.ones((1, 4)))[0]

# %% [markdown]
# **Equal rewards.** Four equal rewards carry no information. Each baseline of the library then
# gives four zeros. Ranks computed by `argsort` do not: they number equal answers in the order in
# which they were sampled, and training would follow this order.
#
# **A large reward.** In the group 0 1 2 9 the centred advantage of the best answer is 6. Ranks give
# this answer 1.34, as in the group 0 1 2 3. Ranks limit the influence of an extreme reward. They
# also discard the information that this answer is much better.
#
# ### How many groups say anything?
#
# With rewards 0 and 1 and success probability $p$, a group of $K$ answers is silent when all
# succeed or all fail. The share of groups with a signal is therefore $1 - p^K - (1-p)^K$.
#
# **The dial:** `SUCCESS`. Set it to 0.02 and then to 0.98. How large must the group be until half
# of the groups say something?

# %%
SUCCESS = 0.2
SIZES = (2, 4, 8, 16, 64)

signal = {k: 1 - SUCCESS**k - (1 - SUCCESS) ** k for k in SIZES}
draws = np.random.default_rng(0).random((20_000, max(SIZES))) < SUCCESS
heard = {k: np.mean(np.ptp(draws[:, :k].astype(int), axis=1) > 0) for k in SIZES}
table(
    ["K", "share with signal, exact", "in 20 000 groups"], [[k, signal[k], heard[k]] for k in SIZES]
)

# %% [markdown]
# ### The average gradient, over every group there is
#
# There are three arms with rewards 1, 0, 0 and a softmax policy. The code lists *all* $3^K$ groups
# and weights each group by its probability. There is no sampling error, so the table is exact. The
# loss is the trainer's, at ratio 1.
#
# {source tinyalign.losses.policy_gradient.clipped_surrogate}

# %%
arms = np.array([1.0, 0.0, 0.0])
logits = np.log(np.array([0.3, 0.5, 0.2]))


def expected_gradient(baseline, size, logits=logits, arms=arms):
    """Average over all groups of `size` samples of the gradient that one group gives."""
    picks = np.array(list(product(range(len(arms)), repeat=size)))
    chance = np.prod(np.exp(log_softmax(logits))[picks], axis=1)
    advantage = baseline(arms[picks])

    def gain(z):
        logp = log_softmax(z)[picks]
        loss = clipped_surrogate(logp, log_softmax(logits)[picks], advantage)
        return -np.sum(chance * np.mean(loss, axis=1))

    return grad(gain)(logits)


def share_of_true(baseline, size, logits=logits, arms=arms):
    """Length of the expected gradient in the direction of the true one, in units of it."""
    true = policy_gradient(logits, arms)
    return float(expected_gradient(baseline, size, logits, arms) @ true / (true @ true))


by_n = partial(group_standardize, eps=0.0, ddof=0)
shares = [
    [k, 1 - 1 / k, share_of_true(group_center, k), k / (k - 1) * share_of_true(group_center, k),
     share_of_true(leave_one_out, k), share_of_true(by_n, k)]
    for k in (2, 3, 4, 6)
]  # fmt: skip
table(["K", "1 − 1/K", "centred", "centred·K/(K−1)", "leave one out", "divided by std"], shares)

random_groups = np.random.default_rng(1).normal(size=(1_000, 4))
factor = leave_one_out(random_groups) / group_center(random_groups)
print(f"leave-one-out ÷ centred, K = 4: from {factor.min():.12f} to {factor.max():.12f}")

# %% [markdown]
# ## What it shows
#
# **Centred and leave-one-out are one method.** The centred gradient is $1 - 1/K$ times the true
# gradient, because each reward is part of its own mean. Leave-one-out is exactly the true gradient.
# The fourth column shows that the factor $K/(K-1)$ is the whole difference. It is the same for
# every group of one size, so Adam ignores it and gradient descent treats it as a learning rate.
# Page 18 trains both and finds no difference.
#
# **K = 2 works.** Two answers carry half of the gradient in the centred form, and all of it in the
# leave-one-out form. What grows with $K$ is the share of groups that are not silent, and the
# precision of the gradient.
#
# **The spread changes the weights between prompts.** Division by $\sigma$ gives each prompt its own
# factor. The next table has two arms, with rewards 1 and 0, and prompts of different difficulty.
# The factor is larger where almost all answers fail or almost all succeed. The authors of Dr. GRPO
# call this a difficulty bias.

# %%
weights = []
for p in (0.5, 0.2, 0.05, 0.01):
    two = np.log(np.array([p, 1 - p])), np.array([1.0, 0.0])
    weights.append([p, share_of_true(group_center, 8, *two), share_of_true(by_n, 8, *two)])
table(["success p", "centred", "divided by std"], weights)

# %%
figure, (left, right) = picture(2, width=8.2)
sizes = np.arange(2, 65)
for p in (0.02, 0.1, SUCCESS, 0.5):
    left.semilogx(sizes, 1 - p**sizes - (1 - p) ** sizes, label=f"p = {p}", base=2)
left.set(xlabel="group size K", ylabel="share of groups", title="Groups with any signal")
left.legend(fontsize="small")
difficulty = np.linspace(0.01, 0.99, 60)
for name, baseline in (("centred", group_center), ("divided by std", by_n)):
    curve = [
        share_of_true(baseline, 6, np.log(np.array([p, 1 - p])), np.array([1.0, 0.0]))
        for p in difficulty
    ]
    right.plot(difficulty, curve, label=name)
right.set(xlabel="success probability p", ylabel="÷ true gradient", title="Weight of a prompt")
right.legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ### Two newer baselines
#
# MaxRL divides by the group's *mean* reward: the rarer a success, the more it counts. GDPO is for
# several rewards at once. It standardises each reward separately before the sum, so a reward with a
# large spread cannot hide the others.
#
# {source tinyalign.losses.baselines.group_maxrl}
# {source tinyalign.losses.baselines.group_gdpo}

# %%
from tinyalign.losses import group_gdpo, group_maxrl

rare, common = np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]]), np.array([[1.0, 1, 1, 1, 0, 0, 0, 0]])
print("a success, 1 of 8 and 4 of 8:", group_maxrl(rare)[0, 0], group_maxrl(common)[0, 0])
two = np.array([[[1.0, 0], [0, 1], [0, 1], [0, 0]]])  # two rewards of four answers
summed, decoupled = group_standardize(two.sum(axis=2)), group_gdpo(two, np.ones(2))
print("GRPO of the sum:", np.round(summed[0], 2), " GDPO:", np.round(decoupled[0], 2))

# %% [markdown]
# ## What goes wrong in practice
#
# **“All rewards are equal and nothing happens.”** Nothing should happen. Log the share of silent
# groups; TRL calls it `frac_reward_zero_std` (huggingface/trl #3502, #4662). If this share is high,
# the task is too hard or too easy for this $K$. DAPO samples new prompts until enough groups have a
# signal (*dynamic sampling*).
#
# **“With K = 2 every advantage is ±0.707.”** (huggingface/trl #5767.) With the sample standard
# deviation, two different rewards always give ±0.707, even if they are very close. The next cell
# prints two such groups.
#
# **“The advantages are enormous, or NaN.”** The spread of a group is nearly 0. The library returns
# exactly 0 for equal rewards, and `eps` keeps a nearly equal group small.

# %%
pair = group_standardize(np.array([[0.0, 0.1], [0.0, 100.0]]))
print("two rewards, close and far:", np.round(pair, 3).tolist())


# %% [markdown]
# ### The same line in TRL
#
# GRPO's advantage is `GRPOConfig(num_generations=8, scale_rewards="group")`. The centred advantage
# is `GRPOConfig(num_generations=8, scale_rewards="none")`. Leave-one-out is
# `RLOOConfig(num_generations=8)`.

# %% [markdown]
# ## Turn the dial
#
# A group of K answers, each right with probability p. Before you turn: which groups teach
# nothing? Is a hard prompt (p = 0.02) more silent than an easy one (p = 0.98)?

# %%
from tinyalign.notes.dials import dial, silent

dial(
    silent.frame,
    {"K": (2, 4, 8), "p": (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98)},
    start=(8, 0.35),
    try_it=silent.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# A group is silent where all its rewards are equal: all advantages are 0, for each of the four
# baselines. The share $p^K + (1-p)^K$ is the same for p and 1 − p, so the easy prompt is as
# silent as the hard one, and a larger K helps both.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 13.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** GRPO's advantage: rewards of each group, centred and divided by their standard deviation
# (with `ddof`) plus `eps`. A group of equal rewards gets 0 everywhere, with `eps=0` as well.
#
# <details><summary>Hint 1</summary>
#
# Take mean and standard deviation along axis 1, with `keepdims=True`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The mean of several 0.1 is not 0.1 to the last digit. Subtract the first reward of the group
# before anything else; then equal rewards are 0 exactly, and `np.where` can choose.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_group_standardize(reward, *, eps=1e-4, ddof=1):
#     shifted = reward - reward[:, :1]
#     spread = np.std(shifted, axis=1, ddof=ddof, keepdims=True)
#     centred = shifted - np.mean(shifted, axis=1, keepdims=True)
#     return centred / np.where(spread > 0, spread + eps, 1.0)
# ```
#
# </details>
#
# **2.** Leave-one-out: each reward minus the mean reward of the *other* answers of its group.
#
# <details><summary>Hint 1</summary>
#
# The sum of the others is the sum of the group minus the own reward.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The others are G − 1 answers.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_leave_one_out(reward):
#     count = reward.shape[1]
#     others = (np.sum(reward, axis=1, keepdims=True) - reward) / (count - 1)
#     return reward - others
# ```
#
# </details>
#
# **3.** The share of groups of size `k` that carry a signal, for success probability `p` and
# rewards of 0 and 1.
#
# <details><summary>Hint 1</summary>
#
# A group is silent if all its rewards are equal.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# All succeed with probability $p^k$, all fail with probability $(1 - p)^k$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_signal_share(p, k):
#     return 1 - p**k - (1 - p) ** k
# ```
#
# </details>
#
# **4. On paper.** A group of $K$ answers has $m$ successes with reward 1, and 0 otherwise. What
# are the centred advantages, and for which $m$ is the sum of their absolute values largest?
#
# <details><summary>The answer</summary>
#
# $1 - m/K$ for a success and $-m/K$ for a failure. The sum is $2m(K - m)/K$, largest at
# $m = K/2$: a prompt of medium difficulty teaches most.
#
# </details>
#
# **5. Open ended.** You may draw 64 completions. Would you take 32 prompts with 2 each or 4
# prompts with 16 each? Decide for a success rate of 0.5 and for one of 0.02, and measure.
#
# <details><summary>What to look for</summary>
#
# At 0.5 half of the groups of 2 teach, and more prompts are more variety. At 0.02 almost all
# groups of 2 are silent (96 %), and of groups of 16 only 72 % are.
#
# </details>

# %%
from tinyalign.notes.exercises.online import (
    check_my_group_standardize,
    check_my_leave_one_out,
    check_my_signal_share,
)


def my_group_standardize(reward, *, eps=1e-4, ddof=1):
    raise NotImplementedError  # (P, G) -> (P, G)


def my_leave_one_out(reward):
    raise NotImplementedError  # (P, G) -> (P, G)


def my_signal_share(p, k):
    raise NotImplementedError  # a probability and a whole number -> one number


check_exercise(check_my_group_standardize, my_group_standardize)
check_exercise(check_my_leave_one_out, my_leave_one_out)
check_exercise(check_my_signal_share, my_signal_share)

# %% [markdown]
# ## What you may have read
#
# {notes 000 17-27}
# {notes 001 45-67}
# {notes 004 57-104}
# {notes 004 206-225}
# {notes 004 592-605}
# {notes 004 640-656}
# {notes 004 716-734}
# {notes 004 855-857}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# The notes use the name GRPO for three different things: a rank, a mean baseline, and a method that
# nobody published.
#
# * “ranking-based advantage”: [not the paper's](errata.html#row-31). The paper divides the centred
#   reward by the group's standard deviation.
# * The formula $R_i$ minus the group's mean: [this is Dr. GRPO's advantage](errata.html#row-13).
#   The division is missing.
# * The expected value of $A \log \pi$ minus a KL: [this is REINFORCE with a
#   baseline](errata.html#row-15). Ratio, clip and $1/|o|$ are missing.
# * “Generalized Rejection Sampling Policy Optimization”: [not the name](errata.html#row-19). GRPO
#   stands for Group Relative Policy Optimization.
# * “group of similar responses”: [the group shares a prompt](errata.html#row-14). The answers need
#   not be alike.
# * “Uses group-average reward from old rollouts”: [the group is the current
#   one](errata.html#row-7). The policy at the start of this step has drawn it.
# * “No reference model”: [wrong for the paper](errata.html#row-2), right for $\beta = 0$, which is
#   common today. Another list of the notes [forgets the reference](errata.html#row-8) of PPO as
#   well.
# * “No separate reward model!”: [not what GRPO drops](errata.html#row-30). GRPO drops the critic.
#   DeepSeekMath [scored its samples with a trained reward model](errata.html#row-64).
# * “Direct Methods (2023+)”, with GRPO in the list: [GRPO is online reinforcement
#   learning](errata.html#row-27). It samples while it learns.
# * Ranks by `argsort` of `argsort`: [equal rewards get different ranks](errata.html#row-37). [The
#   guard against NaN](errata.html#row-66) never acts, because the spread of such ranks is
#   $\sqrt{(K^2-1)/12}$ for all rewards. The guard makes sense for standardised *rewards*.
# * “K=2 (too small), no signal”: [an anecdote](errata.html#row-71). The table above shows the
#   signal.
# * “7B model matches GPT-4 on math!”: [not in the paper](errata.html#row-65). Its Table 5 has 88.2
#   on GSM8K and 51.7 on MATH after GRPO, and 92.0 and 52.9 for GPT-4. A comparison table in the
#   same notes [is invented](errata.html#row-61).
#
# </details>
#
# ## Further reading
#
# * Shao and others 2024, DeepSeekMath, arXiv:2402.03300: GRPO, section 4.1.
# * Kool and others 2019, “Buy 4 REINFORCE samples, get a baseline for free!”; Ahmadian and others
#   2024, arXiv:2402.14740: RLOO.
# * Liu and others 2025, arXiv:2503.20783: Dr. GRPO, with the bias of length and the bias of
#   difficulty.
# * Yu and others 2025, DAPO, arXiv:2503.14476: dynamic sampling.
# * Tajwar and others 2026, arXiv:2602.02710: MaxRL. Liu and others 2026, arXiv:2601.05242: GDPO.
#
# ### The claims of this page, tested

# %%
assert np.ptp(tied) > 2, "argsort invents an order among equal rewards"
assert all(np.all(f(np.ones((1, 4))) == 0) for f in list(baselines.values())[:4])
assert all(abs(signal[k] - heard[k]) < 0.02 for k in SIZES), "signal"
assert abs(0.98**8 + 0.02**8 - 0.85) < 0.005, "silent groups at p = 0.02, K = 8"
assert all(abs(row[1] - row[2]) < 1e-9 for row in shares), "1 − 1/K, exactly"
assert all(abs(row[3] - row[4]) < 1e-9 for row in shares), "centred, times K/(K − 1)"
assert np.allclose(factor, 4 / 3, atol=1e-9), "not only on average: in every group"
assert all(abs(row[4] - 1) < 1e-9 for row in shares), "leave-one-out is unbiased"
assert abs(shares[0][5] - 1) < 1e-9 < shares[1][5] - 1, "dividing by the spread rescales"
assert np.allclose([row[1] for row in weights], 7 / 8), "centred: one factor for all prompts"
assert all(a[2] < b[2] for a, b in itertools.pairwise(weights)), "std: more for hard prompts"
assert np.allclose(np.abs(pair), np.sqrt(0.5), atol=2e-3), "K = 2: ±0.707"
assert group_maxrl(rare)[0, 0] == 7 and group_maxrl(common)[0, 0] == 1, "rare successes count"
assert summed[0, 0] == summed[0, 1] < decoupled[0, 0] and decoupled[0, 1] < decoupled[0, 0]
print("all claims of this page hold")
