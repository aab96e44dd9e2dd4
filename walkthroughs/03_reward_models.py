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
# # 03 · Reward models: Bradley and Terry
#
# People cannot say how good an answer is, but they can say which of two is better. A reward model
# turns such judgements into a number per answer. How much of that number is knowledge, and how much
# is a choice that the data cannot see?
#
# ## What the notes say
#
# {notes 002 9-12}
# {notes 003 22-34}
# {notes 004 383-389}
# {notes 004 84-84}
#
# One of the notes is right: the model behind preferences is Bradley and Terry's. Another [scores an
# answer by its number of words](errata.html#row-44) and later warns against exactly that; page 14
# shows where it leads. It also says that [GRPO has no reward model](errata.html#row-30). GRPO drops
# the critic, and DeepSeekMath trained reward models.
#
# ## The loss, live
#
# {source tinyalign.losses.supervised.bradley_terry}

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

from tinyalign.laws import assert_lawful
from tinyalign.losses import bradley_terry, plackett_luce
from tinyalign.losses.numerics import sigmoid
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import bradley_terry_preference

# %% [markdown]
# ## Before the run
#
# Twelve answers have true rewards. Two are drawn, and the first is preferred with probability
# $\sigma(r_i - r_j)$. Four things follow before anything is fitted:
#
# * The start: with all scores equal the loss is $\log 2$.
# * The floor: the entropy of the labels. People disagree, and no model can know whom you will ask.
# * The best accuracy is *not* 1: it is the mean of $\max(p, 1-p)$.
# * The data see only differences. Adding any constant to all scores changes no prediction, so the
#   fitted scores are the true ones up to a constant. The slopes of a pair add up to 0, so plain
#   gradient descent keeps the mean where it started; Adam, which rescales every slope by itself,
#   lets it drift a little.
#
# **The dial:** `SPREAD`, how much the answers differ. At 0.3 people nearly toss coins: the best
# accuracy falls towards one half and the floor rises towards log 2.

# %%
SPREAD = 1.5
ANSWERS, JUDGED = 12, 4_000

rng = np.random.default_rng(0)
true = SPREAD * rng.normal(size=ANSWERS)
prefer = bradley_terry_preference(true)
other = 1 - np.eye(ANSWERS)
chance = other / other.sum()  # two different answers, all pairs alike
floor = -np.sum(chance * (prefer * np.log(prefer) + (1 - prefer) * np.log(1 - prefer)))
best_accuracy = np.sum(chance * np.maximum(prefer, 1 - prefer))
print(f"loss at the start: {np.log(2):.4f}, floor: {floor:.4f}, best accuracy: {best_accuracy:.4f}")

# %% [markdown]
# ## The run
#
# Fit one score per answer to the judgements, and try it on judgements that were not seen.


# %%
def judgements(count, rng):
    """Indices of chosen and rejected answers."""
    first = rng.integers(ANSWERS, size=count)
    second = (first + rng.integers(1, ANSWERS, size=count)) % ANSWERS
    wins = rng.random(count) < prefer[first, second]
    return np.where(wins, first, second), np.where(wins, second, first)


chosen, rejected = judgements(JUDGED, rng)
fresh_chosen, fresh_rejected = judgements(40_000, rng)


def loss(params, center=0.0):
    score = params["score"]
    return np.mean(bradley_terry(score[chosen], score[rejected], center=center))


start = {"score": np.full(ANSWERS, 5.0)}
fits = {}
for name, center in {"plain": 0.0, "centred, c = 0.01": 0.01}.items():
    params, seen = minimise(
        lambda p, c=center: loss(p, c), start, steps=400, learning_rate=0.1, record=loss
    )
    fits[name] = params["score"], seen
rows = []
for name, (score, seen) in fits.items():
    gap = score[fresh_chosen] - score[fresh_rejected]
    fresh = -np.mean(np.log(sigmoid(gap)))
    off = (score - score.mean()) - (true - true.mean())
    rows.append([name, seen[0], seen[-1], fresh, np.mean(gap > 0), score.mean(), np.abs(off).max()])
table(
    ["fit", "loss, start", "end", "on fresh pairs", "accuracy", "mean score", "largest error"], rows
)

# %% [markdown]
# ## Calibration and gauge
#
# If the model says 70 %, people should agree 70 % of the time. On the left, fresh pairs sorted by
# what the model predicts. On the right, scores against true rewards: a line of slope 1, whose
# height means nothing.

