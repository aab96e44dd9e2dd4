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
# ## The question
#
# People cannot say how good an answer is on a scale, but they can say which of two answers is
# better. A *reward model* turns many such judgements into one number per answer. How much of this
# number is knowledge, and how much of it is a choice that the judgements cannot determine?
#
# ## The idea
#
# The model of Bradley and Terry says: each answer has a hidden score, and the answer with the
# higher score wins a comparison more often. If the scores are equal, the chance is one half. If one
# score is higher by 1, its answer wins about 73 % of the time; by 3, about 95 %. Only the
# *difference* of the two scores matters. To fit the model means to choose the scores under which
# the observed judgements were most likely. The loss is the logistic loss of the difference.
#
# Two facts follow before anything is fitted. First, people disagree, so even the true scores cannot
# predict each single judgement: the loss has a floor above 0, and the accuracy has a ceiling below
# 100 %. Second, you can add the same number to all scores and nothing observable changes. The
# judgements determine the scores only up to a constant.
#
# ```
#  scores      A: 2.0   B: 1.0   C: -1.0
#  A against B   difference 1   A wins 73 %
#  A against C   difference 3   A wins 95 %
#  add 100 to all three scores: the same table
# ```
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $r_w,\ r_l$ | scores of the winner and of the loser of a comparison |
# | $\sigma(x) = 1/(1+e^{-x})$ | the logistic function, a probability |
# | $p = \sigma(r_i - r_j)$ | probability that answer $i$ wins against answer $j$ |
# | $m$ | margin: how clear the judgement was, 0 if unknown |
# | $c$ | strength of a small term that pulls the scores of a pair towards 0 |
#
# $$L = -\log \sigma(r_w - r_l - m) + c\,(r_w + r_l)^2$$
#
# {source tinyalign.losses.supervised.bradley_terry}
#
# In a language model the score is read from the network at the last real token of the answer, by
# one linear layer. On this page the score is a table of twelve numbers. A table has no features, so
# a table cannot generalise to answers that nobody judged, and its calibration is good for free.
# [Page 14](14_over_optimisation.html) shows a reward model of the wrong form.

# %%
import autograd.numpy as np
from autograd import grad

from tinyalign.losses import bradley_terry, plackett_luce
from tinyalign.losses.numerics import sigmoid
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import bradley_terry_preference

# %% [markdown]
# ## Predict
#
# Twelve answers have true scores. Two answers are drawn, and the law above decides who wins.
#
# **Question 1.** All fitted scores start at the same value. What is the loss at the start?
#
# * a) 0.
# * b) $\log 2$, about 0.69.
# * c) That depends on the value.
#
# **Question 2.** You have endless judgements and the true scores. Is the accuracy 100 %?
#
# * a) Yes.
# * b) No, and the ceiling can be computed.
# * c) No, and nobody can know the ceiling.
#
# **Question 3.** All scores start at 5, and the mean of the true scores is about 0. Where is the
# mean of the fitted scores after the fit?
#
# * a) Near 0.
# * b) Near 5.
# * c) Anywhere.
#
# <details><summary>The answers</summary>
#
# **1 b.** Equal scores predict one half for each comparison, and $-\log\frac{1}{2} = \log 2$. The
# common value does not matter.
#
# **2 b.** If an answer wins with probability $p$, the best guess is right with probability
# $\max(p, 1-p)$. The mean of this number over all pairs is the ceiling. The next cell prints it.
# The floor of the loss is the entropy of the judgements, in the same way.
#
# **3 b.** No judgement pulls the mean anywhere. The slopes of the two scores of a pair add up to 0,
# so plain gradient descent keeps the mean exactly. Adam rescales each slope by itself and lets the
# mean drift a little. With a small $c$ the mean goes to 0.
#
# </details>
#
# **The dial:** `SPREAD` says how much the true scores differ. At 0.3 people nearly toss a coin: the
# ceiling falls towards one half, and the floor rises towards $\log 2$.
#
# ## Run
#
# ### Floor and ceiling, computed beforehand
#
# The next cell draws the true scores and computes the floor of the loss and the ceiling of the
# accuracy.

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
chances = ", ".join(f"difference {d}: {sigmoid(float(d)):.0%}" for d in (0, 1, 3))
print(f"chance that the higher score wins, at {chances}")
print(f"loss at the start: {np.log(2):.4f}, floor: {floor:.4f}, best accuracy: {best_accuracy:.4f}")

# %% [markdown]
# ### The fit
#
# The next cell fits one score per answer to 4,000 judgements, twice: once as it is, and once with
# the small centring term. Then it tries the scores on new judgements.


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
# ### Calibration
#
# If the model says 70 %, the answer should win 70 % of the time. On the left, new pairs are sorted
# by what the model predicts. On the right, the fitted scores stand against the true ones.

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
# ### Only differences are determined

# %%
shifted = score + 123.0
same_loss = [float(loss({"score": s})) for s in (score, shifted)]
slopes = grad(lambda s: loss({"score": s}))(np.asarray(score))
print(f"loss {same_loss[0]:.10f}, after adding 123 to every score {same_loss[1]:.10f}")
print(f"sum of all slopes: {slopes.sum():.0e}")

