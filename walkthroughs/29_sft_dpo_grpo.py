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
# # 29 · The twin of the spine: SFT, DPO, GRPO
#
# ## The question
#
# Many recipes of today train three times: SFT, then DPO, then GRPO. What does the middle stage
# add? Is the chain better than DPO alone or GRPO alone when all of them cost the same?
#
# ## The idea
#
# *SFT* gives a policy that can write answers at all. *DPO* draws answers of this policy once, lets
# a judge choose between them, and reads the same pairs many times. *GRPO* draws fresh answers all
# the time, and reads each of them once or twice. The *hybrid* gives a part of its budget to DPO and
# the rest to GRPO.
#
# Old pairs are cheap to read and grow stale: they show mistakes of a policy that no longer exists.
# Fresh samples show the mistakes of today, and each of them costs a judgement. So the answer can
# depend on the size of the budget. This page runs three chains on the sums of two digits, with a
# small budget and with a budget four times as large.
#
# ```
#            judged once, read many times        judged all the time
# SFT ----> DPO ------------------------------------------------------> policy
#   \-----------------------------------------> GRPO -----------------> policy
#    \----> DPO (a quarter of the budget) ----> GRPO (the rest) -------> policy
# ```
#
# ## The formula
#
# DPO minimises the first loss over pairs of a chosen answer $w$ and a rejected answer $l$. GRPO
# minimises the second one over the tokens of fresh answers:
#
# $$L^{DPO} = -\log\sigma\left(\beta\log\frac{\pi(w)}{\pi_{ref}(w)}
# - \beta\log\frac{\pi(l)}{\pi_{ref}(l)}\right)$$
#
# $$L^{GRPO}_t = -\min(\rho_t A,\ \mathrm{clip}(\rho_t, 1-\varepsilon, 1+\varepsilon)\, A), \quad
# A = \frac{R - \mathrm{mean}(R)}{\mathrm{std}(R)}$$
#
# * $\pi$ is the policy that is trained, and $\pi_{ref}$ is its frozen start.
# * $\beta$ is the weight of DPO's KL penalty. GRPO has no KL penalty on this page.
# * $R$ is the reward of an answer. Mean and standard deviation are those of its group.
# * $\rho_t$ is the ratio of a token's probability now and when the answer was drawn.
# * $\varepsilon$ is the width of the clip, here 0.2.
#
# What would the chain give with perfect training? Assume that both stages follow the same reward
# $r$, and that each has a KL penalty to the model that the stage began with. The first optimum is
# $\pi_1 \propto \pi_{ref}\, e^{r/\beta_1}$. The second is $\pi_2 \propto \pi_1\, e^{r/\beta_2}$,
# so that
#
# $$\pi_2 \propto \pi_{ref}\, \exp\left(\frac{r}{\beta_1} + \frac{r}{\beta_2}\right).$$
#
# Two stages have the optimum of **one** stage with $1/\beta = 1/\beta_1 + 1/\beta_2$. If the second
# stage measures its KL from the SFT model instead, its optimum is $\pi_{ref}\, e^{r/\beta_2}$, and
# the first stage leaves no trace. In both cases the chain reaches nothing that one stage could not
# reach. What the chain can change is the *way*: how many judgements it takes.
#
# {source tinyalign.optimum.optimal_policy}
# {source tinyalign.methods.train_online.policy_gradient_stage}
#
# ## Predict
#
# All chains of one budget begin with the same policy, which solves three or four of ten problems.
# They have the same number of judged answers and the same number of gradient steps.
#
# **Question 1.** The small budget is 8192 judged answers and 240 gradient steps. Which chain ends
# highest?
#
# * a) DPO alone.
# * b) GRPO alone: it always learns from fresh answers.
# * c) The hybrid.
#
# **Question 2.** Both numbers are four times as large. What happens to the gap between DPO alone
# and the hybrid?
#
# * a) The gap closes: the two are no longer told apart.
# * b) The hybrid is now better.
# * c) The gap grows.
#
# **Question 3.** Is the hybrid better than GRPO alone?
#
# * a) Yes, with both budgets.
# * b) With the small budget only.
# * c) With neither.
#
# <details><summary>The answers</summary>
#
# ANSWERS
#
# </details>
#
# ## Run
#
# ### SFT, and what is counted
#
# SFT stops when the policy solves four in ten of its problems. Three costs are counted. A *judged
# answer* is an answer that was sampled and scored; DPO judges all four answers of a problem and
# keeps one pair. A *gradient step* is one update. *Seconds* are those of the processor. The first
# two costs are made equal, and the third is printed. SFT is the same for all and is not counted.
#
# **The dial:** `SHARE`, the part of the budget that the hybrid gives to DPO. At 0 the hybrid is
# GRPO, and at 1 it is DPO. Try 0.5. Which way does the result move?

