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
# # 06 · Best-of-n and rejection sampling
#
# ## The question
#
# Draw n answers and keep the best one. This trains nothing, and it is hard to beat. What does it
# cost, measured as the distance from the reference? And can one also *sample* from the best policy
# of [page 05](05_the_answer_before_the_algorithm.html), without training?
#
# ## The idea
#
# Best-of-n draws n answers from the reference, asks a reward for each, and returns the best. The
# returned answers have a distribution of their own, and this distribution is known exactly. So the
# page can compute its reward and its KL from the reference without drawing anything. A famous
# formula gives the KL; the page shows that the formula is an upper bound and when the bound is far
# off.
#
# Rejection sampling is different. It draws one answer and *accepts* it with a probability that
# grows with its reward; otherwise it draws again. With the right acceptance probability the
# accepted answers follow the best policy of page 05 exactly. Both ideas can also serve to train:
# fine-tune the model on the answers that were kept. This is called rejection-sampling fine-tuning;
# RAFT and STaR are versions of it.
#
# ```
#  best-of-n:   draw y1 y2 y3 y4 -> keep the best
#  rejection:   draw y -> keep with chance
#                         exp((r - r_max) / beta)
#                      -> otherwise draw again
#  fine-tuning: keep -> SFT on what was kept -> repeat
# ```
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $n$ | number of answers that are drawn |
# | $K$ | number of different answers that exist |
# | $F(y)$ | probability that one draw earns at most as much as $y$ |
# | $F(y^-)$ | probability that one draw earns less than $y$ |
# | $r_{\max}$ | the largest reward there is |
# | $\beta$ | price of one nat, as on page 05 |
# | $\alpha$ | temperature of the rewards in InfoNCA |
#
# An answer is the best of $n$ if no draw beats it and at least one draw equals it. Without ties,
# the probability of answer $y$ is $F(y)^n - F(y^-)^n$.
#
# $$\mathrm{KL}(\text{best-of-}n\,\|\,\pi_{\mathrm{ref}}) \le \log n - \frac{n-1}{n}$$
#
# {source tinyalign.optimum.best_of_n}
#
# Rejection sampling accepts with probability $e^{(r - r_{\max})/\beta}$. An accepted answer was
# drawn *and* accepted, so its probability is proportional to $\pi_{\mathrm{ref}}\,e^{r/\beta}$,
# which is the best policy.
#
# {source tinyalign.losses.ranking.rejection_sample}
#
# InfoNCA *learns* the same policy from K answers at once. It turns the K rewards into a target
# distribution by a softmax at temperature $\alpha$, and it fits the policy's scores to this target
# by a cross-entropy. A pair of a winner and a loser is the smallest case.
#
# {source tinyalign.losses.ranking.infonca}

# %%
import autograd.numpy as np
from numpy.testing import assert_allclose

from tinyalign.losses import dpo, infonca, rejection_sample
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import (
    acceptance_rate,
    best_of_n,
    best_of_n_kl_bound,
    kl,
    optimal_policy,
    win_rate,
)

# %% [markdown]
# ## Predict
#
# **Question 1.** There are 4 equally likely answers with different rewards. You draw 64 and keep
# the best. The formula says 3.17 nats. What is the exact KL?
#
# * a) 3.17.
# * b) About 1.39.
# * c) More than 3.17.
#
# **Question 2.** You fine-tune a model perfectly on the best of 4, then again on the best of 4 of
# the *new* model, then a third time. Which policy comes out?
#
# * a) Best of 4.
# * b) Best of 12.
# * c) Best of 64.
#
# **Question 3.** The reward of one rare answer is far above all others. What happens to rejection
# sampling?
#
# * a) Nothing.
# * b) It accepts almost nothing.
# * c) It accepts almost everything.
#
# <details><summary>The answers</summary>
#
# **1 b.** The best of the four answers is nearly always among the 64 draws. The policy is then one
# answer with probability 1, and its KL is $\log 4$. A KL can never exceed $\log K$ here. The table
# shows the value.
#
# **2 c.** The best of 4 answers, each the best of 4, is the best of 16, and so on: $4^3 = 64$. The
# page checks this.
#
# **3 b.** The acceptance probability compares each reward with the largest one.
#
# </details>
#
# **The dial:** `ATOMS` holds the numbers of different answers. With 4,096 the bound is nearly met;
# with 4 it is far off.
#
# ## Run
#
# ### The price of best-of-n

