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
# # 08 · DPO is the same optimum
#
# ## The question
#
# Reinforcement learning uses a reward. Direct Preference Optimization (DPO) uses pairs of answers,
# “this one rather than that one”. The two look like different crafts. Do they end at the same
# policy?
#
# ## The idea
#
# Reinforcement learning from human feedback maximises the reward and pays for every nat of distance
# from a reference policy. (A nat is the unit of natural logarithms: an answer that is one nat more
# likely is $e = 2.72$ times as likely.) For each reward there is exactly one best policy. The
# relation also works backwards: from the best policy one can read the reward. The reward of an
# answer is $\beta$ times the logarithm of how much more likely the policy finds it than the
# reference does, plus a constant. So a policy *is* a reward model.
#
# DPO uses this. A reward model learns from pairs by a logistic loss on the difference of two
# rewards. DPO puts the policy's own reward into the same loss, and the unknown constant cancels in
# the difference. Training the reward model and finding its best policy become one step. On a task
# that is small enough to list all answers, this page computes the best policy first, and then lets
# both methods look for it.
#
# ```
# RLHF:  pairs -> reward model r -> reinforcement learning -> policy
# DPO:   pairs -> policy, because  r = beta * log(policy / reference) + constant
# ```
#
# ## The formula
#
# Reinforcement learning from human feedback maximises
#
# $$J(\pi) = \mathbb{E}_{\pi}[r] - \beta\,\mathrm{KL}(\pi \,\|\, \pi_{\mathrm{ref}})$$
#
# and its only maximum is
#
# $$\pi^*(y) = \frac{\pi_{\mathrm{ref}}(y)\, e^{r(y)/\beta}}{Z}$$
#
# The reward and $\beta$ stand in it only as the quotient $r/\beta$. Whoever doubles both gets the
# same policy. (The labels do change: by the law below, doubled rewards make them surer.) Solved for
# the reward, this is
#
# $$r(y) = \beta \log \frac{\pi^*(y)}{\pi_{\mathrm{ref}}(y)} + \beta \log Z$$
#
# By the law of Bradley and Terry, a person prefers $y_w$ to $y_l$ with probability
# $\sigma(r(y_w) - r(y_l))$. The difference does not contain $Z$. Nor would it contain any other
# constant that all answers to one prompt share, even if each prompt has a constant of its own: the
# preferences, the loss and the policy stay the same. DPO's loss is the cross-entropy of this
# probability:
#
# $$-\log \sigma(\beta\, (h_w - h_l)) \qquad h = \log \pi(y) - \log \pi_{\mathrm{ref}}(y)$$
#
# * $y$ is an answer, $y_w$ the chosen (won) one and $y_l$ the rejected (lost) one.
# * $\pi$ is the policy that is trained, and $\pi_{\mathrm{ref}}$ is the frozen reference.
#   Probabilities are of whole answers, so log-probabilities are *sums* over tokens.
# * $h$ is the log-ratio of an answer: how many nats more likely the policy finds it than the
#   reference does.
# * $r$ is the reward, $\beta > 0$ the price of one nat of distance, and $Z$ makes the probabilities
#   add up to 1.
# * $\sigma(x) = 1/(1+e^{-x})$ is the logistic function. The difference $h_w - h_l$ is called the
#   *margin*. It does not contain $\beta$.
#
# {source tinyalign.losses.preference.dpo}
# {source tinyalign.losses.log_ratio.margin}
#
# The result is one number for each pair. The caller takes the mean.
#
# ## Predict
#
# **1.** What is DPO's loss at the first step, when the policy equals the reference? Does the value
# depend on $\beta$?
#
# * (a) 0
# * (b) 0.693, for every $\beta$
# * (c) it depends on $\beta$
#
# **2.** People disagree, so the labels are noisy. Where does the loss end after perfect training?
#
# * (a) at 0
# * (b) at the entropy of the labels, which is above 0
# * (c) it falls without a limit
#
# <details><summary>The answers</summary>
#
# **1.** (b). The margin is 0, and $-\log\sigma(0) = \log 2 = 0.693$.
#
# **2.** (b). A cross-entropy cannot fall below the entropy of what it predicts. The next cell
# computes this floor before training.
#
# </details>
#
# ## Run
#
# ### The answer, before any training
#
# First the code prints which networks DPO holds, and for comparison PPO, GRPO (page 13) and SimPO
# (page 11). GRPO needs its reference only where $\beta > 0$. Then there is one prompt with eight
# answers. The rewards and the reference are drawn once. The best policy, the loss at the start and
# the loss at the end are computed from the formulas.
#
# **The dial:** `BETA`. Try 0.1 and 2. The loss starts at $\log 2$ and ends at the entropy of the
# labels for every $\beta$, because the labels depend on the rewards alone. Only the policy changes.

