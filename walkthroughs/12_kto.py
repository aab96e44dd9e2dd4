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
# # 12 · Thumbs up or down: KTO
#
# ## The question
#
# A comparison needs two answers to one prompt and a person who reads both. A thumb needs one answer
# and one click. Can a policy learn from thumbs alone, and what happens when thumbs up are much
# rarer than thumbs down?
#
# ## The idea
#
# A thumb says whether an answer was good. It does not say better than what. Prospect theory
# describes how people judge: they compare an outcome with a *reference point*, and an outcome above
# it is a gain while an outcome below it is a loss. Gains and losses also saturate, because the
# tenth gain pleases less than the first. KTO (Kahneman–Tversky Optimization) takes this over. An
# answer's *gain* is how much more likely the policy finds it than the frozen reference does, and
# the reference point $z_0$ is the average gain of the policy.
#
# KTO pushes the gain of good answers above the reference point and the gain of bad answers below
# it. The logistic function makes the push fade on both sides. Thumbs up and thumbs down are rarely
# equally frequent, so the two classes have weights.
#
# ```
# value       bad answer       z0        good answer
# 1 |                           .   . - - - - - -      saturates
#   |                         .
# 0 | - - - - - - - .   .
#   +---------------------------+-------------------> gain h = log policy - log reference
# ```
#
# ## The formula
#
# $$h = \log \pi(y) - \log \pi_{\mathrm{ref}}(y)$$
#
# $$z_0 = \max(0, \mathrm{KL}(\pi \,\|\, \pi_{\mathrm{ref}}))$$
#
# $$\mathrm{loss}(y) = \lambda_D\,(1 - \sigma(\beta(h - z_0))) \quad \mathrm{thumb\ up}$$
#
# $$\mathrm{loss}(y) = \lambda_U\,\sigma(\beta(h - z_0)) \quad \mathrm{thumb\ down}$$
#
# * $h$ is the log-ratio of the answer, summed over its tokens, in nats.
# * $z_0$ is the reference point. It is a constant to the gradient. A trainer estimates it from
#   *mismatched* pairs: prompts with the answers of other prompts.
# * $\beta > 0$ says how fast the push fades.
# * $\lambda_D$ and $\lambda_U$ are the weights of desirable and undesirable answers. The paper
#   recommends $\lambda_D n_D / (\lambda_U n_U)$ between 1 and 4/3, where $n_D$ and $n_U$ count the
#   thumbs. One thumb up for nine down needs $\lambda_D$ between 9 and 12.
#
# {source tinyalign.losses.unpaired.kto}
# {source tinyalign.losses.unpaired.kto_z0}
#
# ## Predict
#
# **1.** Two answers, a and b. Of ten people, six prefer a and four prefer b. The reference finds b
# nine times as likely as a: (0.1, 0.9). With $\beta = 1$, which answer does the *best* policy of
# DPO prefer, and which one does KTO prefer?
#
# * (a) both prefer a
# * (b) both prefer b
# * (c) DPO prefers b, and KTO prefers a
#
# **2.** Nine of ten thumbs up are thrown away, and nothing is weighted. What happens to the policy?
#
# * (a) it stays near the reference
# * (b) it puts nearly all probability on one answer
# * (c) it spreads evenly over all answers
#
# <details><summary>The answers</summary>
#
# **1.** (c). DPO fits the odds 6 : 4 *times* the reference's odds 1 : 9, which is 6 : 36. KTO asks
# only whether an answer has more thumbs up than down, and moves all probability to a.
#
# **2.** (b). Nearly every answer has more thumbs down than up, so everything is pushed down until
# one answer is left.
#
# </details>
#
# ## Run
#
# ### Contradictory thumbs and contradictory pairs
#
# If every answer has one thumb up and one thumb down, the two terms add up to $\lambda$ for every
# policy, so their gradient is 0. At the reference, where $h = z_0 = 0$, every example costs
# $\lambda/2$. The first cell checks both statements, and then it trains the case of question 1. The
# paper's Theorem 4.3 treats this case: two answers, a majority of size $p$, and a reference that
# prefers the minority's answer.
#
# **The dial:** `MAJORITY`. From which majority on does DPO prefer the answer a? The condition is
# $p/(1-p) > 9$.

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

