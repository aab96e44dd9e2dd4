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
# # 07 · REINFORCE to PPO
#
# ## The question
#
# REINFORCE draws answers, makes one step, and throws the answers away. Drawing answers is the most
# expensive part of training a language model. Can one batch of answers serve for several steps, and
# what must be added so that this is safe?
#
# ## The idea
#
# PPO adds three things to REINFORCE ([page 00](00_a_bandit_is_a_one_token_language_model.html)). A
# *critic* guesses how much reward is still to come, and the guess is subtracted from what really
# came. The difference is called the *advantage*: it says how much better the answer was than
# expected. A *ratio* corrects for the fact that the answers were drawn by an older policy: an
# answer that the policy now likes twice as much counts twice. A *clip* takes away the reason to
# move the ratio of an answer any further once it has moved by 20 %.
#
# Each of the three can be checked against a number that is known beforehand. The critic's formula
# has two ends that can be computed by hand. The ratio is 1 at the first step, so the first step of
# PPO *is* a step of REINFORCE. The clip has four cases, and its slope in each case follows from the
# formula.
#
# ```
#  old policy --> draw 64 answers --> rewards
#      ^                                 |
#      |                     minus the critic's guess
#      |                                 v
#      |          several steps on the SAME 64 answers:
#      +--------- loss = -min(ratio*A, clip(ratio)*A)
# ```
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $r_t$ | reward of token $t$; mostly 0 until the last token |
# | $V_t$ | critic's guess, made before token $t$, of the sum of all rewards still to come |
# | $\gamma$ | discount per token, 1 for texts |
# | $\delta_t$ | surprise at token $t$: $r_t + \gamma V_{t+1} - V_t$ |
# | $\lambda$ | number in $[0, 1]$: how far to look ahead before the critic is trusted |
# | $A_t$ | advantage of token $t$ |
# | $\rho_t$ | ratio: probability now, divided by probability when drawn |
# | $\varepsilon$ | width of the clip, usually 0.2 |
# | $\beta$ | price of one nat of KL |
#
# **The advantage.** Generalised advantage estimation (GAE) adds up the surprises, each discounted:
#
# $$A_t = \delta_t + \gamma\lambda\,A_{t+1}$$
#
# With λ = 0 the advantage is one surprise, so it trusts the critic for all the rest. With λ = 1 and
# γ = 1 it is the whole reward still to come, minus the critic's guess. The *return*, which the
# critic learns to predict, is advantage plus guess.
#
# ```trajectory
#                 token 1   token 2   token 3
# reward            0.0       0.0       1.0
# critic's guess    0.4       0.6       0.9
# advantage         0.6       0.4       0.1     (lambda = 1, gamma = 1)
# ```
#
# {source tinyalign.losses.advantage.gae}
#
# **The loss.** The ratio multiplies the advantage, and the smaller of two products counts:
#
# $$L_t = -\min(\rho_t A_t,\ \mathrm{clip}(\rho_t, 1-\varepsilon, 1+\varepsilon)\,A_t)$$
#
# For a good token ($A > 0$) the slope is 0 above $1+\varepsilon$. For a bad token it is 0 below
# $1-\varepsilon$. In the other two cases the batch has pushed the token the wrong way; there the
# slope stays, so the clip never stops a correction.
#
# {source tinyalign.losses.policy_gradient.clipped_surrogate}
#
# **The reward with its KL.** Each token pays $\beta(\log\pi - \log\pi_{\mathrm{ref}})$, and the
# last token also receives the score. The sum over the tokens is the score minus β times the
# sequence's k1 ([page 04](04_kl_three_ways.html)).
#
# {source tinyalign.losses.advantage.kl_shaped_reward}

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import clipped_surrogate, gae, kl_shaped_reward, reinforce
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import kl, optimal_policy

# %% [markdown]
# ## Predict
#
# **Question 1.** A token was good, and its ratio is already 1.5. What is the slope of its loss?
#
# * a) Negative: push it up further.
# * b) Zero.
# * c) Positive: pull it back.
#
# **Question 2.** A token was *bad*, and its ratio is 1.5. What is the slope?
#
# * a) Zero: the clip acts.
# * b) Positive: push it down.
#
# **Question 3.** PPO makes one step per batch. How many tokens are clipped?
#
# * a) None.
# * b) About 20 %.
# * c) That depends on the reward.
#
# **Question 4.** PPO makes 4 small steps per batch. Does the run get worse if the clip is removed?
#
# * a) Yes, it fails.
# * b) It hardly changes.
#
# <details><summary>The answers</summary>
#
# **1 b.** The clipped product is the smaller one, and it does not depend on the ratio.
#
# **2 b.** The batch pushed a bad token up, which is the wrong way. The smaller product is the
# unclipped one, so the loss pulls the token down.
#
# **3 a.** Before the only step the ratio is 1, so there is nothing to clip.
#
# **4 b.** Four small steps rarely move a ratio by 20 %. The table shows the share of clipped
# samples and both runs. With 20 steps the clip matters.
#
# </details>
#
# **The dial:** `EPOCHS` is the number of steps per batch in the main run. With 1, the share of
# clipped samples is exactly 0.
#
# ## Run
#
# ### The two ends of GAE
#
# A text of three tokens earns 1 at its end. The fourth column is padding; a 9 stands there on
# purpose, and it must not matter.

