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
# # 30 · Entropy collapse, and the relatives of GRPO
#
# ## The question
#
# Under GRPO the entropy of a policy falls, and a policy without entropy has nothing left to try.
# Do the entropy bonus and the higher clip stop the fall? Which of GRPO's relatives (DAPO, GSPO,
# CISPO, SAPO, REINFORCE++, ReMax) can be told apart from GRPO by training?
#
# ## The idea
#
# GRPO raises answers that were sampled and were right. Likely answers are sampled often, so what is
# likely becomes likelier. This lowers the *entropy*. A fall is no fault in itself, because a policy
# that knows the answer needs no entropy. It is called a *collapse* where the entropy is gone before
# the reward has arrived: all answers of a group are then alike, and the group says nothing.
#
# Each relative changes one part of GRPO, or two. This page trains all of them on one task, with the
# same start, the same learning rate and the same number of sampled answers.
#
# ```
# GRPO:        rewards of a group -> advantage -> ratio and clip -> mean over tokens
# ReMax        the likeliest answer is the baseline, and no ratio
# REINFORCE++  the whole batch is the group
# clip-higher                                     wider clip upwards
# GSPO                                            one ratio for a whole answer
# CISPO                                           a cap on the ratio, no token is dropped
# SAPO                                            a smooth gate in place of the clip
# DAPO         silent groups are drawn again      wider clip upwards   all tokens alike
# ```
#
# ## The formula
#
# How fast does the entropy fall? Write $z$ for the logits of one step, $\pi$ for their softmax and
# $A$ for the advantages. A small step of the size $\eta$ along the advantages, $z + \eta A$,
# changes the entropy $H$ by
#
# $$\Delta H \approx -\eta\, \mathrm{Cov}_\pi(\log\pi, A).$$
#
# The entropy falls where likely answers have the larger advantages, and rises where *unlikely*
# answers have them. The entropy bonus adds $\alpha H$ to the reward. The best policy is then
#
# $$\pi^* \propto e^{r/\alpha},$$
#
# which spreads over everything: a bonus is a KL to the uniform policy. The higher clip does not
# change the optimum. It lets a token rise from probability $q$ to $q\,(1 + \varepsilon_{high})$ in
# one batch, and DAPO takes 0.28 in place of 0.2.
#
# * $r$ is the reward and $\alpha$ the weight of the bonus.
# * $\mathrm{Cov}_\pi$ is the covariance of two quantities when answers are drawn from $\pi$.
#
# {source tinyalign.losses.policy_gradient.entropy}
# {source tinyalign.losses.policy_gradient.clipped_surrogate}
# {source tinyalign.losses.trust_region.sapo}
#
# ## Predict
#
# **Question 1.** GRPO starts with a token entropy of about 0.7 nats, and trains on 7680 answers.
# Where does the entropy end?
#
# * a) It hardly changes.
# * b) It falls by a third or more.
# * c) It falls to 0.
#
# **Question 2.** A run has an entropy bonus with the weight 0.05. How does it end, compared with
# GRPO over five seeds?
#
# * a) With more entropy and a higher reward.
# * b) With more entropy and a lower reward.
# * c) Neither is told apart.
#
# **Question 3.** Of the six relatives, how many end with a higher reward than GRPO, told apart by
# five seeds?
#
# * a) None.
# * b) One or two.
# * c) Most.
#
# <details><summary>The answers</summary>
#
# **1 b.** The interval of the fall is below 0, and the mean falls by more than a third.
#
# **2 c.** The entropy is higher on average, but the interval holds 0. So does that of the reward.
#
# **3 a.** None. Three of them, DAPO, GSPO and ReMax, end *lower* with the settings of this page.
#
# </details>
#
# ## Run
#
# ### The formula, checked
#
# The change of the entropy under a small step, by the formula and by computing both entropies:

# %%
import dataclasses
import time

import numpy as np

from tinyalign import policy
from tinyalign.losses.numerics import log_softmax
from tinyalign.losses.policy_gradient import entropy
from tinyalign.methods import online, samples
from tinyalign.methods.method import passed_on
from tinyalign.notes.claims.runs import train_in_memory
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.report import intervals
from tinyalign.report.plots import COLOURS
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config


