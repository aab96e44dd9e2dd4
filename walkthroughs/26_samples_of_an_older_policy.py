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
# # 26 · Samples of an older policy: staleness and truncated importance sampling
#
# ## The question
#
# Fast trainers do not wait. While the learner takes a step, another machine samples with the
# parameters of some steps ago. The answers of a batch are then *stale*: an older policy wrote them.
# What does the learner lose if it ignores the age of its samples? What does a weight repair, and
# what does a cap on the weight cost?
#
# ## The idea
#
# The learner wants an average over its own answers. Its samples come from the older policy. An
# answer that is twice as likely now as it was then appears half as often as it should, so the
# answer must count twice. This *importance weight* is the ratio of the two probabilities, and with
# the weight the average is exact.
#
# The ratio of an answer is a product over its tokens. The product can be large, and a large weight
# makes the estimate noisy. A *truncated* weight is capped. The cap lowers the noise, and takes away
# a part of the answers that have become likely. So the cap buys variance for bias.
#
# ```
# learner   theta_0 --> theta_1 --> ... --> theta_k         wants: answers of theta_k
#              |                               ^
# sampler      '------- draws answers ---------'            has: answers of theta_0
# ```
#
# ## The formula
#
# $$g = \mathbb{E}_{y \sim \mu}\big[\, w(y)\, A(y)\, \nabla \log \pi(y) \,\big],\qquad
# w(y) = \min\Big(\frac{\pi(y)}{\mu(y)},\, C\Big)$$
#
# * $\pi$ is the policy of the learner, and $\mu$ is the older policy that has drawn the answers.
# * $y$ is a whole answer, and $A(y)$ is its advantage under the present policy.
# * $w(y)$ is the weight of the answer. It is a constant to the gradient.
# * $C$ is the cap. With $C = \infty$ the estimate $g$ has the mean of the exact gradient. To
#   *ignore* the age is to set $w(y) = 1$.
#
# For one sample the error has two parts. The *bias* is the distance between the mean of $g$ and the
# exact gradient. The *variance* is the sum of the variances of all entries of $g$. With $n$ samples
# the mean squared error is the squared bias plus the variance divided by $n$.
#
# {source tinyalign.losses.off_policy.truncated_rollout_weight}
#
# The function weights single tokens. A log-probability that is summed over the tokens of an answer
# makes it weight whole answers.
#
# ## Predict
#
# The reward is exact, and a KL with weight $\beta$ holds the policy near its reference, so the best
# policy $\pi^*$ is known. The advantage is computed with the present policy.
#
# **1.** A run ignores that its samples are sixteen updates old. Where does the run end after very
# many updates?
#
# * (a) at the optimum of a fresh run
# * (b) at another policy, because every gradient is biased
# * (c) nowhere, because the run diverges
#
# **2.** Which weight gives the mean of the exact gradient for answers of several tokens?
#
# * (a) each token's own ratio on this token's gradient, as in PPO without a clip
# * (b) the ratio of the whole answer
# * (c) both
#
# **3.** The samples are 32 updates old. After 40 updates, how far from the optimum is the run that
# ignores the age, compared with the run that has exact weights?
#
# * (a) about as far
# * (b) about twice as far
# * (c) nearer, because its gradients are less noisy
#
# <details><summary>The answers</summary>
#
# **1.** (a), if the run comes to rest. At rest the old and the new policy are the same, so the
# weight is 1 and the bias is 0. Staleness changes the path, and the speed.
#
# **2.** (b). The reward speaks about the whole answer, so all tokens of the answer must have been
# drawn as the present policy draws them. A token's own ratio corrects this token only.
#
# **3.** (b). Exact weights make the stale run as fast as a fresh one. A run that ignores the age
# reads yesterday's answers, in which the good ones are still rare. The run section prints both
# distances with their intervals.
#
# </details>
#
# ## Run
#
# ### A task that can be enumerated
#
# An answer has five letters, `a` or `b`, so there are 32 answers. The policy has one logit for each
# of the 31 prefixes. The reward is the share of letters that agree with a secret word, and 1 more
# for the whole word. All expectations below are sums over the 32 answers.

# %%
from itertools import product

import autograd.numpy as np

from tinyalign.losses import truncated_rollout_weight
from tinyalign.losses.numerics import log_sigmoid, sigmoid
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import optimal_policy
from tinyalign.report.intervals import bootstrap