# %% [markdown]
# ## What it shows
#
# **The loss ends at the floor and the accuracy at the ceiling.** Both were computed before the fit.
#
# **The scores are right up to a constant.** In the right picture both fits are lines of slope 1.
# The heights of the lines mean nothing: adding 123 to every score leaves the loss alone.
#
# **This freedom has consequences.** The scores of two reward models cannot be compared. Training
# with a reward model often subtracts the mean score first. DPO can do without the number $\log Z$
# for the same reason ([page 08](08_dpo_is_the_same_optimum.html)).
#
# **The page does not show** what a neural reward model does with an answer unlike all the judged
# ones. Nothing here protects such an answer from a score that is far too high. [Page
# 14](14_over_optimisation.html) shows what a policy makes of such a score.
#
# ## What goes wrong in practice
#
# **"My reward model is stuck at 70 % accuracy."** Compute the ceiling before you blame the model.
# The cell above printed it for these judges. For people, let two of them label the same pairs: if
# they agree on 70 %, a model cannot do much better.
#
# **"All my rewards are around 5."** Or −3, or 40. The constant is where the start left it. A small
# centring term moves the mean to 0 at a small cost.
#
# **"The reward model reads padding."** The score must be read at the last *real* token, not at the
# last position (EleutherAI/gpt-neox #1285). The library's `policy.sequence_reward` finds this token
# from the mask.
#
# **"My reward model likes long answers."** If judges preferred longer answers in the training
# pairs, length is a good predictor, and the model learns it. Compare the mean score of long and
# short answers of equal quality.
#
# ### The same line in TRL
#
# `RewardConfig(center_rewards_coefficient=0.01)` adds the centring term. A column `margin` in the
# data is the margin.

# %% [markdown]
# ## Turn the dial
#
# A reward model is trained on one pair. Before you move "shift", which adds the same number to
# both rewards: what happens to the loss? And at which margin is the slope steepest?

# %%
from tinyalign.notes.dials import dial, margins

dial(
    margins.frame,
    {"margin": (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0), "shift": (-3.0, 0.0, 3.0)},
    start=(1.0, 0.0),
    try_it=margins.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Nothing happens to the loss: only the difference of the rewards counts, so the height of a
# reward model has no meaning. The slope goes to −1 where the pair is in the wrong order and to 0
# where the pair is clearly right.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 03.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** The loss, with its margin and its centring.
#
# <details><summary>Hint 1</summary>
#
# The probability that the chosen answer wins is the sigmoid of the difference of the rewards,
# less the margin. The centring is `center` times the square of the *sum* of the rewards.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Take `log_sigmoid` of the difference: the logarithm of a sigmoid is minus infinity for large
# negative differences.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_sigmoid
#
#
# def my_bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0):
#     gap = chosen_reward - rejected_reward - margin
#     return -log_sigmoid(gap) + center * (chosen_reward + rejected_reward) ** 2
# ```
#
# </details>
#
# **2.** For rankings of $K$ answers instead of pairs: Plackett and Luce. The probability of a
# ranking is the product of "best of those that are left". At $K = 2$ the loss has to be that of
# exercise 1.
#
# <details><summary>Hint 1</summary>
#
# The first factor is the softmax of all $K$ rewards at place 1, the second the softmax of the
# last $K - 1$ at place 2, and so on.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Sum $-\log\mathrm{softmax}(r_{k:})_1$ over $k = 1, …, K - 1$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_softmax
#
#
# def my_plackett_luce(ranked_reward):
#     places = range(ranked_reward.shape[1] - 1)
#     return sum(-log_softmax(ranked_reward[:, k:])[:, 0] for k in places)
# ```
#
# </details>
#
# **3. On paper.** Of 100 comparisons between A and B, A won 80. Which difference of rewards fits
# best, and which one fits best if A won all 100?
#
# <details><summary>The answer</summary>
#
# $\log(80/20) = 1.386$. If A won all of them, no finite difference is best: the larger, the
# better.
#
# </details>
#
# **4. Open ended.** Give your judges a taste for long answers, which has nothing to do with
# quality. What does the reward model learn, and which measurement on held-out comparisons would
# show it?
#
# <details><summary>What to look for</summary>
#
# It learns length as if it were quality, and its accuracy on held-out comparisons of the same
# judges stays high. Look at pairs of equal length, or at the correlation of reward and length.
#
# </details>

# %%
from tinyalign.notes.exercises.supervised import check_my_bradley_terry, check_my_plackett_luce


def my_bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0):
    raise NotImplementedError  # (B,), (B,) -> (B,)


def my_plackett_luce(ranked_reward):
    raise NotImplementedError  # (B, K), best first -> (B,)


check_exercise(check_my_bradley_terry, my_bradley_terry)
check_exercise(check_my_plackett_luce, my_plackett_luce)

# %% [markdown]
# ## What you may have read
#
# {notes 002 9-12}
# {notes 003 22-34}
# {notes 004 383-389}
# {notes 004 84-84}
#
# <details><summary>Three sentences of the notes, and what is true</summary>
#
# * *"Bradley-Terry Model: Models preference probability"*. **True.** This page is that model.
# * *"return len(response.split())"*, as a scoring function. **A bad example.** [The number of words
#   is not quality](errata.html#row-44). The note itself warns against such a score later.
# * *"No separate reward model! Use direct metrics when available."*, about GRPO. **Wrong about
#   GRPO.** [GRPO drops the critic](errata.html#row-30), and its paper trained reward models.
#
# </details>
#
# ## Further reading
#
# * Bradley and Terry 1952: the model, for ranking by paired comparisons.
# * Christiano et al. 2017, arXiv:1706.03741: rewards from human comparisons.
# * Stiennon et al. 2020, arXiv:2009.01325: a reward model for summaries.
# * Ouyang et al. 2022, arXiv:2203.02155: rankings of several answers, split into pairs.
# * Singhal et al. 2023, arXiv:2310.03716: how much of the reward is length.
#
# ### The claims of this page, tested

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
