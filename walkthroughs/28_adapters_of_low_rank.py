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
# # 28 · Adapters of low rank: the same optimum with fewer numbers?
#
# ## The question
#
# Most people who align a large model do not train its weights. They train two thin matrices beside
# each weight: an *adapter*, or LoRA. Does training then end at the same optimum? When does it not,
# and can more steps help?
#
# ## The idea
#
# A weight with 24 rows and 24 columns holds 576 numbers. A product of a thin matrix with 24 rows
# and one column, and another with one row and 24 columns, has the same shape, and 48 numbers decide
# it. Such a product has the *rank* 1: all its rows are multiples of one row. A sum of r of them
# has the rank r.
#
# ```
#    W            A       B
#  24 × 24   +  24 × r · r × 24        W stays, A and B train
# ```
#
# B starts at 0, so that the first policy is exactly the base. After training the product is added
# to W, and the result is a weight like any other.
#
# ## The formula
#
# $$W' = W + \frac{\alpha}{r}\, A B$$
#
# * $W$ is a weight of the base, with $R$ rows and $C$ columns. $W'$ is the merged weight.
# * $A$ has $R$ rows and $r$ columns, and starts at random. $B$ has $r$ rows and $C$ columns, and
#   starts at 0. Together they have $r(R + C)$ numbers.
# * $\alpha$ is a fixed number, and $r$ is the rank.
#
# The optimum of reward minus $\beta$ times KL adds $r(x, y)/\beta$ to the logits of the reference,
# and any constant for each prompt $x$. In a table of logits this change is a matrix with one row
# for each prompt. An adapter can reach the optimum of a table if its rank is at least that of the
# matrix of rewards. Otherwise it cannot, whatever the number of steps, unless the constants happen
# to help.
#
# {source tinyalign.models.lora.merge_adapters}
#
# ## Predict
#
# There are 24 prompts and 24 answers. In the *simple* task two patterns make up all rewards: the
# matrix of rewards has rank 2. In the *rich* task each reward is drawn by itself, and the matrix
# has rank 24. Training is exact: the objective is summed over all answers.
#
# **1.** The policy is a table. Which smallest rank reaches the optimum of the simple task?
#
# * (a) 1
# * (b) 2
# * (c) none: an adapter is an approximation
#
# **2.** An adapter of rank 4 is trained on the rich task, again in a table. Then it is trained four
# times as long. What happens to the distance that was left?
#
# * (a) most of the distance is gone
# * (b) most of the distance stays
#
# **3.** The policy is a small transformer, and each of its matrices gets an adapter of rank 1. On
# the rich task, how far is the end from the optimum, compared with a table and rank 1?
#
# * (a) about as far
# * (b) nearer
# * (c) farther
#
# <details><summary>The answers</summary>
#
# **1.** (b). The change that is wanted has rank 2, and rank 2 holds it exactly.
#
# **2.** (b). The distance is not a lack of steps. The wanted change has more than four patterns.
#
# **3.** (b). The transformer has six matrices, so there are six adapters, and what lies between
# them is not linear. The change of its logits is not limited to rank 1. The end is still far from
# the optimum.
#
# </details>
#
# ## Run
#
# Both models train on the exact objective with Adam. The run with the name *full* trains all
# weights. The scale $\alpha/r$ is 1 for every rank, so that all runs can share a learning rate.
#
# **The dial:** `RANKS`. Which rank brings the table to the optimum of the rich task?

# %%
import autograd.numpy as np

from tinyalign import policy
from tinyalign.engine import optim, tree
from tinyalign.losses.numerics import log_softmax
from tinyalign.models import tabular, transformer
from tinyalign.models.lora import add_adapters, merge_adapters
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import kl, optimal_policy, rlhf_objective
from tinyalign.report.intervals import bootstrap

LETTERS, BETA, SEEDS, STEPS = 24, 0.5, range(5), 160
RANKS = (1, 2, 4)
PATTERNS = {"simple": 2, "rich": LETTERS}
MODELS = {  # name -> module, keywords of init, learning rate
    "table": (tabular, {}, 0.1),
    "transformer": (transformer, {"width": 32, "layers": 1, "heads": 2, "context": 1}, 0.02),
}


def reward_of(task, seed):
    """(prompts, answers) with as many patterns as the task has."""
    rng, patterns = np.random.default_rng(seed), PATTERNS[task]
    if patterns == LETTERS:
        return rng.standard_normal((LETTERS, LETTERS))
    left, right = (rng.standard_normal(s) for s in ((LETTERS, patterns), (patterns, LETTERS)))
    return left @ right / patterns**0.5


def probs(model, params):
    """The policy: a row of answers for each prompt of one letter."""
    return np.exp(log_softmax(policy.logits(model, params, np.arange(LETTERS)[:, None])[:, 0]))


