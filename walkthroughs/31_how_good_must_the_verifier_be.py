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
# # 31 · How good must the verifier be?
#
# ## The question
#
# A *verifier* is a program that says whether an answer is right, and its verdict is the reward.
# Every real verifier errs. Which errors cost time only, and which ones change what is learned?
#
# ## The idea
#
# Two verifiers err. The first one is *noisy*: it flips a coin, and now and then turns its verdict.
# The coin knows nothing of the answer. On average a right answer still earns more than a wrong one,
# so training still goes the right way. The reward has become smaller, that is all.
#
# The second one is *lenient* in one place: it passes every sum that is off by one. It never flips a
# coin, and most of its verdicts are right. But its errors depend on the answer, and a policy can
# find them. This is called *gaming* the verifier, or *reward hacking*.
#
# ```
#             right    off by one    further off
# exact         1          0              0
# noisy       1 − p        p              p         same order, smaller gap
# lenient       1          1              0         no gap where it is needed
# ```
#
# ## The formula
#
# A noisy verifier turns the true verdict $r$, which is 0 or 1, with probability $p$. Its mean is
#
# $$E[\tilde r] = (1-p)\, r + p\,(1-r) = (1 - 2p)\, r + p.$$
#
# The optimum of reward minus $\beta$ times KL is $\pi^* \propto \pi_{ref}\, e^{E[\tilde r]/\beta}$.
# The constant $p$ cancels in the normalisation, so that
#
# $$\pi^* \propto \pi_{ref}\, e^{(1-2p)\, r/\beta} = \pi_{ref}\, e^{r/\beta'}, \qquad
# \beta' = \frac{\beta}{1-2p}.$$
#
# A noisy verifier has the **same optimum as an exact one at a larger β**. At $p = 1/2$ nothing can
# be learned, and beyond 1/2 training goes backwards. Three verdicts with fresh luck and a majority
# turn $p$ into $3p^2 - 2p^3$.
#
# A lenient verifier passes right answers, which have the mass $a$ under the reference, and some
# wrong answers with the mass $b$. Both get the same factor $e^{1/\beta}$, so their proportion stays
# as it was:
#
# $$\pi^*(right) = \frac{a\, e^{1/\beta}}{(a+b)\, e^{1/\beta} + 1 - a - b} \le \frac{a}{a+b}$$
#
# No $\beta$ and no amount of training lifts the optimum above $a/(a+b)$. Repeated verdicts do not
# help either: the lenient verifier errs the same way each time.
#
# {source tinyalign.optimum.optimal_policy}
#
# ## Predict
#
# **Question 1.** GRPO trains on exact verdicts, on verdicts of which 30 % are turned, and with the
# lenient verifier. All see the same number of answers. Which one ends with the fewest right
# answers?
#
# * a) The noisy one: almost a third of its verdicts are wrong.
# * b) The lenient one.
# * c) These two are not told apart.
#
# **Question 2.** You may pay for three verdicts. You can judge each answer three times and take the
# majority, or judge three times as many answers once. Which is better here?
#
# * a) The majority.
# * b) More answers.
# * c) They are not told apart.
#
# **Question 3.** What does the log of the lenient run show at its end?
#
# * a) A lower reward than that of the exact run.
# * b) A higher reward than that of the exact run.
#
# <details><summary>The answers</summary>
#
# **1 a.** With this small number of answers the noisy run is last. But what it lacks is time. With
# three times as many answers it passes the lenient run, which is held back by its bound.
#
# **2 b.** More answers are better. The second and the third verdict on one answer say little that
# is new, and a fresh answer says more.
#
# **3 b.** A higher one. The reward in the log is the verdict, and the lenient verifier is content.
#
# </details>
#
# ## Run
#
# ### The formula, checked exactly and by training
#
# The bandit has four prompts and eight answers. Four answers of each prompt are right. RLOO trains
# with $\beta = 0.4$ on verdicts of which 30 % are turned. Is it nearer to the optimum at 0.4, or to
# the one at $0.4 / (1 - 0.6) = 1$?

# %%
import dataclasses

import numpy as np

