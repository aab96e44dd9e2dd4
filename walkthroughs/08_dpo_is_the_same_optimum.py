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
# Reinforcement learning from a reward and Direct Preference Optimization from pairs look like two
# different crafts. On a task small enough to enumerate they end at the same policy, to within
# rounding. This page computes that policy first and then lets both methods find it.
#
# ## What the notes say
#
# {notes 001 24-41}
# {notes 002 28-50}
# {notes 003 30-45}
# {notes 004 480-484}
#
# The formulas of two notes and the code of a third are right. One sentence around them is not, and
# two depend on how one counts:
#
# * One note gives DPO [a KL regularization term](errata.html#row-18). The loss has no such term;
#   the reference stands inside the log-sigmoid (shown below).
# * Two notes count one stage ([the first](errata.html#row-12), [the second](errata.html#row-25)).
#   DPO needs a reference policy, which somebody has to train first: with that stage there are two.
# * One note counts [one model](errata.html#row-29). With its frozen reference there are two. What a
#   method holds is a fact about its loss, and the library reads it off the parameters' names.
#
# ## The loss, as the trainer calls it
#
# {source tinyalign.losses.preference.dpo}
# {source tinyalign.losses.log_ratio.margin}
#
# Its arguments are sums of log-probabilities over the tokens of a completion. Its result is one
# number per pair; the mean is taken by whoever calls it.

# %%
import autograd.numpy as np
from numpy.testing import assert_allclose

from tinyalign import methods
from tinyalign.laws import assert_lawful
from tinyalign.losses import dpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import (
    bradley_terry_preference,
    expectation,
    kl,
    optimal_policy,
    rlhf_objective,
)

for name in ("dpo", "ppo", "grpo", "simpo"):
    print(f"{name:6}", "holds", ", ".join(methods.holds(methods.find(name))))

# %% [markdown]
# ## Before the run: the answer
#
# One prompt, eight answers. The reward $r$ and the reference's logits are drawn once. What RLHF
# maximises is
#
# $$J(\pi) = \mathbb{E}_{\pi}[r] - \beta\,\mathrm{KL}(\pi \,\|\, \pi_{ref})$$
#
# and its only maximum is known in closed form:
#
# $$\pi^*(y) = \frac{\pi_{ref}(y)\, e^{r(y)/\beta}}{Z}$$
#
# DPO turns this around: $r(y) = \beta \log \frac{\pi^*(y)}{\pi_{ref}(y)} + \beta \log Z$. In the
# difference of two answers $\beta \log Z$ cancels, so the probability that a person prefers $y_w$
# to $y_l$ by Bradley and Terry's law, $\sigma(r_w - r_l)$, is a function of the policy alone. Its
# cross-entropy is the loss.
#
# This gives three predictions. DPO starts at $\log 2$, whatever $\beta$ is, because a policy that
# equals its reference has margin 0. It ends at the entropy of the labels, which no loss can beat.
# And it ends at $\pi^*$.
#
# **The dial:** `BETA`. Try 0.1 and 2. The start stays where it is, the end of the loss too; only
# the policy changes.

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
# ## The run
#
# Both methods train the same eight logits with the same optimizer. DPO sees every ordered pair,
# weighted by how often it would be labelled so; the policy gradient sees the exact objective. So
# neither has sampling noise, and any difference between them would be one of principle.

# %%
first, second = np.indices((ARMS, ARMS)).reshape(2, -1)


def dpo_loss(params):
    logp = log_softmax(params["logits"])
    pairs = dpo(logp[first], logp[second], ref_logp[first], ref_logp[second], beta=BETA)
    return np.sum(chance * pairs.reshape(ARMS, ARMS))


def minus_objective(params):
    return -rlhf_objective(softmax(params["logits"]), ref, reward, beta=BETA)


def distance(params):
    return kl(softmax(params["logits"]), answer)


start = {"logits": ref_logp.copy()}
ways = {"DPO": dpo_loss, "policy gradient": minus_objective}
runs = {
    name: minimise(loss, start, steps=1500, learning_rate=0.05, record=distance)
    for name, loss in ways.items()
}
start_loss, end_loss = dpo_loss(start), dpo_loss(runs["DPO"][0])
objective = {name: -minus_objective(params) for name, (params, _) in runs.items()}
best = BETA * np.log(np.sum(ref * np.exp(reward / BETA)))

print(f"DPO loss at the start: {start_loss:.4f}, predicted {start_predicted:.4f}")
print(f"DPO loss at the end:   {end_loss:.4f}, predicted {end_predicted:.4f}\n")
table(
    ["method", "KL to the optimum, start", "end", "objective J", "its maximum β·log Z"],
    [[name, seen[0], f"{abs(seen[-1]):.0e}", objective[name], best]
     for name, (_, seen) in runs.items()],
)  # fmt: skip

