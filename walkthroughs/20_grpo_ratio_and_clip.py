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
# # 20 · GRPO: the ratio, the clip, and what DAPO, GSPO and CISPO change
#
# ## The question
#
# A batch of answers is expensive to sample, so trainers take several gradient steps on one batch.
# After the first step the answers come from an older policy. How far may the policy move before the
# answers mislead it? And what happens to a token that has moved too far?
#
# This page is the third of three about GRPO. Page 13 treats the advantage, and page 19 treats the
# length.
#
# ## The idea
#
# The *ratio* of a token is its probability under the policy that is trained, divided by its
# probability under the policy that wrote the answer. The ratio corrects for the age of the samples:
# the average of ratio times advantage, over old samples, is the average of the advantage under the
# new policy. The correction is exact but noisy, and the noise grows with the distance.
#
# The *clip* limits the distance. Once a ratio has moved in the profitable direction by more than
# $\varepsilon$, the token's slope becomes 0. The clip is a brake and not a wall: the token receives
# no further push, but the other tokens still do, and they share its parameters. DAPO, GSPO, CISPO,
# SAPO and DPPO differ in what they compare with the limit, and in what happens outside.
#
# ```
# slope of one good token (A > 0), in units of A times the slope of log pi
# ratio        0.5    1.0    1.2      1.28     2.0
# GRPO, PPO    0.5    1.0    1.2 | 0  0        0      hard clip at 1.2
# DAPO         0.5    1.0    1.2      1.28 | 0 0      higher clip
# CISPO (0.2)  0.5    1.0    1.2      1.2      1.2    weight capped, slope kept
# ```
#
# ```clip
#  A > 0:  slope A up to ratio 1.2, no slope above
#  A < 0:  no slope below ratio 0.8, slope A above
# ```
#
# ## The formula
#
# GRPO's loss for one token is the negative of
#
# $$\min(\rho A,\ \mathrm{clip}(\rho, 1-\varepsilon, 1+\varepsilon) A)$$
#
# * $\rho = \pi_\theta / \pi_{old}$ is the ratio.
# * $\pi_\theta$ is the token's probability under the policy that is trained. Only this part has a
#   gradient.
# * $\pi_{old}$ is the token's probability under the policy that wrote the answer. It is a constant.
# * $A$ is the advantage of the answer (page 13). It is a constant too.
# * $\varepsilon$ is the clip width, often 0.2.
#
# The relatives change one thing each:
#
# * **DAPO** has two widths, $1 - 0.2$ and $1 + 0.28$ (*clip-higher*). It also has the token mean
#   (page 19), it drops the KL term, and it samples again where a group is silent (page 13).
# * **GSPO** has one ratio for the whole answer: the geometric mean of the token ratios. Its widths
#   are small, 0.0003 and 0.0004. An answer is clipped as a whole or not at all.
# * **CISPO** caps the ratio and stops its gradient: the loss is
#   $-\min(\rho, 1+\varepsilon) A \log\pi_\theta$ with a constant first factor. No token loses its
#   slope.
# * **SAPO** has a smooth gate in place of the clip. **DPPO** limits the change of the
#   *probability*, not of the ratio.
#
# {source tinyalign.losses.policy_gradient.clipped_surrogate}
# {source tinyalign.losses.policy_gradient.sequence_clipped_surrogate}
# {source tinyalign.losses.policy_gradient.truncated_importance}
#
# ## Predict
#
# **1.** A bandit is trained at a gentle learning rate with four gradient steps on each batch. Which
# share of the samples is clipped?
#
# * (a) none
# * (b) about a tenth
# * (c) about a half
#
# **2.** A token has probability 0.01. It is the only good one, and only its own samples push. The
# clip is 1.2, and each batch allows as many small steps as you like. How many batches does it take
# until the probability is 0.5?
#
# * (a) 4
# * (b) 22
# * (c) 200
#
# <details><summary>The answers</summary>
#
# **1.** (a). At a gentle rate the policy stays inside the band, and the run with clip equals the
# run without. The clip matters where steps are many or large.
#
# **2.** (b). Each batch multiplies the probability by about 1.2, so it takes about
# $\log 50 / \log 1.2 = 21.5$ batches. With DAPO's 1.28 it takes about 15.8. A token of probability
# 0.9 can reach 1 in one batch under either clip. So the clip slows rare tokens down most.
#
# </details>
#
# ## Run
#
# ### The slope of one token