# %%
score = fits["plain"][0]
first = np.random.default_rng(1).integers(ANSWERS, size=60_000)
second = (first + np.random.default_rng(2).integers(1, ANSWERS, size=60_000)) % ANSWERS
says = sigmoid(score[first] - score[second])
happens = np.random.default_rng(3).random(60_000) < prefer[first, second]
bins = np.clip((says * 10).astype(int), 0, 9)
calibration = np.array(
    [(says[bins == b].mean(), happens[bins == b].mean()) for b in range(10) if np.any(bins == b)]
)

figure, (left, right) = picture(2, width=8.2)
left.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
left.plot(*calibration.T, "o")
left.set(xlabel="predicted preference", ylabel="how often it was so", title="Calibration")
for name, (fitted, _) in fits.items():
    right.plot(true, fitted, "o", label=name)
right.set(xlabel="true reward", ylabel="fitted score", title="Right up to a constant")
right.legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## The gauge, exactly
#
# Add to every score a number that depends on the prompt alone: no loss, no prediction and no pair
# accuracy moves. This freedom is why the scores of two reward models cannot be compared, why RLHF
# normalises them, and why DPO can do without $\log Z$ (page 08).

# %%
shifted = score + 123.0
same_loss = [float(loss({"score": s})) for s in (score, shifted)]
slopes = grad(lambda s: loss({"score": s}))(np.asarray(score))
print(f"loss {same_loss[0]:.10f}, after adding 123 to every score {same_loss[1]:.10f}")
print(f"sum of all slopes: {slopes.sum():.0e}")

# %% [markdown]
# ## Weird numbers
#
# **“My reward model is stuck at 70 % accuracy.”** The table above printed the best possible
# accuracy for these judges. Have two people label the same pairs before blaming the model.
#
# **“My rewards are all around 5.”** or −3, or 40: the constant is where the initialisation left it.
# `center_rewards_coefficient` in TRL pulls it to 0 at a small cost.
#
# **“The reward is read at the last position.”** It has to be read at the last *real* token
# (EleutherAI/gpt-neox #1285); the library's `policy.sequence_reward` finds it from the mask.
#
# ## Exercises
#
# **1.** The loss, with its margin and its centring.
#
# **2.** For rankings of $K$ answers instead of pairs: Plackett and Luce. The probability of a
# ranking is the product of "best of those that are left". At $K = 2$ it has to be exercise 1.


# %%
def my_bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0):
    raise NotImplementedError


def check_my_bradley_terry(solution):
    assert_lawful(solution, "bradley_terry")


def my_plackett_luce(ranked_reward):
    raise NotImplementedError  # (B, K), best first -> (B,)


def check_my_plackett_luce(solution):
    assert_lawful(solution, "plackett_luce")
    two = np.random.default_rng(5).normal(size=(4, 2))
    assert_allclose(solution(two), bradley_terry(two[:, 0], two[:, 1]), atol=1e-9)


check_exercise(check_my_bradley_terry, my_bradley_terry)
check_exercise(check_my_plackett_luce, my_plackett_luce)

# %% [markdown]
# ## The same line in TRL
#
# `RewardConfig(center_rewards_coefficient=0.01)`; a column `margin` in the data is the margin.
#
# ## What this page showed

# %%
plain, centred = rows
assert abs(plain[1] - np.log(2)) < 1e-12, "equal scores cost log 2"
assert floor - 0.02 < plain[2] and abs(plain[3] - floor) < 0.02, "the floor is the labels' entropy"
assert abs(plain[4] - best_accuracy) < 0.01, "and accuracy has a ceiling"
assert abs(plain[5] - 5.0) < 0.5 and abs(centred[5]) < 0.5, "only centring moves the mean"
assert plain[6] < 0.4, "the true rewards, up to a constant"
assert np.abs(calibration[:, 0] - calibration[:, 1]).max() < 0.05, "calibrated"
assert abs(same_loss[0] - same_loss[1]) < 1e-9 and abs(slopes.sum()) < 1e-12, "gauge freedom"
ranked = np.sort(np.random.default_rng(6).normal(size=(3, 5)))[:, ::-1]
assert np.all(plackett_luce(ranked) < plackett_luce(ranked[:, ::-1])), "best first costs less"
print("all claims of this page hold")
