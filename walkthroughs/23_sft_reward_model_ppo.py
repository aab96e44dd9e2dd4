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
# # 23 · The spine: SFT, a reward model, PPO
#
# ## The question
#
# RLHF is three trainings in a row. How do they fit together, how do you read the log of the third
# one, and what does a learned reward do that the true reward does not?
#
# ## The idea
#
# *Supervised fine-tuning* (SFT) gives a policy that can write answers at all. The policy writes
# several answers to each problem, a judge says which of two answers is better, and a *reward model*
# learns to give the better answer the higher score. *PPO* then changes the policy so that its
# answers get high scores. A second network, the *critic*, learns along the way which score is to be
# expected. A penalty on the KL divergence keeps the policy near the SFT model.
#
# The reward model has seen answers of the SFT model only. PPO searches for answers with a high
# score, and finds those that the reward model rates too high. This page runs the three stages on
# the sums of two digits. A program knows each right answer, so the page can do what no team with
# human judges can do: it measures the *true* reward at every step, and it repeats the third stage
# with the true reward in place of the learned one.
#
# ```stages
# demonstrations -> SFT ----> policy --------------------------> PPO -> policy
#                              |  writes pairs                    ^
#                              v                                  | scores
#                             judge -> comparisons -> reward model
# ```
#
# ## The formula
#
# PPO gives each token a reward. All tokens pay for the KL, and the last one earns the score:
#
# $$r_t = -\beta\,(\log \pi(o_t) - \log \pi_{ref}(o_t)) + [t = T]\, R(o)$$
#
# The advantage adds up how much better than expected each step was. It is then whitened, over all
# tokens of the batch. The small number under the root guards the division where all advantages are
# equal:
#
# $$A_t = \sum_{k \ge t} (\gamma\lambda)^{k-t}\,(r_k + \gamma V_{k+1} - V_k)$$
#
# $$\hat A_t = \frac{A_t - \mathrm{mean}(A)}{\sqrt{\mathrm{var}(A) + 10^{-8}}}$$
#
# The policy minimises the mean of the first loss over all tokens. The critic minimises the mean of
# the second:
#
# $$L^{policy}_t =
# -\min(\rho_t \hat A_t,\ \mathrm{clip}(\rho_t, 1-\varepsilon, 1+\varepsilon) \hat A_t)$$
#
# $$L^{value}_t = \frac{1}{2}\,(V_t - G_t)^2$$
#
# * $o$ is an answer, $o_t$ its token number $t$, and $T$ the place of the last token. $[t = T]$ is
#   1 at the last token and 0 before it.
# * $R(o)$ is the score: of the reward model, or the true reward, which is 1 for the right answer.
# * $\pi$ is the policy, $\pi_{ref}$ the frozen SFT model, and $\beta$ the weight of the KL. The KL
#   is measured in nats, the unit of natural logarithms.
# * $V_t$ is the critic's prediction before token $t$. It is 0 after the last token. The return
#   $G_t = A_t + V_t$ is its target, with the advantage as it was before whitening.
# * $\gamma = 1$ and $\lambda = 0.95$. Their product is the factor by which a surprise of the critic
#   shrinks for each token that it is carried back.
# * $\rho_t$ is the ratio of the probabilities of token $t$ under the policy that is trained and the
#   policy that drew the answers. Each batch of answers serves four gradient steps: two passes, each
#   over two halves of the batch. A token's ratio is 1 until the first step that changes the policy,
#   and moves away from 1 afterwards. $\varepsilon = 0.2$ is the width of the clip.
#
# The formula leaves out one thing. In the library the critic's loss is clipped too: a prediction
# that has moved farther than $\varepsilon$ towards its target, since the answers were drawn, gains
# nothing by moving on. The whole stage is one function:
#
# {source tinyalign.methods.train_ppo.ppo_stage}
# {source tinyalign.methods.train_ppo.compute_gae}
# {source tinyalign.losses.advantage.whiten}
# {source tinyalign.losses.policy_gradient.value_loss}
#
# ## Predict
#
# **Question 1.** One run of PPO maximises the learned reward, and another one the true reward. Both
# begin with the same policy. Afterwards the *reward model* scores the answers of both. Which ones
# does it like better?
#
# * a) Those of the run on the true reward: more of them are right.
# * b) Those of the run on the learned reward, although fewer of them are right.
# * c) It cannot tell them apart.
#
# **Question 2.** Which of these five curves says least about success: reward, KL, policy loss,
# value loss, entropy?
#
# **Question 3.** With the learned reward the value loss of the first steps is about 3, and with the
# true reward about 0.1. Which critic is worse?
#
# * a) The first one.
# * b) The second one.
# * c) These two numbers cannot tell.
#
# <details><summary>The answers</summary>
#
# **1 b.** For all three seeds below. A high learned reward is the aim of this run. It does not show
# that the answers are right.
#
# **2.** The policy loss. Whitened advantages have the mean 0, so the policy loss begins near 0 and
# stays there, while everything else changes.
#
# **3 c.** The value loss is in squared units of the reward. The scores of the reward model spread
# wider than the true rewards 0 and 1, and their zero point is arbitrary. Compare a value loss with
# its own start.
#
# </details>
#
# ## Run
#
# ### Stages one and two
#
# SFT stops when the policy solves four in ten of its problems. Then 1000 problems are drawn, with
# repetitions, and the policy answers each of them eight times. The judge, here a program, picks a
# better and a worse answer to each problem that has got right and wrong ones, and the reward model
# learns from these pairs. The page runs everything for three seeds.
#
# **The dial:** `PROBLEMS` and `JUDGE_STEPS`. Double both. The reward model then orders more pairs
# right. Does the true reward of stage three follow?