# %%
ATOMS = (4, 32, 4096)
DRAWS = (2, 4, 16, 64)

rows = []
for atoms in ATOMS:
    ref, score = np.full(atoms, 1 / atoms), np.arange(atoms, dtype=float)
    for n in DRAWS:
        policy = best_of_n(ref, score, n)
        wins = float(win_rate(policy, ref, score)) if atoms < 100 else None  # K × K numbers
        rows.append([atoms, n, float(kl(policy, ref)), best_of_n_kl_bound(n), wins, n / (n + 1)])
table(["answers", "n", "KL, exact", "bound", "win rate", "its bound"],
      [[*row[:4], "–" if row[4] is None else row[4], row[5]] for row in rows])  # fmt: skip

# %% [markdown]
# ### Two ways to sample
#
# Six answers have random rewards. The page draws best-of-4 and compares with the exact policy. It
# also accepts answers by rejection sampling and compares with the best policy. The share of
# accepted answers is predicted as well.

# %%
BETA, SAMPLES = 0.5, 200_000
rng = np.random.default_rng(0)
ref = softmax(rng.normal(size=6))
reward = rng.normal(size=6)

target = optimal_policy(ref, reward, beta=BETA)
rate_predicted = acceptance_rate(ref, reward, beta=BETA)
answers = rng.choice(6, size=SAMPLES, p=ref)
kept = rejection_sample(reward[answers], beta=BETA, rng=rng, max_reward=reward.max())
accepted = np.bincount(answers[kept], minlength=6) / kept.sum()

