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
# ## The question
#
# A language model is trained to earn a reward and to stay near the model it started from. Suppose
# that the training works perfectly. Which model comes out?
#
# The question has an exact answer, and the answer is one line long. If you know this answer, you
# can check every later plot of this course: how near did a method come, and what did it pay?
#
# ## The idea
#
# Training with human feedback wants two things at once. The model should earn a high reward. The
# model should also stay close to a frozen copy of itself, which is called the *reference*. "Close"
# is measured by the Kullback–Leibler divergence, short KL, in *nats*. A number β sets the price:
# one nat of distance costs β units of reward. The best model under this price keeps every answer of
# the reference and multiplies its probability by a factor. The factor is large for good answers and
# small for bad answers.
#
# Each β gives one best model, and each best model is one point in a picture: how far it moved, and
# what it earned. The points form a curve, which is called the *frontier*. No model that moved
# equally far can earn more. A training method can only land on the curve or below it.
#
# ```
# reward
#   ^            .--------  frontier
#   |        .-'      x     far below: over-fitted
#   |     .'     x          below: not yet trained
#   |   .'
#   |  /   small β: far right, large β: left
#   +-------------------------> KL to the reference
# ```
#
# ## The formula
#
# {source tinyalign.optimum.optimal_policy}
# {source tinyalign.optimum.rlhf_objective}
#
# | symbol | meaning |
# |---|---|
# | $y$ | an answer; the sums run over all answers |
# | $r(y)$ | reward of the answer |
# | $\pi(y)$ | probability of the answer under the policy, the model that is trained |
# | $\pi_{\mathrm{ref}}(y)$ | probability of the answer under the frozen reference |
# | $\beta$ | price of one nat, a number above 0 |
# | $Z$ | the number that makes the probabilities of $\pi^*$ sum to 1 |
# | $\pi^*$ | the best policy |
#
# The objective is reward minus price times distance:
#
# $$J(\pi) = \mathbb{E}_\pi[r] - \beta\,\mathrm{KL}(\pi\,\|\,\pi_{\mathrm{ref}})$$
#
# The best policy is
#
# $$\pi^*(y) = \frac{1}{Z}\,\pi_{\mathrm{ref}}(y)\,e^{r(y)/\beta}$$
#
# The proof has three steps.
#
# 1. Take the logarithm of the best policy and solve for the reward:
#    $r = \beta \log(\pi^*/\pi_{\mathrm{ref}}) + \beta \log Z$.
# 2. Put this reward into the objective. The two logarithms of $\pi_{\mathrm{ref}}$ cancel:
#
# $$J(\pi) = \beta \log Z - \beta\,\mathrm{KL}(\pi\,\|\,\pi^*)$$
#
# 3. The first term does not depend on $\pi$. The second term is never positive, and it is 0 only at
#    $\pi = \pi^*$. So $\pi^*$ is the best policy, and it earns $J = \beta \log Z$.

# %%
import autograd.numpy as np

from tinyalign.losses import bradley_terry, dpo
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
# ## Predict
#
# The page draws sixty-four answers with random rewards and a random reference. Choose before you
# look.
#
# **Question 1.** You double β. What happens to the best policy?
#
# * a) It moves farther and earns more.
# * b) It moves less far and earns less.
# * c) It moves less far and earns more.
#
# **Question 2.** DPO is trained to the end on 500 pairs at a small β. Where does its point land?
#
# * a) On the frontier.
# * b) A little below the frontier.
# * c) Far below the frontier.
#
# **Question 3.** DPO and an exact policy gradient are both given perfect information. Which one
# earns more at the same KL?
#
# * a) DPO.
# * b) The policy gradient.
# * c) Neither.
#
# <details><summary>The answers</summary>
#
# **1 b.** A higher price buys less distance, and less distance earns less. The first table shows
# both columns falling as β grows.
#
# **2 c.** A few answers never lose one of the 500 comparisons. The loss wants to raise them without
# limit. The second table shows the gap.
#
# **3 c.** Both have the same best policy, and both reach it. The frontier is a fact about the
# problem. A method cannot beat the frontier.
#
# </details>
#
# **The dial:** `BETA_TRAINED` holds the three prices at which DPO is trained. Try 0.1: there,
# 20,000 pairs are no longer enough.
#
# ## Run
#
# ### The frontier
#
# The next cell computes the best policy for several β, and the whole frontier.

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
# ### Four ways to move
#
# Four ways to move away from the reference are compared.
#
# **DPO** learns from pairs of answers. Both answers of a pair are drawn from the reference, and the
# law of Bradley and Terry says how often each one wins (page 03). The page keeps the pairs as a
# table of 64 rows and 64 columns: the number in row i, column j is the share of all comparisons in
# which answer i won against answer j. The loss of the whole data set is then one weighted sum. "All
# pairs" is the table of exact shares. The other tables are counted from 20,000, 2,000 and 500 drawn
# pairs.
#
# **A reward model, then its best policy** is the classical route in two stages: fit one score per
# answer to the same pairs, then apply the formula of this page to the fitted scores.
#
# **The policy gradient** climbs the exact objective. **Best-of-n** trains nothing (page 06).
# **Imitation** copies the winners of the pairs, which is supervised fine-tuning (page 02).

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


