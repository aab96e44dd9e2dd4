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
# A wrong loss rarely crashes. It trains, the curve goes down, and the model is a little worse than
# it should be. What finds such bugs is not a longer run but a *law*: something that must hold for
# every input, such as "swapping chosen and rejected adds β times the margin". This page lets a
# hundred and more wrong losses, most of them seen in public code, run against the laws, and then
# yours.
#
# ## What the notes say
#
# {notes 004 112-401}
# {notes 004 415-435}
# {notes 004 455-477}
# {notes 004 500-527}
# {notes 004 554-583}
#
# One of the notes contains complete code for GRPO, RRHF, IPO, KTO and ORPO. None of it was ever run
# against anything; eleven of its bugs hang in the museum. The table below names them with the first
# law that each breaks. The shortest of them is [an `.item()` through which no gradient
# passes](errata.html#row-40).
#
# ## A law, and how to ask
#
# {source tinyalign.laws.assert_lawful}
#
# A law is called with a function. It draws inputs with Hypothesis, and if it fails it reports the
# smallest counterexample that it found.

# %%
from collections import Counter

import autograd.numpy as np
from hypothesis import settings

from tinyalign import losses
from tinyalign.laws import METHODS, Broken, assert_lawful, laws_of
from tinyalign.laws.curate import broken_laws, recorded
from tinyalign.laws.museum import BY_NAME, EXHIBITS
from tinyalign.losses.numerics import log_sigmoid
from tinyalign.notes.lesson import check_exercise, picture, table

settings.load_profile("lesson")  # 40 examples a law, the same every time; the command takes 100
for law in laws_of("dpo"):
    print(f"{law.name}: {law.sentence}")

# %% [markdown]
# ## Before the run: who will be caught by what
#
# The library ships a table of verdicts: for every exhibit, the laws that it breaks, the simplest
# first. It is the prediction for what follows. A law that never kills anything would be decoration;
# a bug that no law kills would be a hole.

# %%
verdicts = recorded()
first_law = {name: broken[0] for name, broken in verdicts.items() if broken}
seen_in_public = sum(exhibit.seen != "planted here" for exhibit in EXHIBITS)
print(f"{len(EXHIBITS)} exhibits for {len({e.method for e in EXHIBITS})} of {len(METHODS)} names,")
print(f"{seen_in_public} of them seen in public code or in the notes; {len(first_law)} are killed.")

# %% [markdown]
# ## The run: a note on trial
#
# The verdicts of the eleven are computed again, now, and compared with the table.

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
# The note calls this IPO. It asks [each log-ratio for a target of its own](errata.html#row-52),
# where IPO asks only for their difference. [As SPPO with hard labels it is
# correct](errata.html#row-53), and passes all of SPPO's laws:

# %%
two_squares = BY_NAME["ipo_two_squares"].fn


def as_sppo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    return two_squares(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, tau=beta)


assert_lawful(as_sppo, "sppo")
print("as sppo: all laws hold")

# %% [markdown]
# ## The kill matrix
#
# One row an exhibit, one column a law. **The dial:** `SHOWN`, the method whose room is drawn. Try
# `"kto"`, `"gae"` or `"group_standardize"`. The whole table is `docs/kill_matrix.md`.

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
# ## Weird numbers, and the law that explains them
#
# Each of these was somebody's question. The last column is computed from the table of verdicts.

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
# Where bugs live:

# %%
kinds = Counter(exhibit.method for exhibit in EXHIBITS)
table(["method", "exhibits"], [[name, count] for name, count in kinds.most_common(8)])

# %% [markdown]
# ## Your loss
#
# In a file of yours, NumPy, PyTorch or JAX:
#
# ```
# tinyalign check mine.py:my_loss --as dpo
# tinyalign check mine.py:my_loss --as ipo --framework torch
# ```
#
# The same from a test: `assert_lawful(my_loss, "dpo", reduction="mean")`.
#
# ## Exercises: be the restorer
#
# Three exhibits from the note, broken as printed. Mend each until its laws hold. To begin, the
# functions are left unwritten; the notes' versions are a few lines up.
#
# **1.** IPO. **2.** RRHF, whose notes' version has four faults. **3.** KTO, with its reference
# point.


# %%
def my_ipo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, tau=0.1):
    raise NotImplementedError


def check_my_ipo(solution):
    assert_lawful(solution, "ipo")


def my_rrhf(avg_logp, reward, best_nll, *, weight=1.0):
    raise NotImplementedError  # (B, K), (B, K), (B,) -> (B,)


def check_my_rrhf(solution):
    assert_lawful(solution, "rrhf")


def my_kto(
    logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0
):
    raise NotImplementedError  # (B,)


def check_my_kto(solution):
    assert_lawful(solution, "kto")


check_exercise(check_my_ipo, my_ipo)
check_exercise(check_my_rrhf, my_rrhf)
check_exercise(check_my_kto, my_kto)

# %% [markdown]
# ## The same line in TRL
#
# There is none; but any loss that TRL computes from log-probabilities can be put behind a function
# and checked with `--framework torch`.
#
# ## What this page showed


# %%
def accepted(fn, method):
    try:
        assert_lawful(fn, method)
    except Broken:
        return False
    return True


assert len(EXHIBITS) >= 100 and len(first_law) == len(EXHIBITS), "every exhibit is killed"
assert all(row[3] == row[4] for row in trial), "the note's eleven, as predicted"
assert "costs 1/(4τ²)" in complaint, "and the law says why"
assert all(accepted(getattr(losses, name), name) for name in ("dpo", "ipo", "kto", "rrhf"))
assert not accepted(lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * (w - v)), "dpo")
print("all claims of this page hold")