def entropy_change(logits, advantage):
    """−Cov(log π, A) of one softmax."""
    logp = log_softmax(logits)
    probs = np.exp(logp)
    return -np.sum(probs * logp * (advantage - probs @ advantage))


rng, size, checks = np.random.default_rng(0), 1e-6, []
for _ in range(100):
    logits, advantage = rng.normal(size=5), rng.normal(size=5)
    up, down = (float(entropy((logits + s * advantage)[None])[0]) for s in (size, -size))
    checks.append((entropy_change(logits, advantage), (up - down) / (2 * size)))
error = max(abs(a - b) for a, b in checks)
print(f"largest difference between formula and entropies: {error:.0e}")
print(f"share of steps that lower the entropy: {np.mean([a < 0 for a, _ in checks]):.2f}")

# %% [markdown]
# ### One task, one change each
#
# SFT stops when the policy solves four in ten of the sums of two digits. All runs have the learning
# rate 0.0015, no KL, groups of eight, and four gradient steps for each batch of answers. ReMax has
# no ratio, so it takes one step for each smaller batch, and a run of GRPO that does the same stands
# beside it. DAPO draws silent groups again. These answers count, so that it gets half as many
# batches.
#
# **The dial:** `RATE`. At 0.003 the entropy falls further. Does the order of the methods stay?

# %%
SEEDS, RATE, ANSWERS = range(5), 1.5e-3, 7680
small = Config(env="addition", digits=1, width=32, layers=1)
FOUR = {"steps": 60, "batch_size": 16, "num_generations": 8, "num_iterations": 2}
FOUR |= {"num_minibatches": 2}
ONE = {"num_iterations": 1, "num_minibatches": 1}
RUNS = {  # name -> method, settings besides those of all
    "GRPO": ("grpo", FOUR),
    "entropy bonus": ("grpo", FOUR | {"entropy_coef": 0.05}),
    "clip-higher": ("grpo", FOUR),
    "DAPO": ("dapo", FOUR | {"steps": 30}),
    "GSPO": ("gspo", FOUR),
    "CISPO": ("cispo", FOUR),
    "SAPO": ("sapo", FOUR),
    "REINFORCE++": ("reinforce_pp", FOUR),
    "GRPO, one step": ("grpo", ONE | {"steps": 256, "batch_size": 6, "num_generations": 5}),
    "ReMax, one step": ("remax", ONE | {"steps": 256, "batch_size": 6, "num_generations": 4}),
}


def sft(seed):
    """The parameters of a policy that has imitated for a while."""
    config = dataclasses.replace(small, seed=seed, learning_rate=8e-3, batch_size=64)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    return passed_on(train_in_memory(run_plan, 0, dict(run_plan.initial_params)))["policy"]


def train(seed, name):
    """The policy in the end, and the log; a run stops when it has drawn its answers."""
    method, settings = RUNS[name]
    config = dataclasses.replace(
        small, seed=seed, beta=0.0, learning_rate=RATE, warmup_ratio=0.05, **settings
    )
    inputs = plan.stage_inputs(plan.plan_run([method], config), 1, {"policy": start[seed]})
    if name == "clip-higher":  # GRPO with this one part of DAPO
        inputs = inputs._replace(method=inputs.method._replace(surrogate=online.dapo_surrogate))
    stage, log, drawn = inputs.method.stage(inputs), [], 0
    networks, rng = stage.networks, files.random_stream(files.TRAINING, seed, 1)
    for step in range(stage.steps):
        if drawn >= ANSWERS:
            break
        networks, metrics = stage.train_step(networks, rng, step)
        log.append({key: float(value) for key, value in metrics.items()})
        drawn += log[-1]["completions_sampled"]
    return networks["policy"].params, log


def look(seed, params, count=10):
    """Mean reward, entropy of a token in nats, and share of problems with a right answer."""
    run_plan = plan.plan_run(["sft"], dataclasses.replace(small, seed=seed))
    inputs = plan.stage_inputs(run_plan, 0, {"policy": params})
    problems, rng = list(inputs.task.train), np.random.default_rng(7)
    rollout = samples.sample_completions(inputs, params, problems, rng, 1.0, count)
    reward = samples.score(inputs, problems, rollout)
    logits = policy.logits(inputs.model, params, rollout.tokens[:, :-1])
    spread = np.sum(entropy(logits) * rollout.mask) / rollout.mask.sum()
    return float(reward.mean()), float(spread), float((reward.max(axis=1) > 0).mean())