from tinyalign.losses import dpo, kto, kto_z0
from tinyalign.losses.numerics import log_softmax, sigmoid, softmax, stop_gradient
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import expectation, kl
from tinyalign.report.plots import COLOURS

# %%
BETA, MAJORITY = 0.3, 0.6

reward = np.array([1.5, 0.7, 0.0, -0.7, -1.5])
ARMS = len(reward)
even = np.full(ARMS, -np.log(ARMS))

random_logp = log_softmax(np.random.default_rng(0).normal(size=ARMS))
twice, up_and_down = np.tile(np.arange(ARMS), 2), np.repeat([1.0, 0.0], ARMS)


def contradictory(logits):
    logp = log_softmax(logits)
    return np.sum(kto(logp[twice], even[twice], up_and_down, 0.2, beta=BETA))


def moving_z0(logp, ref_logp):
    """The policy's exact KL, clamped at 0, as a constant to the gradient."""
    logp = stop_gradient(logp)
    return np.maximum(np.sum(np.exp(logp) * (logp - ref_logp)), 0.0)


def thumbs_loss(params, ref_logp, up_share, answer_share, beta, z0=moving_z0):
    """KTO's exact loss: each answer is up with its share, and shown with its share."""
    logp = log_softmax(params["logits"])
    up, down = np.ones(len(logp)), np.zeros(len(logp))
    point = z0(logp, ref_logp)
    cost = up_share * kto(logp, ref_logp, up, point, beta=beta)
    cost = cost + (1 - up_share) * kto(logp, ref_logp, down, point, beta=beta)
    return np.sum(answer_share * cost)


def best(loss, ref_logp):
    params, _ = minimise(loss, {"logits": 1.0 * ref_logp}, steps=1500, learning_rate=0.05)
    return softmax(params["logits"])


minority_ref = np.log(np.array([0.1, 0.9]))
won, lost, share = np.array([0, 1]), np.array([1, 0]), np.array([MAJORITY, 1 - MAJORITY])


def pairs_loss(params):
    logp = log_softmax(params["logits"])
    four = logp[won], logp[lost], minority_ref[won], minority_ref[lost]
    return np.sum(share * dpo(*four, beta=1.0))


contradiction = {
    "reference": np.exp(minority_ref),
    "DPO": best(pairs_loss, minority_ref),
    "KTO": best(lambda p: thumbs_loss(p, minority_ref, share, 0.5, 1.0), minority_ref),
}
odds = share * np.exp(minority_ref)
cancelled = np.abs(grad(contradictory)(random_logp)).max()
at_start = kto(even, even, np.array([1, 0, 1, 0, 1]), 0.0, beta=BETA, weight_desirable=3.0)
print(f"largest slope with contradictory thumbs: {cancelled:.0e}")
print("cost at the reference, λ_D = 3, λ_U = 1:", at_start, "\n")
table(["policy", "a, the majority's", "b"], [[n, *p] for n, p in contradiction.items()])
print("DPO, by the formula:", odds / odds.sum())

# %% [markdown]
# ### What is the reference point good for?
#
# Five arms, a uniform reference, and thumbs that are up with probability $\sigma(r)$. KTO is
# trained once with the moving reference point, and once with $z_0 = 0$. All shares are exact.

# %%
rows = []
for beta in (0.3, 1.0, 3.0):
    for name, z0 in (("the KL", moving_z0), ("0", lambda logp, ref_logp: 0.0)):

        def loss(params, beta=beta, z0=z0):
            return thumbs_loss(params, even, sigmoid(reward), 1 / ARMS, beta, z0)

        policy = best(loss, even)
        earns, far = expectation(policy, reward), kl(policy, np.exp(even))
        rows.append([beta, name, policy[0], policy[1], earns, far])
table(["β", "z0", "best arm", "second arm", "E[r]", "KL"], rows)
points = rows

# %% [markdown]
# ### Balance
#
# A thousand thumbs are drawn for the same five arms. Then most of the thumbs up are thrown away, or
# most of the thumbs down. KTO is trained with and without weights, on twenty draws at once.