def train(name, task, rank, seed, steps=STEPS):
    """KL to the optimum before and after training, and how many numbers trained."""
    model, sizes, rate = MODELS[name]
    rng = np.random.default_rng(100 + seed)
    base, reward = model.init(rng, vocab=LETTERS, **sizes), reward_of(task, seed)
    ref = probs(model, base)
    trained = base if rank == "full" else add_adapters(base, rank, rng)
    size, state = tree.size(trained), optim.adam_init(trained)

    def merged(trained):
        return trained if rank == "full" else merge_adapters(base, trained, 1.0)

    def loss(trained):
        values = rlhf_objective(probs(model, merged(trained)), ref, reward, beta=BETA)
        return -np.mean(values), {}

    run, star = tree.value_and_grad(loss), optimal_policy(ref, reward, beta=BETA)
    for step in range(steps):
        _, _, gradients = run(trained)
        speed = rate * (1 - step / steps)
        trained, state = optim.adam(trained, gradients, state, learning_rate=speed)
    ends = [float(kl(p, star).mean()) for p in (ref, probs(model, merged(trained)))]
    return *ends, size


found = {
    (name, task, rank): [train(name, task, rank, seed) for seed in SEEDS]
    for name in MODELS for task in PATTERNS for rank in ("full", *RANKS)
}  # fmt: skip
means = {key: float(np.mean([end[1] for end in ends])) for key, ends in found.items()}
sides = {key: np.maximum(bootstrap([end[1] for end in ends]), 0) for key, ends in found.items()}
table(
    ["model", "reward", "rank", "numbers trained", "KL before", "KL after", "interval"],
    [[*map(str, key), ends[0][2], np.mean([end[0] for end in ends]), means[key],
      f"{sides[key][0]:.4f} … {sides[key][1]:.4f}"] for key, ends in found.items()],
)  # fmt: skip

# %% [markdown]
# The KL is a mean over the prompts and the seeds, in nats. The interval is a 95 % bootstrap over
# the five seeds; a lower end below 0 is set to 0, because a KL is not negative. Now the second
# question, four times as many steps:

# %%
left = {}
for rank in (4, "full"):
    longer = [train("table", "rich", rank, seed, 4 * STEPS)[1] for seed in SEEDS]
    left[rank] = bootstrap(np.array(longer) / [end[1] for end in found["table", "rich", rank]])
    print(f"rank {rank}: the share of the distance that stays is {left[rank][0]:.2f} to "
          f"{left[rank][1]:.2f}")  # fmt: skip

# %%
figure, panels = picture(2, width=8.4)
for axes, name in zip(panels, MODELS, strict=True):
    for task in PATTERNS:
        keys = [(name, task, rank) for rank in (*RANKS, "full")]
        middle = np.array([means[key] for key in keys])
        ends = np.maximum([sides[key] for key in keys], 1e-5).T  # 0 has no logarithm
        axes.errorbar(range(len(keys)), middle, np.abs(ends - middle), marker="o", capsize=3,
                      label=f"{task} reward")  # fmt: skip
    ticks = [f"{key[2]}\n{found[key][0][2]}" for key in keys]
    axes.set_xticks(range(len(keys)), ticks)
    axes.set(title=name, xlabel="rank, and numbers trained", yscale="log")
panels[0].set_ylabel("KL to the optimum, nats")
panels[0].legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The rank must be that of the change, and then fewer numbers suffice.** On the simple task a
# table with an adapter of rank 2 ends at the optimum, with 96 numbers instead of 576. With rank 1
# a visible distance stays, and it differs much from seed to seed.
#
# **A rank that is too low is a wall, not a delay.** On the rich task rank 4 leaves about a quarter
# of a nat in the table. Four times as many steps leave most of this distance. Full training has
# no such wall: its small rest is a lack of steps.
#
# **A transformer bends the wall.** With adapters in all of its matrices it comes nearer on the rich
# task than the table at the same rank, and it trains more numbers for that. On the simple task rank
# 2 ends about two hundredths of a nat away, with less than a tenth of the numbers. But full
# training is nearer on both tasks: the intervals do not overlap.
#
# **So "the same optimum" is a statement about the task.** The formula of LoRA promises the same
# start, and never the same end. The end is the same if what alignment has to change is simple. For
# large models and small sets of data, the paper of LoRA finds that low ranks suffice. This page
# cannot test that. The page also has one learning rate for all ranks, and a base that is random.
#
# ## What goes wrong in practice
#
# **“Why must the reference be None?”** (huggingface/trl #1365, huggingface/trl #624.) The base is
# the reference: without the adapter the model *is* what it was at the start. One copy of the
# weights serves both. This fails where training starts from an adapter that has trained before.
# Then the base is not the start, and the reference has to be the start.
#
# **“A higher rank learns more slowly.”** (huggingface/lerobot #3551.) The scale is $\alpha/r$. A
# library that keeps $\alpha$ at 8 while the rank goes from 8 to 64 makes the scale eight times
# smaller. Print the scale, and raise $\alpha$ or the learning rate with the rank.
#
# **“The adapter does nothing.”** At the first step the gradient in A is zero, because B is zero.
# This is as it should be. If *both* start at zero, no gradient ever comes.
#
# ### The same line in TRL
#
# `DPOTrainer(model, args=config, peft_config=LoraConfig(r=4, lora_alpha=4, target_modules=...))`
# without `ref_model`. `LoraConfig` is of the library peft. After training,
# `model.merge_and_unload()` adds the products to the weights.

