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
# # 13 · GRPO, RLOO, Dr.GRPO
#
# Drop the critic; sample a group of answers to one prompt, and let the group be its own baseline.
# That is the idea. What is subtracted from a reward, what it is divided by, and what a sum over
# tokens is divided by, are three choices, and each has a name, a bias that can be computed exactly,
# and a bug report.
#
# ## What the notes say
#
# {notes 000 17-27}
# {notes 001 45-67}
# {notes 004 57-104}
# {notes 004 206-225}
# {notes 004 716-734}
# {notes 004 855-857}
#
# "GRPO" means three things in the notes: [a rank](errata.html#row-31), [a mean
# baseline](errata.html#row-13) with [a KL term and no ratio](errata.html#row-15), and [a name that
# nobody published](errata.html#row-19). The paper's advantage is the reward minus the group's mean,
# divided by the group's standard deviation. The group is [the *current* samples](errata.html#row-7)
# [of one prompt](errata.html#row-14), drawn by the policy as it stands. GRPO drops the critic, [not
# the reward model](errata.html#row-30) and [not the reference](errata.html#row-2), which [the notes
# leave out](errata.html#row-8). Its ratio is [one per token](errata.html#row-32), not one per
# sequence. Since it samples while it learns, it is [no "direct method"](errata.html#row-27).
#
# ## Four baselines, live
#
# {source tinyalign.losses.advantage.group_center}
# {source tinyalign.losses.advantage.group_standardize}
# {source tinyalign.losses.advantage.leave_one_out}
# {source tinyalign.losses.advantage.group_rank}

# %%
from functools import partial
from itertools import product

import autograd.numpy as np
from autograd import grad

from tinyalign.laws import assert_lawful
from tinyalign.losses import (
    clipped_surrogate,
    fixed_length_mean,
    group_center,
    group_rank,
    group_standardize,
    leave_one_out,
    reinforce,
    sequence_mean,
    token_mean,
)
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import policy_gradient


def note_ranks(reward):
    """Ranks by argsort of argsort, standardised, as in one of the notes."""
    ranks = np.argsort(np.argsort(reward, axis=1), axis=1)
    return (ranks - ranks.mean(axis=1, keepdims=True)) / (ranks.std(axis=1, keepdims=True) + 1e-8)