# %%
rewards = np.array([[0.0, 0.0, 1.0, 9.0]])  # the 9 stands in the padding and must not matter
values = np.array([[0.2, 0.5, 0.6, 7.0]])
mask = np.array([[1.0, 1.0, 1.0, 0.0]])
after = np.array([[0.5, 0.6, 0.0, 0.0]])  # V after each token; nothing comes after the last one
one_step, _ = gae(rewards, values, mask, lam=0.0)
to_the_end, returns = gae(rewards, values, mask, lam=1.0)
by_hand = {"λ = 0": (rewards + after - values) * mask, "λ = 1": (1.0 - values) * mask + 0.0}
table(
    ["", "token 1", "token 2", "token 3", "padding"],
    [["λ = 0, gae", *one_step[0]], ["λ = 0, by hand", *by_hand["λ = 0"][0]],
     ["λ = 1, gae", *to_the_end[0]], ["λ = 1, by hand", *by_hand["λ = 1"][0]],
     ["returns at λ = 1", *returns[0]]],
)  # fmt: skip

# %% [markdown]
# The returns are 1 at every token, because 1 is what is still to come. A critic that learned the
# *rewards* instead would learn 0, 0 and 1.
#
# ### The KL in the reward, and the clip in its four cases

# %%
logp, ref_logp = np.array([[-1.0, -2.0, -0.5]]), np.array([[-1.5, -1.8, -0.9]])
shaped = kl_shaped_reward(np.array([2.0]), logp, ref_logp, np.ones((1, 3)), beta=0.1)
total = 2.0 - 0.1 * np.sum(logp - ref_logp)
print("shaped rewards:", shaped[0], f"sum {shaped.sum():.4f}, predicted {total:.4f}")


def slope_at(ratio, advantage):
    """d loss / d logp of one token."""
    old = np.zeros((1, 1))
    return grad(lambda x: np.sum(clipped_surrogate(x, old, advantage)))(np.log([[ratio]]))[0, 0]


quadrants = [[f"ratio {ratio}", slope_at(ratio, 1.0), slope_at(ratio, -1.0)]
             for ratio in (0.5, 1.0, 1.5)]  # fmt: skip
table(["", "slope, good token", "slope, bad token"], quadrants)

# %% [markdown]
# ### One bandit, sampled
#
# The task is a bandit with eight answers and one prompt. Each batch has 64 samples. The KL to the
# reference is in the reward, so every row has the same best policy,
# $\pi_{\mathrm{ref}}e^{r/\beta}/Z$ ([page 05](05_the_answer_before_the_algorithm.html)), and the
# page can measure how far away each run is. An answer is one token, so the advantage is the reward
# minus the critic's guess. The critic is one number: the running mean of the rewards seen so far.
# The two runs with 20 steps per batch stop after 40 batches to save time.

# %%
EPOCHS, MANY_EPOCHS = 4, 20
ARMS, BATCH, ROUNDS, FIRST, BETA = 8, 64, 300, 40, 0.5

rng = np.random.default_rng(0)
reward = rng.normal(size=ARMS) + 3.0  # a reward far from 0, where a baseline matters
start_logits = rng.normal(size=ARMS)
reference = log_softmax(start_logits)
answer = optimal_policy(softmax(start_logits), reward, beta=BETA)