# %%
from functools import partial

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import (
    clipped_surrogate,
    dppo,
    group_center,
    group_standardize,
    sapo,
    truncated_importance,
)
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, picture, table

SURROGATES = {
    "GRPO, PPO": clipped_surrogate,
    "DAPO": partial(clipped_surrogate, clip_high=0.28),
    "CISPO": partial(truncated_importance, clip_high=0.2),
    "SAPO": sapo,
    "DPPO": dppo,
}


def slope_of(surrogate, old, ratio, advantage=1.0):
    """The slope of a token's loss, as a multiple of the slope of −log π."""
    old_logp = np.array([[np.log(old)]])
    slopes = grad(lambda x: np.sum(surrogate(x, old_logp, advantage)))(old_logp + np.log(ratio))
    return 0.0 - slopes[0, 0]


places = ((0.001, 4.0), (0.3, 1.1), (0.3, 1.25), (0.3, 2.0), (0.3, 0.5))
regions = [[old, ratio, *(slope_of(f, old, ratio) for f in SURROGATES.values())]
           for old, ratio in places]  # fmt: skip
table(["probability before", "ratio", *SURROGATES], regions)
bad_token = [slope_of(clipped_surrogate, 0.3, ratio, advantage=-1.0) for ratio in (0.5, 1.0, 2.0)]
print("GRPO with A = −1, at ratio 0.5, 1 and 2:", np.round(np.array(bad_token), 3) + 0.0)

# %%
ratios = np.linspace(0.4, 2.2, 181)
figure, panels = picture(2, width=8.2)
for axes, advantage in zip(panels, (1.0, -1.0), strict=True):
    for name, surrogate in SURROGATES.items():
        if name != "DPPO":  # depends on the probability, too
            curve = [slope_of(surrogate, 0.3, ratio, advantage) for ratio in ratios]
            axes.plot(ratios, curve, label=name)
    axes.set(xlabel="ratio ρ", title=f"slope of a token, A = {advantage:+.0f}")
panels[0].legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ### What the clip does at 4 and at 20 steps a batch
#
# The bandit has eight arms with noisy rewards. Each batch has eight groups of eight samples and the
# centred advantage, and sixteen seeds are trained side by side. The table compares a gentle and a
# large learning rate, 4 and 20 gradient steps on each batch, with the clip and without. “Farthest”
# is the largest KL divergence between the policies before and after one batch.
#
# **The dial:** `RATES`. At which rate does the clip begin to act with four steps?

# %%
RATES, BATCHES, SEEDS, NOISE = (0.2, 2.0), 40, 16, 1.0
arms = np.array([1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0, 0.0])


def train(steps, clip, rate):
    """Share of samples outside the band, largest KL of a batch, mean and lowest final reward."""
    rng, z, outside, moved = np.random.default_rng(0), np.zeros((SEEDS, 8)), [], []
    rows = np.arange(SEEDS)[:, None]  # all seeds are trained side by side
    for _ in range(BATCHES):
        old = log_softmax(z)
        cumulative = np.cumsum(np.exp(old), axis=1)[:, None, :]
        picks = np.minimum(np.sum(rng.random((SEEDS, 64, 1)) > cumulative, axis=2), 7)
        reward = arms[picks] + NOISE * rng.normal(size=picks.shape)
        advantage = group_center(reward.reshape(-1, 8)).reshape(SEEDS, 64)
        old_logp = old[rows, picks]

        def loss(z, picks=picks, old_logp=old_logp, advantage=advantage):
            widths = {"clip_low": min(clip, 1.0), "clip_high": clip}
            token = clipped_surrogate(log_softmax(z)[rows, picks], old_logp, advantage, **widths)
            return np.sum(token) / 64

        for _ in range(steps):
            z = z - rate * grad(loss)(z)
        new = log_softmax(z)
        outside.append(np.mean(np.abs(np.exp(new[rows, picks] - old_logp) - 1) > 0.2))
        moved.append(np.max(np.sum(np.exp(new) * (new - old), axis=1)))
    final = softmax(z) @ arms
    return np.mean(outside), np.max(moved), np.mean(final), np.min(final)