# %%
KEEP = 1 / 9  # the share of the rarer thumb that is kept
LABELS, SEEDS = 1_000, 20


def counted(keep_up, keep_down):
    """Thumbs of each seed and arm: up (SEEDS, ARMS), down (SEEDS, ARMS)."""
    rng = np.random.default_rng(1)
    arms = rng.integers(ARMS, size=(SEEDS, LABELS))
    up = rng.random(arms.shape) < sigmoid(reward)[arms]
    kept = rng.random(arms.shape) < np.where(up, keep_up, keep_down)
    cell = np.arange(SEEDS)[:, None] * ARMS + arms
    thumbs = [np.bincount(cell[kept & (up == label)], minlength=SEEDS * ARMS) for label in (1, 0)]
    return np.array(thumbs).reshape(2, SEEDS, ARMS)


def train(tables, weight_desirable=1.0, weight_undesirable=1.0):
    """Policies after training, (SEEDS, ARMS)."""
    shares = tables / tables.sum(axis=(0, 2))[None, :, None]
    shape = (SEEDS, ARMS)

    def loss(params):
        logp = log_softmax(params["logits"])
        h = stop_gradient(logp) - even
        z0 = np.maximum(np.sum(np.exp(stop_gradient(logp)) * h, axis=1), 0.0)
        z0 = np.repeat(z0, ARMS)
        flat, same = np.reshape(logp, -1), np.tile(even, SEEDS)
        weights = {"weight_desirable": weight_desirable, "weight_undesirable": weight_undesirable}
        total = 0.0
        for label, share in zip((1.0, 0.0), shares, strict=True):
            labels = np.full(SEEDS * ARMS, label)
            cost = kto(flat, same, labels, z0, beta=BETA, **weights)
            total = total + np.sum(np.reshape(cost, shape) * share)
        return total

    params, _ = minimise(loss, {"logits": np.zeros(shape)}, steps=1500, learning_rate=0.03)
    return softmax(params["logits"])


few_up, few_down, both = counted(KEEP, 1.0), counted(1.0, KEEP), counted(1.0, 1.0)
policies = {
    "balanced": train(both),
    "few up": train(few_up),
    "few up, λ_D weighted": train(few_up, weight_desirable=1 / KEEP),
    "few down": train(few_down),
    "few down, λ_U weighted": train(few_down, weight_undesirable=1 / KEEP),
}
earned = {name: expectation(p, np.tile(reward, (SEEDS, 1))) for name, p in policies.items()}
sure = {name: p.max(axis=1) for name, p in policies.items()}


table(
    ["thumbs", "mean E[r]", "lowest", "highest", "largest probability"],
    [[name, e.mean(), e.min(), e.max(), sure[name].mean()]
     for name, e in earned.items()],
)  # fmt: skip

# %%
figure, (left, right) = picture(2, width=8.6)
for axes, values in ((left, earned), (right, sure)):
    for i, (name, value) in enumerate(values.items()):
        axes.bar(i, value.mean(), color=COLOURS[0 if "weighted" in name or i == 0 else 1])
        axes.plot(np.full(SEEDS, i), value, "o", color="white", markeredgecolor="black", ms=4)
    ticks = [name.replace(", ", "\n") for name in values]
    axes.set_xticks(range(len(values)), ticks, fontsize="x-small", rotation=30)
