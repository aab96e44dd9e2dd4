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
# # 09 · IPO, when DPO over-fits
#
# ## The question
#
# Answer A was preferred to answer B in every comparison that you have. How much better is A?
#
# ## The idea
#
# By the law of Bradley and Terry, an answer that always wins has an infinitely larger reward. DPO
# takes this literally. It pushes the margin between A and B without a limit, and the policy leaves
# its reference behind, whatever $\beta$ is. But “always” often means “three times out of three”. A
# few agreeing comparisons are no evidence for an infinite reward.
#
# IPO (Identity Preference Optimization) replaces the reward by the *probability of winning*, which
# lies between 0 and 1. Its loss asks for a fixed margin, $1/(2\tau)$, and it stops there: a margin
# that is too large costs as much as one that is too small. The paper shows this on three small
# bandits, and this page runs them.
#
# ```
# loss
# DPO   \                       IPO   \           /
#        \                             \         /
#          \ _                          \       /
#              - - - _ _ _                 - -
# ------------------------> margin    -----|--------> margin
# never stops                          1/(2 tau)
# ```
#
# ## The formula
#
# $$\mathrm{loss} = \left(m - \frac{1}{2\tau}\right)^2$$
#
# $$m = \log\frac{\pi(y_w)}{\pi_{ref}(y_w)} - \log\frac{\pi(y_l)}{\pi_{ref}(y_l)}$$
#
# * $m$ is the margin between the chosen answer $y_w$ and the rejected answer $y_l$, in nats, as in
#   DPO (page 08).
# * $\tau > 0$ plays the part of DPO's $\beta$: a large $\tau$ stays near the reference.
#
# Over all comparisons, the minimum is a policy in closed form:
#
# $$\pi(y) \propto \pi_{\mathrm{ref}}(y)\, e^{P(y \succ \mu)/\tau}$$
#
# * $P(y \succ \mu)$ is the probability that $y$ wins against an answer drawn from $\mu$, the policy
#   that made the comparisons.
#
# cDPO is another repair. It assumes that a share $\varepsilon$ of the labels is flipped, and stops
# at the margin $\log\frac{1-\varepsilon}{\varepsilon}/\beta$.
#
# {source tinyalign.losses.preference.ipo}
# {source tinyalign.losses.preference.cdpo}
#
# ## Predict
#
# **1.** Two answers, and the first one always wins. The reference is uniform, and
# $\tau = \beta = 1$. Which probability does the first answer have after training?
#
# * (a) IPO 0.62, DPO 1
# * (b) 1 for both
# * (c) IPO 0.5, DPO 0.73
#
# **2.** There are three answers a, b and c. The data hold two pairs of a and b: a wins one, and b
# wins the other. The answer c is in no pair. Where does DPO send c?
#
# * (a) to 0
# * (b) c keeps its probability of one third
# * (c) to 1
#
# <details><summary>The answers</summary>
#
# **1.** (a). IPO stops at the margin $1/(2\tau) = 0.5$, and $\sigma(0.5) = 0.62$. DPO does not stop
# at all.
#
# **2.** (b). No loss contains c, so its logit never moves. The IPO paper prints this data set and
# says that c goes to 0. The run below shows that this needs one more pair.
#
# </details>
#
# ## Run
#
# ### Three bandits with known answers
#
# * **Two arms**: arm 1 always wins. IPO ends at $\sigma(1/(2\tau))$, DPO at 1.
# * **Three arms in an order**: the comparisons are 1 over 2, 2 over 3 and 1 over 3.
# * **An unseen arm**: the paper's third data set. As printed, the third arm is in no pair. In the
#   corrected version it loses once, to the first arm.
#
# **The dial:** `TAU`, three strengths that are trained side by side. The same numbers are DPO's
# $\beta$.

# %%
import autograd.numpy as np
from numpy.testing import assert_allclose

from tinyalign.losses import cdpo, dpo, ipo, sppo
from tinyalign.losses.numerics import log_softmax, sigmoid, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import cdpo_margin, ipo_policy
from tinyalign.report.plots import COLOURS