# %% [markdown]
# **The theorem** (2305.18290) says: same optimum. An earlier measurement was made with 20 000 steps
# at a constant rate, where DPO ended 5e-8 and the policy gradient 9e-9 away from $\pi^*$ (KL in
# nats); with a rate that falls to zero, fewer steps come closer.

# %%
figure, axes = picture()
for name, (_, seen) in runs.items():
    axes.semilogy(np.maximum(seen, 1e-16), label=name)
axes.set(xlabel="step", ylabel="KL to π*, nats", title="Two methods, one destination")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# (The late jumps are Adam's, at gradients near the precision of the arithmetic; the falling rate
# ends them.)
#
# ## There is no KL term
#
# If the loss contained a KL term, moving probability among answers that are in no pair would cost
# something. Take three answers, one pair, and lower the third answer's logit: the KL to the
# reference grows, the loss does not notice.

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
# ## Other divergences, other weights
#
# The KL is a choice. With another divergence the implicit reward is $\beta f'(\pi/\pi_{ref})$. For
# Jensen and Shannon's it ends at $\beta\log 2$, so a chosen answer gains little by rising. WPO
# keeps DPO's reward and weights the pair by how likely the policy finds its answers.
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
# ## Weird numbers
#
# **“My loss is 0.6931.”** That is $\log 2$: the margin is 0. At the first step it has to be
# (huggingface/trl #702, eric-mitchell/direct-preference-optimization #46). If it *stays* there,
# look for one of these (trl #1627, #1311, #2046; direct-preference-optimization #34):
#
# * the reference is the same object as the policy, so the two move together and the gradient is 0;
# * β is 0, so is every score (this library refuses);
# * the learning rate is 0, or the gradient is cut (`.item()`, `detach`);
# * policy and reference are computed in different precision: then it starts *near* log 2.
#
# **“The rewards do not start at 0.”** They are $\beta(\log \pi - \log \pi_{ref})$ and start at
# exactly 0 if both are computed alike. Dropout left on in one of them is enough to break this.
#
# **“My chosen log-probability falls.”** Page 10.

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
# ## Exercises
#
# **1.** Write DPO yourself, from four arrays. The check is not this page's: it is the list of laws
# that `tinyalign check` holds against anybody's DPO, some of which you may not have thought of.
#
# **2.** Read the reward back out of a policy. Given the policy's and the reference's
# log-probabilities of all answers, return rewards whose mean under the reference is 0. If the
# policy is the optimum of some reward, this recovers it up to a constant.


# %%
def my_dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    raise NotImplementedError  # one number per pair


def check_my_dpo(solution):
    assert_lawful(solution, "dpo")


def my_implicit_reward(logp, ref_logp, *, beta):
    raise NotImplementedError  # one number per answer


def check_my_implicit_reward(solution):
    """The reward that made a policy comes back, shifted to mean 0 under the reference."""
    draw = np.random.default_rng(1)
    for beta in (0.1, 0.5, 3.0):
        reward, ref = draw.normal(size=6), softmax(draw.normal(size=6))
        policy = optimal_policy(ref, reward, beta=beta)
        answer = solution(np.log(policy), np.log(ref), beta=beta)
        assert_allclose(answer, reward - expectation(ref, reward), atol=1e-9)


check_exercise(check_my_dpo, my_dpo)
check_exercise(check_my_implicit_reward, my_implicit_reward)

# %% [markdown]
# ## The same line in TRL
#
# `DPOConfig(loss_type="sigmoid", beta=0.1)`; what it logs as `rewards/margins` is $\beta$ times the
# margin above.
#
# ## What this page showed

# %%
assert abs(start_loss - start_predicted) < 1e-12, "DPO starts at log 2"
assert abs(end_loss - end_predicted) < 1e-6, "and ends at the entropy of the labels"
assert all(seen[0] > 0.1 for _, seen in runs.values()), "the start is not the optimum"
assert all(abs(seen[-1]) < 1e-6 for _, seen in runs.values()), "one optimum"
assert all(abs(value - best) < 1e-6 for value in objective.values()), "its value is β·log Z"
assert unpaired_move[-1][1] > 0.3 and np.ptp([row[2] for row in unpaired_move]) < 1e-12, (
    "no KL term"
)
assert "reference" in methods.holds(methods.find("dpo")), "two models, hence two stages"
assert np.isclose(risen[0][2] / risen[0][1], 0.5) and risen[-1][2] / risen[-1][1] < 0.05, "JS ends"
assert all(np.isclose(row[3] / row[1], np.exp(-3.0)) for row in risen), "WPO: DPO, weighted"
print("all claims of this page hold")