brakes = {
    (rate, steps, clip): np.array(train(steps, clip, rate))
    for rate in RATES
    for steps in (4, 20)
    for clip in (0.2, np.inf)
}
table(
    ["rate", "steps", "clip", "outside 1 ± 0.2", "farthest, nats", "mean reward", "worst seed"],
    [[rate, steps, "none" if np.isinf(clip) else str(clip), *found]
     for (rate, steps, clip), found in brakes.items()],
)  # fmt: skip


# %% [markdown]
# ### A rare token, and clip-higher
#
# The token with probability 0.01 is the only good one. The gradient is exact, without sampling
# noise. Each batch allows sixty small steps. In the third column only the good token has an
# advantage, 1. In the last column the advantages are centred, so the bad token has a negative one.


# %%
def batches_until_half(clip_high, centred):
    """Batches until the good token has probability 0.5; each step changes the logits by 0.01."""
    z, good = np.log(np.array([0.01, 0.99])), np.array([1.0, 0.0])
    for batch in range(1, 100):
        old = log_softmax(z)
        advantage = good - (np.exp(old) @ good if centred else 0.0)

        def loss(z, old=old, advantage=advantage):
            token = clipped_surrogate(log_softmax(z), old, advantage, clip_high=clip_high)
            return np.sum(np.exp(old) * token)

        for _ in range(60):
            slopes = grad(loss)(z)
            z = z - 0.01 * slopes / max(np.abs(slopes).max(), 1e-12)
        if softmax(z)[0] >= 0.5:
            return batch
    return batch


patience = {
    high: [batches_until_half(high, centred) for centred in (False, True)] for high in (0.2, 0.28)
}
table(
    ["1 + ε", "predicted", "only the good token pushes", "the bad token pushes too"],
    [[1 + high, np.log(50) / np.log(1 + high), *counts] for high, counts in patience.items()],
)

# %% [markdown]
# ### One ratio for each token, or one for the answer
#
# Suppose that one update has changed the log-probability of each token by a random amount with
# standard deviation 0.15. The product of the ratios of an answer is the exact correction for the
# whole answer. The table shows what noise does to it, and to the geometric mean that GSPO uses.

# %%
rng = np.random.default_rng(0)
spreads = []
for tokens in (10, 100, 1000):
    log_ratio = 0.15 * rng.normal(size=(1_000, tokens))
    clipped_tokens = np.mean(np.abs(np.exp(log_ratio) - 1) > 0.2)
    product, geometric = log_ratio.sum(axis=1), log_ratio.mean(axis=1)
    spreads.append([tokens, clipped_tokens, np.exp(product.std()), np.exp(geometric.std())])
table(["tokens", "tokens clipped", "product, typical factor", "geometric mean"], spreads)

# %% [markdown]
# ## What it shows
#
# **A gentle run does not touch the clip.** At the small rate with four steps, the rows with and
# without clip are the same. The clip is then no part of the method.
#
# **The clip is a brake for many or large steps.** At the large rate with twenty steps and no clip,
# a single batch moves some policy by several nats. Some seeds then sit on a bad arm, where all
# samples have the same expected reward, and do not come back. With the clip no batch moves a policy
# by more than a tenth of a nat. So the clip limits how far *one batch* can push. It does not limit
# the distance from the start, because forty batches walk as far as they like. The brake also has a
# price: compare the rows with four large steps.
#
# **The clip is pessimistic, so it acts on one side.** For a good token the slope ends above
# $1 + \varepsilon$. Below $1 - \varepsilon$ the slope stays, because there the token has moved the
# wrong way and has to come back. For a bad token it is the other way round.
#
# **Clip-higher helps rare tokens that push for themselves.** The clip limits the *ratio*. A token
# of probability 0.01 may gain 0.002 in one batch, and a token of probability 0.5 may gain 0.1. A
# rare good token rises slowly by its own samples. DAPO therefore widens only the upper side. The
# last column shows the other force: with centred advantages the bad token is pushed down, and the
# good token receives what the bad one loses. With two tokens this force is stronger than the clip.
# In a large vocabulary all other tokens share what is set free, so a rare token cannot count on it.
#
# **The answer's ratio needs another scale.** The product of a thousand noisy ratios is wrong by a
# factor of about 100, so it is useless as a weight. The geometric mean of a thousand tokens hardly
# leaves 1. GSPO's clip must therefore be far narrower than 0.2.
#
# ## What goes wrong in practice
#
# **“My GRPO loss is 0.”** At the first step on a batch every ratio is 1, and the loss is minus the
# mean advantage. This mean is 0 by construction. The gradient is not 0, as the next cell shows
# (huggingface/trl #2703, #3452, #3857; open-r1 #239; verl #2088). Watch the reward, not the loss.
#
# **“Is the old log-probability only `logp.detach()`?”** On the first step it is, in value. The
# ratio is 1, and its gradient is the gradient of $\log\pi$ (huggingface/trl #2837). From the second
# step on, the old log-probability must be the stored one.
#
# **“The clip fraction is 0 all the time.”** This is normal for one or a few gentle steps a batch.
# If you take one step on each batch, no clip can ever act.
#
# **“Entropy falls to 0 within a few hundred steps.”** Rare tokens die out. Widen the upper clip,
# add an entropy bonus, or lower the rate.

