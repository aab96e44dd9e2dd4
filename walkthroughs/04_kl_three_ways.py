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
# ## The question
#
# A policy is held near its reference by a penalty on the Kullback–Leibler divergence, the KL. A
# training run cannot compute the KL, because the KL is a sum over all answers. The run has only a
# few samples. Which estimate of the KL should it use, and where should the estimate be put?
#
# ## The idea
#
# Three estimates are in use; they are called k1, k2 and k3. All three look at one sample and
# compare two log-probabilities: that of the policy and that of the reference. As *measurements*
# they nearly agree. As *penalties* they do not agree at all: an optimiser does not see the value of
# a penalty, it sees the gradient. One of the three has the gradient of the KL, one has the gradient
# of a different divergence, and the expected gradient of one is zero.
#
# A penalty can stand in two places. PPO subtracts the estimate from the *reward*; there the
# estimate is a plain number, and no gradient flows through it. GRPO adds the estimate to the
# *loss*; there the gradient flows through it. The same estimate does different things in the two
# places, so the question "which estimator?" has no answer without "where?".
#
# ```
#               sample y from the policy
#                         |
#             k(log pi(y), log pi_ref(y))
#              /                        \
#   in the reward (PPO)          in the loss (GRPO)
#   r - beta*k is a number       loss + beta*k
#   multiplies grad log pi       gradient of k itself
# ```
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $\pi,\ \pi_{\mathrm{ref}}$ | policy and reference, as probabilities |
# | $y$ | a sample, drawn by the policy |
# | $\mathrm{KL}(\pi\,\Vert\,\pi_{\mathrm{ref}})$ | the mean of $k_1$ over samples of the policy |
# | $\mathrm{KL}(\pi_{\mathrm{ref}}\,\Vert\,\pi)$ | the *forward* divergence: the two exchanged |
# | $k_1$ | $\log\pi(y) - \log\pi_{\mathrm{ref}}(y)$ |
# | $k_2$ | $\frac{1}{2}k_1^2$ |
# | $k_3$ | $e^{-k_1} + k_1 - 1$ |
# | $s$ | slope of an estimate with respect to $\log\pi(y)$ |
# | $\chi^2$ | the sum of $\pi^2/\pi_{\mathrm{ref}}$, minus 1: one more distance |
#
# {source tinyalign.losses.divergence.k1}
# {source tinyalign.losses.divergence.k2}
# {source tinyalign.losses.divergence.k3}
#
# **As a measurement.** The mean of $k_1$ is the KL by definition. $k_3$ adds $e^{-k_1} - 1$ to
# $k_1$. The mean of this addition is $\sum \pi_{\mathrm{ref}} - 1 = 0$, so the mean of $k_3$ is the
# KL too. $k_3$ is never negative. The mean of $k_2$ is a different number.
#
# **As a loss.** The samples are constants. For one decision the expected gradient of a loss
# $k(\log\pi(y))$ is
#
# $$\sum_y \pi(y)\, s(y)\, \nabla\log\pi(y)$$
#
# * k1 has the slope $s = 1$. The sum becomes $\nabla \sum_y \pi(y)$, the gradient of 1, which is
#   zero.
# * k2 has the slope $s = k_1$. The sum becomes the gradient of
#   $\mathrm{KL}(\pi\,\|\,\pi_{\mathrm{ref}})$.
# * k3 has the slope $s = 1 - \pi_{\mathrm{ref}}/\pi$. The sum becomes the gradient of the forward
#   divergence $\mathrm{KL}(\pi_{\mathrm{ref}}\,\|\,\pi)$.
#
# **As a reward.** The estimate multiplies $\nabla\log\pi$. With $k_1$ the expected gradient is that
# of the KL.

# %%
import autograd.numpy as np
from autograd import grad

from tinyalign.losses import exact_kl, k1, k2, k3
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, picture, table