# %%
TAU = (0.1, 0.5, 1.0)

certain = np.array([[0.5, 1.0], [0.0, 0.5]])  # [i, j]: probability that i beats j
a1_predicted = [sigmoid(1 / (2 * tau)) for tau in TAU]
by_formula = [ipo_policy(np.full(2, 0.5), certain, np.full(2, 0.5), tau=tau)[0] for tau in TAU]
a2_predicted = [softmax(np.array([2 / 3, 0, -2 / 3]) / (2 * tau)) for tau in TAU]
a3_predicted = [softmax(np.array([0.0, 0.0, -1 / (2 * tau)])) for tau in TAU]
table(
    ["τ", "two arms: first", "by ipo_policy", "three arms: best", "corrected: unseen arm"],
    [[tau, one, same, two[0], three[2]]
     for tau, one, same, two, three in
     zip(TAU, a1_predicted, by_formula, a2_predicted, a3_predicted, strict=True)],
)  # fmt: skip

# %% [markdown]
# ### Training
#
# The setting is the one of the paper's section 5.4: softmax policies, Adam, batches of nine
# comparisons, ten seeds. Here the learning rate falls to 0. The paper has a constant rate and 18
# 000 steps.

# %%
SEEDS, BATCH, STEPS = 10, 9, 1_500


def train(loss, pairs, arms, steps=STEPS):
    """Probabilities while training: (steps + 1, strengths, seeds, arms)."""
    rng = np.random.default_rng(0)
    even = np.full((SEEDS, BATCH), -np.log(arms))
    pairs = np.array(pairs)

    def total(params):
        batch = pairs[rng.integers(len(pairs), size=(SEEDS, BATCH))]
        rows = np.arange(SEEDS)[:, None]
        value = 0.0
        for i, strength in enumerate(TAU):
            logp = log_softmax(params["theta"][i])
            won, lost = logp[rows, batch[..., 0]], logp[rows, batch[..., 1]]
            value = value + np.sum(loss(won, lost, even, even, strength)) / BATCH
        return value

    start = {"theta": np.zeros((len(TAU), SEEDS, arms))}
    _, seen = minimise(
        total, start, steps=steps, learning_rate=0.06, record=lambda p: softmax(p["theta"])
    )
    return np.array(seen)


def dpo_at(*four_and_strength):
    *four, strength = four_and_strength
    return dpo(*four, beta=strength)


def ipo_at(*four_and_strength):
    *four, strength = four_and_strength
    return ipo(*four, tau=strength)


ways = {"DPO": dpo_at, "IPO": ipo_at}
A1, A2 = [(0, 1)], [(0, 1), (1, 2), (0, 2)]
PRINTED, CORRECTED = [(0, 1), (1, 0)], [(0, 1), (1, 0), (0, 2)]
a1 = {name: train(loss, A1, 2, 700)[-1].mean(axis=1)[:, 0] for name, loss in ways.items()}
a2 = {name: train(loss, A2, 3) for name, loss in ways.items()}
a3 = {
    (name, label): train(loss, pairs, 3, 1000)[-1].mean(axis=1)[:, 2]
    for label, pairs in (("as printed", PRINTED), ("corrected", CORRECTED))
    for name, loss in ways.items()
}
best = {name: seen[-1].mean(axis=1)[:, 0] for name, seen in a2.items()}
rows = []
for i, tau in enumerate(TAU):
    rows.append(["two arms, first", tau, a1["DPO"][i], a1["IPO"][i], a1_predicted[i]])
for i, tau in enumerate(TAU):
    rows.append(["three arms, best", tau, best["DPO"][i], best["IPO"][i], a2_predicted[i][0]])
for label in ("as printed", "corrected"):
    for i, tau in enumerate(TAU):
        known = a3_predicted[i][2] if label == "corrected" else 1 / 3
        values = a3["DPO", label][i], a3["IPO", label][i]
        rows.append([f"unseen arm, {label}", tau, *values, known])