start = {seed: sft(seed) for seed in SEEDS}
began = time.process_time()
trained = {(name, seed): train(seed, name) for name in RUNS for seed in SEEDS}
seconds = time.process_time() - began
before = {seed: look(seed, start[seed]) for seed in SEEDS}
ends = {key: look(key[1], params) for key, (params, _) in trained.items()}


def over_seeds(name, column):
    return {seed: (before[seed] if name == "SFT" else ends[name, seed])[column] for seed in SEEDS}


def mean_of(name, column):
    return float(np.mean(list(over_seeds(name, column).values())))


def cost(name):
    """Sampled answers and gradient steps, means over the seeds."""
    logs = [trained[name, seed][1] for seed in SEEDS]
    drawn = np.mean([sum(row["completions_sampled"] for row in log) for log in logs])
    each = RUNS[name][1]["num_iterations"] * RUNS[name][1]["num_minibatches"]
    return float(drawn), float(np.mean([each * len(log) for log in logs]))


rows = [["SFT", *(mean_of("SFT", c) for c in range(3)), 0.0, 0.0]]
rows += [[name, *(mean_of(name, c) for c in range(3)), *cost(name)] for name in RUNS]
table(["run", "reward", "entropy", "solved in 10", "answers", "gradient steps"], rows)

# %% [markdown]
# "Solved in 10" is the share of the problems for which one of ten answers is right. Differences to
# GRPO are taken seed by seed. ReMax is compared with the run of GRPO that takes one step as well.

# %%
OTHERS = [name for name in RUNS if not name.startswith("GRPO")]


def rival(name):
    return "GRPO, one step" if name.startswith("ReMax") else "GRPO"


def verdict(low, high):
    return "not told apart" if low <= 0 <= high else "higher" if low > 0 else "lower"


differences = {
    (name, column): intervals.difference(over_seeds(name, column), over_seeds(rival(name), column))
    for name in OTHERS
    for column in (0, 1)
}
rows = []
for name in OTHERS:
    cells = [[f"{low:+.3f} to {high:+.3f}", verdict(low, high)]
             for low, high in (differences[name, c] for c in (0, 1))]  # fmt: skip
    rows.append([name, *cells[0], *cells[1]])
table(["minus GRPO", "reward", "is", "entropy", "is"], rows)
fall = intervals.difference(over_seeds("GRPO", 1), over_seeds("SFT", 1))
print(f"entropy of GRPO minus that of SFT: {fall[0]:+.3f} to {fall[1]:+.3f}")

# %%
figure, axes = picture(2, width=9.6, height=4.2)
drawn = ("GRPO", "entropy bonus", "clip-higher", "DAPO", "GSPO")
colours = dict(zip(drawn, COLOURS, strict=False))
for name in drawn:
    logs = [trained[name, seed][1] for seed in SEEDS]
    curves = [np.interp(np.linspace(0, 1, 30), np.linspace(0, 1, len(log)),
                        [row["entropy"] for row in log]) for log in logs]  # fmt: skip
    axes[0].plot(np.linspace(0, ANSWERS, 30), np.mean(curves, axis=0), label=name, linewidth=1.2)
axes[0].set(title="Entropy in the log", xlabel="sampled answers", ylabel="nats a token")
axes[0].legend(fontsize="x-small")
# From the highest reward down, names stand right and left of their dots in turn: none is covered.
for place, name in enumerate(sorted(("SFT", *RUNS), key=lambda name: -mean_of(name, 0))):
    at, side = (mean_of(name, 1), mean_of(name, 0)), ("left", "right")[place % 2]
    axes[1].plot(*at, "o", color=colours.get(name, "0.5"))
    offset = {"xytext": (6, -3) if side == "left" else (-6, -3), "textcoords": "offset points"}
    axes[1].annotate(name, at, ha=side, fontsize="x-small", **offset)
