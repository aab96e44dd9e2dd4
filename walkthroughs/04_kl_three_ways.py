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
# # 04 · KL three ways
#
# Every method that samples wants to know how far the policy has moved from its reference, and
# most want to be held back by it. The Kullback–Leibler divergence is the measure; it is a sum
# over all answers, and what a training run has is a few samples. Three estimates are in use,
# called k1, k2 and k3. They agree on what they measure, more or less. What they *do* when they
# are put into a loss is another matter: one does nothing at all.
#
# ## What the notes say
#
# {notes 001 58-61}
# {notes 003 17-19}
# {notes 004 133-142}
# {notes 004 343-348}
#
# * One of the notes puts [the mean of k1 into the loss](errata.html#row-43). Its expected gradient
#   is zero, so such a penalty penalises nothing (first table below).
# * The same note makes [the policy its own reference](errata.html#row-33) when none is given. Then
#   the KL is always 0.
# * Another note says that [PPO needs no explicit reference](errata.html#row-1) and has a KL penalty
#   that keeps it near the SFT model. The SFT model in that sentence *is* the explicit reference.
#
# ## The estimators, live
#
# {source tinyalign.losses.divergence.k1}
# {source tinyalign.losses.divergence.k2}
# {source tinyalign.losses.divergence.k3}

# %%
import autograd.numpy as np
from autograd import grad
from numpy.testing import assert_allclose

from tinyalign.laws import assert_lawful
from tinyalign.losses import exact_kl, k1, k2, k3
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, picture, table

# %% [markdown]
# ## Before the run
#
# Five answers, all enumerated. Two questions have exact answers.
#
# **What does it measure?** $\mathbb{E}_\pi[k_1]$ is the KL by definition. $k_3$ adds
# $e^{-k_1} - 1$, whose expectation is $\sum \pi_{ref} - 1 = 0$, so it is the KL too, and never
# negative. $k_2$ is neither.
#
# **What does it do as a loss?** Samples are constants, so the expected gradient of a loss
# $k(\log\pi(y))$ is $\sum_y \pi(y)\, k'\, \nabla\log\pi(y)$, with $k'$ the slope in $\log\pi$:
#
# * $k_1' = 1$: $\sum_y \pi \nabla \log \pi = \nabla \sum_y \pi = 0$. **Nothing.**
# * $k_2' = k_1$: $\sum_y \pi\, \log\frac{\pi}{\pi_{ref}} \nabla\log\pi$, which is
#   $\nabla\mathrm{KL}(\pi\|\pi_{ref})$, exactly.
# * $k_3' = 1 - \pi_{ref}/\pi$: $-\sum_y \pi_{ref}\nabla\log\pi$, the gradient of the *other*
#   divergence, $\mathrm{KL}(\pi_{ref}\|\pi)$.
# * $k_3$ with the ratio upside down, a bug seen in several repositories: half the gradient of
#   $\chi^2$.
#
# **The dial:** `DRIFT`, how far the policy has moved. Try 0.1, where all agree, and 3.

# %%
DRIFT = 1.0

rng = np.random.default_rng(0)
ref_logits = rng.normal(size=5)
logits = ref_logits + DRIFT * rng.normal(size=5)
ref_logp, logp = log_softmax(ref_logits), log_softmax(logits)
ref, now = np.exp(ref_logp), np.exp(logp)


def upside_down(logp, ref_logp):
    return k3(ref_logp, logp)


def clamped(logp, ref_logp):
    return np.maximum(k1(logp, ref_logp), 0.0)


estimators = {
    "k1": k1,
    "k2": k2,
    "k3": k3,
    "k3 upside down": upside_down,
    "k1 clamped at 0": clamped,
}
true_kl = float(exact_kl(logits, ref_logits))
gradient_of_kl = grad(lambda z: exact_kl(z, ref_logits))(logits)
gradient_of_forward = grad(lambda z: exact_kl(ref_logits, z))(logits)
gradient_of_chi2 = grad(lambda z: np.sum(softmax(z) ** 2 / ref) - 1)(logits)
predicted = {
    "k1": np.zeros(5),
    "k2": gradient_of_kl,
    "k3": gradient_of_forward,
    "k3 upside down": gradient_of_chi2 / 2,
}