# %%
import autograd.numpy as np

from tinyalign import methods
from tinyalign.losses import dpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import (
    bradley_terry_preference,
    kl,
    optimal_policy,
    rlhf_objective,
)

for name in ("dpo", "ppo", "grpo", "simpo"):
    print(f"{name:6}", "holds", ", ".join(methods.holds(methods.find(name))))

# %%
BETA = 0.3
ARMS = 8

rng = np.random.default_rng(0)
reward = rng.normal(size=ARMS)
ref_logp = log_softmax(rng.normal(size=ARMS))
ref = np.exp(ref_logp)
prefer = bradley_terry_preference(reward)  # [i, j]: probability that i is preferred to j
chance = 2 * prefer / ARMS**2  # of drawing two answers and hearing "i rather than j"; sums to 1

answer = optimal_policy(ref, reward, beta=BETA)
start_predicted = np.log(2.0)
end_predicted = np.sum(chance * -np.log(prefer))

table(
    ["answer", "reward", "reference", "optimum"],
    [[f"y{i}", reward[i], ref[i], answer[i]] for i in range(ARMS)],
)
print(f"\nloss at the start, predicted: {start_predicted:.4f}")
print(f"loss at the end, predicted:   {end_predicted:.4f}")

# %% [markdown]
# ### Two ways to find it
#
# Both methods train the same eight logits with the same optimizer. DPO sees every ordered pair,
# weighted by how often people would label it so. (An answer also meets itself. The loss of such a
# pair is $\log 2$ whatever the policy does.) The policy gradient sees the exact objective. Neither
# has sampling noise, so a difference between them would be a difference in principle.

# %%
first, second = np.indices((ARMS, ARMS)).reshape(2, -1)


def dpo_loss(params):
    logp = log_softmax(params["logits"])
    pairs = dpo(logp[first], logp[second], ref_logp[first], ref_logp[second], beta=BETA)
    return np.sum(chance * pairs.reshape(ARMS, ARMS))


def minus_objective(params):
    return -rlhf_objective(softmax(params["logits"]), ref, reward, beta=BETA)


def below(nats):
    """A KL as text: differences under 1e-12 are rounding, and may even be negative."""
    return "below 1e-12" if nats < 1e-12 else f"{nats:.0e}"


def distance(params):
    return kl(softmax(params["logits"]), answer)


start = {"logits": ref_logp.copy()}
ways = {"DPO": dpo_loss, "policy gradient": minus_objective}
runs = {
    name: minimise(loss, start, steps=1500, learning_rate=0.02, record=distance)
    for name, loss in ways.items()
}
start_loss, end_loss = dpo_loss(start), dpo_loss(runs["DPO"][0])
objective = {name: -minus_objective(params) for name, (params, _) in runs.items()}
best = BETA * np.log(np.sum(ref * np.exp(reward / BETA)))

print(f"DPO loss at the start: {start_loss:.4f}, predicted {start_predicted:.4f}")
print(f"DPO loss at the end:   {end_loss:.4f}, predicted {end_predicted:.4f}\n")
table(
    ["method", "KL to the optimum, start", "end", "objective J", "its maximum β·log Z"],
    [[name, seen[0], below(seen[-1]), objective[name], best]
     for name, (_, seen) in runs.items()],
)  # fmt: skip