TOKENS, BETA, RATE = 5, 0.25, 1.0
ANSWERS = np.array(list(product((0, 1), repeat=TOKENS)))  # (K, T)
SECRET = np.array([1, 0, 1, 1, 0])
REWARD = np.mean(ANSWERS == SECRET, axis=1) + np.all(ANSWERS == SECRET, axis=1)
# The number of the prefix before each letter: lengths first, then the letters as a binary number.
AT = np.array([[2**t - 1 + int("0" + "".join(map(str, y[:t])), 2) for t in range(TOKENS)]
               for y in ANSWERS])  # (K, T)  # fmt: skip
PREFIXES = 2**TOKENS - 1
PASSES = np.array([[place == row for place in range(PREFIXES)] for row in AT.ravel()], float)
PASSES = PASSES.reshape(len(ANSWERS), TOKENS, PREFIXES)  # 1 where this letter follows this prefix
REF_LOGP = np.full(len(ANSWERS), -TOKENS * np.log(2.0))
STAR = optimal_policy(np.exp(REF_LOGP), REWARD, beta=BETA)


def token_logp(z):
    """Logits (..., E) of "b" after each prefix -> log-probability of each letter, (..., K, T)."""
    return log_sigmoid(np.where(ANSWERS == 1, z[..., AT], -z[..., AT]))


def token_scores(z):
    """Slope of each letter's log-probability in all logits: (..., K, T, E)."""
    return (ANSWERS - sigmoid(z[..., AT]))[..., None] * PASSES


def advantages(logp):
    """(..., K) reward minus β times the log-ratio to the reference, centred under the policy."""
    shaped = REWARD - BETA * (logp - REF_LOGP)
    return shaped - np.sum(np.exp(logp) * shaped, axis=-1, keepdims=True)


def exact_gradient(z):
    logp = token_logp(z).sum(axis=1)
    return (np.exp(logp) * advantages(logp)) @ token_scores(z).sum(axis=1)


z, history = np.zeros(PREFIXES), []
for _ in range(41):  # an exact run, whose policies are compared below
    history.append(z)
    z = z + RATE * exact_gradient(z)
kls = [np.exp(lp) @ (lp - np.log(STAR)) for lp in (token_logp(z).sum(axis=1) for z in history)]
print(f"KL to the optimum: at the start {kls[0]:.3f}, after 40 exact updates {kls[40]:.3f}")

# %% [markdown]
# ### Bias and variance, exactly
#
# The learner stands at update 40 of the exact run. The sampler is `age` updates behind. The bias is
# a share of the length of the exact gradient. The variance is the one of a single sample, and the
# last columns are the root of the mean squared error of a batch, as a share again.
#
# **The dial:** `BATCH`. Which estimate is best with 16 answers, and which one with 10 000?

# %%
BATCH = (16, 10_000)
CAPS = {
    "ignored": None,
    "token ratios": "tokens",
    "whole ratio": np.inf,
    "cap 2": 2.0,
    "cap 1": 1.0,
}


def moments(age, cap):
    """Bias and standard deviation of one sample's gradient, as shares of the exact gradient."""
    now, then = history[40], history[40 - age]
    new, old = token_logp(now), token_logp(then)  # (K, T)
    if cap == "tokens":
        weight = truncated_rollout_weight(new, old, cap=np.inf)  # (K, T)
    elif cap is None:
        weight = np.ones((len(ANSWERS), 1))
    else:
        whole = [each.sum(axis=1, keepdims=True) for each in (new, old)]  # (K, 1)
        weight = truncated_rollout_weight(*whole, cap=cap)
    scores = np.sum(weight[:, :, None] * token_scores(now), axis=1)  # (K, E)
    each = advantages(new.sum(axis=1))[:, None] * scores
    drawn, truth = np.exp(old.sum(axis=1)), exact_gradient(now)
    mean = drawn @ each
    variance = np.sum(drawn @ each**2 - mean**2)
    length = np.linalg.norm(truth)
    return np.linalg.norm(mean - truth) / length, np.sqrt(variance) / length


