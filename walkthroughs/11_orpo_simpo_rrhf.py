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
# # 11 · Without a reference: ORPO, SimPO, RRHF
#
# ## The question
#
# DPO keeps a frozen reference in memory. ORPO, SimPO and RRHF do not. What do they compare, and
# what keeps the policy in place?
#
# ## The idea
#
# All three losses compare *mean* log-probabilities per token. A sum over tokens falls with every
# token, so a long answer has a lower sum than a short one, even if each of its tokens is likely.
# DPO may use sums, because the sum of the reference is subtracted, and both sums grow alike.
# Without a reference, the mean takes over this task. The choice between sum and mean is where most
# wrong versions of these losses differ.
#
# The anchor differs. RRHF ranks several answers by a hinge, and adds SFT on the best answer. ORPO
# compares the *odds* of two answers, and adds SFT on the chosen one. SimPO adds nothing: it asks
# for a fixed gap $\gamma/\beta$ between the means, and its push fades when the gap is reached.
#
# ```
#          compares               wants                    anchor
# RRHF     K means                the right order          SFT on the best answer
# ORPO     odds of two means      chosen above rejected    SFT on the chosen answer
# SimPO    two means              a gap of gamma / beta    none
# ```
#
# ## The formula
#
# Let $a = \frac{1}{|y|}\log\pi(y)$ be the mean log-probability per token of an answer with $|y|$
# tokens.
#
# $$\mathrm{SimPO}: \quad -\log\sigma(\beta(a_w - a_l) - \gamma)$$
#
# $$\mathrm{ORPO}: \quad -a_w - \lambda\log\sigma(o_w - o_l) \qquad o = \log\frac{p}{1-p}$$
#
# $$\mathrm{RRHF}: \quad \sum_{r_i < r_j} \max(0, a_i - a_j) - a_{best}$$
#
# * $a_w$ and $a_l$ belong to the chosen and to the rejected answer.
# * $\beta > 0$ is the sharpness and $\gamma \ge 0$ the wanted gap of SimPO. The gap stands outside
#   $\beta$.
# * $p = e^{a}$ is the geometric mean of the token probabilities, and $o$ is the logarithm of its
#   odds.
# * $\lambda > 0$ is the weight of ORPO's odds term. Many programs call it `beta`.
# * $r_i$ are the scores of RRHF's answers. Only their order enters.
#
# {source tinyalign.losses.reference_free.odds_ratio}
# {source tinyalign.losses.reference_free.simpo}
# {source tinyalign.losses.ranking.rrhf}
#
# ## Predict
#
# **1.** Write two answers twice, so that every token and its log-probability appears again. Which
# losses change?
#
# * (a) those on means
# * (b) those on sums
# * (c) none
#
# **2.** A chosen answer has 20 tokens with −2 nats each. A rejected answer has 10 tokens with −3
# nats each. Which answer has the larger odds, by sums and by means?
#
# * (a) the chosen one, by both
# * (b) the chosen one by means, the rejected one by sums
# * (c) the rejected one, by both
#
# <details><summary>The answers</summary>
#
# **1.** (b). Sums double, and means stay.
#
# **2.** (b). The sums are −40 and −30, so the longer answer loses, although each of its tokens is
# more likely.
#
# </details>
#
# ## Run
#
# ### What each loss calls equal
#
# Three facts are known in advance. SimPO is $\log 2$ at the gap $\gamma/\beta$, and not at 0.
# ORPO's odds term is $\log 2$ where both answers have the same mean. RRHF's ranking term is 0
# whenever the order of the model agrees with the scores, and a reversed triple with the means −1,
# −2, −3 costs exactly $1 + 1 + 2 = 4$.
#
# **The dial:** `TOKENS`, the length of the chosen answer, at a constant log-probability per token.

# %%
import autograd.numpy as np
from autograd import grad

from tinyalign.losses import dpo, odds_ratio, orpo, rrhf, simpo
from tinyalign.losses.numerics import log_odds, log_sigmoid, log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table

# %%
TOKENS = 20

chosen_avg, rejected_avg = np.array([-2.0]), np.array([-3.0])
zero = np.zeros(1)