# %% [markdown]
# ## Turn the dial
#
# `patterns` is the rank of the rewards, and `rank` is that of the change. The picture shows the
# nearest change of this rank, without training. Before you turn: with 4 patterns, which rank leaves
# a KL of 0?

# %%
from tinyalign.notes.dials import dial, low_rank

dial(
    low_rank.frame,
    {"rank": (1, 2, 4, 8), "patterns": (1, 2, 4, 24)},
    start=(2, 4),
    try_it=low_rank.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Rank 4, and every larger rank. With 24 patterns a rank of 8 still leaves a distance.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 28.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Add an adapter of rank r to a weight, with the scale α/r of the paper.
#
# <details><summary>Hint 1</summary>
#
# Read the rank from the shape of `a`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The change is the matrix product of `a` and `b`, times `alpha` divided by the rank.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_merged_weight(w, a, b, alpha):
#     return w + alpha / a.shape[1] * (a @ b)
# ```
#
# </details>
#
# **2.** Compute the gradient of the loss in B. `gradient` is the gradient in the merged weight.
#
# <details><summary>Hint 1</summary>
#
# A change of B changes the merged weight by α/r · A times this change.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Row k of the result adds up the rows of `gradient` with the weights of column k of A.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_gradient_of_b(gradient, a, alpha):
#     return alpha / a.shape[1] * (a.T @ gradient)
# ```
#
# </details>
#
# **3. On paper.** A weight has 4096 rows and 4096 columns. How many numbers does an adapter of
# rank 8 train, and which share of the weight is this? From which rank on does an adapter train
# more numbers than the weight has?
#
# <details><summary>The answer</summary>
#
# The adapter trains $8 \cdot (4096 + 4096) = 65\,536$ numbers, the weight has 16 777 216, and the
# share is 1/256, or 0.4 %. The two are equal at the rank 2048, half the width, and beyond this
# rank the adapter is the larger one.
#
# </details>
#
# **4. Open ended.** A run with an adapter of rank 4 ends at a lower reward than full training.
# How would you tell a rank that is too low from a learning rate that is too low?
#
# <details><summary>What to look for</summary>
#
# Train longer, and with two more learning rates: a low learning rate gives way, and a low rank
# does not. Then double the rank and keep all else, with α/r fixed. Look also at the singular
# values of the change that full training makes, if you can afford it once.
#
# </details>

# %%
from tinyalign.notes.exercises.adapters import check_my_gradient_of_b, check_my_merged_weight


def my_merged_weight(w, a, b, alpha):
    raise NotImplementedError  # (R, C), (R, r), (r, C), a number -> (R, C)


def my_gradient_of_b(gradient, a, alpha):
    raise NotImplementedError  # (R, C), (R, r), a number -> (r, C)


check_exercise(check_my_merged_weight, my_merged_weight)
check_exercise(check_my_gradient_of_b, my_gradient_of_b)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 001 60-70}
# {notes 000 18-22}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * GRPO needs about 40 % less memory than PPO: [no source says
#   so](errata.html#row-16). A count of weights and optimizer state gives 44 %. With adapters the
#   optimizer state nearly vanishes, and such shares change.
# * PPO has no reference model, but a KL: [the KL needs the reference](errata.html#row-1). With an
#   adapter the reference costs no memory, because the base is there already.
#
# </details>
#
# ## Further reading
#
# * Hu and others 2021, LoRA, arXiv:2106.09685: section 4.1, and section 7 on the rank.
# * Aghajanyan and others 2020, arXiv:2012.13255: few directions are enough for fine-tuning.
# * Kalajdzievski 2023, arXiv:2312.03732: why to divide by the root of the rank.
# * Biderman and others 2024, arXiv:2405.09673: LoRA learns less and forgets less.
#
# ### The claims of this page, tested

# %%
sizes = {rank: found["table", "rich", rank][0][2] for rank in RANKS}
assert all(size == 2 * LETTERS * rank for rank, size in sizes.items())
if (RANKS, BETA, STEPS) == ((1, 2, 4), 0.5, 160):
    assert sides["table", "simple", 2][1] < 0.003 and sides["table", "simple", 1][0] > 0.1
    assert max(means["table", "simple", rank] for rank in (2, 4, "full")) < 0.01
    assert all(means["table", "rich", rank] > 0.2 for rank in RANKS), "a rank too low"
    assert left[4][0] > 0.7 and left[4][1] < 1, "most of the distance stays"
    assert left["full"][1] < 0.3, "full training had too few steps"
    for rank in RANKS:
        here, there = (sides[name, "rich", rank] for name in ("transformer", "table"))
        assert here[1] < there[0], "six adapters of a transformer come nearer"
    for task in PATTERNS:
        one, two, four, full = (sides["transformer", task, rank] for rank in (*RANKS, "full"))
        assert two[1] < one[0] and full[1] < min(two[0], four[0]), "more numbers, nearer"
    assert means["transformer", "simple", 2] < 0.02 and means["transformer", "rich", 4] > 0.05
print("all claims of this page hold")