left.set(ylabel="expected reward", title="KTO and the balance of thumbs")
right.set(ylabel="largest probability", title="What unweighted thumbs destroy: variety")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **A majority and a reference can disagree.** With $p = 0.6$ and the reference (0.1, 0.9), DPO's
# best policy is (0.143, 0.857): DPO prefers the minority's answer, because the reference does. KTO
# moves to the majority's answer. This is not only good news. KTO moves *all* probability there,
# however small the majority is.
#
# **The reference point keeps the loss awake.** Without a moving $z_0$ an answer that has already
# gained looks good enough, so its push fades early. With a large $\beta$ the difference is large:
# the second arm keeps nearly half of the probability. With a small $\beta$ the difference hardly
# matters.
#
# **Judge the failure by variety, not by the mean reward.** With few thumbs up and no weights, the
# policy collapses to a single arm in every draw (right picture). In most draws this arm happens to
# be the best one, so the mean reward even *rises* (left picture). Weights cure the collapse. With
# few thumbs down and no weights, the reward falls, and weights cure this as well.
#
# In the paper (its Figure 6) a Llama-7B lost 90 % of its desirable examples, and with
# $\lambda_D = 13.33$ it still beat DPO. This page shows the mechanism and no more.
#
# ## What goes wrong in practice
#
# **“My KTO loss is 0.5 and hardly moves.”** The loss starts at $\lambda/2$ and contains no
# logarithm. Far from the reference its slope vanishes, for good and bad answers alike.
#
# **“z0 is 0, or `kl` in the log is 0.”** The estimate is clamped at 0, and near the reference it is
# often negative before the clamp (see the next cell). It is estimated on mismatched pairs
# (huggingface/trl #1380, #1402, and #1911 for what an odd batch does to the matching).
#
# **“Should gradients flow through z0?”** No (HALOs #4, align-anything #215).

# %%
below = kto_z0(np.array([-4.0, -3.5]), np.array([-3.0, -3.0]))
above = kto_z0(np.array([-2.0, -3.5]), np.array([-3.0, -3.0]))
slope = grad(lambda x: kto_z0(x, np.array([-3.0, -3.0])) + 0.0 * np.sum(x))(np.array([-2.0, -3.5]))
print(f"z0: {below:.2f} where the mean log-ratio is −0.75, {above:.2f} where it is 0.25;", slope)


# %% [markdown]
# ### The same line in TRL
#
# `KTOConfig(beta=0.1, desirable_weight=1.0, undesirable_weight=1.0)`.

# %% [markdown]
# ## Turn the dial
#
# Most thumbs up are thrown away: a share "kept" is left. Before you set "kept" to 1/9: what does
# KTO do to the best answer? Which weight λ_D brings it back?

# %%
from tinyalign.notes.dials import dial, thumbs