# %% [markdown]
# ## Predict
#
# Five answers are enumerated, so each average below is exact.
#
# **Question 1.** You add β times the mean of k1 to the loss. What does the penalty do on average?
#
# * a) It holds the policy near the reference.
# * b) It does nothing.
# * c) It pushes the policy away.
#
# **Question 2.** Can a mean of k1 over many samples of the policy be clearly negative?
#
# * a) Yes.
# * b) No.
#
# **Question 3.** A text has two tokens. You compute k2 for each token and add the two to the loss.
# Is the expected gradient that of the KL between the two distributions of texts?
#
# * a) Yes, because it is for one token.
# * b) No.
#
# <details><summary>The answers</summary>
#
# **1 b.** The expected gradient of k1 is zero. The first column of the second table says so.
#
# **2 b.** One sample of k1 is often negative. The mean estimates the KL, and the KL is never
# negative. If your mean is negative, the samples do not come from the policy that scores them.
#
# **3 b.** The first token also decides where the second token is drawn. A sum over tokens does not
# see this effect. The third table shows the error.
#
# </details>
#
# **The dial:** `DRIFT` says how far the policy has moved from the reference. Try 0.1, where all
# three estimates agree, and 3.
#
# ## Run
#
# ### What does each estimate measure?
#
# Two broken versions run along. *Upside down* exchanges the two probabilities in $k_3$; several
# repositories had this fault. *Clamped* replaces negative values of $k_1$ by 0.

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
# ### What does each estimate do?
#
# Autograd differentiates each estimate as a trainer would: the policy draws the samples, and then
# the samples are held fixed. The average over samples is exact.


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
# ### Texts of two tokens
#
# A trainer rarely has one decision per answer. The next cell builds the smallest text: three
# possible first tokens, and then three possible second tokens. The whole table of nine texts is
# enumerated. There are two ways to use an estimate. *Per token* computes it for each token and
# adds. *Per sequence* computes it once, from the log-probability of the whole text.

# %%
draw = np.random.default_rng(4)
two_ref = draw.normal(size=(4, 3))  # row 0: first token; row 1 + i: second token after token i
two = two_ref + DRIFT * draw.normal(size=(4, 3))


def nine_texts(logits):
    """Log-probabilities of both tokens of all nine texts: (9, 2)."""
    each = log_softmax(logits)
    return np.stack([np.repeat(each[0], 3), each[1:].ravel()], axis=1)


now_two, ref_two = nine_texts(two), nine_texts(two_ref)
chance = np.exp(now_two.sum(axis=1))


def text_kl(logits):
    """The exact KL between the two distributions of texts."""
    logp = nine_texts(logits).sum(axis=1)
    return np.sum(np.exp(logp) * (logp - ref_two.sum(axis=1)))


def per_token(k):
    return lambda z: np.sum(chance * k(nine_texts(z), ref_two).sum(axis=1))


def per_sequence(k):
    return lambda z: np.sum(chance * k(nine_texts(z).sum(axis=1), ref_two.sum(axis=1)))


def k1_in_the_reward(z):
    paid = k1(now_two, ref_two).sum(axis=1)  # a number for each text, no gradient
    return np.sum(chance * paid * nine_texts(z).sum(axis=1))