# %%
import dataclasses

import numpy as np

from tinyalign import policy
from tinyalign.losses import gae, whiten
from tinyalign.losses.divergence import exact_kl
from tinyalign.methods import rollouts, samples
from tinyalign.methods.method import passed_on
from tinyalign.notes.claims.runs import train_in_memory
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config

SEEDS, PROBLEMS, JUDGE_STEPS = (0, 1, 2), 1000, 200
small = Config(env="addition", digits=1, width=32, layers=1)


def sft_and_reward_model(seed):
    """The parameters of three networks: untrained policy, policy, reward model."""
    config = dataclasses.replace(small, seed=seed, learning_rate=8e-3, batch_size=64)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    untrained = dict(run_plan.initial_params)
    networks = untrained | passed_on(train_in_memory(run_plan, 0, untrained))
    config = dataclasses.replace(
        small, seed=seed, steps=JUDGE_STEPS, batch_size=64, num_pairs=PROBLEMS, num_generations=8
    )
    # The plan of a reward model begins with SFT, which is done: stage 1 is the reward model.
    trained = passed_on(train_in_memory(plan.plan_run(["reward"], config), 1, networks))
    return networks | trained | {"untrained": untrained["policy"]}


start = {seed: sft_and_reward_model(seed) for seed in SEEDS}

# %% [markdown]
# ### How good is the reward model?
#
# There are two ways to ask. The first is the usual one: of two ordinary answers to a problem, one
# right and one wrong, how often does the right one get the higher score? The second asks what PPO
# will ask: which of *all* hundred answers 00 to 99 does the reward model like best, and is this
# answer right?


# %%
def inputs_of(seed, config, reward):
    """What the PPO stage of a seed reads; reward is "learned" or "exact"."""
    inputs = plan.stage_inputs(plan.plan_run(["ppo"], config), 1, start[seed])
    learned = start[seed]["reward_model"] if reward == "learned" else None
    return inputs._replace(reward_model=learned)