# %%
logits = np.log(np.array([0.3, 0.5, 0.2]))
advantage = group_standardize(np.array([[1.0, 0.0, 0.0, 1.0]]))[0]
picked = np.array([0, 1, 2, 0])
now = log_softmax(logits)[picked]


def grpo_loss(z):
    return np.mean(clipped_surrogate(log_softmax(z)[picked], now, advantage))


zero, slope = grpo_loss(logits), np.abs(grad(grpo_loss)(logits)).max()
print(f"loss {abs(zero):.1e}, largest slope {slope:.3f}")


# %% [markdown]
# ### The same line in TRL
#
# GRPO as practised is `GRPOConfig(epsilon=0.2, num_iterations=2, beta=0.0)`. Clip-higher is
# `GRPOConfig(epsilon=0.2, epsilon_high=0.28)`. GSPO is
# `GRPOConfig(importance_sampling_level="sequence", epsilon=3e-4, epsilon_high=4e-4)`. CISPO is
# `GRPOConfig(loss_type="cispo", epsilon_high=5.0)`; TRL caps the ratio at `epsilon_high` itself,
# and our `truncated_importance` caps it at `1 + clip_high`. SAPO is `GRPOConfig(loss_type="sapo")`.

# %% [markdown]
# ## Turn the dial
#
# One good token, its probability before the batch, and the upper limit of the clip. Before you
# turn: how far may a token of probability 0.01 rise in one batch? And one of 0.5? What does 0.28
# instead of 0.2 change?

# %%
from tinyalign.notes.dials import clip_higher, dial

