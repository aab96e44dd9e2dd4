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
# REINFORCE is unbiased and noisy, and may use each sample once. PPO adds three things: a critic
# whose guess is subtracted, a ratio that allows several steps on one batch, and a clip that says
# when to stop. Each is a few lines, and each can be checked against a number known beforehand.
#
# ## What the notes say
#
# {notes 000 17-27}
# {notes 001 4-20}
# {notes 003 13-28}
# {notes 004 335-348}
#
# * One of the notes prints [an objective to maximise](errata.html#row-10) under the name of a loss.
# * It gives $r + \gamma V(s') - V(s)$ as the advantage, which is [right for the exact
#   V](errata.html#row-11). With a learned critic RLHF uses GAE, as another note says.
# * A third note lets the critic predict rewards. The critic predicts
#   [*returns*](errata.html#row-22): what is still to come, [KL penalties
#   included](errata.html#row-24), not the reward model's score.
# * It also says that the clip limits drift. [The clip bounds what one batch can
#   do](errata.html#row-23); the KL penalty bounds the drift.
# * The code in one of the notes clips [after a single step per batch](errata.html#row-42). The
#   ratio is 1 then, and no clip can act.
# * It counts three models. [PPO holds four](errata.html#row-29) if the frozen reference is counted:
#   policy, critic, reward model, reference.
#
# ## The pieces, live
#
# {source tinyalign.losses.advantage.gae}
# {source tinyalign.losses.policy_gradient.clipped_surrogate}
# {source tinyalign.losses.advantage.kl_shaped_reward}

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

from tinyalign.engine.tree import value_and_grad
from tinyalign.laws import assert_lawful
from tinyalign.losses import clipped_surrogate, gae, kl_shaped_reward, reinforce
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import kl, optimal_policy

# %% [markdown]
# ## Before the run: three identities
#
# **GAE at its two ends.** With λ = 0 the advantage is one step of surprise, $r_t + \gamma V_{t+1} -
# V_t$. With λ = 1 (and γ = 1) it is everything still to come, minus the critic's guess. In
# between it is a weighted sum, and the *return* it implies is advantage plus value.

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
# The returns are 1 at every token: what is still to come. A critic trained on the *rewards* instead
# would learn (0, 0, 1).
#
# **The KL in the reward adds up.** Each token pays $\beta(\log\pi - \log\pi_{ref})$, the last one
# gets the score as well; the sum is the score minus β times the sequence's k1.
#
# **The clip in four quadrants.** For a good token the slope is 0 above $1+\varepsilon$, for a bad
# one below $1-\varepsilon$. In the other two corners, where the batch pushed the wrong way, the
# slope stays: the clip never stops a correction.

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
# ## The run: one bandit, sampled
#
# Eight arms, one prompt; 64 samples a batch; the KL to the reference is in the reward, so the
# optimum is $\pi_{ref}e^{r/\beta}/Z$ for all of these. REINFORCE without and with a baseline
# takes one step a batch, PPO takes several. On one token GAE's advantage is the reward minus the
# critic's value, and the critic is one number, the running mean of what was seen.
#
# **The dial:** `EPOCHS`, steps per batch. With 1, the share of clipped tokens is exactly 0. With
# 20, look at the clipped share, and at the ratio without the clip.

# %%
EPOCHS = 4
ARMS, BATCH, ROUNDS, BETA = 8, 64, 300, 0.5

rng = np.random.default_rng(0)
reward = rng.normal(size=ARMS) + 3.0  # a reward far from 0, where a baseline matters
start_logits = rng.normal(size=ARMS)
reference = log_softmax(start_logits)
answer = optimal_policy(softmax(start_logits), reward, beta=BETA)


def train(surrogate, *, epochs, baseline, seed=1):
    """KL to the optimum after each batch, and the share of clipped tokens."""
    rng, network = np.random.default_rng(seed), init_train_state({"logits": start_logits})
    critic, seen, clipped = 0.0, [], []
    for done in range(ROUNDS):
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