baselines = {
    "centred (Dr.GRPO)": group_center,
    "standardised (GRPO)": group_standardize,
    "leave one out (RLOO)": leave_one_out,
    "ranks, ties shared": group_rank,
    "ranks by argsort (the note)": note_ranks,
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
# **Equal rewards.** Four equal rewards carry no information. Every baseline says so, except
# [ranking by `argsort`](errata.html#row-37), which numbers them in the order in which they were
# sampled and trains on that. It also makes [the note's guard](errata.html#row-66) pointless: the
# spread of a permutation of 0 … K−1 is $\sqrt{(K^2-1)/12}$ whatever the rewards are, never 0. The
# division by 0 is real for z-scored *rewards*, which is where the library guards it.
#
# Ranks with shared ties are a legitimate choice: they ignore how much better an answer is (see the
# last group), which protects against an outlier and forgets what the outlier knew.
#
# ## Before the run: how many groups say anything?
#
# With rewards 0 and 1 and success probability $p$, a group of $K$ is silent when all succeed or all
# fail. So the share of groups with any signal is $1 - p^K - (1-p)^K$.
#
# And what is the expected gradient? Each reward is part of its own mean, so the mean baseline
# takes away $1/K$ of the true gradient; leave-one-out takes nothing. Dividing by the group's spread
# changes the size and, when groups differ in difficulty, the weights between prompts.
#
# **The dial:** `SUCCESS`. At 0.02 and at 0.98, how large must the group be until half of the groups
# say something?

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
# ## The run: every group there is
#
# Three arms with rewards 1, 0, 0, a softmax policy, and *all* $3^K$ groups, each weighted by its
# probability. No sampling error: the table is exact. The loss is the trainer's, at
# ratio 1.
#
# {source tinyalign.losses.policy_gradient.clipped_surrogate}

# %%
arms = np.array([1.0, 0.0, 0.0])
logits = np.log(np.array([0.3, 0.5, 0.2]))
true = policy_gradient(logits, arms)


def expected_gradient(baseline, size):
    """Average over all groups of `size` samples of the gradient that one group gives."""
    picks = np.array(list(product(range(3), repeat=size)))
    chance = np.prod(np.exp(log_softmax(logits))[picks], axis=1)
    advantage = baseline(arms[picks])

    def gain(z):
        logp = log_softmax(z)[picks]
        loss = clipped_surrogate(logp, log_softmax(logits)[picks], advantage)
        return -np.sum(chance * np.mean(loss, axis=1))

    return grad(gain)(logits)


def share_of_true(baseline, size):
    """Length of the expected gradient in the direction of the true one, in units of it."""
    return float(expected_gradient(baseline, size) @ true / (true @ true))


by_n = partial(group_standardize, eps=0.0, ddof=0)
shares = [
    [k, 1 - 1 / k, share_of_true(group_center, k), share_of_true(leave_one_out, k),
     share_of_true(by_n, k)]
    for k in (2, 3, 4, 6)
]  # fmt: skip
table(["K", "1 − 1/K", "mean baseline", "leave one out", "divided by std"], shares)

# %% [markdown]
# So K = 2 carries half of the gradient with the mean baseline and all of it with leave-one-out. An
# anecdote in one of the notes, [that it gives no signal](errata.html#row-71), is not what the
# mathematics says. What grows with K is the share of groups that are not silent, and the precision.
#
# ## Length: what a sum over tokens is divided by
#
# {source tinyalign.losses.aggregate.sequence_mean}
# {source tinyalign.losses.aggregate.fixed_length_mean}
#
# GRPO divides each completion's sum by its own length. For a wrong answer the advantage is
# negative, and a long wrong answer then pays less per token: the loss rewards being wrong at
# length. The published finding (2503.20783, from the abstract): GRPO lengthens incorrect outputs.
#
# **The experiment.** Correctness is a coin, nobody can improve it. The policy only chooses the
# *length*, 1 to 8, with one softmax for right and one for wrong answers. Nothing rewards any
# length, so the prediction for an unbiased loss is that the mean stays where it starts. The
# log-probability of a length is spread evenly over the tokens of the completion, so that they add
# up to it.

# %%
LENGTHS = np.arange(1, 9)
STEPS, GROUPS, SIZE, RATE = 300, 64, 8, 2.0


def mean_lengths(theta):
    return softmax(theta) @ LENGTHS


def by_completion(x, mask):
    return sequence_mean(x, mask)


def by_limit(x, mask):
    return fixed_length_mean(x, mask, length=LENGTHS[-1])


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


lengths = {
    "GRPO (1/|o|)": grow(by_completion, group_standardize),
    "Dr.GRPO (fixed)": grow(by_limit, group_center),
}
table(
    ["loss", "wrong, start", "wrong, end", "right, end"],
    [[name, seen[0, 0], seen[-1, 0], seen[-1, 1]] for name, seen in lengths.items()],
)

# %%
figure, (left, right) = picture(2, width=8.2)
sizes = np.arange(2, 65)
for p in (0.02, 0.1, SUCCESS, 0.5):
    left.semilogx(sizes, 1 - p**sizes - (1 - p) ** sizes, label=f"p = {p}", base=2)
left.set(xlabel="group size K", ylabel="share of groups", title="Groups with any signal")
left.legend(fontsize="small")
for name, seen in lengths.items():
    (line,) = right.plot(seen[:, 0], label=f"{name}, wrong")
    right.plot(seen[:, 1], ":", color=line.get_color(), label=f"{name}, right")
right.set(xlabel="step", ylabel="mean length", title="Length of answers")
right.legend(fontsize="small", loc="center right", bbox_to_anchor=(1, 0.35))
figure

# %% [markdown]
# {figure}
#
# Measured with another seed: GRPO's wrong answers 4.5 → 7.27 and right ones → 1.04,
# Dr.GRPO's 4.49 and 4.48. The effect is the divisor's; nothing in the reward asks for it.
#
# ## A mean that does not survive splitting
#
# **The experiment.** Four completions of lengths 6, 2, 1, 3, in one batch, or as two micro-batches
# whose losses are averaged. The token mean changes, the other two do not (huggingface/trl #2615;
# verl #5619). The cure is to divide by the token count of the whole batch.

# %%
rng = np.random.default_rng(7)
batch_mask = (np.arange(6) < np.array([[6], [2], [1], [3]])).astype(float)
batch = rng.random((4, 6))
means = {
    "token mean": token_mean,
    "sequence mean": sequence_mean,
    "fixed length": partial(fixed_length_mean, length=6),
}
split = []
for name, reduce in means.items():
    halves = [reduce(batch[part], batch_mask[part]) for part in (slice(0, 2), slice(2, 4))]
    split.append([name, reduce(batch, batch_mask), np.mean(halves)])
table(["mean", "one batch", "two micro-batches"], split)

# %% [markdown]
# ## Weird numbers
#
# **“My GRPO loss is 0.”** At the first step on a batch the ratio is 1, and the loss is minus the
# mean advantage, which is 0 by construction. The gradient is not (huggingface/trl #2703, #3452,
# #3857; open-r1 #239; verl #2088). Watch the reward, not the loss.
#
# **“All rewards are equal and nothing happens.”** Nothing should. Log the share of silent groups,
# as TRL does (`frac_reward_zero_std`; trl #3502, #4662); if it is high, the task is too hard or too
# easy for this K.
#
# **“With K = 2 every advantage is ±0.707.”** (trl #5767.) With the sample standard deviation, two
# different rewards always give that, however different they are.
#
# **“Is the old log-probability just `logp.detach()`?”** On the first step, yes, in value; the ratio
# is 1 and its gradient is $\nabla\log\pi$ (trl #2837).

# %%
advantage = group_standardize(np.array([[1.0, 0.0, 0.0, 1.0]]))[0]
picked = np.array([0, 1, 2, 0])
now = log_softmax(logits)[picked]


def grpo_loss(z):
    return np.mean(clipped_surrogate(log_softmax(z)[picked], now, advantage))


zero, slope = grpo_loss(logits), np.abs(grad(grpo_loss)(logits)).max()
pair = group_standardize(np.array([[0.0, 0.1], [0.0, 100.0]]))
print(f"loss {abs(zero):.1e}, largest slope {slope:.3f}")
print("two rewards, close and far:", np.round(pair, 3).tolist())

# %% [markdown]
# ## Relatives: another baseline, another trust region
#
# {source tinyalign.losses.baselines.group_maxrl}
# {source tinyalign.losses.baselines.group_gdpo}
# {source tinyalign.losses.trust_region.sapo}
# {source tinyalign.losses.trust_region.dppo}
#
# MaxRL divides by the mean: the rarer a success, the more it counts. GDPO standardises each of
# several rewards by itself. SAPO has a gate in place of the clip, DPPO clips the probability and
# not the ratio: a rare token may grow many times over.

# %%
from tinyalign.losses import dppo, group_gdpo, group_maxrl, sapo

rare, common = np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]]), np.array([[1.0, 1, 1, 1, 0, 0, 0, 0]])
print("a success, 1 of 8 and 4 of 8:", group_maxrl(rare)[0, 0], group_maxrl(common)[0, 0])
two = np.array([[[1.0, 0], [0, 1], [0, 1], [0, 0]]])  # two rewards of four answers
summed, decoupled = group_standardize(two.sum(axis=2)), group_gdpo(two, np.ones(2))
print("GRPO of the sum:", np.round(summed[0], 2), " GDPO:", np.round(decoupled[0], 2))