wanted = grad(text_kl)(two)
first_token_alone = grad(lambda z: exact_kl(z[0], two_ref[0]))(two)
places = {
    "k1 in the reward": k1_in_the_reward,
    "k2 in the loss, per sequence": per_sequence(k2),
    "k2 in the loss, per token": per_token(k2),
    "k3 in the loss, per sequence": per_sequence(k3),
    "k3 in the loss, per token": per_token(k3),
}
of_texts = {name: grad(loss)(two) for name, loss in places.items()}
table(
    ["penalty", "slopes of the first token", "", "", "off by"],
    [["exact KL of the texts", *wanted[0], 0.0]]
    + [[name, *g[0], round(np.abs(g[0] - wanted[0]).max(), 12)] for name, g in of_texts.items()],
)

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
# ## What it shows
#
# **To report the KL,** use k1 or k3. The picture shows the noise of one sample. Near the reference
# one sample of k1 is off by many times the KL, and one sample of k3 by about one KL. Far away the
# order can change, because k3 becomes nearly $\pi_{\mathrm{ref}}/\pi$ where this ratio is large.
#
# **To put the KL into the reward,** use k1. Its expected gradient is that of the KL, for texts of
# any length.
#
# **To put the KL into the loss,** use k2 of the *whole text*. Its expected gradient is that of the
# KL.
#
# **Per token is a different penalty.** The row "k2 in the loss, per token" is off in the slopes of
# the first token. The sum over tokens asks each token to stay near the reference at its own place,
# and forgets that the first token leads to places where the second token is far from the reference.
# The slopes of the first token are those of the first token's KL alone; the last cell of this page
# checks it. Trainers and this library use the per-token form. For a small drift the difference is
# small. [Page 21](21_where_does_your_trainer_land.html) shows where such a trainer ends. With k3
# the two forms agree at the first token. They differ at the second token, because the per-token
# form weighs the second token by what the *policy* says first and the per-sequence form by what the
# *reference* says first.
#
# **GRPO's k3 holds the policy by another divergence.** Its gradient is that of the forward
# divergence, which punishes the policy above all where the policy *stopped* saying what the
# reference says. The paper of GRPO chose k3. All three penalties agree when the policy has hardly
# moved.
#
# ## What goes wrong in practice
#
# **"My KL penalty has no effect."** The loss contains k1. Many projects found this one at a time:
# huggingface/trl #6503, #4967, #2277; OpenRLHF/OpenRLHF #1309, #1101; volcengine/verl #2953. The
# upside-down ratio was found in ColossalAI #3696 and mlx-examples #1233.
#
# **"My KL is negative."** (huggingface/trl #235, #239, #256, #351, #925, #1005.) A *sample* of k1
# is negative whenever the policy likes the answer less than the reference does. The next cell
# prints how often. If the mean over thousands of tokens is negative, another policy drew the
# tokens: another temperature, a top-k filter, old weights, or padding in the sum. The next cell
# samples at temperature 0.7 and scores at temperature 1.
#
# **"My KL is exactly 0, always."** The reference *is* the policy object (huggingface/trl #2046).
#
# **"KL in the loss, in the reward, or in both?"** (volcengine/verl #211, #265, #509.) Choose one
# place. Two places mean twice the price β.

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
# ### The same line in TRL
#
# `GRPOConfig(beta=0.04)` puts k3 per token into the loss. `RLOOConfig(beta=0.05)` subtracts k1 from
# the reward.

# %% [markdown]
# ## Turn the dial
#
# The policy drifts away from the reference; the samples come from the policy. Before you move the
# slider: which of k1, k2 and k3 have the right mean? Which of them have the right derivative,
# when they stand in a loss?

# %%
from tinyalign.notes.dials import dial, drift

dial(
    drift.frame,
    {"drift": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)},
    start=(1.0,),
    try_it=drift.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# k1 and k3 have the right mean; k2 has not. For the derivative the answer is another one: k2 has
# the right derivative, the derivative of k1 is 0 at every drift, and the one of k3 belongs to the
# other KL, from the reference to the policy.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 04.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write k3. Mind the direction of the ratio.
#
# <details><summary>Hint 1</summary>
#
# With the log-ratio $d = \log\pi_{ref} - \log\pi$, k3 is $e^d - 1 - d$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `np.expm1` is $e^d - 1$ without rounding for small $d$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_k3(logp, ref_logp):
#     gap = ref_logp - logp
#     return np.expm1(gap) - gap
# ```
#
# </details>
#
# **2.** Write the exact KL(policy ‖ reference) from two arrays of logits, over the last axis.
#
# <details><summary>Hint 1</summary>
#
# The KL is the expectation of $\log\pi - \log\pi_{ref}$ under $\pi$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Take `softmax` of the logits for the weights and `log_softmax` for both logarithms.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_softmax
# from tinyalign.losses.numerics import softmax
#
#
# def my_exact_kl(logits, ref_logits):
#     return np.sum(softmax(logits) * (log_softmax(logits) - log_softmax(ref_logits)), axis=-1)
# ```
#
# </details>
#
# **3.** Write a per-sample loss whose expected gradient, on the policy's own samples, is the
# gradient of KL(reference ‖ policy). Its *value* need not be that KL. The loss can be shorter
# than k3.
#
# <details><summary>Hint 1</summary>
#
# The gradient of KL(π_ref ‖ π) is $-\sum_y \pi_{ref}(y) \nabla\log\pi(y)$. Write it as an
# expectation under $\pi$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The expectation is that of $-\frac{\pi_{ref}}{\pi} \nabla\log\pi$. Which function of $\log\pi$
# has the derivative $-\pi_{ref}/\pi$?
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_forward_loss(logp, ref_logp):
#     return np.exp(ref_logp - logp)
# ```
#
# </details>
#
# **4. On paper.** Policy (0.5, 0.5), reference (0.8, 0.2). Compute the KL in nats, and k1, k2 and
# k3 for both answers. Which of the three have the KL as their mean?
#
# <details><summary>The answer</summary>
#
# KL $= 0.5 \log(0.5/0.8)$ $+ 0.5 \log(0.5/0.2)$ $= 0.2231$. k1: −0.4700 and 0.9163, mean 0.2231.
# k2: 0.1105 and 0.4198, mean 0.2651. k3: 0.1300 and 0.3163, mean 0.2231. So k1 and k3 have it.
#
# </details>
#
# **5. Open ended.** Draw the samples from another policy than the one that scores them. How far
# must the two be apart before the mean of k1 is negative? What would you log to notice it?
#
# <details><summary>What to look for</summary>
#
# The mean of k1 is then KL(q ‖ reference) − KL(q ‖ policy), where q drew the samples: negative as
# soon as q is nearer to the reference. Log the mean of log π − log q on the samples: it is −KL(q
# ‖ policy), and should be 0. The mean of the ratio itself is 1 for every policy and shows
# nothing.
#
# </details>