ways = {
    "REINFORCE, no baseline": train(no_ratio, epochs=1, baseline=False),
    "REINFORCE, baseline": train(no_ratio, epochs=1, baseline=True),
    "PPO, 1 epoch": train(clipped_surrogate, epochs=1, baseline=True),
    f"PPO, {EPOCHS} epochs": train(clipped_surrogate, epochs=EPOCHS, baseline=True),
}
table(
    ["method", "KL to π*, start", "after 60 batches", "end", "clipped"],
    [[name, seen[0], seen[60], seen[-1], clipped.mean()] for name, (seen, clipped) in ways.items()],
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
for (name, (seen, _)), dash in zip(ways.items(), ("-", "-", ":", "-"), strict=True):
    right.semilogy(seen, dash, label=name)  # one epoch is REINFORCE with the baseline
right.set(xlabel="batches of 64 samples", ylabel="KL to π*, nats", title="Same samples, more steps")
right.legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# At ratio 1 the clipped surrogate's gradient *is* REINFORCE's: the second and the third row of the
# table are the same run, number for number. PPO's gain comes from the further steps on the same
# samples, and the clip is what makes them safe.
#
# ## Weird numbers
#
# **“My ratio is always 1.”** One step a batch: it has to be, and the clip never acts. If it is not
# 1 at the first step, policy and sampler disagree. The code in one of the notes compares [a mean
# per token with a sum](errata.html#row-41), as in the next cell.
#
# **“Why is old = logp.detach() not a constant gradient?”** Value 1, gradient $\nabla\log\pi$
# (huggingface/trl #2837; lsdefine/simple_GRPO #33).
#
# **“PPO must bound the bad side too.”** (ray #37334.) No: see the slope of a bad token at ratio
# 1.5.
#
# **“Rewards go up, the policy loss does not fall.”** It is no objective; page 00.

# %%
lengths, per_token = np.array([5, 20]), np.array([-1.5, -2.0])
summed, averaged = lengths * per_token, per_token
bad_ratio = np.exp(averaged - summed)  # as in the note
print(
    "ratios of an unchanged policy, the note's way:",
    bad_ratio,
    "and right:",
    np.exp(summed - summed),
)

# %% [markdown]
# ## Exercises
#
# **1.** GAE, from the right. The laws put rubbish into the padding.
#
# **2.** The clipped surrogate.


# %%
def my_gae(reward, value, mask, *, gamma=1.0, lam=0.95):
    raise NotImplementedError  # advantage (N, T), returns (N, T)


def check_my_gae(solution):
    assert_lawful(solution, "gae")


def my_clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
    raise NotImplementedError  # (N, T)


def check_my_clipped_surrogate(solution):
    assert_lawful(solution, "clipped_surrogate")


check_exercise(check_my_gae, my_gae)
check_exercise(check_my_clipped_surrogate, my_clipped_surrogate)

# %% [markdown]
# ## The same line in TRL
#
# `PPOConfig(cliprange=0.2, num_ppo_epochs=4, lam=0.95, kl_coef=0.05)`, in `trl.experimental`; in
# GRPO the same clip is `GRPOConfig(epsilon=0.2, num_iterations=4)`.
#
# ## What this page showed

# %%
assert_allclose(one_step, by_hand["λ = 0"], atol=1e-12)
assert_allclose(to_the_end, by_hand["λ = 1"], atol=1e-12)
assert_allclose(returns[0], [1, 1, 1, 0], atol=1e-12, err_msg="the critic learns returns")
assert abs(shaped.sum() - total) < 1e-12
assert quadrants[2][1] == 0 == quadrants[0][2], "clipped"
assert quadrants[0][1] < 0 < quadrants[2][2], "corrections are never clipped"
final = {name: seen[-1] for name, (seen, _) in ways.items()}
several = f"PPO, {EPOCHS} epochs"
assert max(final[name] for name in list(final)[1:]) < 0.05, "they all go to π*"
assert np.all(ways["PPO, 1 epoch"][0] == ways["REINFORCE, baseline"][0]), "ratio 1 is REINFORCE"
assert ways["PPO, 1 epoch"][1].max() == 0 < ways[several][1].max() or EPOCHS == 1, (
    "one step: no clip"
)
assert ways[several][0][60] < ways["PPO, 1 epoch"][0][60], "more steps on the same samples"
assert bad_ratio.min() > 100, "a mean against a sum"
print("all claims of this page hold")