from tinyalign import policy
from tinyalign.losses.divergence import exact_kl
from tinyalign.methods import samples
from tinyalign.methods.method import passed_on
from tinyalign.notes.claims import runs
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import kl, optimal_policy
from tinyalign.report import intervals
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config
from toy_envs import bandit

FLIPS, SEEDS = 0.3, range(5)


def with_noise(reward, p, seed, votes=1):
    """A reward function whose verdicts are turned with probability p; the majority decides."""
    rng = np.random.default_rng(seed)

    def noisy(prompts, answers, finished):
        verdict = np.asarray(reward(prompts, answers, finished))
        turned = rng.random((votes, len(verdict))) < p
        return (np.abs(verdict - turned).mean(axis=0) > 0.5).astype(float)

    return noisy


scores = bandit.reward_table()
right = (scores > np.median(scores, axis=1, keepdims=True)).astype(float)


def bandit_reward(prompts, answers, finished):
    return np.array(
        [right["abcd".index(q), "abcdefgh".index(a)] for q, a in zip(prompts, answers, strict=True)]
    )


def distances(seed, beta=0.4):
    """KL of a trained policy to the optimum at β and at β / (1 − 2p), mean over the prompts."""
    config = Config(
        env="bandit", seed=seed, beta=beta, steps=150, batch_size=128, num_generations=8,
        learning_rate=3e-2,
    )  # fmt: skip
    task = bandit.make()._replace(reward=with_noise(bandit_reward, FLIPS, seed))
    trained = runs.bandit_probs(runs.train(["rloo"], config, task=task))
    ref = runs.bandit_probs(dict(runs.make_plan(["rloo"], config).initial_params))
    betas = beta, beta / (1 - 2 * FLIPS)
    return [float(kl(trained, optimal_policy(ref, right, beta=b)).mean()) for b in betas]


to_optima = {seed: distances(seed) for seed in SEEDS}
table(["seed", "KL to β", "KL to β / (1 − 2p)"], [[str(s), *two] for s, two in to_optima.items()])
bounds = [intervals.bootstrap([two[i] for two in to_optima.values()]) for i in (0, 1)]
print("intervals of the means:", [f"{low:.4f} to {high:.4f}" for low, high in bounds])

ref = np.full(right.shape, 1 / 8)
mean_verdict = (1 - FLIPS) * right + FLIPS * (1 - right)  # over the two outcomes of the coin
exact_gap = np.abs(
    optimal_policy(ref, mean_verdict, beta=0.4)
    - optimal_policy(ref, right, beta=0.4 / (1 - 2 * FLIPS))
).max()
print(f"the two optima of the formula are {exact_gap:.0e} apart")

# %% [markdown]
# ### Five verifiers on sums
#
# SFT stops when the policy solves four in ten of the sums of two digits. GRPO then trains on the
# verdicts of five verifiers. All runs take the same number of gradient steps and, but for the run
# with three times as many, of sampled answers.
#
# **The dial:** `FLIPS`. At 0.5 the noisy verifier says nothing. What does its run do then?

# %%
STEPS = 60
small = Config(env="addition", digits=1, width=32, layers=1)


def sft(seed):
    """The parameters of a policy that has imitated for a while."""
    config = dataclasses.replace(small, seed=seed, learning_rate=8e-3, batch_size=64)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    return passed_on(runs.train_in_memory(run_plan, 0, dict(run_plan.initial_params)))["policy"]


start = {seed: sft(seed) for seed in SEEDS}
sums = runs.digits_task()


def lenient(prompts, answers, finished):
    """1 for two digits that are the sum, or off by one."""
    return np.array(
        [end and len(a) == 2 and a.isdecimal() and abs(int(a) - int(sums.solution(q))) <= 1
         for q, a, end in zip(prompts, answers, finished, strict=True)], float,
    )  # fmt: skip


def verifiers(seed):
    """Name -> reward function, and prompts a step."""
    return {
        "exact": (sums.reward, 32),
        "noisy": (with_noise(sums.reward, FLIPS, seed), 32),
        "noisy, majority of 3": (with_noise(sums.reward, FLIPS, seed, votes=3), 32),
        "noisy, 3 × answers": (with_noise(sums.reward, FLIPS, seed), 96),
        "lenient": (lenient, 32),
    }