def slope_of(surrogate, old, ratio):
    """The slope of a good token's loss, as a multiple of REINFORCE's."""
    old_logp = np.array([[np.log(old)]])
    return -grad(lambda x: np.sum(surrogate(x, old_logp, 1.0)))(old_logp + np.log(ratio))[0, 0]


regions = [[old, ratio, *(slope_of(f, old, ratio) for f in (clipped_surrogate, sapo, dppo))]
           for old, ratio in ((0.001, 4.0), (0.3, 1.1), (0.3, 2.0))]  # fmt: skip
table(["probability before", "ratio", "PPO", "SAPO", "DPPO"], regions)

# %% [markdown]
# ## Numbers to distrust
#
# {notes 004 592-605}
# {notes 004 640-656}
#
# The comparison table of this note [is invented](errata.html#row-61), and ["matches
# GPT-4"](errata.html#row-65) is too. What the paper's Table 5 says (read in its text): the GRPO
# model 88.2 on GSM8K and 51.7 on MATH, up from 82.9 and 46.8; GPT-4 92.0 and 52.9. Its 64 samples
# per question were [scored by a trained reward model](errata.html#row-64), not by exact match. No
# toy can confirm such numbers, and this page does not try.
#
# ## Exercises
#
# **1.** GRPO's advantage. The laws include a group of equal rewards, with `eps=0` as well.
#
# **2.** Leave-one-out.
#
# **3.** The share of groups of size `k` that carry a signal, for success probability `p`.