def all_losses(repeats):
    """Each loss on the same two answers, written `repeats` times."""
    chosen_sum, rejected_sum = chosen_avg * TOKENS * repeats, rejected_avg * 10 * repeats
    return {
        "SimPO, means": simpo(chosen_avg, rejected_avg)[0],
        "ORPO's odds, means": odds_ratio(chosen_avg, rejected_avg)[0],
        "ORPO's odds, sums": odds_ratio(chosen_sum, rejected_sum)[0],
        "DPO, sums": dpo(chosen_sum, rejected_sum, zero, zero, beta=0.1)[0],
    }


once, again = all_losses(1), all_losses(2)
table(["loss", "once", "written twice"], [[name, once[name], again[name]] for name in once])


# %% [markdown]
# ### Orders: right, reversed, stretched, tied
#
# The second column is RRHF. The third is a loss that lecture notes print as RRHF.


# %%
def note_rrhf(scores, log_probs):
    """RRHF as lecture notes print it."""
    count, loss = len(scores), 0
    for i in range(count):
        for j in range(count):
            if scores[i] > scores[j]:
                loss += -log_sigmoid(log_probs[i] - log_probs[j])
    return loss / (count * (count - 1))


triple = np.array([-1.0, -2.0, -3.0])
cases = {"right order": [3, 2, 1], "reversed": [1, 2, 3], "stretched order": [100, 2, 1],
         "all tied": [1, 1, 1]}  # fmt: skip
ranked = []
for name, scores in cases.items():
    right = rrhf(triple[None, :], np.array([scores], float), zero, weight=0.0)[0]
    ranked.append([name, right, float(note_rrhf(scores, triple))])
table(["scores", "RRHF's ranking term", "as printed"], ranked)

# %% [markdown]
# ### Near certainty
#
# The log-odds of $p = e^a$ are $a - \log(1 - e^a)$. Near $p = 1$ the second term is the logarithm
# of almost 0. The table compares the formula as typed with the library's version, in double and in
# single precision.

# %%
close = np.array([-1e-2, -1e-4, -1e-8, -1e-17])


def naive_log_odds(a):
    """The log-odds, as the formula is typed."""
    return a - np.log1p(-np.exp(a))


rows = []
with np.errstate(divide="ignore"):
    for a in close:
        single = np.float32(a)
        rows.append([f"{a:.0e}", float(naive_log_odds(a)), float(naive_log_odds(single)),
                     float(log_odds(a)), float(log_odds(single))])  # fmt: skip
table(["mean log-prob", "as typed", "in float32", "library", "in float32"], rows)

# %% [markdown]
# ### Who lets go?
#
# The next cell draws the pull of each loss on the chosen answer, while the gap between the two
# means grows.

# %%
gaps = np.linspace(-2, 6, 200)


def slopes(loss):
    """Minus the slope on the chosen answer's mean log-probability, rejected held at −6.5."""
    return np.array([-grad(lambda x: np.sum(loss(x)))(np.array([-6.5 + gap]))[0] for gap in gaps])


rejected_held = np.array([-6.5])
pulls = {
    "SimPO": slopes(lambda x: simpo(x, rejected_held)),
    "ORPO's odds term": slopes(lambda x: odds_ratio(x, rejected_held)),
    "ORPO, λ = 0.1": slopes(lambda x: orpo(x, rejected_held, -x)),
}
figure, axes = picture()
for name, pull in pulls.items():
    axes.plot(gaps, pull, label=name)
axes.set(xlabel="chosen − rejected, nats per token", ylabel="pull on chosen", title="Who lets go?")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# ### A training run
#
# Four answers have one token each, so means and sums agree, and the policy is a softmax over the
# four. One pair says: answer 0 rather than answer 1. Each loss trains the same logits for the same
# number of steps, from the same start.

# %%
start = {"logits": np.log(np.array([0.2, 0.3, 0.4, 0.1]))}


def on_pair(loss):
    """The loss of the pair (0, 1) as a function of the logits."""

    def of(params):
        logp = log_softmax(params["logits"])
        return np.sum(loss(logp[:1], logp[1:2]))

    return of


