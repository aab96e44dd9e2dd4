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
# ```
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
# The advantage adds up how much better than expected each step was, and is then whitened:
#
# $$A_t = \sum_{k \ge t} (\gamma\lambda)^{k-t}\,(r_k + \gamma V_{k+1} - V_k) \qquad
# \hat A_t = \frac{A_t - \mathrm{mean}(A)}{\mathrm{std}(A)}$$
#
# The policy and the critic minimise:
#
# $$L^{policy} = -\mathrm{mean}_t\, \min(\rho_t \hat A_t,\
# \mathrm{clip}(\rho_t, 1-\varepsilon, 1+\varepsilon)\, \hat A_t) \qquad
# L^{value} = \frac{1}{2}\,\mathrm{mean}_t\, (V_t - G_t)^2$$
#
# * $o$ is an answer, $o_t$ its token number $t$, and $T$ the place of the last token.
# * $R(o)$ is the score: of the reward model, or the true reward, which is 1 for the right answer.
# * $\pi$ is the policy, $\pi_{ref}$ the frozen SFT model, and $\beta$ the weight of the KL.
# * $V_t$ is the critic's prediction before token $t$. The return $G_t = A_t + V_t$ is its target.
# * $\gamma = 1$ and $\lambda = 0.95$ say how far a reward reaches back.
# * $\rho_t$ is the ratio of the probabilities of token $t$ under the policy that is trained and the
#   policy that drew the answers. $\varepsilon = 0.2$ is the width of the clip.
#
# The library's critic loss is clipped like the policy's, which the formula leaves out. The whole
# stage is one function:
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
# **Question 3.** The reward model gives nearly all answers a negative score, and the critic still
# predicts 0. What does the first step of PPO do *without* whitening?
#
# * a) It makes nearly every sampled answer less likely.
# * b) It makes the better half of the answers more likely.
#
# <details><summary>The answers</summary>
#
# **1 b.** For all three seeds below. A high learned reward is the aim of this run, and no sign of
# right answers.
#
# **2.** The policy loss. Whitened advantages have the mean 0, so the policy loss begins near 0 and
# stays there, while everything else changes.
#
# **3 a.** All advantages are negative then. Whitening subtracts their mean, so the answers are
# compared with each other.
#
# </details>
#
# ## Run
#
# ### Stages one and two
#
# SFT stops when the policy solves four in ten of its problems. Then the policy answers each of 1000
# problems eight times. The judge, here a program, picks a better and a worse answer where there are
# both, and the reward model learns from these pairs. The page runs everything for three seeds.

# %%
import dataclasses
import itertools

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

SEEDS = (0, 1, 2)
small = Config(env="addition", digits=1, width=32, layers=1)


def sft_and_reward_model(seed):
    """The parameters of three networks: untrained policy, policy, reward model."""
    config = dataclasses.replace(small, seed=seed, learning_rate=8e-3, batch_size=64)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    untrained = dict(run_plan.initial_params)
    networks = untrained | passed_on(train_in_memory(run_plan, 0, untrained))
    config = dataclasses.replace(
        small, seed=seed, steps=400, batch_size=64, num_pairs=2000, num_generations=8
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
        for problem, answer in zip(
            inputs.task.train, favourites(inputs, reward_model), strict=True
        )
    ]
    quality[seed] = true.mean(), learned.mean(), in_order(true, learned), float(np.mean(solved))
names = ["seed", "SFT: true reward", "its mean score", "pairs in order", "favourite is right"]
table(names, [[str(seed), *each] for seed, each in quality.items()])

# %% [markdown]
# ### Stage three, three times
#
# The three runs of a seed begin with the same policy, take the same number of steps and draw the
# same number of answers. They differ in one thing each: the reward, or the weight of the KL.
#
# **The dial:** `BETA`. Ten times as much is the third run. What do you expect in between?

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
    now, before = (
        policy.logits(inputs.model, p, read) for p in (params, start[seed]["policy"])
    )
    kl = np.sum(exact_kl(now, before) * rollout.mask) / len(read)
    return float(true.mean()), float(learned.mean()), float(kl)


runs = {
    (name, seed): run_ppo(seed, *settings) for seed in SEEDS for name, settings in RUNS.items()
}
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


columns = [problems, [inputs.task.solution(p) for p in problems], *map(written, checkpoints.values())]
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
# everything: its head starts with zeros.


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
    (reward, kind): (float(a.mean()), float(a.std()), float(np.mean(a > 0)))
    for reward in ("learned", "exact")
    for kind, a in zip(("raw", "whitened"), first_advantages(reward), strict=True)
}
table(
    ["reward", "advantages", "mean", "std", "share above 0"],
    [[*key, *numbers] for key, numbers in spread.items()],
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
# PROSE
#
# ## What goes wrong in practice
#
# PROSE
#
# ### The same line in TRL
#
# PROSE

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
# PROSE
#
# </details>

# %% [markdown]
# ## Exercises
#
# Here.

# %%
pass

# %% [markdown]
# ## What you may have read
#
# {notes 000 17-27}