# %%
figure, axes = picture()
for name, (_, seen) in runs.items():
    axes.semilogy(np.maximum(seen, 1e-12), label=name)
axes.set(xlabel="step", ylabel="KL to π*, nats", title="Two methods, one destination")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# ### Does the loss contain a KL term?
#
# If it did, taking probability away from an answer that is in no pair would change the loss. Take
# three answers and one pair, the first two, and lower the logit of the third answer.

# %%
rows = []
for push in (0.0, 2.0, 4.0):
    logp = log_softmax(np.array([0.0, 0.0, -push]))
    even = np.log(np.full(3, 1 / 3))
    value = dpo(logp[:1], logp[1:2], even[:1], even[1:2], beta=BETA)[0]
    rows.append([push, kl(np.exp(logp), np.exp(even)), value])
table(["third answer lowered by", "KL to the reference", "DPO loss"], rows)
unpaired_move = rows

# %% [markdown]
# ### Other divergences and other weights
#
# The KL divergence is a choice, and another measure of distance gives another reward. Let
# $u = \pi/\pi_{\mathrm{ref}}$. With the KL the reward of an answer is $\beta \log u$, and every
# further nat earns as much as the one before. With the divergence of Jensen and Shannon (JS), which
# compares both policies with their mixture, the reward is $\beta \log\frac{2u}{1+u}$. This reward
# cannot exceed $\beta\log 2$, so a chosen answer gains little by rising further: in the table below
# its slope dies out much sooner than DPO's.
#
# WPO is another change. It keeps DPO's reward and weights each pair by how likely the current
# policy finds its two answers. Here their log-weights are $-1.5$ each, so every slope of WPO is
# $e^{-3}$, or a twentieth, of DPO's.
#
# {source tinyalign.losses.f_dpo.f_dpo_js}
# {source tinyalign.losses.self_weighted.wpo}

# %%
from autograd import grad

from tinyalign.losses import f_dpo_js, wpo

zero = np.zeros(1)
unlikely = np.array([-1.5])  # the log-weight of each answer


def slopes_at(h):
    """The slope of three losses in the chosen log-probability, h nats above the reference."""
    at = np.array([h]), zero, zero, zero
    wpo_slope = grad(lambda x: np.sum(wpo(x, *at[1:], unlikely, unlikely, beta=BETA)))(at[0])
    both = [grad(lambda x, f=f: np.sum(f(x, *at[1:], beta=BETA)))(at[0]) for f in (dpo, f_dpo_js)]
    return [float(g[0]) for g in (*both, wpo_slope)]


risen = [[h, *slopes_at(h)] for h in (0.0, 2.0, 6.0)]
table(["chosen above the reference by", "DPO", "JS", "WPO"], risen)

# %% [markdown]
# ## What it shows
#
# **One optimum.** Both methods end at $\pi^*$, and both reach the maximum $\beta\log Z$ of the
# objective. The loss starts at $\log 2$ and ends at the entropy of the labels, as predicted.
#
# **The theorem has conditions.** The labels must follow Bradley and Terry's law. The pairs must
# cover all answers: DPO learns nothing about an answer that is in no pair (page 05). And every
# answer must have its own free parameter, as in this table of logits. In a network, answers share
# parameters, and then one pair moves the probabilities of many answers (page 10). This page tests
# the table only.
#
# **There is no KL term.** The KL grows while the third answer falls, and the loss does not notice.
# The reference holds the policy only through the margins of the pairs.
#
# ## What goes wrong in practice
#
# **“My loss is 0.6931.”** This is $\log 2$, so the margin is 0. At the first step it has to be 0
# (huggingface/trl #702; eric-mitchell/direct-preference-optimization #46). If the loss *stays*
# there, look for one of these causes (trl #1627, #1311, #2046; direct-preference-optimization #34):
#
# * The reference is the same object as the policy. Both move together, and the gradient is 0.
# * $\beta$ is 0, so every score is 0. This library refuses $\beta = 0$.
# * The learning rate is 0, or the gradient is cut by `.item()` or `detach`.
# * Policy and reference are computed in different precision. Then the loss starts *near* $\log 2$.
#
# **“The rewards do not start at 0.”** The rewards are $\beta(\log \pi - \log \pi_{\mathrm{ref}})$.
# They start at exactly 0 if both are computed alike. Dropout in only one of them is enough to break
# this.
#
# **“My chosen log-probability falls.”** This is normal. The loss reads only $h_w - h_l$, so it also
# falls when both answers become less likely and the rejected one falls more. Other answers then get
# the probability. Page 10 says when this happens, and what to do if the samples get worse.

