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
# # 16 · The bug museum: test your loss
#
# ## The question
#
# A wrong loss rarely crashes. It trains, its curve goes down, and the model is a little worse than
# it should be. How can you find such a mistake without a long run?
#
# ## The idea
#
# Some statements about a loss must hold for *every* input. For DPO: swapping the chosen and the
# rejected answer adds $\beta$ times the margin. The library calls such a statement a **law**. A law
# is called with your function. It draws many inputs, and if one of them breaks the statement, the
# law reports the smallest example that it can find. A law needs no training and no reference
# implementation.
#
# Laws must be tested as well, because a law that accepts everything is worthless. The **museum** is
# a collection of wrong losses, most of them seen in public code. Each of them is an **exhibit**.
# The **kill matrix** is a table with a row for each exhibit and a column for each law: a mark says
# that the law rejects the exhibit. Each exhibit has to be rejected by at least one law, and the
# library's own losses by none.
#
# ```
# your function --> law: draws inputs, --> holds
#                   checks one         \-> broken, with the
#                   statement              smallest example
# wrong functions --> the same laws --> each is broken
#                                       by at least one
# ```
#
# ## The formula
#
# A law is a statement of the form: for all inputs $x$ of the right shapes, a property of
# $\mathrm{loss}(x)$ holds. Three laws of DPO, with $m$ for the margin:
#
# $$\mathrm{loss}(m = 0) = \log 2$$
#
# $$\mathrm{loss}(-m) = \mathrm{loss}(m) + \beta m$$
#
# $$\mathrm{loss}(w + s, l + s) = \mathrm{loss}(w, l)$$
#
# * $w$ and $l$ are the log-probabilities of the chosen and of the rejected answer.
# * $s$ is any number that is added to both: only the difference may count.
#
# {source tinyalign.laws.assert_lawful}
#
# ## Predict
#
# A function is called `ipo`. It asks the log-ratio of the *chosen* answer to be $1/(2\tau)$ and the
# log-ratio of the *rejected* answer to be $-1/(2\tau)$. Its values fall during training, and the
# margin grows. Is it IPO?
#
# * (a) yes, because the difference of the two targets is what IPO asks for
# * (b) no, and its value at the reference shows it
# * (c) nobody can tell without a long run
#
# <details><summary>The answer</summary>
#
# (b). IPO's loss is $1/(4\tau^2)$ at the reference, and this function gives twice as much. It is
# another method, SPPO with hard labels. The run below lets a law find this.
#
# </details>
#
# ## Run
#
# ### The laws of DPO, in words

# %%
from collections import Counter

import autograd.numpy as np
from hypothesis import settings

from tinyalign import losses
from tinyalign.laws import METHODS, Broken, assert_lawful, laws_of
from tinyalign.laws.curate import broken_laws, recorded
from tinyalign.laws.museum import BY_NAME, EXHIBITS
from tinyalign.laws.museum.exhibit import PLANTED
from tinyalign.losses.numerics import log_sigmoid
from tinyalign.notes.lesson import check_exercise, picture, table

settings.load_profile("lesson")  # 40 examples a law, the same every time; the command takes 100
for law in laws_of("dpo"):
    print(f"{law.name}: {law.sentence}")

# %% [markdown]
# ### Who is caught by what
#
# The library has a table of verdicts: for each exhibit, the laws that it breaks, the simplest law
# first.

# %%
verdicts = recorded()
first_law = {name: broken[0] for name, broken in verdicts.items() if broken}
seen_in_public = sum(exhibit.seen != PLANTED for exhibit in EXHIBITS)
print(f"{len(EXHIBITS)} exhibits for {len({e.method for e in EXHIBITS})} of {len(METHODS)} names,")
print(f"{seen_in_public} of them seen in public code or in the notes; {len(first_law)} are killed.")

# %% [markdown]
# ### Eleven functions of one set of notes, on trial
#
# The verdicts of eleven exhibits are computed again, now, and compared with the table.

# %%
NOTE_BUGS = (
    "dpo_reference_is_live_policy", "sequence_mask_one_late", "sequence_unshifted",
    "note_004_item", "note_004_train_step_ratio", "k1_as_a_loss", "rank_by_argsort",
    "ipo_two_squares", "kto_note_004", "orpo_note_004", "rrhf_note_004",
)  # fmt: skip
trial = []
for name in NOTE_BUGS:
    exhibit, expected = BY_NAME[name], first_law[name]
    (broken_law,) = broken_laws(exhibit, only={expected}) or ["none"]
    trial.append([exhibit.method, exhibit.story, exhibit.seen.split(";")[0], expected, broken_law])
table(["claims to be", "what is wrong", "where", "predicted", "breaks"], trial)

# %% [markdown]
# Here is one of them in full, with what the law says to its author.

