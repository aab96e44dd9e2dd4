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
# # 05 · The answer before the algorithm
#
# What does reinforcement learning from human feedback converge to, if everything goes well? The
# question has an exact answer, and it is one line long. Knowing it before any algorithm is run
# turns every later plot into a check: how near does the method come, and what did it cost?
#
# ## What the notes say
#
# {notes 001 11-20}
# {notes 002 5-12}
# {notes 003 7-20}
#
# The notes name the goal, a high reward close to the original model, but not what the goal leads
# to. One of them says that [the clip limits drift](errata.html#row-23). The clip bounds how far one
# batch pushes the ratio; the KL penalty bounds the drift.
#
# ## The formula, live
#
# {source tinyalign.optimum.optimal_policy}
# {source tinyalign.optimum.rlhf_objective}
#
# Derivation in three lines. Write $Z = \sum_y \pi_{ref}(y)\,e^{r(y)/\beta}$ and
# $\pi^* = \pi_{ref}\,e^{r/\beta}/Z$. Then $r = \beta \log \frac{\pi^*}{\pi_{ref}} + \beta \log Z$,
# and putting this into the objective gives
#
# $$J(\pi) = \mathbb{E}_\pi[r] - \beta\,\mathrm{KL}(\pi\,\|\,\pi_{ref})
# = \beta \log Z - \beta\,\mathrm{KL}(\pi\,\|\,\pi^*)$$
#
# The first term does not depend on $\pi$, the second is never positive and is 0 only at $\pi^*$.

# %%
import autograd.numpy as np

from tinyalign.laws import assert_lawful
from tinyalign.losses import dpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import (
    best_of_n,
    bradley_terry_preference,
    expectation,
    kl,
    optimal_policy,
    rlhf_objective,
)

# %% [markdown]
# ## Before the run: the frontier
#
# Sixty-four answers, reward and reference drawn once from normal distributions. For each β the
# closed form gives one point: how far it moved (KL) and what it earned. Together they are the
# *frontier*: nothing that moves as far can earn more. Three things can be said before anything is
# trained.
#
# * A larger β moves less and earns less.
# * $J$ at the optimum is $\beta \log Z$.
# * Whatever a method does, its point lies on or below the curve.
#
# **The dial:** `BETA_TRAINED`, the three strengths that DPO is trained at. Try 0.1, where 20 000
# pairs are no longer enough.

# %%
ANSWERS = 64
BETA_TRAINED = (1.0, 0.5, 0.25)

rng = np.random.default_rng(0)
reward = rng.normal(size=ANSWERS)
ref_logp = log_softmax(rng.normal(size=ANSWERS))
ref = np.exp(ref_logp)


def place(policy):
    """Where a policy stands: KL to the reference, expected reward."""
    return float(kl(policy, ref)), float(expectation(policy, reward))


def frontier_reward(target):
    """The most that can be earned at this KL: bisection in β, because KL falls as β grows."""
    low, high = 1e-3, 1e3
    for _ in range(200):
        beta = np.sqrt(low * high)
        moved = kl(optimal_policy(ref, reward, beta=beta), ref)
        low, high = (beta, high) if moved > target else (low, beta)
    return float(expectation(optimal_policy(ref, reward, beta=beta), reward))


def gap(policy):
    """Reward left on the table at the policy's own KL."""
    moved, earned = place(policy)
    return frontier_reward(moved) - earned


curve = [place(optimal_policy(ref, reward, beta=beta)) for beta in np.geomspace(0.08, 50, 60)]
rows = []
for beta in (0.1, *BETA_TRAINED[::-1], 10.0):
    policy = optimal_policy(ref, reward, beta=beta)
    log_z = np.log(np.sum(ref * np.exp(reward / beta)))
    objective = rlhf_objective(policy, ref, reward, beta=beta)
    rows.append([beta, *place(policy), objective, beta * log_z])