def train(seed, reward, prompts):
    """The policy after GRPO, and the mean verdict of each step."""
    config = dataclasses.replace(
        small, seed=seed, steps=STEPS, batch_size=prompts, num_generations=8, num_iterations=2,
        num_minibatches=2, beta=0.0, learning_rate=1.5e-3, warmup_steps=3,
    )  # fmt: skip
    inputs = plan.stage_inputs(plan.plan_run(["grpo"], config), 1, {"policy": start[seed]})
    stage = inputs.method.stage(inputs._replace(task=inputs.task._replace(reward=reward)))
    networks, rng, log = stage.networks, files.random_stream(files.TRAINING, seed, 1), []
    for step in range(STEPS):
        networks, metrics = stage.train_step(networks, rng, step)
        log.append(float(metrics["reward"]))
    return networks["policy"].params, log


def look(seed, params, count=10):
    """Shares of sampled answers that are right, that the lenient verifier passes, and the KL."""
    run_plan = plan.plan_run(["sft"], dataclasses.replace(small, seed=seed))
    inputs = plan.stage_inputs(run_plan, 0, {"policy": params})
    problems = list(inputs.task.train)
    rollout = samples.sample_completions(
        inputs, params, problems, np.random.default_rng(7), 1.0, count
    )
    texts, finished = samples.decode_rollout(inputs, rollout)
    asked = [problem for problem in problems for _ in range(count)]
    shares = [judge(asked, texts, finished).reshape(-1, count) for judge in (sums.reward, lenient)]
    read = rollout.tokens[:, :-1]
    now, before = (policy.logits(inputs.model, p, read) for p in (params, start[seed]))
    kl_to_sft = np.sum(exact_kl(now, before) * rollout.mask) / len(read)
    # The bound a/(a + b) of each problem; problems that nothing passes have none.
    solved, passed = (share.mean(axis=1) for share in shares)
    bound = (solved[passed > 0] / passed[passed > 0]).mean()
    return float(solved.mean()), float(passed.mean()), float(bound), float(kl_to_sft)


before = {seed: look(seed, start[seed]) for seed in SEEDS}
ends, logs = {name: {} for name in verifiers(0)}, {name: {} for name in verifiers(0)}
for seed in SEEDS:
    for name, settings in verifiers(seed).items():
        params, logs[name][seed] = train(seed, *settings)
        ends[name][seed] = look(seed, params)

solved = {name: {seed: end[0] for seed, end in found.items()} for name, found in ends.items()}
rows = [["SFT", *(before[s][0] for s in SEEDS), np.mean([before[s][1] for s in SEEDS]), 0.0]]
for name, found in ends.items():
    passed, _, kl_to_sft = np.mean([end[1:] for end in found.values()], axis=0)
    rows.append([name, *solved[name].values(), passed, kl_to_sft])
table(["verifier", *(f"right, {seed}" for seed in SEEDS), "passes leniently", "KL"], rows)

# %% [markdown]
# The columns hold the share of right answers for each seed. The last but one has the share that the
# lenient verifier would pass. Differences are taken seed by seed:

# %%
PAIRS = [
    ("noisy", "exact"),
    ("noisy", "lenient"),
    ("noisy, majority of 3", "noisy"),
    ("noisy, majority of 3", "noisy, 3 × answers"),
    ("noisy, 3 × answers", "noisy"),
    ("noisy, 3 × answers", "lenient"),
]
differences = {pair: intervals.difference(solved[pair[0]], solved[pair[1]]) for pair in PAIRS}


def verdict(low, high):
    return "not told apart" if low <= 0 <= high else "better" if low > 0 else "worse"


table(
    ["first", "second", "difference of right answers", "the first one is"],
    [[*pair, f"{low:+.3f} to {high:+.3f}", verdict(low, high)]
     for pair, (low, high) in differences.items()],
)  # fmt: skip
bound = {seed: before[seed][2] for seed in SEEDS}
gap = intervals.difference(solved["lenient"], bound)
print(f"bound a/(a + b) under the SFT model: {np.mean(list(bound.values())):.3f}")
print(f"right answers of the lenient run minus this bound: {gap[0]:+.3f} to {gap[1]:+.3f}")