# %%
print(BY_NAME["ipo_two_squares"].source, "\n")
try:
    assert_lawful(BY_NAME["ipo_two_squares"].fn, "ipo")
except Broken as error:
    complaint = str(error)
    print(complaint)

# %% [markdown]
# The same function passes all laws of SPPO:

# %%
two_squares = BY_NAME["ipo_two_squares"].fn


def as_sppo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    return two_squares(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, tau=beta)


assert_lawful(as_sppo, "sppo")
print("as sppo: all laws hold")

# %% [markdown]
# ### The kill matrix
#
# There is one row for each exhibit and one column for each law. **The dial:** `SHOWN`, the method
# whose part is drawn. Try `"kto"`, `"gae"` or `"group_standardize"`. The whole table is in
# `docs/kill_matrix.md`.

# %%
SHOWN = "dpo"

room = [exhibit for exhibit in EXHIBITS if exhibit.method == SHOWN]
names = [law.name for law in laws_of(SHOWN)]
names = [name for name in names if any(name in verdicts[exhibit.name] for exhibit in room)]
killed = np.array([[name in verdicts[exhibit.name] for name in names] for exhibit in room])

figure, axes = picture(width=8.0, height=2.6 + 0.24 * len(room))
axes.pcolormesh(killed, cmap="Greys", vmin=0, vmax=1.4, edgecolors="white", linewidth=1.5)
axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=60, ha="right", fontsize="small")
labels = [exhibit.story[:52] for exhibit in room]
axes.set_yticks(np.arange(len(room)) + 0.5, labels, fontsize="small")
axes.invert_yaxis()
axes.set_title(f"Laws that each wrong {SHOWN} breaks")
axes.grid(False)
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **Every exhibit is caught.** Each of the wrong functions breaks at least one law, and the eleven
# functions on trial break the laws that the table predicts.
#
# **A law speaks to the author.** It names what should hold, and gives the smallest input for which
# it does not. “Your loss differs from ours” would say much less.
#
# **A wrong loss may be a right one under another name.** The two squares are no IPO, and they are
# SPPO.
#
# ### Where bugs live

# %%
kinds = Counter(exhibit.method for exhibit in EXHIBITS)
table(["method", "exhibits"], [[name, count] for name, count in kinds.most_common(8)])

# %% [markdown]
# ## What goes wrong in practice
#
# Each of these was somebody's question: “DPO stays at 0.6931” (huggingface/trl #2046), “the first
# answer token is never learned” (verl PR #3287), “the model never stops” (trl #1623, #3091), “the
# KL ignores β” (open-instruct #534), “ORPO is infinite” (trl #1491). The last column is computed
# from the table of verdicts.

# %%
SYMPTOMS = {
    "DPO stays at 0.6931 (trl #2046)": "dpo_reference_is_live_policy",
    "the first answer token is never learned (verl PR #3287)": "sequence_mask_one_late",
    "the model never stops (trl #1623, #3091)": "sequence_pad_id_masks_the_end",
    "the KL ignores β (open-instruct #534)": "k1_as_a_loss",
    "equal rewards, unequal advantages (one of the notes)": "rank_by_argsort",
    "ORPO is infinite (trl #1491)": "odds_ratio_log1p_exp",
}
table(
    ["what you see", "what it is", "first law broken"],
    [[seen, BY_NAME[name].story, first_law[name]] for seen, name in SYMPTOMS.items()],
)


# %% [markdown]
# ### Your loss
#
# Your function may be in a file of yours, and use NumPy, PyTorch or JAX:
#
# ```
# tinyalign check mine.py:my_loss --as dpo
# tinyalign check mine.py:my_loss --as ipo --framework torch
# ```
#
# From a test, the same is `assert_lawful(my_loss, "dpo")`.
#
# ### The same line in TRL
#
# There is none. But each loss that TRL computes from log-probabilities can be put behind a function
# and checked with `--framework torch`.

# %% [markdown]
# ## Turn the dial
#
# The most frequent exhibit: DPO whose author forgot the reference. Before you move "reference":
# at which reference do the two curves agree? Which one number tells them apart at once?

# %%
from tinyalign.notes.dials import dial, no_reference