table(["β", "KL", "reward", "objective J", "β·log Z"], rows)
optima = rows

# %% [markdown]
# ## The run: three ways to move
#
# **DPO** from pairs drawn from the reference and labelled by Bradley and Terry's law: all pairs
# there are (the population), then 20 000, 2 000 and 500 of them. **Best-of-n** needs no training,
# and its policy is known exactly. **Imitation** of the chosen answers is supervised fine-tuning,
# and its optimum is the frequency with which an answer is chosen. The **policy gradient** is run
# on the exact objective.

# %%
drawn = ref[:, None] * ref[None, :]
population = 2 * drawn * bradley_terry_preference(reward)  # [i, j]: i chosen, j rejected
population = population / population.sum()


def some_pairs(count):
    """The same table from a sample of pairs."""
    cells = np.random.default_rng(1).multinomial(count, population.ravel())
    return cells.reshape(ANSWERS, ANSWERS) / count


def trained(loss, steps):
    params, _ = minimise(loss, {"logits": ref_logp.copy()}, steps=steps, learning_rate=0.05)
    return softmax(params["logits"])


def dpo_policy(pairs, beta):
    """DPO's policy on a table of pairs: [i, j] is the share in which i was preferred to j."""
    chosen, rejected = np.nonzero(pairs)
    share = pairs[chosen, rejected]

    def loss(params):
        logp = log_softmax(params["logits"])
        four = logp[chosen], logp[rejected], ref_logp[chosen], ref_logp[rejected]
        return np.sum(share * dpo(*four, beta=beta))

    return trained(loss, 1000)


def gradient_policy(beta):
    return trained(lambda p: -rlhf_objective(softmax(p["logits"]), ref, reward, beta=beta), 2000)


samples = {"all pairs": population}
samples |= {f"{count} pairs": some_pairs(count) for count in (20_000, 2_000, 500)}
trained_policies = {
    (f"DPO, {label}", f"β {beta}"): dpo_policy(pairs, beta)
    for label, pairs in samples.items()
    for beta in BETA_TRAINED
}
trained_policies |= {
    ("policy gradient", f"β {beta}"): gradient_policy(beta) for beta in BETA_TRAINED
}
trained_policies |= {("best of n", f"n {n}"): best_of_n(ref, reward, n) for n in (2, 4, 16)}
trained_policies["imitate the chosen", ""] = population.sum(axis=1)

gaps = {key: gap(policy) for key, policy in trained_policies.items()}
table(
    ["method", "setting", "KL", "reward", "gap to the frontier"],
    [
        [*key, *place(policy), f"{max(gaps[key], 0):.5f}"]
        for key, policy in trained_policies.items()
    ],
)

# %% [markdown]
# **A claim that does not reproduce.** DPO's paper (Figure 2, IMDb, 22 runs; status: several
# agreeing summaries) shows DPO with the highest reward at every KL. On the population of pairs DPO
# does reach the frontier. So does the policy gradient: where neither has noise there is nothing for
# one to win over the other, and "DPO beats PPO at every KL" is *not* reproduced here. What does
# separate them is data. With few pairs DPO fits the sample's accidents: an answer that never lost a
# comparison is pushed without limit, and the policy ends far below the frontier. (Another draw of
# 2 000 pairs at β 0.25 gave a gap of 2.74. How bad it gets depends on which rare answer was lucky;
# that it happens does not.)
#
# One warning on reading gaps: at a small KL everything is close to everything. Imitation has a
# small gap because it hardly moved.

# %%
figure, axes = picture()
axes.plot(*zip(*curve, strict=True), color="0.4", label="frontier π_ref·exp(r/β)/Z")
for method, mark in zip(dict.fromkeys(key[0] for key in trained_policies), "osXPD^v", strict=True):
    points = [place(policy) for key, policy in trained_policies.items() if key[0] == method]
    axes.plot(*zip(*points, strict=True), mark, label=method, markersize=7, alpha=0.8)