axes[1].set_xlim(0.33, 0.78)
axes[1].set(title="At the end, means of seeds", xlabel="entropy, nats a token", ylabel="reward")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The entropy falls, and does not collapse.** GRPO loses more than a third of the entropy while
# the reward rises by a fifth of all answers. Nothing was stuck: after a few thousand answers a
# small policy on ninety problems is far from the state that papers on collapse describe. The page
# can show the fall and its formula, and not the cure.
#
# **The formula says when it falls.** On random logits and advantages, steps that lower the entropy
# are about as frequent as those that raise it. In training the right answers grow likely, and from
# then on likely answers have the large advantages.
#
# **The bonus and the higher clip change nothing that five seeds can show.** The intervals hold 0
# for the reward and for the entropy. This is no proof that they do nothing: the intervals of the
# reward are from five to fourteen hundredths wide, and smaller effects hide in them.
#
# **DAPO, GSPO and ReMax end lower here. We did not measure why.** Two facts are in the logs. DAPO
# takes half as many gradient steps as GRPO, because it draws silent groups again and this page
# counts those answers. GSPO has its own clip, a few ten-thousandths wide, and this clip holds back
# more than half of the answers in the last gradient step of a batch. A run that changes only the
# number of steps, or only the width of the clip, would show whether this fact is the reason. About
# ReMax the logs say nothing that would explain the difference.
#
# **CISPO, SAPO and REINFORCE++ are not told apart from GRPO by the reward.** CISPO ends with more
# entropy.
#
# **What cannot be told.** Every run has one learning rate, which suits GRPO. A method that wants
# another rate is judged unfairly, so this page does not rank the methods. `tinyalign tune` searches
# a rate for each one. On two-digit sums such a search moved the relatives close to each other.
#
# ## What goes wrong in practice
#
# **“Is the entropy loss of the GRPO example a bug?”** (verl-project/verl #514, #781.) The first
# examples had a bonus of 0.001, and the paper has none. The author of #781 suspects that the bonus
# made the entropy explode. The optimum shows why it can: a bonus asks for spread over *all* tokens,
# wrong ones included.
#
# **“Please add an entropy bonus to GRPO.”** (huggingface/trl #3628, #6140.) Before you use one,
# look at `frac_reward_zero_std`. If groups are silent because all answers are right, more entropy
# makes right answers wrong.
#
# ### The same line in TRL
#
# `GRPOConfig(epsilon=0.2, epsilon_high=0.28, loss_type="dapo", beta=0.0)` has the higher clip and
# the mean over all tokens. `GRPOConfig(importance_sampling_level="sequence", epsilon=3e-4)` is
# GSPO. Neither draws silent groups again.

# %% [markdown]
# ## Turn the dial
#
# Four answers: the best has the reward 1, two others are worse by the gap, and a wrong one has 0.
# Before you turn α: at which α does the wrong answer still get a tenth of the probability?

# %%
from tinyalign.notes.dials import bonus, dial

