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
# The strongest baseline in alignment trains nothing: draw n answers, keep the one that scores best.
# Its policy is known exactly, and so is the price, measured in KL like everybody else's. Accepting
# answers with the right probability instead of keeping the best one gives the RLHF optimum itself,
# sample by sample.
#
# ## What the notes say
#
# {notes 002 54-71}
# {notes 002 77-81}
# {notes 004 663-676}
#
# One of the notes spells GRPO "Generalized Rejection Sampling Policy Optimization". [No published
# method has that name](errata.html#row-19); GRPO is page 13. What the section describes, learning
# from arbitrary rewards towards a posterior $\pi_{ref}e^{r/\beta}$, exists under other names. RSO
# draws from the posterior, InfoNCA and NCA fit it, and [with two answers and one certain winner
# InfoNCA *is* DPO](errata.html#row-20). They need [a reward for each of the K
# answers](errata.html#row-21). Another note gives [Llama 3 a GRPO stage](errata.html#row-26);
# summaries of its paper say rejection sampling, SFT and DPO in rounds (not verified here).
#
# ## The formulas, live
#
# {source tinyalign.optimum.best_of_n}
# {source tinyalign.losses.ranking.rejection_sample}
# {source tinyalign.losses.ranking.infonca}

# %%
import autograd.numpy as np
from numpy.testing import assert_allclose

from tinyalign.laws import assert_lawful
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
# ## Before the run: a formula with fine print
#
# A formula is quoted everywhere: $\mathrm{KL}(\text{best-of-}n\,\|\,\pi_{ref}) = \log n -
# \frac{n-1}{n}$. It is a *bound*, and an equality only if no two answers tie and no answer has much
# probability. With $K$ equally likely answers the KL cannot exceed $\log K$, however large $n$ is.
# The same holds for the win rate, $n/(n+1)$.
#
# **The dial:** `ATOMS`, how many answers there are. With 4 096 the bound is met to four digits;
# with 4 it is far off.

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
# **An earlier measurement:** with 4 096 atoms equal to four decimals for n = 2, 4, 16, 64; with 4
# atoms and n = 64 a KL of 1.386 (which is log 4) against a bound of 3.17.
#
# ## The run: two ways to sample
#
# Best-of-n by drawing, compared with its formula; and rejection sampling, which accepts an answer
# with probability $e^{(r - r_{max})/\beta}$. What is accepted follows $\pi_{ref}e^{r/\beta}/Z$
# exactly. How many are accepted is known beforehand too.

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
# ## Learning the posterior: InfoNCA
#
# All answers of a prompt at once, their rewards as a soft label. Its optimum is the same
# $\pi_{ref}e^{r/(\alpha\beta)}/Z$ that the PPO objective has at temperature $\alpha\beta$; with two
# answers and $\alpha \to 0$ it is DPO to the last digit.

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
# ## Weird numbers
#
# **“Best-of-64 should cost 3.17 nats, I measure 1.4.”** The formula is an upper bound. Your model
# has few distinct answers, or many that tie.
#
# **“Best-of-n beats my RL run.”** It often does, at equal KL it is hard to beat (page 05), and it
# pays at inference what RL pays once in training.
#
# **“Where is the trainer for best-of-n?”** (huggingface/trl #140, #561.) There is none to have: it
# samples and trains nothing. "Rejection sampling" as a way to *train* means fine-tuning on the best
# of n, which is `raft` here; RSO's is a third thing, an exact draw from the optimum.
#
# **“RSO accepts almost nothing.”** The rate is $\mathbb{E}[e^{(r-r_{max})/\beta}]$, printed above:
# one outlier in the rewards, or a small β, and it is tiny.
#
# ## Exercises
#
# **1.** The policy of best-of-n when answers may tie. Ties are broken evenly among the draws.
#
# **2.** How many draws does rejection sampling need on average for one accepted answer?


# %%
def my_best_of_n(ref_probs, reward, n):
    raise NotImplementedError  # (..., K), (..., K), n -> (..., K)


def check_my_best_of_n(solution):
    assert_lawful(solution, "best_of_n")


def my_draws_needed(ref_probs, reward, *, beta):
    raise NotImplementedError  # (K,), (K,) -> one number


def check_my_draws_needed(solution):
    draw = np.random.default_rng(1)
    for beta in (0.2, 1.0):
        p, r = softmax(draw.normal(size=4)), draw.normal(size=4)
        known = 1 / acceptance_rate(p, r, beta=beta)
        assert_allclose(solution(p, r, beta=beta), known, rtol=1e-9)


check_exercise(check_my_best_of_n, my_best_of_n)
check_exercise(check_my_draws_needed, my_draws_needed)

# %% [markdown]
# ## The same line in TRL
#
# Sampling n and keeping the best is `num_generations` and a reward function, without a trainer; the
# pair loss of RSO is `DPOConfig(loss_type="hinge")`.
#
# ## What this page showed

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
print("all claims of this page hold")