def two_stage_policy(pairs, beta):
    """Fit one score per answer to the pairs, then apply the formula to the scores."""
    chosen, rejected = np.nonzero(pairs)
    share = pairs[chosen, rejected]

    def loss(params):
        score = params["score"]
        return np.sum(share * bradley_terry(score[chosen], score[rejected]))

    # A score is β times a log-ratio, so a step of the same meaning is β times as long.
    start, rate = {"score": np.zeros(ANSWERS)}, 0.05 * beta
    params, _ = minimise(loss, start, steps=1000, learning_rate=rate)
    return optimal_policy(ref, params["score"], beta=beta)


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
    ("reward model, 500 pairs", f"β {beta}"): two_stage_policy(samples["500 pairs"], beta)
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

# %%
figure, axes = picture()
axes.plot(*zip(*curve, strict=True), color="0.4", label="frontier π_ref·exp(r/β)/Z")
for method, mark in zip(dict.fromkeys(key[0] for key in trained_policies), "osXPd*^v", strict=True):
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
# ## What it shows
#
# **With perfect information, all roads end at one point.** DPO on all pairs reaches the frontier.
# The policy gradient reaches the same points.
#
# **With few pairs, DPO ends far below.** An answer that never lost a comparison is pushed up
# without limit. How bad the result becomes depends on which rare answer was lucky.
#
# **The reward model does not help here.** Look at the rows "DPO, 500 pairs" and "reward model, 500
# pairs": they agree. A table of log-ratios and a table of scores can express the same things, so
# both routes learn the same mistake from the same labels.
#
# **What this page cannot say.** The paper of DPO reports that DPO earned more than PPO at every KL.
# That experiment compared *sampled* PPO with a *learned* reward. This page has no sampling noise,
# and with an exact gradient the equality is a theorem. The page therefore neither supports nor
# contradicts the report.
#
# **Four assumptions stand behind "one optimum".** The labels follow Bradley and Terry. Every answer
# can be drawn for a pair. The policy is a table, so each answer has its own number. Training runs
# to the end. Page 10 drops the third assumption: answers share features there, and the result
# changes.
#
# **Read gaps with care.** Near the reference every policy is near the frontier. Imitation has a
# small gap because imitation hardly moved.
#
# ## What goes wrong in practice
#
# **"A larger β gives me a *larger* KL."** (allenai/open-instruct #534.) At the optimum the KL falls
# as β grows, always. If your KL rises, the KL term of your loss has a wrong gradient or none. [Page
# 04](04_kl_three_ways.html) shows which estimators have that fault.
#
# **"Reward and KL both rise, and I find no β that is right."** No β is right by itself. β chooses a
# point on the frontier. How much reward one nat must bring is your decision.
#
# **"With β = 0 my policy always gives the same answer."** That is the limit: the whole probability
# goes to the best answer that the reference can produce. An answer that has probability 0 under the
# reference keeps probability 0 for every β. The next cell shows both.

# %%
limit = optimal_policy(ref, reward, beta=1e-3)
blocked = optimal_policy(np.array([0.0, 0.5, 0.5]), np.array([9.0, 1.0, 0.0]), beta=0.1)
print("β → 0 puts", f"{limit.max():.6f}", "on answer", limit.argmax(), "; best:", reward.argmax())
print("reward 9 at reference 0:", blocked)

# %% [markdown]
# ### The same line in TRL
#
# There is none: TRL's trainers approximate this answer. The β of this page is `beta` in `DPOConfig`
# and in `GRPOConfig`.

# %% [markdown]
# ## Turn the dial
#
# β is the price of a nat. Before you move β from 0.5 to 5: does the optimum come nearer to the
# reference? Does its point leave the curve?

# %%
from tinyalign.notes.dials import dial, frontier