# %%
logp = ref_logp.copy()
causes = {
    "policy = reference, first step": dpo(
        logp[:1], logp[1:2], ref_logp[:1], ref_logp[1:2], beta=BETA
    )[0],
    "the reference is the live policy, after training": dpo(
        *[np.log(answer[k : k + 1]) for k in (0, 1, 0, 1)], beta=BETA
    )[0],
    "reference rounded to half precision": dpo(
        logp[:1],
        logp[1:2],
        ref_logp[:1].astype(np.float16).astype(float),
        ref_logp[1:2].astype(np.float16).astype(float),
        beta=BETA,
    )[0],
}
table(["cause", "loss"], [[cause, f"{value:.8f}"] for cause, value in causes.items()])
try:
    dpo(logp[:1], logp[1:2], ref_logp[:1], ref_logp[1:2], beta=0.0)
except ValueError as error:
    print("\nβ = 0:", error)


# %% [markdown]
# ### The same line in TRL
#
# `DPOConfig(loss_type="sigmoid", beta=0.1)`. The metric `rewards/margins`, in TRL and in this
# library, is $\beta$ times the margin.

# %% [markdown]
# ## Turn the dial
#
# A run of DPO on four answers, step by step. Before you turn: where does the run end for β =
# 0.25, and where for β = 2? Which of the two is still far from its optimum at step 20?

# %%
from tinyalign.notes.dials import dial, dpo_run