dial(
    no_reference.frame,
    {"policy": (-6.0, -3.0, 0.0, 3.0, 6.0), "reference": (-6.0, -3.0, 0.0, 3.0, 6.0)},
    start=(3.0, 3.0),
    try_it=no_reference.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The curves agree where the reference's margin is 0, so a test with equal reference
# log-probabilities does not see the bug. At the reference itself, policy = reference, the loss
# must be log 2. The wrong one is not.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 16.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Restore IPO: one square, of the difference of log-ratios minus its target.
#
# <details><summary>Hint 1</summary>
#
# The note squares chosen and rejected apart. The paper squares their *difference*.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The target of the difference is $1 / (2\tau)$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_ipo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, tau=0.1):
#     gap = chosen_logp - ref_chosen_logp - rejected_logp + ref_rejected_logp
#     return (gap - 1 / (2 * tau)) ** 2
# ```
#
# </details>
#
# **2.** Restore RRHF. The version of the notes has four faults.
#
# <details><summary>Hint 1</summary>
#
# For every two answers of which one has the larger reward: how much does the mean log-probability
# of the worse one exceed that of the better one? Below 0 it costs nothing.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Build both differences as (B, K, K), choose with `np.where`, take `np.maximum` with 0, sum, and
# add `weight` times `best_nll`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_rrhf(avg_logp, reward, best_nll, *, weight=1.0):
#     excess = np.maximum(avg_logp[:, :, None] - avg_logp[:, None, :], 0.0)  # of i over j
#     worse = reward[:, :, None] < reward[:, None, :]  # i has the smaller reward
#     return np.sum(np.where(worse, excess, 0.0), axis=(1, 2)) + weight * best_nll
# ```
#
# </details>
#
# **3.** Restore KTO, with its reference point.
#
# <details><summary>Hint 1</summary>
#
# The gain is beta times (log-ratio − z0). A liked answer costs its weight times one minus the
# sigmoid of the gain.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A disliked answer costs its weight times one minus the sigmoid of *minus* the gain. There is no
# logarithm.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import sigmoid
#
#
# def my_kto(
#     logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0
# ):
#     gain = beta * (logp - ref_logp - z0)
#     liked, disliked = weight_desirable * sigmoid(-gain), weight_undesirable * sigmoid(gain)
#     return np.where(desirable, liked, disliked)
# ```
#
# </details>
#
# **4. On paper.** Why does the law "swapping chosen and rejected adds $\beta$ times the margin"
# hold for DPO, and does it hold for IPO?
#
# <details><summary>The answer</summary>
#
# Because $-\log\sigma(-x) = -\log\sigma(x) + x$. IPO's square changes by $2x/\tau$ instead:
# $(x + c)^2 - (x - c)^2 = 4cx$ with $c = 1/(2\tau)$.
#
# </details>
#
# **5. Open ended.** Write a wrong loss that breaks as few laws as possible. Which law catches it
# in the end, and could it be seen in a training curve?
#
# <details><summary>What to look for</summary>
#
# Mistakes in rare places break few laws: a clamp at extreme margins, or a constant. A constant
# never shows in training at all; a clamp shows only far from the start.
#
# </details>

# %%
from tinyalign.notes.exercises.other_losses import check_my_ipo, check_my_kto, check_my_rrhf


def my_ipo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, tau=0.1):
    raise NotImplementedError  # four (B,) -> (B,)


def my_rrhf(avg_logp, reward, best_nll, *, weight=1.0):
    raise NotImplementedError  # (B, K), (B, K), (B,) -> (B,)


def my_kto(
    logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0
):
    raise NotImplementedError  # (B,), (B,), (B,), one number -> (B,)


check_exercise(check_my_ipo, my_ipo)
check_exercise(check_my_rrhf, my_rrhf)
check_exercise(check_my_kto, my_kto)

# %% [markdown]
# ## What you may have read
#
# {notes 004 112-401}
# {notes 004 415-435}
# {notes 004 455-477}
# {notes 004 500-527}
# {notes 004 554-583}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# One of the notes has complete code for GRPO, RRHF, IPO, KTO and ORPO. Eleven of its bugs are
# exhibits.
#
# * The shortest one is [an `.item()`](errata.html#row-40), through which no gradient passes.
# * The printed IPO asks [each log-ratio for a target of its own](errata.html#row-52). [As SPPO with
#   hard labels it is correct](errata.html#row-53).
#
# </details>
#
# ## Further reading
#
# * Claessen and Hughes 2000, “QuickCheck”: tests by properties, the idea behind laws. MacIver and
#   others 2019, “Hypothesis”: the tool that draws the inputs.
# * Engstrom and others 2020, arXiv:2005.12729: how much the details of an implementation matter.
# * Azar and others 2023, arXiv:2310.12036: IPO. Wu and others 2024, arXiv:2405.00675: SPPO.
#
# ### The claims of this page, tested


# %%
def accepted(fn, method):
    try:
        assert_lawful(fn, method)
    except Broken:
        return False
    return True


assert len(EXHIBITS) >= 100 and len(first_law) == len(EXHIBITS), "every exhibit is killed"
assert all(row[3] == row[4] for row in trial), "the eleven, as predicted"
assert "costs 1/(4τ²)" in complaint, "and the law says why"
assert all(accepted(getattr(losses, name), name) for name in ("dpo", "ipo", "kto", "rrhf"))
assert not accepted(lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * (w - v)), "dpo")
print("all claims of this page hold")