dial(
    thumbs.frame,
    {"kept": (1.0, 0.333, 0.111), "λ_D": (1.0, 3.0, 9.0)},
    start=(1.0, 1.0),
    try_it=thumbs.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# With few thumbs up KTO goes *further*: the policy puts 99 % on the best answer instead of 65 %,
# because most labels now push the other answers down. The weight 9 undoes the loss of eight
# ninths of the thumbs up: the picture is the one of all thumbs with weight 1.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 12.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** KTO's reference point: an estimate of the KL from mismatched pairs, never below 0, and a
# constant to the gradient.
#
# <details><summary>Hint 1</summary>
#
# The KL is estimated by the mean log-ratio of policy and reference.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Clamp the *mean* at 0, not each term, and wrap it in `stop_gradient`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import stop_gradient
#
#
# def my_kto_z0(mismatched_logp, ref_mismatched_logp):
#     mean = np.mean(stop_gradient(mismatched_logp - ref_mismatched_logp))
#     return np.maximum(mean, 0.0)
# ```
#
# </details>
#
# **2.** Given the numbers of thumbs up and down, weights ($\lambda_D$, $\lambda_U$) with which
# both classes pull alike. The smaller weight is 1.
#
# <details><summary>Hint 1</summary>
#
# Both classes pull alike if $\lambda_D$ times ups is $\lambda_U$ times downs.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The rarer class gets the ratio of the two counts, the other one gets 1.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_weights(ups, downs):
#     return max(1, downs / ups), max(1, ups / downs)
# ```
#
# </details>
#
# **3. On paper.** Every log-ratio is 0.7, that of liked answers and that of disliked ones. What
# does KTO's gain say with $z_0 = 0.7$, and what with $z_0 = 0$?
#
# <details><summary>The answer</summary>
#
# With $z_0 = 0.7$ every gain is 0: nothing has been learned. With $z_0 = 0$ liked answers look
# better than they are and disliked ones worse.
#
# </details>
#
# **4. Open ended.** Let people press thumbs up nine times as often as thumbs down. Train with and
# without weights, and describe what the policy does with answers that nobody has judged.
#
# <details><summary>What to look for</summary>
#
# Without weights the liked class pulls nine times as hard, and the policy moves towards all liked
# answers and away from what nobody has judged.
#
# </details>

# %%
from tinyalign.notes.exercises.other_losses import check_my_kto_z0, check_my_weights


def my_kto_z0(mismatched_logp, ref_mismatched_logp):
    raise NotImplementedError  # (B,), (B,) -> one number


def my_weights(ups, downs):
    raise NotImplementedError  # two whole numbers -> two numbers


check_exercise(check_my_kto_z0, my_kto_z0)
check_exercise(check_my_weights, my_weights)

# %% [markdown]
# ## What you may have read
#
# {notes 004 493-543}
# {notes 004 619-626}
# {notes 004 796-799}
# {notes 004 835-837}
# {notes 004 861-861}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * The printed loss is $-\sigma(\beta \cdot \mathrm{value})$ of a “kl” that is a log-ratio: [this
#   is not KTO](errata.html#row-56). The reference point is missing, and $\lambda$ scales the
#   log-ratio instead of the loss. The next cell computes both.
# * A value function with a kink, in the comments: [it is Kahneman and
#   Tversky's](errata.html#row-57). KTO replaces it by a logistic function.
# * Good and bad examples in two separate losses: [they belong in one batch](errata.html#row-58),
#   and $z_0$ is estimated over all of it.
# * “Anthropic found this works surprisingly well!”: [the authors](errata.html#row-55) are
#   Ethayarajh and others, at Contextual AI and Stanford.
# * “KTO needs less data”: [nobody has shown this](errata.html#row-67). A thumb is cheaper to
#   collect than a comparison.
# * “Only option!”: [BCO learns from thumbs too](errata.html#row-62).
#
# </details>

# %%
three, none, good = np.array([3.0]), np.zeros(1), np.ones(1)


def note_kto(ratio, weight=1.0):
    """KTO as one of the notes prints it, for a desirable answer."""
    value = ratio if ratio >= 0 else weight * ratio
    return -sigmoid(0.1 * value)


compared = [
    ["h = 3, z0 = 2", note_kto(3.0), kto(three, none, good, 2.0, beta=0.1)[0]],
    ["h = −3, λ_D = 2", note_kto(-3.0, 2.0),
     kto(-three, none, good, 0.0, beta=0.1, weight_desirable=2.0)[0]],
]  # fmt: skip
table(["case", "as printed", "KTO"], compared)

# %% [markdown]
# ## Further reading
#
# * Ethayarajh and others 2024, arXiv:2402.01306: KTO. Theorem 4.3 is the case of contradictory
#   preferences.
# * Jung and others 2024, arXiv:2404.04656: BCO, another loss for thumbs.
# * Tversky and Kahneman 1992, “Advances in prospect theory”: the value function.
#
# ### The claims of this page, tested

# %%
assert cancelled < 1e-12, "contradictory labels cancel"
assert_allclose(at_start, [1.5, 0.5, 1.5, 0.5, 1.5])
assert_allclose(contradiction["DPO"], odds / odds.sum(), atol=1e-4, err_msg="DPO's optimum")
assert contradiction["DPO"][0] < 0.2 and contradiction["KTO"][0] > 0.99, "minority and majority"
assert points[0][2] - points[1][2] < 0.02, "a small β hardly needs z0"
assert points[4][2] > 0.99 and points[5][3] > 0.4, "a large β does"
mean = {name: values.mean() for name, values in earned.items()}
assert mean["few down"] < 0.7, "few thumbs down, unweighted"
assert mean["few up"] > mean["balanced"], "the mean reward hides the collapse"
assert sure["few up"].min() > 0.95 and sure["few up, λ_D weighted"].mean() < 0.8, "collapse, cure"
assert abs(mean["few up, λ_D weighted"] - mean["balanced"]) < 0.1, "weights restore the balance"
assert abs(mean["few down, λ_U weighted"] - mean["balanced"]) < 0.1, "weights restore the balance"
assert_allclose([row[1] for row in compared], [-0.574, -0.354], atol=5e-4, err_msg="as printed")
assert_allclose([row[2] for row in compared], [0.475, 1.149], atol=5e-4, err_msg="KTO")
assert below == 0 and abs(above - 0.25) < 1e-12 and np.all(slope == 0)
print("all claims of this page hold")