groups = rng.choice(6, size=(SAMPLES // 4, 4), p=ref)
best = groups[np.arange(len(groups)), reward[groups].argmax(axis=1)]
drawn_best, known_best = np.bincount(best, minlength=6) / len(best), best_of_n(ref, reward, 4)
table(
    ["answer", "reward", "reference", "accepted", "π_ref·exp(r/β)/Z", "best of 4", "exact"],
    [[f"y{i}", reward[i], ref[i], accepted[i], target[i], drawn_best[i], known_best[i]]
     for i in range(6)],
)  # fmt: skip
print(f"\nshare accepted: {kept.mean():.4f}, predicted {rate_predicted:.4f}")

# %% [markdown]
# ### Fine-tuning on the best, three rounds
#
# A perfect round of fine-tuning makes the model equal to the distribution of the kept answers. The
# next cell applies best-of-4 to the policy of the round before.

# %%
policy, rounds = ref, []
for done in range(4):
    earned, moved = float(policy @ reward), max(float(kl(policy, ref)), 0.0)
    same = np.abs(policy - best_of_n(ref, reward, 4**done)).max()
    rounds.append([done, earned, moved, float(policy.max()), same])
    policy = best_of_n(policy, reward, 4)
table(["rounds", "reward", "KL", "largest probability", "difference from best of 4^rounds"],
      [[*row[:4], f"{row[4]:.0e}"] for row in rounds])  # fmt: skip

# %% [markdown]
# ### Learning the best policy: InfoNCA

# %%
ALPHA, SLOPE = 0.5, 1.0
ref_logp = np.log(ref)


def infonca_loss(params):
    ratio = log_softmax(params["logits"]) - ref_logp
    return np.sum(infonca(ratio[None, :], reward[None, :], beta=SLOPE, alpha=ALPHA))


learned, _ = minimise(infonca_loss, {"logits": ref_logp.copy()}, steps=600, learning_rate=0.05)
distance = float(kl(softmax(learned["logits"]), optimal_policy(ref, reward, beta=ALPHA * SLOPE)))
two = np.array([[0.7, -0.4]])
as_dpo = dpo(two[:, 0], two[:, 1], np.zeros(1), np.zeros(1), beta=SLOPE)[0]
as_infonca = infonca(two, np.array([[1.0, 0.0]]), beta=SLOPE, alpha=1e-3)[0]
print(f"InfoNCA's distance from the optimum of RLHF at β = αβ: {abs(distance):.0e} nats")
print(f"two answers, α → 0: InfoNCA {as_infonca:.12f}, DPO {as_dpo:.12f}")

# %%
figure, axes = picture()
n = np.unique(np.round(np.geomspace(1, 1000, 60)).astype(int))
for atoms in ATOMS[:2]:
    even, score = np.full(atoms, 1 / atoms), np.arange(atoms, dtype=float)
    axes.semilogx(n, [kl(best_of_n(even, score, k), even) for k in n], label=f"{atoms} answers")
axes.semilogx(n, [best_of_n_kl_bound(k) for k in n], "k--", label="log n − (n − 1)/n")
axes.set(xlabel="n", ylabel="KL to the reference, nats", title="The price of best-of-n")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The formula is an upper bound.** It becomes tight when answers do not tie and no single answer
# has a large probability. With few answers the KL stops at the logarithm of their number. The same
# is true of the win rate against the reference, whose bound is $n/(n+1)$.
#
# **Rejection sampling is exact.** The column of accepted answers agrees with the best policy, and
# the share of accepted answers with its prediction.
#
# **Rounds multiply.** Three rounds of fine-tuning on the best of 4 are worth one best-of-64. Each
# round moves farther, nothing holds the policy back, and the largest probability goes towards 1. A
# method that repeats rounds needs a rule when to stop, or a KL penalty.
#
# **InfoNCA learns the best policy** with $\alpha\beta$ as the price of one nat. With two answers
# and a certain winner ($\alpha \to 0$) it equals DPO, to the last digit printed.
#
# ## What goes wrong in practice
#
# **"Best-of-64 should cost 3.17 nats, and I measure 1.4."** The formula is an upper bound. Your
# model has few different answers, or many answers tie.
#
# **"Best-of-n beats my training with RL."** This happens often. At equal KL best-of-n is close to
# the frontier ([page 05](05_the_answer_before_the_algorithm.html)). But it pays n answers for
# *every* use of the model, and RL pays once, during training.
#
# **"Where is the trainer for best-of-n?"** (huggingface/trl #140, #561.) There is none, because
# nothing is trained. The word "rejection sampling" has two meanings: an exact draw from the best
# policy, as here, and fine-tuning on the best of n. The second is `raft` in this library.
#
# **"My rejection sampler accepts almost nothing."** The share of accepted answers is the mean of
# $e^{(r-r_{\max})/\beta}$ under the reference. One very high reward, or a small β, makes it tiny.
#
# ### The same line in TRL
#
# Best-of-n needs no trainer: draw `num_generations` answers and keep the best by the reward. The
# pair loss of RSO, a method that trains on accepted answers, is `DPOConfig(loss_type="hinge")`.

# %% [markdown]
# ## Turn the dial
#
# Best-of-n draws n answers and keeps the best one. Before you move n from 4 to 64: does KL grow
# as fast as n? And when does KL fall behind its bound?

# %%
from tinyalign.notes.dials import best_of_n, dial

dial(best_of_n.frame, {"n": (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)}, start=(4,), try_it=best_of_n.TRY)

# %% [markdown]
# <details><summary>The answer</summary>
#
# KL grows like log n, far more slowly than n. KL falls behind the bound as soon as the best
# answer is drawn nearly every time: the policy cannot move further than that answer, here $-\log
# 0.1 = 2.3$ nats, and the bound does not know it.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 06.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** The policy of best-of-n when answers may tie. Ties are broken evenly among the draws.
#
# <details><summary>Hint 1</summary>
#
# The best of $n$ draws has a reward of at most $r$ with probability $F(r)^n$, where $F(r)$ is the
# reference probability of all answers whose reward is at most $r$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The answers that share the reward $r$ share the probability $F(r)^n - F(r^-)^n$ in proportion to
# $\pi_{ref}$, where $F(r^-)$ counts the smaller rewards only.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_best_of_n(ref_probs, reward, n):
#     lower = reward[..., None, :] < reward[..., :, None]  # (…, K, K): the second is worse
#     tied = reward[..., None, :] == reward[..., :, None]
#     below = np.sum(np.where(lower, ref_probs[..., None, :], 0.0), axis=-1)
#     level = np.sum(np.where(tied, ref_probs[..., None, :], 0.0), axis=-1)
#     return ref_probs / np.where(level > 0, level, 1.0) * ((below + level) ** n - below**n)
# ```
#
# </details>
#
# **2.** How many draws from the reference does rejection sampling need on average for one
# accepted answer? A draw is accepted with probability $e^{(r - r_{max})/\beta}$.
#
# <details><summary>Hint 1</summary>
#
# If each draw is accepted with chance $a$, the mean number of draws is $1/a$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The chance $a$ is the expectation of the acceptance probability under the reference.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_draws_needed(ref_probs, reward, *, beta):
#     return 1 / (ref_probs @ np.exp((reward - np.max(reward)) / beta))
# ```
#
# </details>
#
# **3. On paper.** A model answers right with probability $p = 0.1$. How large must $n$ be so that
# the best of $n$ by an exact scorer is right with probability 0.9, and what is the bound on its
# KL?
#
# <details><summary>The answer</summary>
#
# $1 - 0.9^n \ge 0.9$ gives $n = 22$. The bound is $\log 22 - 21/22 = 2.136$ nats; the true KL is
# below because there are ties.
#
# </details>
#
# **4. Open ended.** Let the scorer be wrong in one verdict of twenty. What does best-of-n do as n
# grows, and at which n would you stop?
#
# <details><summary>What to look for</summary>
#
# Of the answers that the scorer calls right, the share $0.95p / (0.95p + 0.05(1 - p))$ is right.
# Once $n$ is so large that some answer is called right, more draws change nothing.
#
# </details>

# %%
from tinyalign.notes.exercises.selection import check_my_best_of_n, check_my_draws_needed


def my_best_of_n(ref_probs, reward, n):
    raise NotImplementedError  # (…, K), (…, K), n -> (…, K)


def my_draws_needed(ref_probs, reward, *, beta):
    raise NotImplementedError  # (K,), (K,) -> one number


check_exercise(check_my_best_of_n, my_best_of_n)
check_exercise(check_my_draws_needed, my_draws_needed)

# %% [markdown]
# ## What you may have read
#
# {notes 002 54-71}
# {notes 002 77-81}
# {notes 004 663-676}
#
# <details><summary>Four statements of the notes, and what is true</summary>
#
# * *"Generalized Rejection Sampling Policy Optimization"*, as the meaning of GRPO. **Wrong.** [No
#   published method has this name](errata.html#row-19). GRPO is group relative policy optimization,
#   [page 13](13_grpo_rloo_dr_grpo.html). What the note describes exists under other names: RSO
#   samples the best policy, and InfoNCA fits it.
# * *"Can approximate DPO when using pairwise preferences"*. **True of InfoNCA**: [with two answers
#   and a certain winner it is DPO](errata.html#row-20).
# * *"(flexible input)"*, as the answer to whether a reward model is needed. **Wrong.** [Each of the
#   K answers needs a reward](errata.html#row-21).
# * *"Llama 3 (2024) - Hybrid Approach"*, with GRPO as its third stage. **Wrong as far as known.**
#   [Summaries of its paper](errata.html#row-26) name rejection sampling, SFT and DPO, in rounds.
#
# </details>
#
# ## Further reading
#
# * Beirami et al. 2024, arXiv:2401.01879: the policy of best-of-n and its KL.
# * Liu et al. 2023, arXiv:2309.06657: RSO.
# * Chen et al. 2024, arXiv:2402.05369: InfoNCA and NCA.
# * Dong et al. 2023, arXiv:2304.06767: RAFT.
# * Zelikman et al. 2022, arXiv:2203.14465: STaR, fine-tuning on answers that turned out right.
# * Gao, Schulman and Hilton 2022, arXiv:2210.10760: best-of-n against a learned reward.
#
# ### The claims of this page, tested

# %%
assert all(row[2] <= row[3] + 1e-9 for row in rows), "the bound is never broken"
assert all(abs(row[2] - row[3]) < 1e-4 for row in rows if row[0] == 4096 and row[1] <= 16)
few = next(row for row in rows if row[:2] == [4, 64])
assert abs(few[2] - np.log(4)) < 1e-3 and few[2] < few[3] - 1.5, "few answers: far below it"
assert abs(few[4] - 0.875) < 1e-3 and few[4] < few[5], "and so is the win rate"
assert_allclose(accepted, target, atol=0.01, err_msg="the accepted follow the tilted reference")
assert_allclose(drawn_best, known_best, atol=0.01)
assert abs(kept.mean() - rate_predicted) < 0.01
assert abs(distance) < 1e-6 and abs(as_infonca - as_dpo) < 1e-12, "InfoNCA is DPO on two answers"
assert max(row[4] for row in rounds) < 1e-12, "rounds of best-of-4 multiply"
assert np.all(np.diff([row[2] for row in rounds]) > 0) and rounds[-1][3] > 0.99, "and go on"
print("all claims of this page hold")