def train(surrogate, *, epochs, baseline=True, batches=ROUNDS, seed=1):
    """KL to the optimum after each batch, and the share of clipped tokens."""
    rng, network = np.random.default_rng(seed), init_train_state({"logits": start_logits})
    critic, seen, clipped = 0.0, [], []
    for done in range(batches):
        seen.append(kl(softmax(network.params["logits"]), answer))
        old = log_softmax(network.params["logits"])
        arms = rng.choice(ARMS, size=BATCH, p=np.exp(old))
        shaped = reward[arms] - BETA * (old - reference)[arms]
        advantage = (shaped - (critic if baseline else 0.0))[:, None]
        critic += 0.3 * (shaped.mean() - critic)
        for _ in range(epochs):

            def loss(params, arms=arms, old=old, advantage=advantage):
                logp = log_softmax(params["logits"])[arms][:, None]
                return np.mean(surrogate(logp, old[arms][:, None], advantage)), {}

            ratio = np.exp(log_softmax(network.params["logits"]) - old)[arms]
            clipped.append(np.mean(np.abs(ratio - 1) > 0.2))
            pace = StepSize(0.08 * (1 - done / ROUNDS), max_grad_norm=1e9)
            network, _ = update(network, value_and_grad(loss)(network.params), pace)
    return np.array([*seen, kl(softmax(network.params["logits"]), answer)]), np.array(clipped)


def no_ratio(logp, old, advantage):
    return reinforce(logp, advantage)


def no_clip(logp, old, advantage):
    return -np.exp(logp - old) * advantage


ways = {
    "REINFORCE, no baseline": train(no_ratio, epochs=1, baseline=False),
    "REINFORCE, baseline": train(no_ratio, epochs=1),
    "PPO, 1 epoch": train(clipped_surrogate, epochs=1),
    f"PPO, {EPOCHS} epochs": train(clipped_surrogate, epochs=EPOCHS),
    f"the same, no clip, {EPOCHS}": train(no_clip, epochs=EPOCHS, batches=FIRST),
    f"PPO, {MANY_EPOCHS} epochs": train(clipped_surrogate, epochs=MANY_EPOCHS, batches=FIRST),
    f"the same, no clip, {MANY_EPOCHS}": train(no_clip, epochs=MANY_EPOCHS, batches=FIRST),
}
print(f"KL to π* at the start: {ways['PPO, 1 epoch'][0][0]:.3f}\n")
table(
    ["method", "worst KL to π*", f"mean, batches 10 to {FIRST}", "end", "ratio beyond the clip"],
    [
        [
            name,
            seen.max(),
            seen[10 : FIRST + 1].mean(),
            max(seen[-1], 0.0) if len(seen) > FIRST + 1 else "–",
            f"{clipped[: FIRST * len(clipped) // (len(seen) - 1)].mean():.2%}",
        ]
        for name, (seen, clipped) in ways.items()
    ],
)

# %%
figure, (left, right) = picture(2, width=8.2)
ratio = np.linspace(0.4, 1.8, 200)
for advantage, label in ((1.0, "good token, A = 1"), (-1.0, "bad token, A = −1")):
    value = clipped_surrogate(np.log(ratio)[:, None], np.zeros((200, 1)), advantage)
    left.plot(ratio, value[:, 0], label=label)
left.axvspan(0.8, 1.2, color="0.92")
left.set(xlabel="ratio π/π_old", ylabel="loss", title="Where the clip acts")
left.legend(fontsize="small")
for (name, (seen, _)), dash in zip(ways.items(), ("-", "-", ":", "-", ":", "-", "--"), strict=True):
    right.semilogy(seen[: FIRST + 1], dash, label=name)  # one epoch is REINFORCE with baseline