# %%
import dataclasses
import time

import numpy as np

from tinyalign import policy
from tinyalign.losses.divergence import exact_kl
from tinyalign.methods import samples
from tinyalign.methods.method import passed_on
from tinyalign.notes.claims.runs import train_in_memory
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import optimal_policy
from tinyalign.report import intervals
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config

SEEDS, SHARE = range(5), 0.25
BUDGETS = {"small": (8192, 240), "large": (32768, 960)}  # judged answers, gradient steps
small = Config(env="addition", digits=1, width=32, layers=1)


def sft(seed):
    """The parameters of an untrained policy, and of one that imitated for a while."""
    config = dataclasses.replace(small, seed=seed, learning_rate=8e-3, batch_size=64)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    untrained = dict(run_plan.initial_params)
    return untrained["policy"], passed_on(train_in_memory(run_plan, 0, untrained))["policy"]


start = {seed: sft(seed) for seed in SEEDS}

# %% [markdown]
# ### Three chains, two budgets
#
# DPO has $\beta = 1$ and the learning rate 0.003. GRPO has groups of eight, four gradient steps for
# each batch of answers, and the learning rate 0.0015. These settings were chosen on the seeds 100
# to 102, which the page does not use: of several values for each method, those with the highest
# mean reward.


# %%
def train(method, seed, params, **settings):
    """The policy after one stage, and the log of its steps."""
    config = dataclasses.replace(small, seed=seed, **settings)
    inputs = plan.stage_inputs(plan.plan_run([method], config), 1, {"policy": params})
    stage, log = inputs.method.stage(inputs), []
    networks, rng = stage.networks, files.random_stream(files.TRAINING, seed, 1)
    for step in range(stage.steps):
        networks, metrics = stage.train_step(networks, rng, step)
        log.append({name: float(value) for name, value in metrics.items()})
    return networks["policy"].params, log


def dpo(seed, params, answers, steps):
    """DPO on pairs: four answers to each problem are judged."""
    return train(
        "dpo", seed, params, steps=steps, batch_size=64, num_pairs=answers // 4, num_generations=4,
        num_labels=answers, beta=1.0, learning_rate=3e-3, warmup_steps=10,
    )  # fmt: skip


def grpo(seed, params, answers, steps):
    """GRPO with groups of eight; each batch of answers gets four gradient steps."""
    rollouts = steps // 4
    return train(
        "grpo", seed, params, steps=rollouts, batch_size=round(answers / rollouts / 8),
        num_generations=8, num_iterations=2, num_minibatches=2, beta=0.0, learning_rate=1.5e-3,
        warmup_steps=rollouts // 20,
    )  # fmt: skip


def run_chain(chain, seed, answers, steps):
    """The policies after the stages of a chain, and the logs of the stages."""
    first, rest = (SHARE, 1 - SHARE) if chain == "DPO, then GRPO" else (1, 1)
    params, policies, logs = start[seed][1], {}, {}
    if "DPO" in chain:
        params, logs["DPO"] = dpo(seed, params, round(first * answers), round(first * steps))
        policies["DPO"] = params
    if "GRPO" in chain:
        params, logs["GRPO"] = grpo(seed, params, round(rest * answers), round(rest * steps))
        policies["GRPO"] = params
    return policies, logs