dial(
    dpo_run.frame,
    {"β": (0.25, 0.5, 1.0, 2.0), "step": (0, 5, 10, 20, 40, 80, 120, 160)},
    start=(0.5, 20),
    try_it=dpo_run.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Each run ends at $\pi_{ref}e^{r/\beta}/Z$ for its own β, the bars named *optimum*, which were
# known before the run began. A small β has its optimum far from the reference, so its run takes
# longer: at step 20 the run with β = 0.25 is 0.70 nats from its optimum, and the run with β = 2
# only 0.003.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 08.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write DPO yourself, from four arrays. The check holds it against the list of laws of
# `tinyalign check`, some of which you may not have thought of.
#
# <details><summary>Hint 1</summary>
#
# The margin is chosen log-ratio minus rejected log-ratio, where a log-ratio is policy minus
# reference.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The loss is $-\log\sigma$ of $\beta$ times the margin. Use `log_sigmoid`, which stays finite:
# `from tinyalign.losses.numerics import log_sigmoid`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_sigmoid
#
#
# def my_dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
#     chosen = chosen_logp - ref_chosen_logp
#     rejected = rejected_logp - ref_rejected_logp
#     return -log_sigmoid(beta * (chosen - rejected))
# ```
#
# </details>
#
# **2.** Read the reward back out of a policy. Return rewards whose mean under the reference is 0.
# If the policy is the optimum of some reward, this recovers it up to a constant.
#
# <details><summary>Hint 1</summary>
#
# The optimal policy is the reference times e to the power of reward over beta, divided by a
# normaliser. Solve for the reward.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# beta times the log-ratio, minus its expectation under the reference.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_implicit_reward(logp, ref_logp, *, beta):
#     reward = beta * (logp - ref_logp)
#     return reward - np.exp(ref_logp) @ reward
# ```
#
# </details>
#
# **3. On paper.** At the start policy and reference are equal. What are DPO's loss, its slope in
# the chosen log-probability and the accuracy? What are they once $\beta$ times the margin is 2?
#
# <details><summary>The answer</summary>
#
# At the start: $\log 2 = 0.693$, $-\beta/2$, and no pair is ordered yet. Where $\beta$ times the
# margin is 2: $0.127$, $-0.119\beta$, and the pair is ordered right. The slope has fallen to a
# quarter.
#
# </details>
#
# **4. Open ended.** Leave one answer out of all comparisons. Where does DPO put its probability,
# and is that what the reward would want?
#
# <details><summary>What to look for</summary>
#
# Nothing in the loss mentions the answer. In a table of logits its logit stays where it was, and
# its probability changes only because the logits of the others move. In a network it also depends
# on the parameters that the answers share. The optimum of RLHF would look at its reward.
#
# </details>

# %%
from tinyalign.notes.exercises.pairs import check_my_dpo, check_my_implicit_reward


def my_dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    raise NotImplementedError  # four (B,) -> (B,)


def my_implicit_reward(logp, ref_logp, *, beta):
    raise NotImplementedError  # (K,), (K,), log-probabilities of all answers -> (K,)


check_exercise(check_my_dpo, my_dpo)
check_exercise(check_my_implicit_reward, my_implicit_reward)

# %% [markdown]
# ## What you may have read
#
# {notes 001 24-41}
# {notes 002 28-50}
# {notes 003 30-45}
# {notes 004 43-50}
# {notes 004 480-484}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# The formulas of two notes and the code of a third are right.
#
# * “Includes a KL regularization term”: [wrong](errata.html#row-18). The loss has no such term, as
#   the run shows. The reference stands inside the logarithm of $\sigma$.
# * “Single-stage process” and [“Single-Stage Training”](errata.html#row-25): [it depends on the
#   counting](errata.html#row-12). Training on preferences is one stage. The reference must be
#   trained before, and with that stage there are two.
# * “Low (1 model)”: [it depends on the counting](errata.html#row-29). DPO trains one model and
#   keeps a frozen reference beside it, so two are in memory, or one and the stored
#   log-probabilities of the other.
#
# </details>
#
# ## Further reading
#
# * Rafailov and others 2023, arXiv:2305.18290: DPO. Equation 7 is the loss.
# * Wang and others 2023, arXiv:2309.16240: DPO with other divergences.
# * Zhou and others 2024, arXiv:2406.11827: WPO.
# * Xu and others 2024, “Is DPO superior to PPO for LLM alignment?”, arXiv:2404.10719: where the
#   conditions fail in practice.
#
# ### The claims of this page, tested

# %%
assert abs(start_loss - start_predicted) < 1e-12, "DPO starts at log 2"
assert abs(end_loss - end_predicted) < 1e-6, "and ends at the entropy of the labels"
assert all(seen[0] > 0.1 for _, seen in runs.values()), "the start is not the optimum"
assert all(abs(seen[-1]) < 1e-6 for _, seen in runs.values()), "one optimum"
assert all(abs(value - best) < 1e-6 for value in objective.values()), "its value is β·log Z"
assert unpaired_move[-1][1] > 0.3 and np.ptp([row[2] for row in unpaired_move]) < 1e-12, (
    "no KL term"
)
assert "reference" in methods.holds(methods.find("dpo")), "the loss needs a reference"
assert np.isclose(risen[0][2] / risen[0][1], 0.5) and risen[-1][2] / risen[-1][1] < 0.05, "JS ends"
assert all(np.isclose(row[3] / row[1], np.exp(-3.0)) for row in risen), "WPO: DPO, weighted"
print("all claims of this page hold")