for beta in BETA_TRAINED:
    at = place(optimal_policy(ref, reward, beta=beta))
    axes.annotate(f"β {beta}", at, xytext=(at[0] + 0.08, at[1] - 0.14), fontsize="small")
axes.set(xlabel="KL to the reference, nats", ylabel="expected reward", title="Reward against KL")
axes.legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## Weird numbers
#
# **“A larger β gives me a *larger* KL.”** (allenai/open-instruct #534.) The table above says what
# has to happen: KL falls as β grows, always. If yours rises, the KL term in your loss has the wrong
# gradient, or none; page 04 shows which estimators do that.
#
# **“Reward goes up and up, KL too, and I see no β that is right.”** There is none: β chooses the
# point on the frontier. What a reward is worth per nat is your decision, not the method's.
#
# **“With β = 0 my policy becomes one answer.”** That is the limit: all mass on the best answer that
# the reference can produce. An answer with $\pi_{ref} = 0$ stays at 0 for every β.

# %%
limit = optimal_policy(ref, reward, beta=1e-3)
blocked = optimal_policy(np.array([0.0, 0.5, 0.5]), np.array([9.0, 1.0, 0.0]), beta=0.1)
print("β → 0 puts", f"{limit.max():.6f}", "on answer", limit.argmax(), "; best:", reward.argmax())
print("reward 9 at reference 0:", blocked)

# %% [markdown]
# ## Exercises
#
# **1.** Write the optimal policy. The laws include rewards in the hundreds, so mind the overflow.
#
# **2.** Write the largest value that $J$ can take, without computing a policy. The check tries to
# beat it with random policies.


# %%
def my_optimal_policy(ref_probs, reward, *, beta):
    raise NotImplementedError  # the last axis is the answers


def check_my_optimal_policy(solution):
    assert_lawful(solution, "optimal_policy")


def my_best_objective(ref_probs, reward, *, beta):
    raise NotImplementedError  # one number


def check_my_best_objective(solution):
    """No policy earns more, and the optimal one earns exactly this."""
    draw = np.random.default_rng(2)
    for beta in (0.05, 0.5, 5.0):
        ref_probs, values = softmax(draw.normal(size=5)), 20 * draw.normal(size=5)
        best = solution(ref_probs, values, beta=beta)
        policy = optimal_policy(ref_probs, values, beta=beta)
        attained = rlhf_objective(policy, ref_probs, values, beta=beta)
        assert abs(best - attained) < 1e-8, f"the optimum earns {attained}, not {best}"
        others = softmax(5 * draw.normal(size=(50, 5)))
        earned = [rlhf_objective(p, ref_probs, values, beta=beta) for p in others]
        assert max(earned) <= best + 1e-9, "a random policy earns more"


check_exercise(check_my_optimal_policy, my_optimal_policy)
check_exercise(check_my_best_objective, my_best_objective)

# %% [markdown]
# ## The same line in TRL
#
# There is none: the answer is what the trainers approximate. The β of this page is `beta` in
# `DPOConfig` and in `GRPOConfig`.
#
# ## What this page showed

# %%
assert np.all(np.diff([row[1] for row in optima]) < 0), "KL falls as β grows"
assert all(abs(row[3] - row[4]) < 1e-9 for row in optima), "J at the optimum is β·log Z"
assert min(gaps.values()) > -1e-6, "nothing above the frontier"
exact = [gaps[m, f"β {b}"] for m in ("DPO, all pairs", "policy gradient") for b in BETA_TRAINED]
assert max(exact) < 1e-4, "without noise, DPO and the policy gradient are both on it"
over_fit = [gaps[f"DPO, {n} pairs", f"β {min(BETA_TRAINED)}"] for n in (20_000, 2_000, 500)]
assert np.all(np.diff(over_fit) > 0) and over_fit[-1] > 0.3, "fewer pairs, further below"
print("all claims of this page hold")