dial(
    bonus.frame,
    {"α": (0.05, 0.2, 0.5, 1.0, 2.0), "gap": (0.0, 0.1, 0.5)},
    start=(0.2, 0.1),
    try_it=bonus.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# At α = 1 the wrong answer has about 0.1 or more. At α = 0.2 it has less than 0.05. With the gap 0
# three answers are equally good: the bonus then keeps all three, which costs no reward.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 30.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** A small step $\eta$ moves the logits along the advantages: $z + \eta A$. How fast does
# the entropy change? Return its slope at $\eta = 0$.
#
# <details><summary>Hint 1</summary>
#
# The slope is minus the covariance of $\log\pi$ and $A$ under $\pi$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A covariance is the mean of the product, after the mean of $A$ is subtracted from $A$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import log_softmax
#
#
# def my_entropy_change(logits, advantage):
#     logp = log_softmax(logits)
#     probs = np.exp(logp)
#     return -np.sum(probs * logp * (advantage - np.sum(probs * advantage)))
# ```
#
# </details>
#
# **2.** Which probabilities maximise the mean reward plus `weight` times the entropy?
#
# <details><summary>Hint 1</summary>
#
# The bonus is a KL penalty to the uniform policy, up to a constant.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The best policy is the softmax of the reward divided by the weight.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_best_with_bonus(reward, weight):
#     return softmax(reward / weight)
# ```
#
# </details>
#
# **3. On paper.** A token has the probability 0.01, and another one 0.9. Both are right, and each
# batch raises them as far as the clip allows. Where are they after one batch with a clip of 0.2
# upwards, and where with 0.28? How many batches does the rare token need to pass 0.5?
#
# <details><summary>The answer</summary>
#
# With 0.2 the rare token comes to 0.012, and with 0.28 to 0.0128. The likely token may go to
# 1.08, which is beyond 1: the clip never holds it. The rare token has to grow fifty times. This
# takes 22 batches with 0.2, because 1.2 to the power of 22 is 55, and 16 batches with 0.28,
# because 1.28 to the power of 16 is 52.
#
# </details>
#
# **4. Open ended.** Your entropy has fallen to a tenth and the reward still rises. Would you act?
# What would you look at first?
#
# <details><summary>What to look for</summary>
#
# A low entropy is harmful only where it stops learning. Look at the share of silent groups and at
# the share of problems that one of many samples solves. Where both are as before, leave the run
# alone. Where groups fall silent on unsolved problems, draw harder problems, more answers for
# each, or widen the clip upwards.
#
# </details>

# %%
from tinyalign.notes.exercises.entropies import check_my_best_with_bonus, check_my_entropy_change


def my_entropy_change(logits, advantage):
    raise NotImplementedError  # (K,), (K,) -> one number


def my_best_with_bonus(reward, weight):
    raise NotImplementedError  # (K,), one number -> (K,)


check_exercise(check_my_entropy_change, my_entropy_change)
check_exercise(check_my_best_with_bonus, my_best_with_bonus)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 004 95-103}
#
# <details><summary>One statement of the notes, and what is true</summary>
#
# * *"L = E[min(ratio · A, clip(ratio, 1-ε, 1+ε) · A)]"*, with one ratio for an answer.
#   **Imprecise.** [GRPO's ratio belongs to a token](errata.html#row-32). One ratio for a whole
#   answer is GSPO, and its clip is a thousand times narrower.
#
# </details>
#
# ## Further reading
#
# * Yu and others 2025, arXiv:2503.14476: DAPO, with entropy collapse and the higher clip.
# * Cui and others 2025, arXiv:2505.22617: the entropy and its covariance.
# * Zheng and others 2025, arXiv:2507.18071: GSPO. MiniMax 2025, arXiv:2506.13585: CISPO.
# * Gao and others 2025, arXiv:2511.20347: SAPO. Hu 2025, arXiv:2501.03262: REINFORCE++.
# * Li and others 2023, arXiv:2310.10505: ReMax.
#
# ### The claims of this page, tested

# %%
assert error < 1e-7, "the formula of the entropy"
assert 0.4 < np.mean([a < 0 for a, _ in checks]) < 0.6, "about as frequent"
if (RATE, ANSWERS) == (1.5e-3, 7680):
    assert fall[1] < 0 and mean_of("GRPO", 1) < 2 / 3 * mean_of("SFT", 1), "more than a third"
    assert 0.15 < mean_of("GRPO", 0) - mean_of("SFT", 0) < 0.25, "a fifth of all answers"
    found = {key: verdict(*interval) for key, interval in differences.items()}
    rewards = {name: found[name, 0] for name in OTHERS}
    lower = [name for name, said in rewards.items() if said == "lower"]
    assert lower == ["DAPO", "GSPO", "ReMax, one step"] and "higher" not in rewards.values()
    assert found["entropy bonus", 1] == found["clip-higher", 1] == "not told apart"
    assert found["CISPO", 1] == "higher"
    widths = [high - low for (_, column), (low, high) in differences.items() if column == 0]
    assert min(widths) > 0.045 and max(widths) < 0.145, "five to fourteen hundredths"
    assert 0.45 < cost("DAPO")[1] / cost("GRPO")[1] < 0.55, "half as many gradient steps"
    assert all(abs(cost(name)[0] / ANSWERS - 1) < 0.02 for name in RUNS), "equal answers"
    held = np.mean([row["clip_ratio"] for s in SEEDS for row in trained["GSPO", s][1]])
    assert held > 0.5, "most answers of the last step of a batch"
print("all claims of this page hold")