dial(
    clip_higher.frame,
    {"before": (0.01, 0.1, 0.3, 0.5, 0.7), "clip_high": (0.2, 0.28, 0.5)},
    start=(0.1, 0.2),
    try_it=clip_higher.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The clip bounds the ratio, so a rare token may rise by 0.002 and a token of probability 0.5 by
# 0.1, fifty times as much. DAPO's 0.28 lets rare tokens rise by 0.0028: still little, but 40 %
# more, and the lower limit stays where it was.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 20.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write GSPO's loss, one number for each answer.
#
# <details><summary>Hint 1</summary>
#
# The ratio of an answer is the geometric mean of the ratios of its tokens.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Take e to the power of the *mean* log-ratio over the mask, and go on as in PPO.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_gspo(logp, old_logp, advantage, mask, *, clip_low=3e-4, clip_high=4e-4):
#     gap = np.sum(np.where(mask > 0, logp - old_logp, 0.0), axis=1) / np.sum(mask, axis=1)
#     ratio, gain = np.exp(gap), np.reshape(advantage, -1)  # (N,)
#     return -np.minimum(ratio * gain, np.clip(ratio, 1 - clip_low, 1 + clip_high) * gain)
# ```
#
# </details>
#
# **2.** Return the slope of GRPO's loss for one token, as a multiple of the slope of $-\log\pi$.
#
# <details><summary>Hint 1</summary>
#
# Without a clip the slope is the ratio times the advantage.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The slope is 0 on one side only: above $1 +$ `clip_high` for a positive advantage, and below
# $1 -$ `clip_low` for a negative one.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_slope(ratio, advantage, clip_low, clip_high):
#     stopped = ratio > 1 + clip_high if advantage > 0 else ratio < 1 - clip_low
#     return 0.0 if stopped else ratio * advantage
# ```
#
# </details>
#
# **3. On paper.** A token has probability 0.7, and the clip is 0.2. Which probability can it
# reach in one batch before its slope ends? Which probability can its only rival, with 0.3, fall
# to before its own slope ends?
#
# <details><summary>The answer</summary>
#
# $0.7 \cdot 1.2 = 0.84$ for the token; $0.3 \cdot 0.8 = 0.24$ for the rival. A likely token has
# room to rise, and an unlikely one has little: 0.01 can reach 0.012 only.
#
# </details>
#
# **4. Open ended.** Let the samples be ten updates old. Which of the losses of this page still
# learns, and which one stops, and what does each risk?
#
# <details><summary>What to look for</summary>
#
# Clipped losses stop where the ratio has left the clip: they waste the sample. Losses that cap
# the weight go on and risk to learn from what the policy would no longer say.
#
# </details>

# %%
from tinyalign.notes.exercises.lengths import check_my_gspo, check_my_slope


def my_gspo(logp, old_logp, advantage, mask, *, clip_low=3e-4, clip_high=4e-4):
    raise NotImplementedError  # (N, T), (N, T), (N, 1) or (N,), (N, T) -> (N,)


def my_slope(ratio, advantage, clip_low, clip_high):
    raise NotImplementedError  # four numbers -> one number


check_exercise(check_my_gspo, my_gspo)
check_exercise(check_my_slope, my_slope)

# %% [markdown]
# ## What you may have read
#
# {notes 001 45-67}
# {notes 003 18-18}
# {notes 004 57-104}
# {notes 004 325-345}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * GRPO with one ratio for a whole answer: [the paper has one per token](errata.html#row-32). A
#   ratio of the whole answer is GSPO's, as a geometric mean.
# * “Limits policy updates to prevent catastrophic forgetting”: [the clip bounds one
#   batch](errata.html#row-23). The KL penalty limits the distance from the start.
# * A clip with one step per batch: [this clip can never act](errata.html#row-42), because every
#   ratio is 1.
# * An objective without ratio and clip is called GRPO: [it is REINFORCE with a
#   baseline](errata.html#row-15).
#
# </details>
#
# ## Further reading
#
# * Schulman and others 2017, PPO, arXiv:1707.06347: the clipped objective.
# * Shao and others 2024, DeepSeekMath, arXiv:2402.03300: GRPO.
# * Yu and others 2025, DAPO, arXiv:2503.14476: clip-higher, and three more changes.
# * Zheng and others 2025, GSPO, arXiv:2507.18071. MiniMax 2025, CISPO, arXiv:2506.13585.
# * Gao and others 2025, SAPO, arXiv:2511.20347. Qi and others 2026, DPPO, arXiv:2602.04879.
#
# ### The claims of this page, tested

# %%
by_name = {(row[0], row[1]): dict(zip(SURROGATES, row[2:], strict=True)) for row in regions}
grpo = [by_name[place]["GRPO, PPO"] for place in places]
assert np.allclose(grpo, [0, 1.1, 0, 0, 0.5]), "GRPO's slope ends above 1.2, not below 0.8"
assert np.allclose([by_name[0.3, 1.25]["DAPO"], by_name[0.3, 2.0]["DAPO"]], [1.25, 0]), "at 1.28"
assert np.isclose(by_name[0.3, 2.0]["CISPO"], 1.2), "CISPO: capped, not cut"
assert np.allclose([by_name[place]["DPPO"] for place in places[:4]], [4, 1.1, 1.25, 0])
assert np.allclose(bad_token, [0, -1, -2]), "for a bad token the other side"
gentle, large = RATES
assert brakes[gentle, 4, 0.2][0] == 0, "no sample is clipped"
assert np.array_equal(brakes[gentle, 4, 0.2], brakes[gentle, 4, np.inf]), "so nothing changes"
assert brakes[large, 20, 0.2][1] < 0.12 < 1.0 < brakes[large, 20, np.inf][1], "a brake"
assert brakes[large, 20, 0.2][3] > 0.9 > 0.8 > brakes[large, 20, np.inf][3], "it saves a run"
assert brakes[large, 4, 0.2][2] < brakes[large, 4, np.inf][2], "and costs something elsewhere"
assert abs(patience[0.2][0] - 21.5) < 1.5 and abs(patience[0.28][0] - 15.8) < 1.5, "clip-higher"
assert patience[0.2][1] == patience[0.28][1] < 10, "unless the others make room"
assert spreads[-1][2] > 50 and spreads[-1][3] < 1.01, "product and geometric mean"
assert abs(zero) < 1e-12 < 1e-2 < slope, "a loss of 0 with a gradient"
print("all claims of this page hold")
