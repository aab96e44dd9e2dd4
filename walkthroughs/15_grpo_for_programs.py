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
# # 15 · GRPO for programs
#
# The reward that nobody has to judge: run the program, count the tests that pass. Here a small
# transformer writes programs for a stack machine. It starts from a few steps of imitation and
# goes on by reward alone, in seconds, with an interpreter that is safe on any text.
#
# ## What the notes say
#
# {notes 004 607-634}
# {notes 004 738-790}
#
# One of the notes leaves this as an exercise: TODO safe execution, TODO reference model, TODO
# training loop, with `except: pass` around the test. All three are below, executed. Its decision
# tree sends "unit tests" to GRPO, which this page supports as far as one toy can. That a method is
# "best" [is not shown by anything](errata.html#row-63), and DeepSeekMath itself scored with [a
# trained reward model](errata.html#row-64).
#
# ## The machine and the reward, live
#
# {source toy_envs.interpreter.run}
# {source toy_envs.programs.reward}
# {source toy_envs.programs.pass_at_k}

# %%
import json
from itertools import combinations
from math import comb
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tinyalign.losses import group_standardize
from tinyalign.methods.samples import draw_prompts, sample_completions, score
from tinyalign.models import tokenizer
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.runs import files, plan, train
from tinyalign.runs.config import Config
from toy_envs import interpreter, programs

for program in ("x3+y*", "yx3+*", "3[x]++", "x+", "[[[", "x9[d*]"):
    print(f"{program:8} on x = 2, y = 5: {interpreter.run(program, 2, 5)}")

# %% [markdown]
# A program that fails returns None and no exception: too few numbers, an unmatched bracket, a
# number past the limit. Python never evaluates anything.
#
# ## Before the run: pass@k, and silent groups
#
# From $n$ samples of which $c$ are right, the unbiased estimate of "at least one of $k$ is right"
# is $1 - \binom{n-c}{k}/\binom{n}{k}$ (Chen and others 2021). The tempting $1 - (1 - c/n)^k$ is
# biased. The table compares both with a count of all subsets.

# %%
samples, tries = 6, 3
counted = []
for right in range(samples + 1):
    outcome = np.arange(samples) < right
    exact = np.mean([outcome[list(s)].any() for s in combinations(range(samples), tries)])
    tempting = 1 - (1 - right / samples) ** tries
    counted.append(
        [right, float(exact), float(programs.pass_at_k(samples, right, tries)), tempting]
    )
table(["right of 6", "pass@3, all subsets", "pass_at_k", "1 − (1 − c/n)^3"], counted)

# %% [markdown]
# ## The start: a little imitation
#
# The command `tinyalign run sft,grpo --env programs` does what follows; here its two stages are
# called one after the other, so that one can look in between.
#
# **The dial:** `START`, the share of problems that imitation solves before it stops. Begin at 0.05:
# most groups are silent, and GRPO has little to learn from.

# %%
START, GROUP, STEPS = 0.3, 8, 60

folder = TemporaryDirectory()
place = Path(folder.name)
shared = {"env": "programs", "width": 32, "layers": 2, "eval_size": 200, "eval_every": 15}
imitate = Config(
    **shared,
    steps=600,
    batch_size=64,
    learning_rate=8e-3,
    warmup_steps=30,
    warm_start_accuracy=START,
)
(before,) = train.run(plan.as_warm_start(plan.plan_run(["sft"], imitate)), place / "start")
config = Config(
    **shared, init_from=place / "start", steps=STEPS, batch_size=32, num_generations=GROUP
)
job = plan.plan_run(["grpo"], config)
setting = plan.stage_inputs(job, 0, job.initial_params)


def silent_share(rewards):
    """Chance that a group of GROUP, drawn from these samples, has all rewards equal; per prompt."""
    size = rewards.shape[1]
    alike = [np.unique(row, return_counts=True)[1] for row in rewards]
    return np.array([sum(comb(int(n), GROUP) for n in counts) for counts in alike]) / comb(
        size, GROUP
    )


def sampled_rewards(count, size, seed):
    rng = np.random.default_rng(seed)
    prompts = draw_prompts(setting, rng, count)
    rollout = sample_completions(setting, setting.initial_policy, prompts, rng, 1.0, size)
    return prompts, rollout, score(setting, prompts, rollout)


_, _, many = sampled_rewards(150, 32, seed=1)
silent_predicted = silent_share(many).mean()
prompts, rollout, rewards = sampled_rewards(150, GROUP, seed=2)
silent_found = np.mean(np.ptp(rewards, axis=1) == 0)
print(f"imitation: {before['steps']} steps, likeliest program right: {before['eval_accuracy']:.2f}")
print(f"silent groups of {GROUP}: predicted {silent_predicted:.2f}, found {silent_found:.2f}")

# %% [markdown]
# One group in full: the programs, the share of tests that each passes, and the advantage that GRPO
# makes of it.