def both_rewards(inputs, seed, params, rng, count=10):
    """True and learned reward, (problems, count) each, of sampled answers; and their rollout."""
    problems = list(inputs.task.train)
    rollout = samples.sample_completions(inputs, params, problems, rng, 1.0, count)
    judges = None, start[seed]["reward_model"]
    rewards = [samples.score(inputs._replace(reward_model=j), problems, rollout) for j in judges]
    return *rewards, rollout


def in_order(true, learned):
    """Share of the pairs of a right and a wrong answer to one problem that are scored so."""
    pairs = true[:, :, None] > true[:, None, :]  # (problems, right, wrong)
    return float(np.mean((learned[:, :, None] > learned[:, None, :])[pairs]))


def favourites(inputs, reward_model):
    """The answer of the reward model's highest score for each problem, out of a hundred."""
    answers = [f"{number:02d}" for number in range(100)]
    best = []
    for problem in inputs.task.train:
        tokens, mask = samples.tokenize(inputs, [problem] * 100, answers)
        best.append(answers[int(samples.judge(inputs, reward_model, tokens, mask, 100).argmax())])
    return best


quality = {}
for seed in SEEDS:
    inputs = inputs_of(seed, dataclasses.replace(small, seed=seed), "learned")
    policy_of_sft, reward_model = start[seed]["policy"], start[seed]["reward_model"]
    true, learned, _ = both_rewards(inputs, seed, policy_of_sft, np.random.default_rng(seed), 30)
    solved = [
        inputs.task.solution(problem) == answer
        for problem, answer in zip(inputs.task.train, favourites(inputs, reward_model), strict=True)
    ]
    quality[seed] = true.mean(), learned.mean(), in_order(true, learned), float(np.mean(solved))
names = ["seed", "SFT: true reward", "its mean score", "pairs in order", "favourite is right"]
table(names, [[str(seed), *each] for seed, each in quality.items()])

# %% [markdown]
# ### Stage three, three times
#
# The three runs of a seed begin with the same policy, take the same number of steps and draw the
# same number of answers. They differ in one thing each: the reward, or the weight of the KL. Both
# rewards are measured on fresh answers to the problems of the training. No problems are held out.

# %%
STEPS, LOOK, BETA = 60, 5, 0.05
RUNS = {
    "learned reward": ("learned", BETA),
    "learned, 20 × β": ("learned", 20 * BETA),
    "true reward": ("exact", BETA),
}


def run_ppo(seed, reward, beta):
    """The log of every step; true reward, learned reward and KL now and then; the policies."""
    config = dataclasses.replace(
        small, seed=seed, steps=STEPS, batch_size=256, learning_rate=3e-3, warmup_steps=5, beta=beta
    )
    inputs = inputs_of(seed, config, reward)
    stage = inputs.method.stage(inputs)
    networks, rng = stage.networks, files.random_stream(files.TRAINING, seed, 1)
    log, looks, policies = [], [], {}
    for step in range(STEPS + 1):
        if step % LOOK == 0:
            policies[step] = networks["policy"].params
            looks.append([step, *look(inputs, seed, policies[step])])
        if step < STEPS:
            networks, metrics = stage.train_step(networks, rng, step)
            log.append({name: float(value) for name, value in metrics.items()})
    return log, np.array(looks), policies


def look(inputs, seed, params):
    """True reward, learned reward, and the exact KL to the SFT model per answer."""
    true, learned, rollout = both_rewards(inputs, seed, params, np.random.default_rng(7))
    read = rollout.tokens[:, :-1]
    now, before = (policy.logits(inputs.model, p, read) for p in (params, start[seed]["policy"]))
    kl = np.sum(exact_kl(now, before) * rollout.mask) / len(read)
    return float(true.mean()), float(learned.mean()), float(kl)


runs = {(name, seed): run_ppo(seed, *settings) for seed in SEEDS for name, settings in RUNS.items()}
ends = {key: looks[-1, 1:] for key, (_, looks, _) in runs.items()}
rows = [
    [name, str(seed), looks[0, 1], *looks[-1, 1:]] for (name, seed), (_, looks, _) in runs.items()
]
table(["reward of PPO", "seed", "true, before", "true, after", "learned, after", "KL"], rows)