AGES = (0, 4, 16, 32)
found = {(age, name): moments(age, cap) for age in AGES for name, cap in CAPS.items()}
table(
    ["age", "weight", "bias", "deviation", *(f"error, {n} answers" for n in BATCH)],
    [[str(age), name, bias, spread, *(np.hypot(bias, spread / n**0.5) for n in BATCH)]
     for (age, name), (bias, spread) in found.items()],
)  # fmt: skip

# %% [markdown]
# ### By training
#
# Each update draws 16 answers with the parameters of `age` updates ago, and twenty seeds are
# trained side by side. The distance is the KL to the known optimum, after 40 and after 400
# updates. The interval is a 95 % bootstrap over the seeds.

# %%
SEEDS, SAMPLES, EARLY, LATE = 20, 16, 40, 400
TRAINED = {name: CAPS[name] for name in ("ignored", "whole ratio", "cap 2", "cap 1")}


def train(age, cap):
    """KL(π ‖ π*) before each update, (updates, seeds)."""
    rng, z, rows = np.random.default_rng(0), np.zeros((SEEDS, PREFIXES)), np.arange(SEEDS)[:, None]
    past, curve = [z], []
    for step in range(LATE + 1):
        new, old = (token_logp(each).sum(axis=2) for each in (z, past[max(0, step - age)]))
        curve.append(np.sum(np.exp(new) * (new - np.log(STAR)), axis=1))
        edges = np.cumsum(np.exp(old), axis=1)[:, None, :]
        picks = np.sum(rng.random((SEEDS, SAMPLES, 1)) * edges[:, :, -1:] > edges, axis=2)
        weight = 1.0 if cap is None else truncated_rollout_weight(new, old, cap=cap)[rows, picks]
        gain = weight * advantages(new)[rows, picks]  # (SEEDS, SAMPLES)
        drawn = picks[:, :, None] == np.arange(len(ANSWERS))  # (SEEDS, SAMPLES, K)
        share = np.sum(gain[:, :, None] * drawn, axis=1) / SAMPLES  # (SEEDS, K)
        letters = share[:, :, None] * (ANSWERS - sigmoid(z[:, AT]))  # (SEEDS, K, T)
        z = z + RATE * np.einsum("skt,kte->se", letters, PASSES, optimize=True)
        past.append(z)
    return np.array(curve)


curves = {(age, name): train(age, cap) for age in AGES for name, cap in TRAINED.items()}
ends = {
    key: [curve[at].mean() for at in (EARLY, LATE)] + [bootstrap(curve[at]) for at in (EARLY, LATE)]
    for key, curve in curves.items()
}
table(
    ["age", "weight", f"KL at {EARLY}", "interval", f"KL at {LATE}", "interval"],
    [[str(age), name, early, f"{a[0]:.3f} … {a[1]:.3f}", late, f"{b[0]:.4f} … {b[1]:.4f}"]
     for (age, name), (early, late, a, b) in ends.items()],
)  # fmt: skip

# %%
figure, panels = picture(2, width=8.2)
for name in TRAINED:
    for axes, at in zip(panels, (EARLY, LATE), strict=True):
        means = np.array([curves[age, name][at].mean() for age in AGES])
        sides = np.array([bootstrap(curves[age, name][at]) for age in AGES]).T
        axes.errorbar(AGES, means, np.abs(sides - means), marker="o", capsize=3, label=name)
        axes.set(xlabel="age of the samples, updates", title=f"KL to the optimum after {at}")