pair_losses = {
    "SimPO": lambda chosen, rejected: simpo(chosen, rejected),
    "SimPO + SFT": lambda chosen, rejected: simpo(chosen, rejected) - 0.1 * chosen,
    "ORPO, λ = 0.1": lambda chosen, rejected: orpo(chosen, rejected, -chosen),
    "SFT alone": lambda chosen, rejected: -chosen,
}
trained = {
    name: softmax(minimise(on_pair(loss), start, steps=400, learning_rate=0.02)[0]["logits"])
    for name, loss in pair_losses.items()
}
table(
    ["loss", "chosen", "rejected", "third", "fourth"],
    [["start", *softmax(start["logits"])], *[[name, *p] for name, p in trained.items()]],
)


# %% [markdown]
# ## What it shows
#
# **Means do not see length.** On sums, the odds term compares lengths before anything else: the
# chosen answer is better per token and longer, and it *loses*. A whole text has a probability near
# 0, so its odds say nothing beyond the log-probability.
#
# **Only the order enters RRHF.** Stretched scores change nothing. Use RRHF where you have a
# reliable order, even if the scores have no scale.
#
# **SimPO lets go, and a likelihood term does not.** The pull of SimPO and of the odds term fades
# when the gap grows. The likelihood in ORPO pulls until the chosen answer has all probability. In
# the training run SimPO moves the pair and leaves the third and the fourth answer almost in their
# old proportion; the losses with an SFT term take probability from all other answers.
#
# ## What goes wrong in practice
#
# **“SimPO, ORPO, RRHF: sum or mean?”** The mean, for all three (princeton-nlp/SimPO #4, #5; RRHF
# #25).
#
# **“Is it γ or γ/β?”** SimPO's paper subtracts $\gamma$ outside $\beta$, and its code takes the
# ratio $\gamma/\beta$ as its setting. The same 0.55 means two things. Find out where the loss is
# $\log 2$.
#
# **“My ORPO loss is inf.”** The log-odds near $p = 1$ are computed as typed (huggingface/trl #1491,
# #2274). A small constant inside the logarithm, such as $\log(1.0001 - p)$ (ColossalAI #6407),
# replaces the infinity by a wrong number.
#
# **“My RRHF loss is 0 whenever the best answer comes first.”** Only the first row was compared
# (GanjinZero/RRHF #29, #48).
#
# ### The same line in TRL
#
# SimPO is `CPOConfig(loss_type="simpo", simpo_gamma=0.5, cpo_alpha=0.0)` in `trl.experimental.cpo`.
# Without `cpo_alpha=0.0` the trainer adds an SFT term, because the default is 1. ORPO is
# `ORPOConfig(beta=0.1)` in `trl.experimental.orpo`, where `beta` is $\lambda$. RRHF is not in TRL.

# %% [markdown]
# ## Turn the dial
#
# The chosen answer is written longer, at the same log-probability per token. Before you move
# "tokens" from 10 to 40: which losses change? Which of them then says that the *rejected* answer
# is better?

# %%
from tinyalign.notes.dials import dial, length

dial(
    length.frame,
    {"tokens": (5, 10, 20, 30, 40, 60), "per token": (-2.5, -2.0, -1.0)},
    start=(10, -2.0),
    try_it=length.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# SimPO and ORPO's odds on means do not change. The losses on sums do: a sum falls with every
# token, so 20 tokens of −2 nats have a sum below that of the rejected answer, and the loss is
# above log 2. In a real run DPO subtracts the reference's sum, which is as long; here it is 0. A
# loss without a reference has to take means.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 11.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** ORPO's odds term, safe near certainty: $-\log\sigma$ of the log-odds of the chosen answer
# minus those of the rejected one.
#
# <details><summary>Hint 1</summary>
#
# The odds of an answer with probability $p$ are $p / (1 - p)$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `log_odds` takes a log-probability and stays finite near 0, where $1 - p$ rounds to 0.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_odds
# from tinyalign.losses.numerics import log_sigmoid
#
#
# def my_odds_ratio(chosen_avg_logp, rejected_avg_logp):
#     return -log_sigmoid(log_odds(chosen_avg_logp) - log_odds(rejected_avg_logp))
# ```
#
# </details>
#
# **2.** SimPO: mean log-probabilities, no reference, a target margin `gamma`.
#
# <details><summary>Hint 1</summary>
#
# The margin is beta times the difference of the means.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `gamma` is subtracted from the margin, outside beta.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_sigmoid
#
#
# def my_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375):
#     return -log_sigmoid(beta * (chosen_avg_logp - rejected_avg_logp) - gamma)
# ```
#
# </details>
#
# **3. On paper.** Two answers have 2 and 10 tokens, each token with log-probability −1. Compare
# their sums and their means. Which of the two would a loss on sums prefer, and which one a loss
# on means?
#
# <details><summary>The answer</summary>
#
# Sums: −2 and −10. Means: −1 and −1. A loss on sums sees a difference of 8 nats that is length
# alone; a loss on means sees none.
#
# </details>
#
# **4. Open ended.** Train ORPO without its likelihood term and SimPO with a very small gamma.
# What holds the policy in place, and what do samples look like?
#
# <details><summary>What to look for</summary>
#
# Nothing holds it: without a reference and without likelihood only differences count, and the
# probability of both answers may fall.
#
# </details>

# %%
from tinyalign.notes.exercises.other_losses import check_my_odds_ratio, check_my_simpo


def my_odds_ratio(chosen_avg_logp, rejected_avg_logp):
    raise NotImplementedError  # (B,), (B,) -> (B,)


def my_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375):
    raise NotImplementedError  # (B,), (B,) -> (B,)


