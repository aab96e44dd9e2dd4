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
# # 11 · Reference-free and ranked: ORPO, SimPO, RRHF
#
# Three losses without a reference model. What holds the policy in place instead is either a
# likelihood term or nothing, and what they compare is not a sum of log-probabilities but a mean per
# token. That one word, sum or mean, is where most of the wrong versions differ.
#
# ## What the notes say
#
# {notes 004 406-444}
# {notes 004 545-586}
# {notes 004 826-830}
#
# * RRHF is a sum of *hinges* on [length-normalised scores, plus the likelihood of the best
#   answer](errata.html#row-46). The note prints [a log-sigmoid, divided by
#   $K(K-1)$](errata.html#row-45), on whatever it is given, without the likelihood. If all scores
#   tie it returns [the number 0](errata.html#row-47), which cannot be differentiated. RRHF is [a
#   sum over pairs](errata.html#row-48), no listwise loss, and reads only [the *order* of the
#   scores](errata.html#row-49). It is [from 2023](errata.html#row-28).
# * ORPO needs means per token; the odds of a whole text are 0 for every purpose. And
#   [`log1p(-exp(x))` is infinite](errata.html#row-60) near p = 1.
#
# ## The losses, live
#
# {source tinyalign.losses.reference_free.odds_ratio}
# {source tinyalign.losses.reference_free.simpo}
# {source tinyalign.losses.ranking.rrhf}

# %%
import autograd.numpy as np
from autograd import grad

from tinyalign.laws import assert_lawful
from tinyalign.losses import dpo, odds_ratio, orpo, rrhf, simpo
from tinyalign.losses.numerics import log_odds, log_sigmoid
from tinyalign.notes.lesson import check_exercise, picture, table

# %% [markdown]
# ## Before the run: what each of them calls equal
#
# Take two answers and write both twice, so that every token and its log-probability appears again:
# sums double, means stay. A loss on means must not change, a loss on sums must.
#
# * **SimPO** is $\log 2$ at the gap $\gamma/\beta$, not at 0: it wants a margin.
# * **ORPO**'s odds term is $\log 2$ where both answers have the same mean; its slope is larger than
#   the log-ratio's by $1/(1-p)$, which matters near p = 1 only.
# * **RRHF** is 0 plus the likelihood for *every* order that agrees with the scores. A reversed
#   triple with means −1, −2, −3 costs exactly $1 + 1 + 2 = 4$.
#
# **The dial:** `TOKENS`, the length of the chosen answer, at a constant log-probability per token.

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
        "ORPO's odds, sums (the note)": odds_ratio(chosen_sum, rejected_sum)[0],
        "DPO, sums": dpo(chosen_sum, rejected_sum, zero, zero, beta=0.1)[0],
    }


once, again = all_losses(1), all_losses(2)
table(["loss", "once", "written twice"], [[name, once[name], again[name]] for name in once])

# %% [markdown]
# On sums the odds term compares lengths before anything else: at the dial's default the chosen
# answer is better per token, longer, and *loses*.
#
# ## The run: reversed, tied, and nearly certain


# %%
def note_rrhf(scores, log_probs):
    """RRHF as one of the notes prints it."""
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
table(["scores", "RRHF's ranking term", "the note"], ranked)

# %% [markdown]
# The stretched scores change nothing: only the order enters. The note's advice to use RRHF "when
# you have reliable absolute scores" has it the wrong way round.
#
# Near certainty, in the two ways of writing the log-odds, in single and double precision:

# %%
close = np.array([-1e-2, -1e-4, -1e-8, -1e-17])


def naive_log_odds(a):
    """The log-odds as the note writes them."""
    return a - np.log1p(-np.exp(a))


rows = []
with np.errstate(divide="ignore"):
    for a in close:
        single = np.float32(a)
        rows.append([f"{a:.0e}", float(naive_log_odds(a)), float(naive_log_odds(single)),
                     float(log_odds(a)), float(log_odds(single))])  # fmt: skip
table(["mean log-prob", "the note", "in float32", "library", "in float32"], rows)

# %% [markdown]
# ## What anchors them
#
# Without a reference, nothing but a likelihood term says where to stop. The slope of each loss on
# the chosen answer, as the gap between the two grows: SimPO and the odds term fade, the
# likelihood of ORPO never does.

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
# ## Weird numbers
#
# **“SimPO, ORPO, RRHF: sum or mean?”** Mean, all three (princeton-nlp/SimPO #4, #5; RRHF #25).
#
# **“γ or γ/β?”** SimPO's paper subtracts γ outside β, its code takes the ratio. The same 0.55 means
# two things; look at where the loss is $\log 2$.
#
# **“My ORPO loss is inf.”** Line 574's formula near p = 1 (huggingface/trl #1491, #2274). A fudge
# like $\log(1.0001 - p)$ (ColossalAI #6407) trades the infinity for a wrong number.
#
# **“My RRHF loss is 0 whenever the best answer comes first.”** Only the first row was compared
# (GanjinZero/RRHF #29, #48).
#
# ## Exercises
#
# **1.** ORPO's odds term, safe near certainty.
#
# **2.** SimPO.


# %%
def my_odds_ratio(chosen_avg_logp, rejected_avg_logp):
    raise NotImplementedError


def check_my_odds_ratio(solution):
    assert_lawful(solution, "odds_ratio")


def my_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375):
    raise NotImplementedError


def check_my_simpo(solution):
    assert_lawful(solution, "simpo")


check_exercise(check_my_odds_ratio, my_odds_ratio)
check_exercise(check_my_simpo, my_simpo)

# %% [markdown]
# ## The same line in TRL
#
# `CPOConfig(loss_type="simpo", simpo_gamma=0.5)` and `ORPOConfig(beta=0.1)`, where `beta` is λ.
# RRHF is not in TRL.
#
# ## What this page showed

# %%
same = ("SimPO, means", "ORPO's odds, means")
assert all(once[name] == again[name] for name in same), "means do not see length"
assert all(abs(once[name] - again[name]) > 1e-3 for name in set(once) - set(same)), "sums do"
assert TOKENS < 16 or once["ORPO's odds, sums (the note)"] > 1 > once["ORPO's odds, means"]
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
assert np.isinf(rows[-1][1]) and np.isinf(rows[-2][2]), "the note's log-odds overflow"
assert all(np.isfinite(row[3:]).all() for row in rows), "the library does not"
assert pulls["SimPO"][-1] < 0.01 < 0.9 < pulls["ORPO, λ = 0.1"][-1], "the likelihood holds on"
print("all claims of this page hold")