panels[0].legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **Exact weights repair staleness.** The run with whole ratios is at every age as near to the
# optimum as the fresh run: the intervals overlap, early and late.
#
# **Ignoring the age costs time, and not the optimum.** With samples that are 32 updates old the run
# is about twice as far after 40 updates. After 400 updates all runs are near the optimum. A policy
# that has come to rest is as old as its samples, so the bias fades.
#
# **The late column has a surprise.** There the runs that ignore the age are a little *nearer* than
# the fresh run. Old samples hold bad answers that the present policy no longer says, so the push
# against these answers stays strong. This is a larger step, not a better estimate: the bias in the
# first table is as large as before.
#
# **A token's own ratio is no repair for a reward of the whole answer.** Its bias is here larger
# than the bias of ignoring the age. PPO's ratio has another purpose: it limits a step.
#
# **The best cap depends on the batch.** For samples that are 32 updates old and 16 answers, the
# cap 2 has the smallest error of the first table. With 10 000 answers the exact ratio has the
# smallest. In the training run a cap of 2 still costs speed, because the bias points the same way
# in each update, and the noise does not.
#
# The page says nothing about answers of thousands of tokens. There the whole ratio is useless
# ([page 20](20_grpo_ratio_and_clip.html)), and token weights are what is left.
#
# ## What goes wrong in practice
#
# **“I take one step on each batch, so no ratio is needed.”** The fast engine that samples computes
# other probabilities than the trainer, even with the same parameters (huggingface/trl #3867 adds a
# weight for this reason). An asynchronous engine also has older parameters. Log the mean ratio and
# the share of capped weights.
#
# **“The old log-probability is recomputed by the trainer.”** Then the ratio compares the trainer
# with itself, and the age is ignored. Keep the log-probabilities that the sampler reports.
#
# **“The weights explode.”** (huggingface/trl #4772.) A product over many tokens does. Cap the
# product, cap each token, or use fresher samples.
#
# ### The same line in TRL
#
# `GRPOConfig(vllm_importance_sampling_correction=True)` weights the answers of the vLLM engine. The
# mode `"sequence_truncate"` caps the ratio of the whole answer, and `"token_truncate"` caps the
# ratio of each token.

# %% [markdown]
# ## Turn the dial
#
# The good answer has probability 0.5 now. Its probability was lower when the sixteen answers were
# drawn. Before you turn: does the cap 2 give more error than no cap, or less?

# %%
from tinyalign.notes.dials import dial, stale

dial(
    stale.frame,
    {"before": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5), "cap": (1.0, 2.0, 4.0, 12.0)},
    start=(0.1, 2.0),
    try_it=stale.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# With sixteen answers the cap 2 never gives more error than no cap. The cap 12 is no cap here,
# because the ratio is at most 10.
#
# | probability before | ratio | error, cap 2 | error, no cap | bias, cap 2 |
# | --- | --- | --- | --- | --- |
# | 0.05 | 10 | 0.41 | 0.54 | $-0.4$ |
# | 0.1 | 5 | 0.34 | 0.38 | $-0.3$ |
# | 0.2 | 2.5 | 0.22 | 0.25 | $-0.1$ |
#
# From 0.3 to 0.5 the ratio is below 2, and the cap does nothing. More answers shrink the variance
# and leave the bias: with 40 answers no cap has the smaller error in all three rows.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 26.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write the truncated weight of each whole answer. The log-probabilities are those of
# single tokens, and `mask` is 1 on the tokens of the answer.
#
# <details><summary>Hint 1</summary>
#
# The ratio of an answer is the product of the ratios of its tokens.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Sum the log-ratios over the mask, take e to this power, and take the smaller of the result and
# the cap.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_answer_weight(logp, old_logp, mask, cap):
#     return np.minimum(np.exp(np.sum(np.where(mask > 0, logp - old_logp, 0.0), axis=1)), cap)
# ```
#
# </details>
#
# **2.** Compute the exact bias of the truncated estimate of the mean value. `new` and `old` hold
# the probabilities of all K answers under the two policies, the samples come from `old`, and
# `value` holds what is averaged.
#
# <details><summary>Hint 1</summary>
#
# The bias is the expectation of the estimate minus the mean value under `new`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Add up `old * min(new / old, cap) * value` over all answers, and subtract the sum of
# `new * value`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_truncation_bias(new, old, value, cap):
#     return np.sum((old * np.minimum(new / old, cap) - new) * value)
# ```
#
# </details>
#
# **3. On paper.** The old policy says the good answer with probability 0.1, the new one with 0.5.
# The good answer has the value 1, the other one 0. What is the mean of the estimate of the new
# mean value without a weight, with the ratio, and with the ratio capped at 2?
#
# <details><summary>The answer</summary>
#
# Without a weight it is 0.1. The ratio is 5, and the mean is $0.1 \cdot 5 = 0.5$, which is right.
# With the cap it is $0.1 \cdot 2 = 0.2$. The single estimates are 0 or 1, 0 or 5, 0 or 2: their
# standard deviations are 0.3, 1.5 and 0.6.
#
# </details>
#
# **4. Open ended.** You may draw a hundred times as many answers for each update. Would you raise
# the cap or lower it, and what would you measure first?
#
# <details><summary>What to look for</summary>
#
# More answers shrink the variance and leave the bias, so the best cap rises with the number of
# answers. Ionides lets the cap grow as the square root of this number. Measure the share of
# weights that the cap cuts: where none is cut, the cap does nothing.
#
# </details>