# %%
telling = int(np.argmax(np.std(rewards, axis=1)))
rows = slice(telling * GROUP, (telling + 1) * GROUP)
written, ended = tokenizer.completions(setting.vocabulary, rollout.tokens[rows], rollout.mask[rows])
advantage = group_standardize(rewards[telling : telling + 1].astype(float))[0]
print("formula:", prompts[telling], " a right program:", programs.solution(prompts[telling]))
table(
    ["program", "ended", "tests passed", "advantage"],
    [[w or "(empty)", str(e), float(r), a]
     for w, e, r, a in zip(written, ended, rewards[telling], advantage, strict=True)],
)  # fmt: skip

# %% [markdown]
# ## The run
#
# Sixty batches of 32 formulas with eight programs each. Then the same questions again, on formulas
# that were never trained on.

# %%
(after,) = train.run(job, place / "grpo")
lines = [json.loads(line) for line in (place / "grpo" / "metrics.jsonl").read_text().splitlines()]
trained, _ = files.load_tree(place / "grpo" / "model.safetensors")


def pass_rates(params, size=16):
    """pass@1 and pass@8 on held-out formulas, from `size` samples each."""
    held_out = list(setting.task.held_out[:: max(1, len(setting.task.held_out) // 120)])
    rng = np.random.default_rng(3)
    drawn = sample_completions(setting, params, held_out, rng, 1.0, size)
    right = np.sum(score(setting, held_out, drawn) == 1, axis=1)
    return [float(np.mean(programs.pass_at_k(size, right, k))) for k in (1, 8)]


rates = {
    "imitation": pass_rates(setting.initial_policy),
    "then GRPO": pass_rates(trained["policy"]),
}
greedy = {"imitation": before["eval_accuracy"], "then GRPO": after["eval_accuracy"]}
table(
    ["held out", "likeliest right", "pass@1", "pass@8"],
    [[name, greedy[name], *values] for name, values in rates.items()],
)
drawn = after["completions_sampled"]
print(f"KL to the start: {after['eval_kl']:.2f} nats; programs sampled: {drawn}")

# %%
figure, (left, right) = picture(2, width=8.2)
step = [line["step"] for line in lines]
for axes, key, title in (
    (left, "reward", "Share of tests passed, training"),
    (right, "frac_reward_zero_std", "Silent groups"),
):
    axes.plot(step, [line[key] for line in lines])
    axes.set(xlabel="batch", title=title, ylim=(-0.03, 1.03))
figure

# %% [markdown]
# {figure}
#
# Silent groups become rare as soon as some programs pass. They would come back where all eight
# programs of a group are right; this short run does not get there.
#
# ## Weird numbers
#
# **“The reward does not move at all.”** Look at the silent groups first. If the start never
# passes a test there is nothing to compare (huggingface/trl #3502): imitate longer, or reward
# parts. The share of tests passed is such a partial reward.
#
# **“The loss is 0.”** Page 13. The metrics above have a `loss` near 0 from the first step to the
# last.
#
# **“Is pass@8 the point, or pass@1?”** GRPO raises pass@1 by moving probability to programs that
# it already finds; whether it adds new ones is what pass@k at large k asks. DeepSeekMath saw
# Maj@K rise and Pass@K not (Figure 7; read in its text). No toy settles that, and this one does
# not claim to.
#
# ## Exercises
#
# **1.** The unbiased pass@k.
#
# **2.** The reward of one program on a list of tests `((x, y), wanted)`, with the interpreter. A
# program that fails passes nothing, even a test whose answer is None.


# %%
def my_pass_at_k(n, c, k):
    raise NotImplementedError  # one number


def check_my_pass_at_k(solution):
    for n, k in ((4, 1), (5, 2), (6, 6)):
        for c in range(n + 1):
            right = np.arange(n) < c
            known = np.mean([right[list(s)].any() for s in combinations(range(n), k)])
            assert abs(solution(n, c, k) - known) < 1e-9, f"n = {n}, c = {c}, k = {k}"


def my_reward(program, tests):
    raise NotImplementedError  # 0 … 1


def check_my_reward(solution):
    formula = "(x+3)*y:"
    tests = list(zip(programs.TESTS, programs.expected(formula), strict=True))
    for program in ("x3+y*", "yx3+*", "x3+", "]]", "xy*", "x3+x*", ""):
        known = programs.reward([formula], [program], [True])[0]
        assert abs(solution(program, tests) - known) < 1e-9, program or "(empty)"
    assert solution("]", [((1, 2), None)]) == 0, "a failure passes nothing"


check_exercise(check_my_pass_at_k, my_pass_at_k)
check_exercise(check_my_reward, my_reward)
folder.cleanup()

# %% [markdown]
# ## The same line in TRL
#
# `GRPOTrainer(reward_funcs=pass_rate, args=GRPOConfig(num_generations=8))`, where `pass_rate`
# runs the tests; the sandbox is yours to build.
#
# ## What this page showed

# %%
assert all(abs(row[1] - row[2]) < 1e-12 for row in counted), "pass_at_k counts subsets"
assert max(abs(row[3] - row[1]) for row in counted) > 0.05, "the tempting formula does not"
assert abs(silent_predicted - silent_found) < 0.12, "silent groups, as predicted"
assert abs(advantage.sum()) < 1e-9
assert rates["then GRPO"][0] > rates["imitation"][0] + 0.2, (
    "GRPO learns to program, by reward alone"
)
assert greedy["then GRPO"] > greedy["imitation"] + 0.2
print("all claims of this page hold")