measured_by = {name: k(logp, ref_logp) for name, k in estimators.items()}
moments = {
    name: (now @ value, np.sqrt(now @ value**2 - (now @ value) ** 2), value.min())
    for name, value in measured_by.items()
}
print(f"exact KL(π ‖ π_ref): {true_kl:.4f}\n")
table(
    ["estimator", "mean", "mean / KL", "sd of one sample", "smallest sample"],
    [[name, mean, mean / true_kl, sd, low] for name, (mean, sd, low) in moments.items()],
)

# %% [markdown]
# ## The run: as a loss, and as a reward
#
# Each estimator is differentiated by autograd as the trainer would: the samples are drawn by the
# policy and then held fixed. The expectation over samples is exact. As a *reward*, the estimate is
# a constant that REINFORCE multiplies with $\nabla\log\pi$.


# %%
def as_loss(k):
    """Expected gradient of k as a loss term, on samples of the policy."""
    return grad(lambda z: np.sum(now * k(log_softmax(z), ref_logp)))(logits)


def as_reward(k):
    """Expected REINFORCE gradient of the loss when −k, a constant, is the reward."""
    value = k(logp, ref_logp)
    return grad(lambda z: np.sum(now * value * log_softmax(z)))(logits)


def alike(one, other):
    return np.abs(one - other).max() < 1e-7


def called(gradient):
    """Which of the known gradients this is."""
    known = {
        "0": np.zeros(5),
        "∇KL(π ‖ π_ref)": gradient_of_kl,
        "∇KL(π_ref ‖ π)": gradient_of_forward,
        "½∇χ²": gradient_of_chi2 / 2,
    }
    return next((name for name, value in known.items() if alike(gradient, value)), "none of them")


uses = {name: (as_loss(k), as_reward(k)) for name, k in estimators.items()}
table(
    ["estimator", "as a loss", "as a reward"],
    [[name, called(loss), called(reward)] for name, (loss, reward) in uses.items()],
)

# %% [markdown]
# **Who found this out one at a time:** huggingface/trl #6503, #4967, #2277; OpenRLHF/OpenRLHF
# #1309, #1101; volcengine/verl #2953. The upside-down ratio: ColossalAI #3696, mlx-examples #1233.
#
# So: to *report* the KL use k1 or k3. To put it into the *reward* use k1. To put it into the
# *loss* use k2, or k3 knowing that it holds the policy to the reference by the forward
# divergence, which is what GRPO's paper does. All three agree when the policy has hardly moved.

# %%
drifts = np.geomspace(0.02, 4, 40)
relative = {"k1": [], "k3": [], "k2": []}
for drift in drifts:
    far = log_softmax(ref_logits + drift * (logits - ref_logits) / DRIFT)
    p = np.exp(far)
    exact = p @ (far - ref_logp)
    for name, spread in relative.items():
        value = estimators[name](far, ref_logp)
        spread.append(np.sqrt(p @ (value - exact) ** 2) / exact)

figure, axes = picture()
for name, spread in relative.items():
    axes.loglog(drifts, spread, label=name)
axes.axhline(1, color="0.6", linewidth=0.8)
axes.set(
    xlabel="drift of the logits",
    ylabel="error of one sample / KL",
    title="How noisy is one sample?",
)
axes.legend()
figure