# %%
def my_group_standardize(reward, *, eps=1e-4, ddof=1):
    raise NotImplementedError  # (P, G) -> (P, G)


def check_my_group_standardize(solution):
    assert_lawful(solution, "group_standardize")


def my_leave_one_out(reward):
    raise NotImplementedError  # (P, G) -> (P, G)


def check_my_leave_one_out(solution):
    assert_lawful(solution, "leave_one_out")


def my_signal_share(p, k):
    raise NotImplementedError  # one number


def check_my_signal_share(solution):
    """Against a list of all groups of zeros and ones."""
    for p, k in product((0.1, 0.5, 0.8), (1, 2, 3, 5)):
        all_groups = np.array(list(product((0, 1), repeat=k)))
        chance = np.prod(np.where(all_groups == 1, p, 1 - p), axis=1)
        mixed = all_groups.max(axis=1) > all_groups.min(axis=1)
        assert abs(solution(p, k) - chance[mixed].sum()) < 1e-9, f"p = {p}, k = {k}"


check_exercise(check_my_group_standardize, my_group_standardize)
check_exercise(check_my_leave_one_out, my_leave_one_out)
check_exercise(check_my_signal_share, my_signal_share)

# %% [markdown]
# ## The same line in TRL
#
# `GRPOConfig(num_generations=8, scale_rewards="group", loss_type="grpo")`; `loss_type="dr_grpo"`
# with `scale_rewards="none"` is Dr.GRPO.
#
# ## What this page showed

# %%
assert np.ptp(tied) > 2, "argsort invents an order among equal rewards"
assert all(np.all(f(np.ones((1, 4))) == 0) for f in list(baselines.values())[:4])
assert all(abs(signal[k] - heard[k]) < 0.02 for k in SIZES), "signal"
assert all(abs(row[1] - row[2]) < 1e-9 for row in shares), "1 − 1/K, exactly"
assert all(abs(row[3] - 1) < 1e-9 for row in shares), "leave-one-out is unbiased"
assert abs(shares[0][4] - 1) < 1e-9 < shares[1][4] - 1, "dividing by the spread rescales"
wrong_end, right_end = lengths["GRPO (1/|o|)"][-1]
assert wrong_end > 6 and right_end < 2, "1/|o| lengthens what is wrong"
assert np.all(np.abs(lengths["Dr.GRPO (fixed)"] - 4.5) < 0.2), "Dr.GRPO does not"
assert abs(split[0][1] - split[0][2]) > 1e-3, "token means do not split"
assert all(abs(row[1] - row[2]) < 1e-12 for row in split[1:]), "the others do"
assert abs(zero) < 1e-12 < 1e-2 < slope, "a loss of 0 with a gradient"
assert np.allclose(np.abs(pair), np.sqrt(0.5), atol=2e-3), "K = 2: ±0.707"
assert group_maxrl(rare)[0, 0] == 7 and group_maxrl(common)[0, 0] == 1, "rare successes count"
assert summed[0, 0] == summed[0, 1] < decoupled[0, 0] and decoupled[0, 1] < decoupled[0, 0]
assert np.allclose([row[2] for row in regions], [0, 1.1, 0]), "PPO stops at ratio 1.2"
assert np.allclose([row[4] for row in regions], [4, 1.1, 0]), "DPPO at a gap of 0.15"
print("all claims of this page hold")