# %% [markdown]
# ### What the policies write
#
# One answer to each of six problems at four checkpoints of the run on the learned reward, seed 0,
# and at the end of the run on the true reward. A point marks an answer that did not end.

# %%
inputs = inputs_of(0, dataclasses.replace(small, seed=0), "learned")
_, _, kept = runs["learned reward", 0]
checkpoints = {
    "untrained": start[0]["untrained"],
    "SFT": kept[0],
    "step 15": kept[15],
    "end": kept[STEPS],
    "end, true reward": runs["true reward", 0][2][STEPS],
}
problems = list(inputs.task.train)[5::16]


def written(params):
    """One sampled answer to each problem."""
    rollout = samples.sample_completions(inputs, params, problems, np.random.default_rng(3), 1.0)
    texts, finished = samples.decode_rollout(inputs, rollout)
    return [text + ("" if end else ".") for text, end in zip(texts, finished, strict=True)]


right = [inputs.task.solution(problem) for problem in problems]
columns = [problems, right, *map(written, checkpoints.values())]
table(["problem", "right", *checkpoints], list(zip(*columns, strict=True)))

# %% [markdown]
# ### The dashboard

# %%
METERS = {
    "reward": "reward of the samples",
    "kl": "KL to the SFT model, nats",
    "policy_loss": "policy loss",
    "value_loss": "value loss",
    "entropy": "entropy of a token, nats",
    "clip_ratio": "clip fraction",
}
figure, axes = picture(3, rows=2, width=9.6, height=5.2)
for meter, each in zip(METERS, axes, strict=True):
    for name in RUNS:
        each.plot([row[meter] for row in runs[name, 0][0]], label=name, linewidth=1.2)
    each.set(title=METERS[meter], xlabel="step")
axes[3].set_yscale("log")
axes[0].legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# The picture is of seed 0, as the stage logs it. The next cell has the same meters for all seeds,
# as means over the first and the last five steps.


# %%
def first_and_last(name, seed, meter):
    """Means of a meter over the first and over the last five steps."""
    values = [row[meter] for row in runs[name, seed][0]]
    return float(np.mean(values[:5])), float(np.mean(values[-5:]))


def arrow(name, seed, meter):
    return " → ".join(f"{value:.2f}" for value in first_and_last(name, seed, meter))


table(
    ["run", "seed", *METERS],
    [[name, str(seed), *(arrow(name, seed, m) for m in METERS)] for name in RUNS for seed in SEEDS],
)

# %% [markdown]
# ### What whitening does
#
# Here is the first batch of seed 0, with each of the two rewards. The critic predicts 0 for
# everything, because its last layer starts with zeros. The last two columns count the tokens whose
# advantage is above 0.001 and below −0.001.


# %%
def first_advantages(reward):
    """Advantages of the tokens of the first batch, raw and whitened."""
    config = dataclasses.replace(small, seed=0, batch_size=256, beta=BETA)
    inputs = inputs_of(0, config, reward)
    batch = rollouts.sample_batch(inputs, start[0]["policy"], np.random.default_rng(0))
    critic = policy.scalar_init(inputs.model, start[0]["policy"])
    value = policy.prefix_value(inputs.model, critic, batch.rollout.tokens)
    mask = batch.rollout.mask
    raw, _ = gae(rollouts.token_rewards(batch), value, mask)
    return raw[mask > 0], whiten(raw, mask)[mask > 0]


spread = {
    (reward, kind): [float(x) for x in (a.mean(), a.std(), np.mean(a > 1e-3), np.mean(a < -1e-3))]
    for reward in ("learned", "exact")
    for kind, a in zip(("raw", "whitened"), first_advantages(reward), strict=True)
}
table(
    ["reward", "advantages", "mean", "std", "positive", "negative"],
    [[*key, *(f"{number:.3f}" for number in numbers)] for key, numbers in spread.items()],
)