check_exercise(check_my_odds_ratio, my_odds_ratio)
check_exercise(check_my_simpo, my_simpo)

# %% [markdown]
# ## What you may have read
#
# {notes 004 406-444}
# {notes 004 545-586}
# {notes 004 826-830}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * RRHF as a log-sigmoid, divided by $K(K-1)$: [wrong](errata.html#row-45). RRHF is a sum of
#   hinges. The notes also [forget the mean per token and the SFT term](errata.html#row-46), and
#   [return the plain number 0](errata.html#row-47) where all scores tie, which has no gradient.
# * “Similar to listwise ranking in information retrieval.”: [not listwise](errata.html#row-48).
#   RRHF is a sum over pairs.
# * “When you have reliable absolute scores”: [the scores need no scale](errata.html#row-49). Only
#   their order enters.
# * “RRHF (2024)”: [2023](errata.html#row-28).
# * ORPO with sums and with `log1p(-exp(x))`: [means are needed](errata.html#row-60), and the
#   formula is infinite near $p = 1$.
#
# </details>
#
# ## Further reading
#
# * Hong and others 2024, arXiv:2403.07691: ORPO.
# * Meng and others 2024, arXiv:2405.14734: SimPO.
# * Yuan and others 2023, arXiv:2304.05302: RRHF.
# * Xu and others 2024, arXiv:2401.08417: CPO.
#
# ### The claims of this page, tested

# %%
same = ("SimPO, means", "ORPO's odds, means")
assert all(once[name] == again[name] for name in same), "means do not see length"
assert all(abs(once[name] - again[name]) > 1e-3 for name in set(once) - set(same)), "sums do"
assert TOKENS < 16 or once["ORPO's odds, sums"] > 1 > once["ORPO's odds, means"]
at_target = simpo(np.array([-1.0 + 1.375 / 2.5]), np.array([-1.0]))[0]
assert abs(at_target - np.log(2)) < 1e-12, "SimPO is log 2 at γ/β"
by_case = {row[0]: row[1:] for row in ranked}
assert by_case["right order"][0] == 0 < by_case["right order"][1], "no hinge, never 0"
assert by_case["reversed"][0] == 4 and abs(by_case["reversed"][1] - 0.792) < 1e-3, (
    "not the hinges' sum"
)
assert by_case["stretched order"][0] == by_case["right order"][0], "only the order"
assert by_case["all tied"] == [0, 0] and isinstance(note_rrhf([1, 1], triple[:2]), float), (
    "a number"
)
assert np.isinf(rows[-1][1]) and np.isinf(rows[-2][2]), "the log-odds as typed overflow"
assert all(np.isfinite(row[3:]).all() for row in rows), "the library does not"
assert pulls["SimPO"][-1] < 0.01 < 0.9 < pulls["ORPO, λ = 0.1"][-1], "the likelihood holds on"
third, fourth = trained["SimPO"][2:]
assert abs(third / fourth - 4) < 0.2, "SimPO moves the pair"
assert trained["SimPO"][2] > 5 * trained["ORPO, λ = 0.1"][2], "an SFT term takes from all others"
print("all claims of this page hold")