def look(seed, params, count=10):
    """Mean reward of sampled answers to the training problems, and the KL to the SFT model."""
    run_plan = plan.plan_run(["sft"], dataclasses.replace(small, seed=seed))
    inputs = plan.stage_inputs(run_plan, 0, {"policy": params})
    problems, rng = list(inputs.task.train), np.random.default_rng(7)
    rollout = samples.sample_completions(inputs, params, problems, rng, 1.0, count)
    read = rollout.tokens[:, :-1]
    now, before = (policy.logits(inputs.model, p, read) for p in (params, start[seed][1]))
    kl = np.sum(exact_kl(now, before) * rollout.mask) / len(read)
    return float(samples.score(inputs, problems, rollout).mean()), float(kl)


CHAINS = ("DPO", "GRPO", "DPO, then GRPO")
chains, ends, seconds = {}, {}, {}
for budget, (answers, steps) in BUDGETS.items():
    for chain in CHAINS:
        for seed in SEEDS:
            began = time.process_time()
            chains[budget, chain, seed] = run_chain(chain, seed, answers, steps)
            seconds[budget, chain, seed] = time.process_time() - began
            ends[budget, chain, seed] = look(seed, list(chains[budget, chain, seed][0].values())[-1])


def over_seeds(values, budget, chain):
    return {seed: values[budget, chain, seed] for seed in SEEDS}


rewards = {key: reward for key, (reward, _) in ends.items()}
rows = [["SFT", "", *(look(seed, start[seed][1])[0] for seed in SEEDS), 0.0]]
for budget in BUDGETS:
    for chain in CHAINS:
        kl = np.mean([ends[budget, chain, seed][1] for seed in SEEDS])
        rows.append([chain, budget, *over_seeds(rewards, budget, chain).values(), kl])
table(["chain", "budget", *(f"seed {seed}" for seed in SEEDS), "KL to SFT"], rows)

# %% [markdown]
# The same luck of a seed is in all chains, so the differences are taken seed by seed. An interval
# that holds 0 says that two chains are not told apart.

# %%
PAIRS = [("DPO", "GRPO"), ("DPO, then GRPO", "GRPO"), ("DPO", "DPO, then GRPO")]
differences = {
    (budget, *pair): intervals.difference(*(over_seeds(rewards, budget, chain) for chain in pair))
    for budget in BUDGETS
    for pair in PAIRS
}


def verdict(low, high):
    return "not told apart" if low <= 0 <= high else "better" if low > 0 else "worse"


table(
    ["budget", "first chain", "second chain", "difference of rewards", "the first one is"],
    [[*key, f"{low:+.3f} to {high:+.3f}", verdict(low, high)]
     for key, (low, high) in differences.items()],
)  # fmt: skip

# %% [markdown]
# ### What it cost
#
# The judged answers of GRPO differ a little from the budget, because a batch holds whole groups.
# "Read" is how often a judged answer stood in a gradient step, on average. DPO drops the answers
# that are in no pair, and reads the others again and again.

# %%
costs = {}
for budget, (answers, steps) in BUDGETS.items():
    for chain in CHAINS:
        judged = took = read = 0
        for stage, log in chains[budget, chain, 0][1].items():
            part = {"DPO": SHARE, "GRPO": 1 - SHARE}[stage] if chain == "DPO, then GRPO" else 1
            drawn = sum(row.get("completions_sampled", 0) for row in log) or round(part * answers)
            judged += drawn
            took += len(log) * (1 if stage == "DPO" else 4)
            read += len(log) * 128 if stage == "DPO" else 2 * drawn
        spent = np.mean(list(over_seeds(seconds, budget, chain).values()))
        costs[budget, chain] = int(judged), took, read / judged, spent
table(
    ["budget", "chain", "judged answers", "gradient steps", "read", "seconds"],
    [[*key, str(a), str(b), f"{c:.1f}", f"{d:.1f}"] for key, (a, b, c, d) in costs.items()],
)

# %% [markdown]
# ### What the policies write
#
# One sampled answer to each of six problems, seed 0, small budget. A point marks an answer that did
# not end.