# %% [markdown]
# ### True reward against learned reward

# %%
figure, axes = picture(3, width=9.6, height=3.4)
for seed, each in zip(SEEDS, axes, strict=True):
    for name in RUNS:
        looks = runs[name, seed][1]
        (line,) = each.plot(looks[:, 2], looks[:, 1], "-", linewidth=1.2, label=name)
        each.plot(looks[-1, 2], looks[-1, 1], "o", color=line.get_color())
    each.plot(looks[0, 2], looks[0, 1], "ks", markersize=5, label="SFT")
    each.set(title=f"seed {seed}", xlabel="learned reward", ylabel="true reward", ylim=(0, 1))
axes[0].legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The learned reward stops far below the true one.** After PPO on the true reward more than three
# quarters of the sampled answers are right, for every seed. After PPO on the learned reward less
# than one third are right. Both runs began with the same policy, and both took sixty steps.
#
# **The reward model prefers the worse policy.** For every seed it scores the answers of the run on
# the learned reward higher than those of the run on the true reward, although far fewer of them are
# right. In the last picture this run moves to the right and not upwards. This is over-optimisation:
# the score rises, and what the score should stand for does not.
#
# **Pairs in order are not enough.** The reward models of seeds 0 and 2 put about nine of ten
# ordinary pairs in the right order, and that of seed 1 only six of ten. But of all hundred answers,
# the favourite is right for less than a third of the problems, for every seed. A reward model has
# learned only from answers that the SFT model wrote. PPO leaves these answers behind.
#
# **A larger β helps, and does not heal.** With twenty times the weight the policy stays nearer to
# the SFT model, where the reward model has seen answers. The true reward ends higher for each seed,
# and still far below that of the run on the true reward.
#
# ### How to read the dashboard
#
# * **Reward** rose in all runs. The level of a learned reward means nothing. A rise is necessary
#   and not sufficient.
# * **KL** rose in all runs. With the learned reward it rose more for the small β than for the large
#   one. The KL is the price that is paid, and a fast rise calls for a look at samples.
#   The logged KL is an estimate from 256 answers, and one rare answer makes it jump: at the end of
#   the run on the true reward, seed 0, it is 2.5 in the log and 1.4 in the table of exact values.
# * **Policy loss** stayed near 0 in all runs. Whitened advantages have the mean 0, so this loss
#   shows no progress.
# * **Value loss** fell in all runs: the critic keeps up. Compare this loss with its own start, and
#   never with that of another reward.
# * **Entropy** fell in all runs. The policy becomes sure, which says nothing about being right. An
#   entropy near 0 is an alarm of its own (see below).
# * **Clip fraction** is the share of tokens that the clip holds back. The log has that of the last
#   of the four steps on a batch. In the first of them all ratios are 1, and nothing is held back.
#   By the last one the ratios of some tokens have left the range of 1 ± 0.2. The fraction went from
#   about 0.1 to nearly 0. Here the learning rate falls to 0, and the steps become small.
#
# **No curve gives the alarm alone.** The log of the bad run looks like the log of the good run:
# reward up, value loss down, entropy down. What tells them apart is a *second* measurement: the
# true reward, or a person who reads answers. The table of answers shows what such a person would
# see. At the end both policies write two digits, as SFT has taught. Of the six sums none is right
# after PPO on the learned reward, and four are right after PPO on the true one.
#
# **Whitening puts two rewards on one scale.** The raw advantages of the learned reward have about
# eight times the standard deviation of the others. After whitening both have the standard deviation
# 1, so one learning rate serves both. Whitening also makes up for a critic that knows nothing yet.
# In this first batch the critic says 0, and the KL is 0. The true reward is 0 or 1, so no raw
# advantage of *this batch* is negative: PPO would raise right answers and leave wrong ones alone.
# Whitened, the tokens of wrong answers are negative. Later batches have negative raw advantages,
# because the critic then expects something.
#
# ## What goes wrong in practice
#
# **“My loss does not fall.”** (huggingface/trl #193, allenai/open-instruct #836.) The policy loss
# of PPO is not meant to fall, as the dashboard shows. Look at reward and KL, and read samples.
#
# **“My reward is between −300 and −10. Is this normal?”** (hpcaitech/ColossalAI #3574.) A reward
# model learns differences only, so its zero is anywhere: the three reward models above give the
# answers of SFT mean scores from −1 to above 2. Look at the rise, and not at the level.
#
# **“The reward converges, the KL grows, and all answers are the same.”** (huggingface/trl #204.)
# This is the run on the learned reward. A larger $\beta$ or an earlier stop helps. The run with 20
# × β shows how far: its true reward ends higher, and still much too low. A better reward model
# helps further.
#
# **“The value loss falls, but the mean reward falls too.”** (huggingface/trl #1098.) The critic
# learns to predict whatever the policy earns. A small value loss says that nothing surprises the
# critic any more. It does not say that the answers are good.
#
# **“The value loss is near 0, and nothing gets better.”** Before the first token the critic cannot
# know which answer will be drawn. Its error there is therefore about as large as the spread of the
# scores of one problem's answers, or larger. If the value loss is near 0, all answers to a problem
# get about the same score: all are right, all are wrong, or all are alike. No answer is better than
# another, so the policy has nothing to learn. Whitening hides this. What is left of the advantages
# is the critic's own small error, and whitening gives this error the standard deviation 1. The
# steps stay large and lead nowhere. (The run on the learned reward of seed 1 ends with a value loss
# below 0.01.) Look at the spread of the scores *within* each problem. A problem that the policy
# solves sometimes, and not always, still teaches something.
#
# **“The entropy is near 0 early.”** (Unity-Technologies/ml-agents #281, about games.) The policy
# writes the same answer to a problem nearly every time. All answers to the problem then get one
# score, nothing is left to compare, and the reward stays where it is. Go back to a checkpoint whose
# answers still differed. From there, a larger $\beta$ keeps the policy nearer to the SFT model,
# whose answers differ: with 20 × β the entropy of this page ends higher for every seed. Two more
# remedies are common, a bonus for entropy and a wider clip upwards. On page 30 neither has an
# effect that five seeds can show.
#
# ### The same line in TRL
#
# The first two stages are `SFTConfig(learning_rate=2e-5)` with `SFTTrainer`, and
# `RewardConfig(learning_rate=1e-5)` with `RewardTrainer`. TRL 1.16 has no trainer for PPO any more.
# `GRPOConfig(beta=0.05, epsilon=0.2, num_iterations=2)` has the same clip and a KL, and no critic.