# %%
figure, axes = picture(2, width=9.6, height=3.6)
for name, found in ends.items():
    axes[0].plot(np.mean(list(logs[name].values()), axis=0), label=name, linewidth=1.2)
    axes[1].plot([name] * len(found), [end[0] for end in found.values()], "o")
axes[0].set(title="What the log shows", xlabel="step", ylabel="mean verdict, mean of seeds")
axes[0].legend(fontsize="x-small")
axes[1].set(title="What is true", ylabel="share of right answers", ylim=(0, 1))
axes[1].set_xticks(range(len(ends)), [name.replace(", ", ",\n") for name in ends], fontsize=7)
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **Noise costs time, and does not move the aim.** On the bandit the policy of the noisy verdicts is
# within a thousandth of a nat of the optimum for $\beta' = 1$, and more than a tenth of
# a nat from the optimum for $\beta = 0.4$. On the sums the noisy run has fewer right answers than
# the exact one after the same number of steps. With three times as many answers it goes further.
#
# **More answers beat more verdicts.** For the same number of verdicts, three times as many answers
# end with more right answers than a majority of three. A coin that is tossed again for the same
# answer repairs one label. A new answer brings a label and a new example. This can turn where
# sampling is dear and judging is cheap: the page counts verdicts only.
#
# **A lenient verifier sets a bound.** The lenient run ends two to eight hundredths below the
# bound $a/(a+b)$ under the SFT model. More training cannot help: nearly all of its
# answers pass already. The bound belongs to the *optimum with a KL*. Training without a KL can end
# on either side of it, because nothing holds the proportion of answers that all pass.
#
# **The log does not show this.** The lenient run has the highest mean verdict of all five. Its
# reward rises, and no curve falls. Only a second measurement, here the exact verifier, tells.
#
# ### Verifiable rewards, and how they are gamed
#
# A reward that a program computes is no safer than the program. Four ways are common. An answer
# passes by its *form*: a pattern finds the number somewhere in the text. It passes by *luck*: a
# guess among few choices. It passes by *what is not tested*: a program that prints the expected
# outputs. It passes by *failure of the verifier*: an error that counts as success. In all four the
# error depends on the answer, so it is the second kind of this page.
#
# ## What goes wrong in practice
#
# **“If the solution cannot be read, the reward is 1.”** (huggingface/cookbook #335.) This is a
# lenient verifier for some of the *problems*. All answers to such a problem get the same verdict,
# so that GRPO learns nothing from it, but the logged accuracy is too high.
#
# **“The accuracy reward is always 0, and the format reward is not.”** (huggingface/open-r1 #255.)
# Before you blame the policy, give the verifier answers that you know to be right. A verifier that
# fails all of them has $f + n = 1$: no signal is left.
#
# **“Which answers should count?”** (huggingface/open-r1 #55.) Strict rules fail right answers that
# are written in another way, and lenient rules pass wrong ones. Failed right answers cost time as
# long as every right answer has the same chance. Passed wrong answers cost the aim.
#
# ### The same line in TRL
#
# `GRPOConfig(num_generations=8, beta=0.0, num_iterations=2)` with
# `GRPOTrainer(reward_funcs=[verifier], ...)`. A second function in `reward_funcs` with the weight 0
# in `reward_weights` is logged and does not train: this is the place for the second measurement.

# %% [markdown]
# ## Turn the dial
#
# Right answers have the probability 0.3 under the SFT model. The dials say how often a verdict is
# turned, and how many wrong answers pass. Before you turn them: which of the two dials can be made
# good by a smaller β?

# %%
from tinyalign.notes.dials import dial, verifier