# %% [markdown]
# {figure}
#
# Close to the reference, one k1 sample is off by many times the KL that it estimates, and k3 by
# about one; far away the order can turn around, because k3 is nearly $\pi_{ref}/\pi$ where that is
# large.
#
# ## Weird numbers
#
# **“My KL is negative.”** (huggingface/trl #235, #239, #256, #351, #925, #1005.) A *sample* of k1
# is negative whenever the policy likes the answer less than the reference does; the next cell
# prints how often. Its *expectation* cannot be negative. If a mean over thousands of tokens is, the
# tokens were not drawn by the policy that scores them: another temperature, top-k, a stale policy,
# or padding in the sum. One of the notes samples at temperature 0.7 and scores at 1.
#
# **“My KL is exactly 0, always.”** The reference is the policy object (trl #2046, and one of the
# notes).
#
# **“KL in the loss or in the reward? Both?”** (verl #211, #265, #509.) One of them. Twice is twice
# the β.

# %%
below_zero = now[measured_by["k1"] < 0].sum()
cool = np.array([2.0, 0.0, -1.0])  # policy; the reference is sharper, and samples are sharper still
sharp, sampler = log_softmax(1.3 * cool), softmax(cool / 0.7)
wrong_mean = sampler @ k1(log_softmax(cool), sharp)
right_mean = softmax(cool) @ k1(log_softmax(cool), sharp)
print(f"share of negative k1 samples: {below_zero:.3f}")
print(f"sampled at T=0.7, scored at T=1: mean k1 {wrong_mean:+.4f}, true KL {right_mean:+.4f}")
print("the policy as its own reference:", k1(logp, logp).max(), k3(logp, logp).max())

# %% [markdown]
# ## Exercises
#
# **1.** Write k3. Mind the direction of the ratio: the laws know the upside-down one.
#
# **2.** Write the exact KL from two arrays of logits.
#
# **3.** Write a per-sample loss whose expected gradient, on the policy's own samples, is the
# gradient of $\mathrm{KL}(\pi_{ref}\|\pi)$, and whose *value* you need not care about. It can be
# shorter than k3.


# %%
def my_k3(logp, ref_logp):
    raise NotImplementedError


def check_my_k3(solution):
    assert_lawful(solution, "k3")


def my_exact_kl(logits, ref_logits):
    raise NotImplementedError  # over the last axis


def check_my_exact_kl(solution):
    assert_lawful(solution, "exact_kl")


def my_forward_loss(logp, ref_logp):
    raise NotImplementedError  # one number per sample, differentiable in logp


def check_my_forward_loss(solution):
    draw = np.random.default_rng(6)
    for _ in range(5):
        here, there = draw.normal(size=4), draw.normal(size=4)
        drawn = softmax(here)
        slope = grad(
            lambda z, d=drawn, t=there: np.sum(d * solution(log_softmax(z), log_softmax(t)))
        )
        wanted = grad(lambda z, t=there: exact_kl(t, z))
        assert_allclose(slope(here), wanted(here), atol=1e-9)


check_exercise(check_my_k3, my_k3)
check_exercise(check_my_exact_kl, my_exact_kl)
check_exercise(check_my_forward_loss, my_forward_loss)

# %% [markdown]
# ## The same line in TRL
#
# `GRPOConfig(beta=0.04)` puts k3 into the loss; `RLOOConfig(beta=0.05)` takes k1 off the reward.
#
# ## What this page showed

# %%
assert abs(moments["k1"][0] - true_kl) < 1e-12 and abs(moments["k3"][0] - true_kl) < 1e-12
assert abs(moments["k1 clamped at 0"][0] / true_kl - 1) > 0.05, "clamping k1 biases it"
assert moments["k3"][2] >= 0 > moments["k1"][2], "k3 cannot be negative, k1 can"
assert all(alike(uses[name][0], value) for name, value in predicted.items()), (
    "each use has its gradient"
)
assert alike(uses["k1"][1], gradient_of_kl), "k1 in the reward is the KL's gradient"
assert not alike(uses["k3"][1], gradient_of_kl) and not alike(uses["k2"][1], gradient_of_kl)
assert wrong_mean < 0 < right_mean, "a negative mean: the samples are somebody else's"
print("all claims of this page hold")