# %% [markdown]
# ## Turn the dial
#
# One answer of three tokens gets the score 1. The second token is much likelier under the policy
# than under the SFT model. Before you turn β: at which β is the second token a mistake, although
# the answer is right? What does λ = 0 do to the first token?

# %%
from tinyalign.notes.dials import credit, dial

dial(
    credit.frame,
    {"β": (0.0, 0.05, 0.3, 1.0), "λ": (0.0, 0.5, 0.95, 1.0)},
    start=(0.05, 0.95),
    try_it=credit.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# At β = 1 the second token pays 1.5 for its KL. This is more than the score, so its advantage is
# −0.8 or less, although the answer is right. With λ = 0 and β = 0 the advantage of the first token
# is the critic's next prediction less the one before, 0.3 − 0.6 = −0.3. The token is blamed for a
# right answer. At λ = 1 and β = 0 its advantage is the whole score less the prediction before it, 1
# − 0.6 = 0.4.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 23.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Whiten advantages: mean 0 and variance 1 over all completion tokens of the batch, where
# `mask` is 1. Divide the sum of squares by the number of tokens *less one*. Add 1e-8 to the
# variance before you take the root, so that equal advantages give 0. The result is 0 where `mask`
# is 0.
#
# <details><summary>Hint 1</summary>
#
# Padding may hold anything, so sums run over `advantage * mask`, and the number of tokens is
# `mask.sum()`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Centre first, and multiply by the mask again: the padding now holds −mean.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_whiten(advantage, mask):
#     count = np.sum(mask)
#     centred = (advantage - np.sum(advantage * mask) / count) * mask
#     return centred / np.sqrt(np.sum(centred**2) / (count - 1) + 1e-8)
# ```
#
# </details>
#
# **2.** Which share of the completion tokens does PPO's clip hold back? A token is held back
# where its advantage is positive and its ratio above `1 + clip`, or where its advantage is
# negative and its ratio below `1 - clip`.
#
# <details><summary>Hint 1</summary>
#
# The ratio is $\exp(\log\pi - \log\pi_{old})$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Combine the two cases with `|`, and divide the number of such tokens by `mask.sum()`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_clip_fraction(logp, old_logp, advantage, mask, clip):
#     ratio = np.exp(logp - old_logp)
#     up, down = (advantage > 0) & (ratio > 1 + clip), (advantage < 0) & (ratio < 1 - clip)
#     return np.sum((up | down) * mask) / np.sum(mask)
# ```
#
# </details>
#
# **3. On paper.** A reward model gives *every* answer of a batch the score −1.6. The critic says
# 0 everywhere, $\beta = 0$ and $\gamma = \lambda = 1$. What are the raw advantages, the whitened
# advantages and the first value loss? What does the policy learn from this batch?
#
# <details><summary>The answer</summary>
#
# Every token has the return −1.6, so the raw advantage is −1.6 everywhere. Subtracting the mean
# leaves 0, and the variance is 0 too. Without the $10^{-8}$ under the root this would be 0/0.
# With it the whitened advantages are 0, but for rounding. The value loss is ½ · 1.6² = 1.28. The
# policy learns nothing, which is right: no answer was better than another. The critic learns that
# −1.6 is to be expected.
#
# </details>
#
# **4. Open ended.** You may check twenty answers by hand, once in the whole run. At which step of
# the run would you do so, and which curve of the dashboard tells you the step?
#
# <details><summary>What to look for</summary>
#
# The reward alone never gives the alarm. On this page the KL is the best clock: look where the KL
# has grown fast and the reward begins to level off. Compare the answers with those of the start,
# and keep checkpoints so that you can go back.
#
# </details>

# %%
from tinyalign.notes.exercises.spine import check_my_clip_fraction, check_my_whiten


def my_whiten(advantage, mask):
    raise NotImplementedError  # (N, T), (N, T) -> (N, T)


def my_clip_fraction(logp, old_logp, advantage, mask, clip):
    raise NotImplementedError  # four arrays (N, T), a number -> one number


check_exercise(check_my_whiten, my_whiten)
check_exercise(check_my_clip_fraction, my_clip_fraction)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 000 20-27}
# {notes 001 16-20}
# {notes 003 7-28}
#
# <details><summary>Five statements of the notes, and what is true</summary>
#
# * *"Three-stage process"*. **True** of RLHF with a learned reward. With a program as the judge two
#   stages are enough, as the run on the true reward shows.
# * *"No explicit reference model"*, of PPO. **Wrong.** [The KL needs a frozen
#   reference](errata.html#row-1), here the SFT model.
# * *"Estimates expected reward for states (critic)"*. **Imprecise.** The critic estimates [the
#   return](errata.html#row-22), KL penalties included.
# * *"Update value network to predict rewards"*. **Wrong.** Its targets are [the
#   returns](errata.html#row-24).
# * *"High (3 models)"*, of PPO's memory. **A matter of counting.** This page holds [four
#   networks](errata.html#row-29) in the third stage: policy, critic, reward model and SFT model.
#
# </details>
#
# ## Further reading
#
# * Ziegler and others 2019, arXiv:1909.08593: the three stages, the KL in the reward, whitening.
# * Stiennon and others 2020, arXiv:2009.01325: over-optimisation, judged by people.
# * Ouyang and others 2022, arXiv:2203.02155: InstructGPT.
# * Gao, Schulman and Hilton 2022, arXiv:2210.10760: scaling laws of over-optimisation.
# * Huang and others 2024, arXiv:2403.17031: the details of PPO for language models, reproduced.
#
# ### The claims of this page, tested