# %%
from tinyalign.notes.exercises.optimum import check_my_exact_kl, check_my_forward_loss, check_my_k3


def my_k3(logp, ref_logp):
    raise NotImplementedError  # arrays of one shape -> the same shape


def my_exact_kl(logits, ref_logits):
    raise NotImplementedError  # (…, V), (…, V) -> (…)


def my_forward_loss(logp, ref_logp):
    raise NotImplementedError  # log-probabilities of samples, twice -> one number per sample


check_exercise(check_my_k3, my_k3)
check_exercise(check_my_exact_kl, my_exact_kl)
check_exercise(check_my_forward_loss, my_forward_loss)

# %% [markdown]
# ## What you may have read
#
# {notes 001 58-61}
# {notes 003 17-19}
# {notes 004 133-142}
# {notes 004 343-348}
#
# <details><summary>Three lines of the notes, and what is true</summary>
#
# * *"kl = (current_log_probs - ref_log_probs).mean()"*, added to a loss. **Wrong.** [This is k1 as
#   a loss](errata.html#row-43). Its expected gradient is zero, so the penalty does not penalise.
# * *"self.ref_model = ref_model or model"*. **Wrong.** Without an argument [the policy is its own
#   reference](errata.html#row-33), and the KL is always 0.
# * *"No explicit reference model"*, about PPO with a KL penalty to the SFT model. **Contradicts
#   itself.** The SFT model in that sentence [*is* the explicit reference](errata.html#row-1).
#
# </details>
#
# ## Further reading
#
# * Schulman 2020, *Approximating KL divergence*, joschu.net/blog/kl-approx.html: the three
#   estimates.
# * Shao et al. 2024, arXiv:2402.03300: GRPO, with k3 in the loss.
# * Ahmadian et al. 2024, arXiv:2402.14740: the KL in the reward.
# * Tang and Munos 2025, arXiv:2506.09477: pitfalls of gradients of KL estimates.
#
# ### The claims of this page, tested

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
assert np.abs(of_texts["k1 in the reward"] - wanted).max() < 1e-9, "exact for texts"
assert np.abs(of_texts["k2 in the loss, per sequence"] - wanted).max() < 1e-9, "exact for texts"
by_token = of_texts["k2 in the loss, per token"]
assert np.abs(by_token[0] - wanted[0]).max() > 1e-3, "per token: another gradient"
assert np.abs(by_token[0] - first_token_alone[0]).max() < 1e-9, "the first token's KL alone"
assert np.abs(by_token[1:] - wanted[1:]).max() < 1e-9, "the last token has nothing after it"
k3_forms = [of_texts[f"k3 in the loss, per {unit}"] for unit in ("token", "sequence")]
assert (
    np.abs(k3_forms[0] - k3_forms[1])[0].max()
    < 1e-9
    < 1e-3
    < np.abs(k3_forms[0] - k3_forms[1]).max()
), "k3: the same at the first token, not at the second"
print("all claims of this page hold")