# %%
from tinyalign.notes.exercises.stale import check_my_answer_weight, check_my_truncation_bias


def my_answer_weight(logp, old_logp, mask, cap):
    raise NotImplementedError  # (N, T), (N, T), (N, T), a number -> (N,)


def my_truncation_bias(new, old, value, cap):
    raise NotImplementedError  # (K,), (K,), (K,), a number -> one number


check_exercise(check_my_answer_weight, my_answer_weight)
check_exercise(check_my_truncation_bias, my_truncation_bias)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 000 19-25}
# {notes 004 325-345}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * GRPO uses answers of old policies: [the group is drawn by the policy at the start of this
#   step](errata.html#row-7). Answers of earlier policies need a weight, as on this page.
# * A clip with one step on each batch: [this clip can never act](errata.html#row-42) while the
#   trainer samples for itself. With a stale sampler the ratio is not 1, and the clip acts.
#
# </details>
#
# ## Further reading
#
# * Ionides 2008, *Truncated importance sampling*: a cap that grows as the square root of the number
#   of samples.
# * Espeholt and others 2018, IMPALA, arXiv:1802.01561: actors behind a learner, capped ratios.
# * Hilton and others 2021, arXiv:2110.00641: the policy of the samples and the policy of the clip.
# * Fu and others 2025, AReaL, arXiv:2505.24298: asynchronous training of language models.
#
# ### The claims of this page, tested

# %%
assert AT.max() == PREFIXES - 1 and np.all(PASSES.sum(axis=2) == 1), "one prefix before each letter"
assert np.isclose(sum(STAR), 1) and kls[40] < kls[0], "an exact run comes nearer"
if (BETA, RATE, BATCH) == (0.25, 1.0, (16, 10_000)):
    assert all(found[age, "whole ratio"][0] < 1e-12 for age in AGES), "the exact estimator"
    for name in ("ignored", "token ratios", "cap 1"):
        biases = [found[age, name][0] for age in AGES]
        assert biases[0] < 1e-12 and np.all(np.diff(biases) > 0), "bias grows with the age"
    assert all(found[age, "token ratios"][0] > found[age, "ignored"][0] for age in AGES[1:])

    def error(name, n):
        bias, spread = found[32, name]
        return np.hypot(bias, spread / n**0.5)

    names = list(CAPS)
    assert min(names, key=lambda name: error(name, 16)) == "cap 2", "few answers: a cap"
    assert min(names, key=lambda name: error(name, 10_000)) == "whole ratio", "many: no cap"
    fresh = ends[0, "ignored"]
    for age in AGES:
        early, late, a, b = ends[age, "whole ratio"]
        assert a[0] < fresh[2][1] and fresh[2][0] < a[1], "as near as a fresh run, early"
        assert b[0] < fresh[3][1] and fresh[3][0] < b[1], "and late"
    gap = curves[32, "ignored"][EARLY] / curves[32, "whole ratio"][EARLY].mean()
    assert bootstrap(gap)[0] > 1.8 and bootstrap(gap)[1] < 2.8, "about twice as far"
    assert all(late < 0.01 for _, late, _, _ in ends.values()), "all end near the optimum"
    assert ends[32, "ignored"][3][1] < fresh[3][0], "and the stale push goes on"
    assert ends[32, "cap 2"][2][0] > ends[32, "whole ratio"][2][1], "a cap costs speed"
for was, errors, bias in ((0.05, (0.41, 0.54), -0.4), (0.1, (0.34, 0.38), -0.3),
                          (0.2, (0.22, 0.25), -0.1)):  # fmt: skip
    means, found_errors = np.array([stale.estimate(was, cap) for cap in (2.0, 12.0)]).T
    assert np.allclose(found_errors, errors, atol=0.0051), "the table under the dial"
    assert np.allclose(means - stale.NOW, (bias, 0.0))
    variances = stale.SAMPLES * (found_errors**2 - (means - stale.NOW) ** 2)
    with_40 = np.hypot(means - stale.NOW, np.sqrt(variances / 40))
    assert found_errors[0] < found_errors[1] and with_40[1] < with_40[0], "40 answers: no cap"
print("all claims of this page hold")