# %%
def everywhere(claim):
    return all(claim(seed) for seed in SEEDS)


def end(name, seed):
    """True reward, learned reward and KL at the end of a run."""
    return ends[name, seed]


bad, near, good = RUNS
if (PROBLEMS, JUDGE_STEPS, STEPS, BETA) == (1000, 200, 60, 0.05):
    assert everywhere(lambda s: end(good, s)[0] > 0.75 and end(bad, s)[0] < 1 / 3)
    assert everywhere(lambda s: end(bad, s)[1] > end(good, s)[1]), "it prefers the worse policy"
    assert everywhere(lambda s: end(bad, s)[1] > runs[bad, s][1][0, 2] + 0.5), "the score rises"
    assert everywhere(lambda s: end(bad, s)[0] < runs[bad, s][1][0, 1] + 0.1), "the truth does not"
    assert everywhere(lambda s: end(near, s)[0] > end(bad, s)[0]), "a larger β helps"
    assert everywhere(lambda s: end(near, s)[2] < end(bad, s)[2]), "nearer to the SFT model"
    assert everywhere(lambda s: end(near, s)[0] < end(good, s)[0] - 0.2), "β does not heal"
    assert everywhere(lambda s: quality[s][3] < 1 / 3), "favourites"
    assert all(0.85 < quality[s][2] < 0.95 for s in (0, 2)) and quality[1][2] < 0.65, "pairs"
    levels = sorted(quality[s][1] for s in SEEDS)
    assert levels[0] < -0.9 and levels[-1] > 2, "the level of a learned reward"
    assert 6 < spread["learned", "raw"][1] / spread["exact", "raw"][1] < 10, "eight times"
    hits = {name: sum(map(str.__eq__, right, written(p))) for name, p in checkpoints.items()}
    assert hits["end"] == 0 and hits["end, true reward"] == 4, "six sums"
    changes = {(n, s, m): first_and_last(n, s, m) for n in RUNS for s in SEEDS for m in METERS}
    for (name, seed, meter), (first, last) in changes.items():
        assert meter not in ("reward", "kl") or first < last, (name, seed, meter)
        assert meter not in ("value_loss", "entropy") or last < first, (name, seed, meter)
        assert meter != "policy_loss" or max(abs(first), abs(last)) < 0.1, (name, seed)
        assert meter != "clip_ratio" or last < 0.03 < 0.07 < first < 0.15, (name, seed)
        assert meter != "value_loss" or (2 < first < 5 if name != good else first < 0.2), seed
    kls = {name: [changes[name, s, "kl"][1] for s in SEEDS] for name in RUNS}
    assert all(map(float.__gt__, kls[bad], kls[near]))
    sure = {name: [changes[name, s, "entropy"][1] for s in SEEDS] for name in RUNS}
    assert all(map(float.__lt__, sure[bad], sure[near])), "a larger β keeps more entropy"
    assert changes[bad, 1, "value_loss"][1] < 0.01, "a value loss near 0"
assert np.max(np.abs(whiten(np.full((5, 2), -1.6), np.ones((5, 2))))) < 1e-9, "equal: 0, not 0/0"
assert inputs.config.num_iterations == inputs.config.num_minibatches == 2, "four gradient steps"
assert spread["exact", "raw"][3] == 0 < spread["exact", "whitened"][3], "wrong answers are lowered"
assert all(abs(spread[r, "whitened"][0]) < 1e-5 for r in ("learned", "exact")), "mean 0"
assert all(abs(spread[r, "whitened"][1] - 1) < 1e-2 for r in ("learned", "exact")), "std 1"
print("all claims of this page hold")