table(["bandit", "τ or β", "DPO", "IPO", "IPO, exact"], rows)

# %%
figure, panels = picture(3, width=9.0, height=3.0)
for axes, tau, i in zip(panels, TAU, range(len(TAU)), strict=True):
    for name, dash in (("DPO", ":"), ("IPO", "-")):
        for arm in range(3):
            axes.plot(
                a2[name][:, i, :, arm].mean(axis=1),
                dash,
                color=COLOURS[arm],
                label=f"{name}, arm {arm}",
            )
    for exact in a2_predicted[i]:
        axes.axhline(exact, color="0.7", linewidth=0.7)
    axes.set(title=f"τ = β = {tau}", xlabel="step", ylim=(-0.03, 1.03))
panels[0].set_ylabel("probability")
panels[-1].legend(fontsize="xx-small", loc="center right", bbox_to_anchor=(1, 0.72))
figure

# %% [markdown]
# {figure}
#
# The picture has the paper's Figure 1, the three arms in an order. Lines are means over ten seeds,
# and grey lines are the exact answers of IPO.
#
# ### Where do IPO and DPO stop?
#
# People prefer an answer with probability $p$. IPO's optimum then has the margin $(2p-1)/(2\tau)$,
# and DPO's has $\log\frac{p}{1-p}/\beta$.

# %%
gaps = np.linspace(0, 15, 1501)
rows = []
for tau_, p in ((1.0, 0.8), (0.1, 0.8), (0.01, 0.8), (0.01, 1.0)):
    wide = np.linspace(0, 200, 20_001)
    nothing = 0 * wide
    mixed = p * ipo(wide, nothing, nothing, nothing, tau=tau_)
    mixed = mixed + (1 - p) * ipo(nothing, wide, nothing, nothing, tau=tau_)
    odds = np.log(p / (1 - p)) if p < 1 else np.inf
    rows.append([tau_, p, odds, wide[np.argmin(mixed)], (2 * p - 1) / (2 * tau_), odds / tau_])
table(["τ or β", "p", "log-odds", "IPO stops at", "predicted", "DPO's optimum"], rows)
sure = rows

# %%
flip, beta = 0.1, 0.5
values = cdpo(gaps / 2, -gaps / 2, 0 * gaps, 0 * gaps, beta=beta, flip=flip)
cdpo_stops, cdpo_predicted = gaps[np.argmin(values)], cdpo_margin(beta=beta, flip=flip)
print(f"cDPO stops at {cdpo_stops:.2f}, predicted {cdpo_predicted:.4f}; DPO at no margin")


# %% [markdown]
# ## What it shows
#
# **IPO stops, and DPO does not.** With two arms and with three, IPO ends at its exact answer for
# each $\tau$. DPO goes to (1, 0, 0) for each $\beta$, because nothing in its loss asks it to stop.
#
# **The third data set does not work as printed.** The answer c is in no pair, so no loss contains
# it, and its probability stays at one third for both methods. With one more pair, in which c loses,
# the effect of the paper appears: DPO sends c to 0, and IPO keeps it.
#
# **IPO bounds the margin and does not prevent overconfidence.** At equal strength IPO's margin is
# smaller than DPO's, and it stays finite when $p$ goes to 1. But nothing keeps it near the odds of
# the labels. With $\tau = 0.01$ and four wins in five, IPO asks for a margin of 30 nats, where the
# log-odds are 1.4. The value of $\tau$ decides.
#
# ## What goes wrong in practice
#
# **“My IPO loss starts at 25.”** The loss starts at $1/(4\tau^2)$, and this is 25 for $\tau = 0.1$.
# The loss is a squared distance, in nats squared.
#
# **“Sum or mean per token?”** The paper's equation has sums. TRL and HALOs use means, and say that
# the authors advised them (huggingface/trl #1265, #1022). The library has both, as `ipo` and
# `ipo_average`. The same $\tau$ does not mean the same in the two.
#
# **“I use IPO and it is overconfident.”** Look at $\tau$ and at the table above.
#
# **“My labels are noisy. Should I use IPO?”** IPO or cDPO. cDPO needs a guess of the share of wrong
# labels, and IPO needs a $\tau$.
#
# ### The same line in TRL
#
# `DPOConfig(loss_type="ipo", beta=0.1)` works on means per token, and `beta` is the $\tau$ of this
# page. cDPO is `DPOConfig(loss_type="sigmoid", label_smoothing=0.1)`.