right.set(xlabel="batches of 64 samples", ylabel="KL to π*, nats", title="Same samples, more steps")
right.legend(fontsize="xx-small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The first step of PPO is REINFORCE.** The rows "REINFORCE, baseline" and "PPO, 1 epoch" are the
# same run, number for number. At ratio 1 the two losses have the same gradient.
#
# **The gain of PPO is in the further steps.** With 4 steps per batch the run is much nearer to the
# best policy after the same number of samples.
#
# **The clip matters when steps are many.** With 4 steps a batch almost no sample leaves the
# interval, and the run without the clip is about as good. With 20 steps many samples leave it.
# Without the clip that run is at its worst *farther* from the best policy than it was at the start,
# and its mean distance is several times larger. Twenty steps are worse than four in both rows,
# because they learn the noise of one batch. The clip does not add speed. It limits what one batch
# of noise can do. [Page 20](20_grpo_ratio_and_clip.html) compares the clips of newer methods.
#
# **The baseline matters when the reward is far from 0.** All rewards here are near 3. Without a
# baseline every drawn answer is pushed up, whether it was good or bad, and the noise is large.
#
# **What this page leaves out.** The critic here is one number. In a language model the critic is a
# network with one guess per token, and three more parts come with it. The *value loss* is half the
# squared difference between guess and return. *Whitening* subtracts the mean of all advantages of a
# batch and divides by their standard deviation. The *entropy bonus* adds a small reward for being
# unsure, so that the policy keeps trying. The library has all three: `losses.value_loss`,
# `losses.whiten` and `losses.entropy`.
#
# ## What goes wrong in practice
#
# **"My ratio is always 1."** You make one step per batch. The ratio must be 1, and the clip never
# acts.
#
# **"My ratio is not 1 at the first step."** The policy that scores and the policy that draws
# disagree. The next cell shows one cause: one log-probability is a mean per token, the other a sum.
#
# **"If old = logp.detach(), the ratio is always 1. How can there be a gradient?"** The *value* of
# the ratio is 1, but its derivative is $\nabla\log\pi$ (huggingface/trl #2837; lsdefine/simple_GRPO
# #33).
#
# **"PPO must also bound the bad side."** (ray #37334.) The bad side is not to be bounded. Look at
# the slope of a bad token at ratio 1.5: it is a correction.
#
# **"The reward rises, but the policy loss does not fall."** The policy loss is not the quantity
# that is optimised. [Page 00](00_a_bandit_is_a_one_token_language_model.html) shows a loss of 0
# with a gradient that is not 0.

# %%
lengths, per_token = np.array([5, 20]), np.array([-1.5, -2.0])
summed, averaged = lengths * per_token, per_token
bad_ratio = np.exp(averaged - summed)
print(
    "ratios of an unchanged policy, a mean minus a sum:",
    bad_ratio,
    "and right:",
    np.exp(summed - summed),
)

# %% [markdown]
# ### The same line in TRL
#
# TRL 1.16 has no trainer for PPO any more. `GRPOConfig(epsilon=0.2, num_iterations=4)` uses the
# same clip and the same several steps per batch, without a critic.

# %% [markdown]
# ## Turn the dial
#
# One token, its ratio π/π_old and its advantage. Before you turn: in which two of the four
# corners (ratio high or low, advantage good or bad) is the slope 0?

# %%
from tinyalign.notes.dials import clip, dial

dial(
    clip.frame,
    {
        "ratio": (0.4, 0.6, 0.75, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8),
        "advantage": (-2.0, -1.0, 1.0, 2.0),
    },
    start=(1.4, 1.0),
    try_it=clip.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The slope is 0 for a good token above 1.2 and for a bad token below 0.8: there the batch has
# already pushed far enough. In the other two corners the batch pushed the wrong way, and the
# slope stays, so that the next step can correct it.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 07.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** GAE, from the right. The padding may hold anything.
#
# <details><summary>Hint 1</summary>
#
# The advantage at $t$ is $\delta_t + \gamma\lambda$ times the advantage at $t + 1$, with
# $\delta_t = r_t + \gamma V_{t+1} - V_t$. After the last token both are 0.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Set reward and value to 0 outside the mask, walk from the last column to the first, and set the
# advantage to 0 where the mask is 0. The returns are advantage plus value.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_gae(reward, value, mask, *, gamma=1.0, lam=0.95):
#     reward, value = np.where(mask > 0, reward, 0.0), np.where(mask > 0, value, 0.0)
#     advantage, carry, ahead = np.zeros(value.shape), 0.0, 0.0
#     for t in reversed(range(value.shape[1])):
#         carry = reward[:, t] + gamma * ahead - value[:, t] + gamma * lam * carry
#         carry = np.where(mask[:, t] > 0, carry, 0.0)
#         advantage[:, t], ahead = carry, value[:, t]
#     return advantage, advantage + value
# ```
#
# </details>
#
# **2.** The clipped surrogate of PPO, as a loss.
#
# <details><summary>Hint 1</summary>
#
# The ratio is $\rho = \pi / \pi_{old}$. Of $\rho A$ and the same with the clipped ratio the
# objective takes the smaller one.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `np.clip(ratio, 1 - clip_low, 1 + clip_high)`, `np.minimum`, and a minus sign, because a loss is
# minimised.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
#     ratio = np.exp(logp - old_logp)
#     clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
#     return -np.minimum(ratio * advantage, clipped * advantage)
# ```
#
# </details>
#
# **3. On paper.** Ratio 1.5, advantage 1, clip 0.2: what is the surrogate, and what is its slope
# in the log-probability? And with advantage −1?
#
# <details><summary>The answer</summary>
#
# With 1: the loss is −1.2 and its slope is 0. With −1: the loss is 1.5 and its slope is 1.5,
# because the smaller of −1.5 and −1.2 is not clipped. The clip never stops a step back.
#
# </details>
#
# **4. Open ended.** Take the clip away and raise the number of epochs. From which number on is
# the run worse, and which logged number warns first?
#
# <details><summary>What to look for</summary>
#
# Nothing happens for few epochs, because few ratios leave the clip. Later the mean of log π_old −
# log π grows from batch to batch: `approx_kl` warns before the reward does.
#
# </details>

# %%
from tinyalign.notes.exercises.online import check_my_clipped_surrogate, check_my_gae


def my_gae(reward, value, mask, *, gamma=1.0, lam=0.95):
    raise NotImplementedError  # (N, T), (N, T), (N, T) -> advantage (N, T), returns (N, T)


def my_clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
    raise NotImplementedError  # (N, T), (N, T), (N, T) -> (N, T)


check_exercise(check_my_gae, my_gae)
check_exercise(check_my_clipped_surrogate, my_clipped_surrogate)

# %% [markdown]
# ## What you may have read
#
# {notes 000 17-27}
# {notes 001 4-20}
# {notes 003 13-28}
# {notes 004 335-348}
#
# <details><summary>Seven statements of the notes, and what is true</summary>
#
# * *"L^CLIP(θ) = E[min(…)]"*. **Wrong sign.** This is [an objective to
#   maximise](errata.html#row-10), although the name L suggests a loss.
# * *"r + γV(s') - V(s)"* as the advantage. **True of the exact V**, on average over what comes
#   next; it is [a convention which V is meant](errata.html#row-11). With a learned critic one uses
#   GAE.
# * *"Estimates expected reward for states (critic)"*. **Imprecise.** The critic estimates [the
#   return](errata.html#row-22), which is everything still to come.
# * *"Update value network to predict rewards"*. **Wrong.** The targets are [returns, KL penalties
#   included](errata.html#row-24), not the scores of the reward model. The first table shows both.
# * *"Limits policy updates to prevent catastrophic forgetting"*, about the clip. **Half true.**
#   [The clip bounds one batch](errata.html#row-23); the KL penalty bounds the distance from the
#   reference.
# * *"surr2 = torch.clamp(ratio, …)"*, with one step per batch. **Without effect.** [The ratio is 1
#   then](errata.html#row-42), so the clip cannot act.
# * *"-outputs.loss.item()"* as the new log-probability. **Wrong.** It is [a mean over prompt and
#   response](errata.html#row-41), compared with a sum over the response.
#
# One table of the notes counts three models for PPO. PPO holds [four if the frozen reference is
# counted](errata.html#row-29): policy, critic, reward model and reference.
#
# </details>
#
# ## Further reading
#
# * Schulman et al. 2017, arXiv:1707.06347: PPO.
# * Schulman et al. 2015, arXiv:1506.02438: GAE.
# * Ouyang et al. 2022, arXiv:2203.02155: PPO from human feedback for a language model.
# * Huang et al. 2024, arXiv:2403.17031: the details of PPO for language models, reproduced.
# * Ahmadian et al. 2024, arXiv:2402.14740: how much of PPO a language model needs.
#
# ### The claims of this page, tested

# %%
assert_allclose(one_step, by_hand["λ = 0"], atol=1e-12)
assert_allclose(to_the_end, by_hand["λ = 1"], atol=1e-12)
assert_allclose(returns[0], [1, 1, 1, 0], atol=1e-12, err_msg="the critic learns returns")
assert abs(shaped.sum() - total) < 1e-12
assert quadrants[2][1] == 0 == quadrants[0][2], "clipped"
assert quadrants[0][1] < 0 < quadrants[2][2], "corrections are never clipped"
several, many = f"PPO, {EPOCHS} epochs", f"PPO, {MANY_EPOCHS} epochs"
whole_runs = [seen for seen, _ in ways.values() if len(seen) > FIRST + 1]
assert max(seen[-1] for seen in whole_runs[1:]) < 0.05, "they all go to π*"
assert np.all(ways["PPO, 1 epoch"][0] == ways["REINFORCE, baseline"][0]), "ratio 1 is REINFORCE"
assert ways["PPO, 1 epoch"][1].max() == 0 < ways[several][1].max() or EPOCHS == 1, (
    "one step: no clip"
)
early = {name: seen[10 : FIRST + 1].mean() for name, (seen, _) in ways.items()}
assert early[several] < early["PPO, 1 epoch"] or EPOCHS == 1, "more steps on the same samples"
assert abs(early[several] - early[f"the same, no clip, {EPOCHS}"]) < 0.01 or EPOCHS > 8, "4: alike"
without = ways[f"the same, no clip, {MANY_EPOCHS}"][0]
assert early[f"the same, no clip, {MANY_EPOCHS}"] > 3 * early[many], "20: the clip helps"
assert without.max() > without[0] + 0.1 > ways[many][0].max(), "20: beyond the start without it"
assert bad_ratio.min() > 100, "a mean against a sum"
print("all claims of this page hold")