dial(
    verifier.frame,
    {"flips": (0.0, 0.1, 0.2, 0.3, 0.4, 0.45), "accepted, wrong": (0.0, 0.1, 0.3, 0.5)},
    start=(0.2, 0.1),
    try_it=verifier.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The flips. They act like a larger β, so a smaller β makes up for them. Wrong answers that pass
# take their part of the probability at every β.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 31.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** A verifier gives the wrong verdict with probability `p`. It is asked three times, each
# time with fresh luck, and the majority decides. With which probability is the majority wrong?
#
# <details><summary>Hint 1</summary>
#
# The majority is wrong where two or three verdicts are wrong.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Exactly two of three are wrong with probability $3 p^2 (1-p)$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_majority_flips(p):
#     return 3 * p**2 * (1 - p) + p**3
# ```
#
# </details>
#
# **2.** A verifier passes a wrong answer with probability `false_positive`, and fails a right
# answer with probability `false_negative`. A policy is trained on its verdicts with the weight
# `beta` of the KL. With which weight would an exact verifier have the same optimum?
#
# <details><summary>Hint 1</summary>
#
# What is the mean verdict for a right answer, and what for a wrong one?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Their difference is $1 - f - n$. The optimum depends on it divided by $\beta$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_equal_beta(beta, false_positive, false_negative):
#     return beta / (1 - false_positive - false_negative)
# ```
#
# </details>
#
# **3. On paper.** Under the SFT model 30 % of the answers are right, and a verifier passes these
# and another 30 % that are wrong. Which share of the answers is right at the optimum for
# $\beta = 1$? Which share can be reached at most, and for which $\beta$?
#
# <details><summary>The answer</summary>
#
# At $\beta = 1$ the weights are 0.3 e for right, 0.3 e for passed and wrong, and 0.4 for the
# others. The share of right answers is 0.815 / 2.031 = 0.402. For $\beta$ towards 0 the failed
# answers vanish and the share grows towards 0.3 / 0.6 = 0.5, and never beyond: the verifier
# cannot part the two kinds that it passes.
#
# </details>
#
# **4. Open ended.** You have written a verifier for programs: it runs three tests. Name two ways
# in which a policy can pass without a right program. How would you find out during training?
#
# <details><summary>What to look for</summary>
#
# A program can print the three expected outputs, or change the tests. Keep tests that the
# training never runs, and compare both pass rates: a gap that grows is the alarm. Read some of
# the answers that pass, above all short ones and ones that look alike.
#
# </details>

# %%
from tinyalign.notes.exercises.scorers import check_my_equal_beta, check_my_majority_flips


def my_majority_flips(p):
    raise NotImplementedError  # one number -> one number


def my_equal_beta(beta, false_positive, false_negative):
    raise NotImplementedError  # three numbers -> one number


check_exercise(check_my_majority_flips, my_majority_flips)
check_exercise(check_my_equal_beta, my_equal_beta)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 004 640-662}
# {notes 004 694-714}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * *"Check which are correct (objective metric!)"*, of DeepSeekMath. **Wrong.** [A trained reward
#   model](errata.html#row-64) scored its samples.
# * *"GRPO is only as good as your scoring function"*. **True, and there are two ways to be bad.**
#   Noise that does not depend on the answer keeps the optimum at another β. [A score that rewards
#   length](errata.html#row-44) moves it.
#
# </details>
#
# ## Further reading
#
# * Cobbe and others 2021, arXiv:2110.14168: verifiers for problems in words.
# * Lambert and others 2024, arXiv:2411.15124: Tülu 3, training on verifiable rewards.
# * Skalse and others 2022, arXiv:2209.13085: what it means that a reward can be hacked.
# * Gao, Schulman and Hilton 2022, arXiv:2210.10760: over-optimisation of a learned reward.
#
# ### The claims of this page, tested

# %%
assert exact_gap < 1e-12, "one optimum at another β"
if (FLIPS, STEPS) == (0.3, 60):
    assert all(far > 0.1 and near < 1e-3 for far, near in to_optima.values())
    found = {pair: verdict(*interval) for pair, interval in differences.items()}
    assert found["noisy", "exact"] == found["noisy", "lenient"] == "worse"
    assert found["noisy, 3 × answers", "noisy"] == "better"
    assert found["noisy, 3 × answers", "lenient"] == "better"
    assert found["noisy, majority of 3", "noisy, 3 × answers"] == "worse"
    assert gap[0] > -0.085 and gap[1] < -0.015, "two to eight hundredths below"
    assert np.mean([end[1] for end in ends["lenient"].values()]) > 0.9, "nearly all pass"
    last = {name: np.mean([log[-5:] for log in found.values()]) for name, found in logs.items()}
    assert max(last, key=last.get) == "lenient", "the highest mean verdict"
print("all claims of this page hold")