# %% [markdown]
# ## Turn the dial
#
# One pair, labelled many times; a share p of the labels says that the first answer wins. Before
# you set p to 1: where does DPO stop? Where does IPO?

# %%
from tinyalign.notes.dials import certainty, dial

dial(
    certainty.frame,
    {"τ": (0.1, 0.25, 0.5, 1.0), "p": (0.5, 0.6, 0.75, 0.9, 0.99, 1.0)},
    start=(0.25, 0.75),
    try_it=certainty.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# At p = 1 DPO never stops: its best margin is infinite for every β. IPO stops at $(2p -
# 1)/(2\tau)$, at most $1/(2\tau)$ nats, because the probability of winning, and not its log-odds,
# is what pulls IPO.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 09.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Conservative DPO: a share `flip` of the labels is turned.
#
# <details><summary>Hint 1</summary>
#
# With probability 1 − flip the label is right and the loss is DPO's; with probability flip the
# pair is the other way round.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# (1 − flip) times DPO at the margin, plus flip times DPO at minus the margin.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_sigmoid
#
#
# def my_cdpo(
#     chosen_logp,
#     rejected_logp,
#     ref_chosen_logp,
#     ref_rejected_logp,
#     *,
#     beta=0.1,
#     flip=0.1,
# ):
#     margin = beta * (chosen_logp - ref_chosen_logp - rejected_logp + ref_rejected_logp)
#     return -(1 - flip) * log_sigmoid(margin) - flip * log_sigmoid(-margin)
# ```
#
# </details>
#
# **2.** IPO's optimum for any table of preferences and a uniform sampler. `preference[i, j]` is
# the probability that answer i beats answer j.
#
# <details><summary>Hint 1</summary>
#
# IPO is RLHF whose reward is the chance to win against a sampled answer, and whose beta is tau.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The optimum is $\pi_{ref}$ times e to the power of the mean of a row over tau, normalised.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_ipo_optimum(ref_probs, preference, *, tau):
#     return softmax(np.log(ref_probs) + np.mean(preference, axis=1) / tau)
# ```
#
# </details>
#
# **3. On paper.** There are two answers, and A beat B in all comparisons. Which margin of
# log-ratios does IPO ask for at $\tau = 0.1$, and which one does DPO ask for?
#
# <details><summary>The answer</summary>
#
# IPO asks for $1/(2\tau) = 5$. DPO asks for an infinite margin, whatever beta is.
#
# </details>
#
# **4. Open ended.** Turn five of a hundred labels at random. Compare DPO, cDPO and IPO. Which one
# changes least, and what do you pay for that with clean labels?
#
# <details><summary>What to look for</summary>
#
# Turned labels bound DPO's margin by themselves. cDPO and IPO change less, and with clean labels
# both stop at a margin that the data would not have asked for.
#
# </details>

# %%
from tinyalign.notes.exercises.pairs import check_my_cdpo, check_my_ipo_optimum


def my_cdpo(
    chosen_logp,
    rejected_logp,
    ref_chosen_logp,
    ref_rejected_logp,
    *,
    beta=0.1,
    flip=0.1,
):
    raise NotImplementedError  # four (B,) -> (B,)


def my_ipo_optimum(ref_probs, preference, *, tau):
    raise NotImplementedError  # (K,), (K, K) -> (K,)


check_exercise(check_my_cdpo, my_cdpo)
check_exercise(check_my_ipo_optimum, my_ipo_optimum)

# %% [markdown]
# ## What you may have read
#
# {notes 004 448-489}
# {notes 004 614-615}
# {notes 004 796-800}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * A loss with a target for *each* log-ratio is called IPO: [it is not IPO](errata.html#row-52).
#   IPO asks for the difference only. The printed loss is [SPPO with hard
#   labels](errata.html#row-53), a method of its own. The next cell compares three properties.
# * “squared hinge loss variant”: [not a hinge](errata.html#row-51). A hinge charges only a margin
#   that is too small; IPO charges a margin that is too large just as much.
# * “Use explicit L2 regularization.”: [there is none](errata.html#row-50). The square is a
#   regression of the margin.
# * “fixes DPO overconfidence”: [too strong](errata.html#row-54). IPO bounds the margin at a value
#   set by $\tau$. The paper reports bandits only, so “better performance” has no source.
#
# </details>

# %%
zero = np.zeros(1)
tau = 0.1


def note_ipo(chosen, rejected, beta):
    """Both reference log-probabilities are 0 here."""
    return (chosen - 1 / (2 * beta)) ** 2 + (rejected + 1 / (2 * beta)) ** 2


along = {
    "IPO": ipo(gaps / 2, -gaps / 2, 0 * gaps, 0 * gaps, tau=tau),
    "as printed": note_ipo(gaps / 2, -gaps / 2, tau),
}
stops = {name: gaps[np.argmin(values)] for name, values in along.items()}
shift = {
    "IPO": ipo(zero + 3, zero + 3, zero, zero, tau=tau)[0] - along["IPO"][0],
    "as printed": note_ipo(3.0, 3.0, tau) - along["as printed"][0],
}
table(
    ["loss", "at the reference", "stops at margin", "changes by, if both rise by 3"],
    [[name, along[name][0], stops[name], shift[name]] for name in along],
)
printed = note_ipo(zero + 1.0, zero - 2.0, tau)
print("the note's IPO is SPPO:", printed, sppo(zero + 1.0, zero - 2.0, zero, zero, beta=tau))

# %% [markdown]
# ## Further reading
#
# * Azar and others 2023, “A general theoretical paradigm …”, arXiv:2310.12036: IPO, with the
#   bandits in section 5.4.
# * Mitchell 2023, “A note on DPO with noisy preferences and relationship to IPO”: cDPO.
# * Wu and others 2024, arXiv:2405.00675: SPPO.
#
# ### The claims of this page, tested

# %%
assert_allclose(a1["IPO"], a1_predicted, atol=1e-3, err_msg="two arms: IPO stops where predicted")
assert_allclose(by_formula, a1_predicted, atol=1e-12)
assert np.all(a1["DPO"] > 0.999), "two arms: DPO goes to 1"
assert_allclose(best["IPO"], [p[0] for p in a2_predicted], atol=0.01, err_msg="three arms: IPO")
assert np.all(best["DPO"] > 0.99), "three arms: DPO goes to (1, 0, 0) at every β"
for name in ways:
    assert_allclose(a3[name, "as printed"], 1 / 3, atol=5e-3, err_msg="as printed: nothing")
assert_allclose(a3["IPO", "corrected"], [p[2] for p in a3_predicted], atol=0.01)
assert np.all(a3["DPO", "corrected"] < 0.01), "corrected: DPO sends c to 0"
assert stops["IPO"] == 1 / (2 * tau) and stops["as printed"] == 1 / tau, "another margin"
assert abs(shift["IPO"]) < 1e-9 < shift["as printed"] and np.all(printed == sppo(
    zero + 1.0, zero - 2.0, zero, zero, beta=tau)), "the note's loss is SPPO"  # fmt: skip
assert abs(cdpo_stops - cdpo_predicted) < 0.01
assert all(abs(row[3] - row[4]) < 0.01 < row[5] - row[4] for row in sure), "IPO is the careful one"
assert sure[2][3] > 20 * sure[2][2], "and yet surer than the labels, if τ is small"
print("all claims of this page hold")