dial(
    frontier.frame,
    {"β": (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 20.0)},
    start=(0.5,),
    try_it=frontier.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The optimum comes nearer to the reference, and both KL and reward fall. The point never leaves
# the curve: β chooses a place on the frontier and cannot improve it. At β = 0.05 nearly all mass
# is on the best answer.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 05.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write the optimal policy. Rewards may be in the hundreds: mind the overflow.
#
# <details><summary>Hint 1</summary>
#
# The optimum is proportional to $\pi_{ref}(y)\, e^{r(y)/\beta}$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Subtract the largest reward before the exponential, that of an answer whose reference
# probability is not 0, and divide by the sum at the end.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_optimal_policy(ref_probs, reward, *, beta):
#     possible = ref_probs > 0
#     best = np.max(np.where(possible, reward, -np.inf), axis=-1, keepdims=True)
#     weight = ref_probs * np.exp(np.where(possible, reward - best, 0.0) / beta)
#     return weight / np.sum(weight, axis=-1, keepdims=True)
# ```
#
# </details>
#
# **2.** Write the largest value that
# $J(\pi) = \mathbb{E}_\pi[r] - \beta\, \mathrm{KL}(\pi \| \pi_{ref})$ can take, without computing
# a policy.
#
# <details><summary>Hint 1</summary>
#
# Put the optimal policy into $J$: all but the normaliser cancels.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The answer is $\beta \log \sum_y \pi_{ref}(y)\, e^{r(y)/\beta}$. Take the largest reward out of
# the sum.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_best_objective(ref_probs, reward, *, beta):
#     top = np.max(reward)
#     return top + beta * np.log(np.sum(ref_probs * np.exp((reward - top) / beta)))
# ```
#
# </details>
#
# **3. On paper.** Two answers with reference (0.5, 0.5) and rewards 1 and 0. For which $\beta$
# does the optimal policy give the better answer with probability 0.9?
#
# <details><summary>The answer</summary>
#
# The log-odds are $1/\beta = \log 9 = 2.197$, so $\beta = 0.455$.
#
# </details>
#
# **4. Open ended.** Give one good answer a reference probability of 0, then of one in a million.
# What does the optimum do, and what would a training run that samples do?
#
# <details><summary>What to look for</summary>
#
# With 0 the optimum never gives it. With one in a million the optimum gives it weight
# $10^{-6} e^{r/\beta}$, which may be most of it; a run that samples will not see it for a long
# time. The optimum is about the end, not about the way.
#
# </details>

# %%
from tinyalign.notes.exercises.optimum import check_my_best_objective, check_my_optimal_policy


def my_optimal_policy(ref_probs, reward, *, beta):
    raise NotImplementedError  # (…, K), (…, K) -> (…, K)


def my_best_objective(ref_probs, reward, *, beta):
    raise NotImplementedError  # (K,), (K,) -> one number


check_exercise(check_my_optimal_policy, my_optimal_policy)
check_exercise(check_my_best_objective, my_best_objective)

# %% [markdown]
# ## What you may have read
#
# These notes describe the goal of training with human feedback. Their lines:
#
# {notes 001 11-20}
# {notes 002 5-12}
# {notes 003 7-20}
#
# <details><summary>Two sentences of the notes, and what is true</summary>
#
# * *"Maximize a reward signal"* while staying close to the original model. **True.** The notes do
#   not say which policy this leads to. This page does.
# * *"Limits policy updates to prevent catastrophic forgetting"*, about the clip of PPO. **Wrong
#   part.** [The clip bounds how far one batch can push the policy](errata.html#row-23). The KL
#   penalty bounds the distance from the reference. A clipped policy without a KL penalty can walk
#   any distance in many small steps.
#
# </details>
#
# ## Further reading
#
# * Ziegler et al. 2019, arXiv:1909.08593: the objective with a KL penalty, for language models.
# * Rafailov et al. 2023, arXiv:2305.18290: the best policy, and DPO built on it.
# * Korbak, Perez and Buckley 2022, arXiv:2205.11275: the same objective read as Bayesian inference.
# * Gao, Schulman and Hilton 2022, arXiv:2210.10760: reward against KL for learned rewards.
#
# ### The claims of this page, tested

# %%
assert np.all(np.diff([row[1] for row in optima]) < 0), "KL falls as β grows"
assert all(abs(row[3] - row[4]) < 1e-9 for row in optima), "J at the optimum is β·log Z"
assert min(gaps.values()) > -1e-6, "nothing above the frontier"
exact = [gaps[m, f"β {b}"] for m in ("DPO, all pairs", "policy gradient") for b in BETA_TRAINED]
assert max(exact) < 1e-4, "without noise, DPO and the policy gradient are both on it"
over_fit = [gaps[f"DPO, {n} pairs", f"β {min(BETA_TRAINED)}"] for n in (20_000, 2_000, 500)]
assert np.all(np.diff(over_fit) > 0) and over_fit[-1] > 0.3, "fewer pairs, further below"
two_stages, direct = (
    [trained_policies[f"{method}, 500 pairs", f"β {beta}"] for beta in BETA_TRAINED]
    for method in ("reward model", "DPO")
)
assert np.abs(np.subtract(two_stages, direct)).max() < 1e-3, "one fit, written in two ways"
print("all claims of this page hold")