# %%
run_plan = plan.plan_run(["sft"], dataclasses.replace(small, seed=0))
inputs = plan.stage_inputs(run_plan, 0, {"policy": start[0][1]})
problems = list(inputs.task.train)[5::16]
hybrid = chains["small", "DPO, then GRPO", 0][0]
checkpoints = {
    "untrained": start[0][0],
    "SFT": start[0][1],
    "hybrid, DPO": hybrid["DPO"],
    "hybrid, GRPO": hybrid["GRPO"],
    "DPO": chains["small", "DPO", 0][0]["DPO"],
    "GRPO": chains["small", "GRPO", 0][0]["GRPO"],
}


def written(params):
    """One sampled answer to each problem."""
    rollout = samples.sample_completions(inputs, params, problems, np.random.default_rng(3), 1.0)
    texts, finished = samples.decode_rollout(inputs, rollout)
    return [text + ("" if end else ".") for text, end in zip(texts, finished, strict=True)]


columns = [problems, [inputs.task.solution(p) for p in problems]]
columns += [written(params) for params in checkpoints.values()]
table(["problem", "right", *checkpoints], list(zip(*columns, strict=True)))

# %% [markdown]
# ### The dashboard
#
# The upper row shows DPO, and the lower row GRPO, both for seed 0 and the large budget. GRPO begins
# twice: with the SFT model, and with the model that DPO left.

# %%
METERS = {
    "loss": "DPO: loss",
    "rewards/margins": "DPO: margin of the rewards",
    "logps/chosen": "DPO: log-probability of chosen",
    "reward": "GRPO: reward of fresh answers",
    "entropy": "GRPO: entropy of a token, nats",
    "frac_reward_zero_std": "GRPO: share of silent groups",
}
CURVES = {"DPO": ("DPO", "DPO, then GRPO"), "GRPO": ("GRPO", "DPO, then GRPO")}


def meter_log(chain, stage, seed, meter, budget="large"):
    return np.array([row[meter] for row in chains[budget, chain, seed][1][stage]])


figure, axes = picture(3, rows=2, width=9.6, height=5.2)
for (meter, title), each in zip(METERS.items(), axes, strict=True):
    stage = title.partition(":")[0]
    for chain in CURVES[stage]:
        values = meter_log(chain, stage, 0, meter)
        smooth = np.convolve(values, np.ones(8) / 8, mode="valid")
        each.plot(smooth, label="alone" if chain == stage else "in the hybrid", linewidth=1.2)
    each.set(title=title, xlabel="update" if stage == "DPO" else "batch of answers")
axes[0].legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# The curves are means over eight neighbours. The next cell has the meters for all seeds, as means
# over the first and the last five entries.


# %%
def first_and_last(chain, stage, seed, meter):
    values = meter_log(chain, stage, seed, meter)
    return float(values[:5].mean()), float(values[-5:].mean())


changes = {
    (chain, stage, seed, meter): first_and_last(chain, stage, seed, meter)
    for stage, two in CURVES.items()
    for chain in two
    for seed in SEEDS
    for meter, title in METERS.items()
    if title.startswith(f"{stage}:")
}
for stage in CURVES:
    names = [meter for meter, title in METERS.items() if title.startswith(f"{stage}:")]
    table(
        [f"{stage} of the chain", "seed", *names],
        [[chain, str(seed), *("{:.2f} → {:.2f}".format(*changes[chain, stage, seed, meter])
          for meter in names)] for chain in CURVES[stage] for seed in SEEDS],
    )  # fmt: skip
    print()

# %% [markdown]
# ### The formula, checked
#
# The optimum of two stages against that of one stage with $1/\beta = 1/\beta_1 + 1/\beta_2$:

# %%
probs, reward = np.array([0.3, 0.5, 0.2]), np.array([1.0, 0.0, -0.5])
twice = optimal_policy(optimal_policy(probs, reward, 0.5), reward, 2.0)
once = optimal_policy(probs, reward, 1 / (1 / 0.5 + 1 / 2.0))
forgetful = optimal_policy(probs, reward, 2.0)
print("two stages", twice, "one stage", once, "apart", np.abs(twice - once).max())

# %% [markdown]
# ## What it shows
#
# SHOWS
