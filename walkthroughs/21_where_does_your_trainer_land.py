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
# # 21 · Where does your trainer land?
#
# ## The question
#
# A policy is trained for reward, and a KL with weight $\beta$ holds the policy to its reference.
# The textbook knows where that ends: at $\pi^* = \pi_{\mathrm{ref}}\, e^{r/\beta}/Z$. PPO subtracts
# the KL from the reward. GRPO adds a KL for each token to the loss. Both trainers have the same
# $\beta$, the same reward and the same model. Do they end at the same policy?
#
# ## The idea
#
# Take answers of two tokens. The first token is `a` or `b`. After `b` there is one way to go on,
# and that answer earns 0.7. After `a` there are two ways to go on, and they earn 1 and 0. The
# reference chooses evenly everywhere, and $\beta = 1$.
#
# ```
#           .-- a --.-- +   earns 1
# prompt ---|       '-- -   earns 0
#           '-- b ----- =   earns 0.7
# ```
#
# Which first token is worth more? After `a` the policy will lean towards `+` and earn 0.73 on
# average. But leaning costs KL, and with this cost the branch `a` is worth only 0.62. After `b`
# there is nothing to choose and nothing to pay, so this branch is worth 0.7. A trainer that counts
# *the KL to come* therefore prefers `b`. A trainer that does not count the KL to come prefers `a`.
#
# KL in the reward is counted: the return of the first token contains the KL of the second token.
# KL in the loss is not counted. There each token's KL term pushes on that token's own distribution,
# and the advantage holds the reward alone. No term tells the first token what the second token will
# pay. Such a trainer is called *myopic* (short-sighted) on this page.

# %%
from functools import partial

import autograd.numpy as np
from autograd import grad
from autograd.tracer import getval

from tinyalign.engine.tree import value_and_grad
from tinyalign.exam.grade import kl, read_checkpoint
from tinyalign.exam.methods import METHODS
from tinyalign.exam.paper import Paper
from tinyalign.exam.tasks import SHARES, TASKS, WEIGHTS, alphabet, token_rows
from tinyalign.exam.tree import fixed_point, forward_kl_best, next_tokens, reverse_kl_best
from tinyalign.exam.verdict import judge
from tinyalign.losses import clipped_surrogate, gae, group_center, k1, k2, k3, leave_one_out
from tinyalign.losses.numerics import log_softmax
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import optimal_policy
from tinyalign.report.intervals import bootstrap
from tinyalign.report.plots import COLOURS

plus = np.e / (np.e + 1)  # probability of + after a: π ∝ ½·e^r, at β = 1
leaning = plus * np.log(2 * plus) + (1 - plus) * np.log(2 * (1 - plus))  # its KL to ½, ½
worth = {"counts the KL to come": (plus - leaning, 0.7), "does not": (plus, 0.7)}
first = {name: np.exp(log_softmax(np.array(values))) for name, values in worth.items()}
table(
    ["a trainer that", "a is worth", "b is worth", "says a", "says b"],
    [[name, *worth[name], *first[name]] for name in worth],
)

# %% [markdown]
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $s$ | a *prefix*: the prompt and the tokens that have been said |
# | $a$ | the next token; $sa$ is the prefix after it |
# | $\pi(a \mid s)$, $\pi_{\mathrm{ref}}(a \mid s)$ | probability of $a$ after $s$ |
# | $r(y)$ | reward of a whole answer $y$ |
# | $\beta$ | weight of the KL, unit of the reward per nat |
# | $V(s)$ | what the policy expects from $s$ on; for a whole answer $V(y) = r(y)$ |
# | $Q(s, a) = V(sa)$ | what the policy expects after it says $a$ |
#
# Both trainers solve the same small problem at each prefix: find the next-token distribution with
# the largest $\mathbb{E}_\pi[Q] - \beta\,\mathrm{KL}(\pi \| \pi_{\mathrm{ref}})$. Its solution is
#
# $$\pi(a \mid s) \propto \pi_{\mathrm{ref}}(a \mid s)\; e^{Q(s,a)/\beta}$$
#
# They differ in what a prefix is worth to the token before it.
#
# $$\text{KL in the reward:}\quad V(s) = \sum_a \pi(a \mid s)\,\Big(Q(s,a) - \beta \log
# \frac{\pi(a \mid s)}{\pi_{\mathrm{ref}}(a \mid s)}\Big)$$
#
# $$\text{KL in the loss:}\quad V(s) = \sum_a \pi(a \mid s)\, Q(s,a)$$
#
# With the first line the recursion from the last token to the first multiplies out to $\pi^*$. With
# the second line it ends at another policy, the *myopic point*. If all answers have one token, no
# token comes later, and both lines give $\pi^*$.
#
# GRPO as published has the estimate $k_3$ in the loss. [Page 04](04_kl_three_ways.html) shows that
# the expected gradient of $k_3$ is that of the other direction, $\mathrm{KL}(\pi_{\mathrm{ref}} \|
# \pi)$. Then the small problem has another solution, with a number $\lambda$ that makes the
# probabilities sum to 1, and the recursion ends at a third point:
#
# $$\pi(a \mid s) = \frac{\beta\,\pi_{\mathrm{ref}}(a \mid s)}{\lambda - Q(s,a)}$$
#
# {source tinyalign.exam.tree.fixed_point}
# {source tinyalign.exam.tree.reverse_kl_best}
# {source tinyalign.exam.tree.forward_kl_best}
#
# The task is the one that `tinyalign exam make --task words` writes: four prompts, six answers of
# one to three letters, and EOS as the last token of each. Some answers are the beginning of others.

# %%
BETA = 0.5
task = TASKS["words"]
ANSWERS = token_rows(task.answers, ends=True)
PREFIXES = sorted({answer[:t] for answer in ANSWERS for t in range(len(answer))})
EDGES = [(s, a) for s in PREFIXES for a in next_tokens(ANSWERS, s)]  # a prefix and a next token
SIBLING = np.array([[s == other for other, _ in EDGES] for s, _ in EDGES], float)  # (E, E)
STEPS_OF = [[EDGES.index((y[:t], y[t])) for t in range(len(y))] for y in ANSWERS]
LONGEST = max(map(len, ANSWERS))
PATH = np.array([steps + [0] * (LONGEST - len(steps)) for steps in STEPS_OF])  # (K, T)
MASK = np.array([[t < len(steps) for t in range(LONGEST)] for steps in STEPS_OF], float)  # (K, T)
USED = np.array([[e in steps for e in range(len(EDGES))] for steps in STEPS_OF], float)  # (K, E)
REWARD = np.log(np.array(WEIGHTS))  # (P, K)


def token_logp(logits):
    """A table of logits (P, E), one for each edge, as token log-probabilities (P, K, T)."""
    logp = logits - np.log(np.exp(logits) @ SIBLING)
    return logp[:, PATH] * MASK


shares = np.array(SHARES, float)
START = np.log(shares @ USED)  # logits of the reference: how often each edge is passed
REF = token_logp(START)  # (P, K, T)
ref_logp = REF.sum(axis=2)  # (P, K)

closed = np.log(optimal_policy(np.exp(ref_logp), REWARD, beta=BETA))
myopic = {
    best: fixed_point(REF, ANSWERS, REWARD, beta=BETA, best=best)
    for best in (reverse_kl_best, forward_kl_best)
}
ENDS = {
    "π*": closed,
    "myopic, KL(π ‖ π_ref)": myopic[reverse_kl_best],
    "myopic, KL(π_ref ‖ π)": myopic[forward_kl_best],
}


def objective(logp):
    """E[r] − β·KL to the reference, mean over prompts."""
    return float(np.mean(np.sum(np.exp(logp) * REWARD, axis=1) - BETA * kl(logp, ref_logp)))


table(
    ["", *task.answers, "E[r] − β·KL"],
    [
        [name, *np.exp(logp[0]), objective(logp)]
        for name, logp in {"reference": ref_logp, **ENDS}.items()
    ],
)

# %% [markdown]
# The table shows the four policies for the first prompt. The last column is the mean over all
# prompts.
#
# ## Predict
#
# Three trainers follow *exact* gradients: every answer counts by its probability, so nothing is
# noisy. The first has $k_1$ in the reward, the second $k_2$ of each token in the loss, the third
# $k_3$ of each token in the loss. The exact gradient of $k_2$ is that of
# $\mathrm{KL}(\pi \| \pi_{\mathrm{ref}})$ at each prefix.
#
# **Question 1.** Where does the second trainer end?
#
# * a) At $\pi^*$, because the gradient of $k_2$ is the gradient of the KL.
# * b) At the myopic point.
# * c) Nowhere: KL and reward pull the policy to and fro.
#
# **Question 2.** Which of the three earns most of $\mathbb{E}[r] - \beta\,\mathrm{KL}$ in the end?
#
# **The dial:** `BETA`. What happens to the distance between the points if $\beta$ is 5, and why?
#
# <details><summary>The answers</summary>
#
# **1 b.** The gradient of $k_2$ is right for one token, and it is right at each prefix. The sum
# over prefixes leaves out how an early token changes which prefixes are met later.
#
# **2.** The first one. $\pi^*$ is by definition the policy with the largest value, so every other
# point earns less, whatever its reward is.
#
# **The dial.** A large $\beta$ leaves no room to lean. The KL to come is then small everywhere, and
# the points come together. The run prints the distance for six values of $\beta$.
#
# </details>
#
# ## Run
#
# First the exact gradients. The loss is the trainer's: the library's clipped surrogate at ratio 1,
# and the library's estimators.
#
# {source tinyalign.losses.policy_gradient.clipped_surrogate}


# %%
def loss_of(logp, old, advantage, counts, in_loss):
    """Surrogate, and β times the KL estimate of each token, summed over tokens.

    logp, old  (P, K, T) of the policy, and of the one that drew the samples
    advantage  (P, K, 1) or (P, K, T), a constant
    counts     (P, K) share of the samples, a constant
    in_loss    an estimator, or None
    """
    flat = (-1, LONGEST)
    advantage = np.broadcast_to(advantage, REF.shape).reshape(flat)
    surrogate = clipped_surrogate(logp.reshape(flat), old.reshape(flat), advantage)
    held = 0.0 if in_loss is None else BETA * in_loss(logp, REF)
    return np.sum(counts * np.sum((surrogate.reshape(REF.shape) + held) * MASK, axis=2))


def exact(in_loss, logp):
    """The loss over all answers, each weighted by its probability."""
    whole = getval(logp).sum(axis=2)  # (P, K)
    shaped = REWARD - (BETA * k1(whole, ref_logp) if in_loss is None else 0.0)
    return loss_of(logp, getval(logp), shaped[:, :, None], np.exp(whole), in_loss)


def descend(loss, rate=0.2, small=1e-11):
    """Down the exact slope until it is 0. A choice that is seldom met takes larger steps."""
    logits, path, slope_of = START, [], grad(lambda z: loss(token_logp(z)))
    while True:
        slope = slope_of(logits)
        path.append(token_logp(logits).sum(axis=2))
        if abs(slope).max() < small:
            return path
        met = np.exp(path[-1]) @ USED  # (P, E)
        logits = logits - rate * slope / met


WHERE = {"k1 in the reward": None, "k2 in the loss": k2, "k3 in the loss": k3}
paths = {name: descend(partial(exact, in_loss)) for name, in_loss in WHERE.items()}
table(
    ["exact gradients", "steps", *(f"KL to {name}" for name in ENDS)],
    [
        [name, len(path), *(f"{kl(path[-1], end).mean():.1e}" for end in ENDS.values())]
        for name, path in paths.items()
    ],
)

# The dial: how far apart the points are at other β, mean over the prompts.
apart = {}
for beta in (0.05, 0.1, 0.2, 0.5, 1.0, 5.0):
    star = np.log(optimal_policy(np.exp(ref_logp), REWARD, beta=beta))
    ends = (fixed_point(REF, ANSWERS, REWARD, beta=beta, best=best) for best in myopic)
    apart[beta] = [kl(end, star).mean() for end in ends]
print()
table(["β", *(f"{name}: KL to π*" for name in list(ENDS)[1:])], [[b, *d] for b, d in apart.items()])

# %% [markdown]
# The second and the third trainer do not end at $\pi^*$. They end at the points of
# the recursion, as far as float64 can tell. No noise, no too small model and no too short training
# is left to blame.
#
# Now the trainers as people run them: samples, groups, Adam. All draw the same number of answers.
#
# * **GRPO** draws groups of 8 answers to a prompt, subtracts the group's mean, has a KL in the
#   loss, and takes one update for each batch. Once with $k_2$ in the loss and once with $k_3$. The
#   group's mean contains the sample itself, so GRPO's $\beta$ counts as $\beta\,G/(G-1)$ ([page
#   18](18_why_rloo_looked_bad.html)). The distances below are to the points at that $\beta$.
# * **RLOO** subtracts the mean of the other answers, and has $\beta k_1$ in the reward. A second
#   RLOO has $k_2$ in the loss: somebody has moved the KL.
# * **PPO** has $\beta k_1$ in the reward of each token, a critic for each prefix, advantages by GAE
#   with $\lambda = 0.95$, and two updates for each batch, the second one clipped.
#
# {source tinyalign.losses.advantage.gae}

# %%
STEPS, GROUPS, SIZE, RATE, SEEDS = 250, 64, 8, 0.05, range(5)
GROUP_BETA = BETA * SIZE / (SIZE - 1)


def draw(logp, rng):
    """Ids of sampled answers, (P, GROUPS, SIZE)."""
    edges = np.cumsum(np.exp(logp), axis=1)
    uniform = rng.random((len(logp), GROUPS * SIZE)) * edges[:, -1:]
    ids = [np.searchsorted(e, u) for e, u in zip(edges, uniform, strict=True)]
    return np.array(ids).reshape(len(logp), GROUPS, SIZE)


def share_of(ids, weight):
    """Mean weight that falls on each answer, (P, K)."""
    each = zip(ids.reshape(len(ids), -1), weight.reshape(len(ids), -1), strict=True)
    return np.array([np.bincount(i, w, len(ANSWERS)) for i, w in each]) / (GROUPS * SIZE)


def policy_gradient(advantage_of, in_loss):
    """A rollout of GRPO or RLOO: answers' shares, and their mean advantages."""

    def rollout(logp, rng):
        whole = logp.sum(axis=2)
        shaped = REWARD - (BETA * k1(whole, ref_logp) if in_loss is None else 0.0)
        ids = draw(whole, rng)
        reward = np.take_along_axis(shaped[:, None], ids, axis=2)  # (P, GROUPS, SIZE)
        advantage = advantage_of(reward.reshape(-1, SIZE)).reshape(ids.shape)
        counts = share_of(ids, np.ones(ids.shape))
        mean = share_of(ids, advantage) / np.maximum(counts, 1e-9)
        return mean[:, :, None], counts

    return rollout


def ppo():
    """A rollout of PPO, with a critic of its own: a number for each prefix of each prompt."""
    critic = np.zeros((len(REWARD), len(PREFIXES)))
    at = np.array([[PREFIXES.index(EDGES[e][0]) for e in row] for row in PATH])  # (K, T)
    last = MASK * (np.cumsum(MASK, axis=1) == MASK.sum(axis=1, keepdims=True))
    flat = (-1, LONGEST)
    mask = np.broadcast_to(MASK, REF.shape).reshape(flat)

    def rollout(logp, rng):
        ids = draw(logp.sum(axis=2), rng)
        counts = share_of(ids, np.ones(ids.shape))
        reward = REWARD[:, :, None] * last - BETA * k1(logp, REF)  # (P, K, T)
        rows = gae(reward.reshape(flat), critic[:, at].reshape(flat), mask)
        advantage, returns = (each.reshape(REF.shape) for each in rows)
        for s in range(len(PREFIXES)):  # the critic moves towards the mean return that was seen
            here = counts[:, :, None] * MASK * (at == s)
            seen = here.sum(axis=(1, 2))
            mean = (here * returns).sum(axis=(1, 2)) / np.maximum(seen, 1e-9)
            critic[:, s] += np.where(seen > 0, 0.3 * (mean - critic[:, s]), 0.0)
        return advantage, counts

    return rollout


TRAINERS = {  # its rollout, the KL in its loss, updates for each batch, and the beta that counts
    "GRPO, k2": (lambda: policy_gradient(group_center, k2), k2, 1, GROUP_BETA),
    "GRPO, k3": (lambda: policy_gradient(group_center, k3), k3, 1, GROUP_BETA),
    "RLOO": (lambda: policy_gradient(leave_one_out, None), None, 1, BETA),
    "RLOO, k2": (lambda: policy_gradient(leave_one_out, k2), k2, 1, BETA),
    "PPO": (ppo, None, 2, BETA),
}


def loss_function(*batch):
    """The loss of a batch as a function of the parameters."""
    return lambda params: (loss_of(token_logp(params["logits"]), *batch), {})


def train(start_rollouts, in_loss, updates, seed):
    """Token log-probabilities half way and at the end, (P, K, T) each."""
    rng, rollout, half = np.random.default_rng(seed), start_rollouts(), None
    network = init_train_state({"logits": START})
    for step in range(STEPS):
        old = token_logp(network.params["logits"])
        advantage, counts = rollout(old, rng)
        size = StepSize(RATE * min(1.0, 2 - 2 * step / STEPS), max_grad_norm=1e9)
        loss = loss_function(old, advantage, counts, in_loss)
        for _ in range(updates):
            network, _ = update(network, value_and_grad(loss)(network.params), size)
        half = old if step == STEPS // 2 else half
    return half, token_logp(network.params["logits"])


def points_at(beta):
    """π* and the two myopic points at a beta."""
    star = np.log(optimal_policy(np.exp(ref_logp), REWARD, beta=beta))
    both = [
        fixed_point(REF, ANSWERS, REWARD, beta=beta, best=best)
        for best in (reverse_kl_best, forward_kl_best)
    ]
    return dict(zip(ENDS, (star, *both), strict=True))


trained, far = {}, {}
for name, (start_rollouts, in_loss, updates, beta) in TRAINERS.items():
    ends = points_at(beta)
    trained[name] = [train(start_rollouts, in_loss, updates, seed) for seed in SEEDS]
    far[name] = {
        where: [kl(end.sum(axis=2), point).mean() for _, end in trained[name]]
        for where, point in ends.items()
    }


def with_interval(values):
    """The mean over seeds and its 95 % interval, nats."""
    low, high = bootstrap(values)
    return f"{np.mean(values):.1e} ({max(low, 0.0):.1e} to {high:.1e})"


table(
    ["", *(f"KL to {name}" for name in ENDS)],
    [[name, *map(with_interval, by_point.values())] for name, by_point in far.items()],
)

# %%
figure, (left, right) = picture(2, width=8.6)
letters = sorted({answer[0] for answer in ANSWERS})
bars = {"reference": ref_logp, **ENDS}
for place, (name, logp) in enumerate(bars.items()):
    starts = [sum(np.exp(logp[0, k]) for k, y in enumerate(ANSWERS) if y[0] == a) for a in letters]
    left.bar(np.arange(len(letters)) + 0.2 * place - 0.3, starts, 0.2, label=name)
left.set_xticks(range(len(letters)), letters)
left.set(xlabel="first token after prompt p", ylabel="probability", ylim=(0, 0.65))
left.legend(fontsize=7, loc="upper left")
for place, by_point in enumerate(far.values()):
    for values, colour in zip(by_point.values(), COLOURS[1:], strict=False):
        right.semilogx(values, [place] * len(values), "o", color=colour, alpha=0.7)
right.set_yticks(range(len(far)), list(far))
right.invert_yaxis()
right.set(xlabel="KL of the trained policy to each point, nats", title="five seeds")
figure

# %% [markdown]
# {figure}
#
# The dots have the colours of the bars: each trainer is near one point and far from the other two.
#
# ## What it shows
#
# RLOO and PPO, with the KL in the reward, end at $\pi^*$. GRPO ends at a myopic point, with the
# direction of KL that its estimator has, and so does RLOO if its KL is moved into the loss. Five
# seeds agree: every trainer is at least twenty times nearer to its own point than to the others.
#
# GRPO's end is no error of the implementation. Whoever uses $\pi^*$ as the answer that GRPO should
# give will look for a bug that is not there. And whoever puts the KL of a paper with "KL in the
# reward" into the loss gets another policy, at every learning rate.
#
# How large is the difference? On this task it is a small part of the objective. It is large where
# branches differ in how much there is to choose. Many recipes since 2025 set $\beta = 0$; then
# there is no KL to be paid, and no point to hold the policy.
#
# `tinyalign exam` grades any trainer this way. The exam reads two checkpoints, one from half way.
# Its verdicts on the trainers above:

# %%
EXAMS = {"GRPO, k2": "grpo", "GRPO, k3": "grpo", "RLOO": "rloo", "RLOO, k2": "rloo"}


def paper_of(method):
    """The exam's paper, with the reference of this page."""
    return Paper(
        method, "words", METHODS[method].settings, list(task.prompts), list(task.answers), True,
        alphabet(task), np.array(WEIGHTS), REF,
    )  # fmt: skip


verdicts = {}
for name, method in EXAMS.items():
    half, end = (read_checkpoint(paper_of(method), logp) for logp in trained[name][0])
    verdicts[name] = judge(paper_of(method), end, half)
    print(f"{name}, as an exam in {method}: {verdicts[name].word}\n  {verdicts[name].sentence}\n")

# %% [markdown]
# The last verdict is the mistake that this page is about: a trainer that was meant to have the KL
# in its reward, and had the KL in its loss.
#
# ## What goes wrong in practice
#
# **"KL in the loss or in the reward: is one of them wrong?"** (huggingface/trl #4967,
# OpenRLHF/OpenRLHF #1309, hiyouga/EasyR1 #45, Jiayi-Pan/TinyZero #67.) Neither is a bug. They are
# two objectives with two ends. Write down which one you mean, and compare your policy with the end
# of that one.
#
# **"The token-level KL and the sequence-level KL are the same sum."** (huggingface/trl #2562.) As
# *rewards* they are: the sum is subtracted from the return. As *losses* they are not: the gradient
# of each token's estimate stops at that token.
#
# **"I set the coefficient of the KL, and nothing happens."** (THUDM/slime #397.) Some trainers have
# one coefficient for each place and read only one of the two. `tinyalign exam grade` shows a policy
# that nothing holds as "no KL".
#
# **"My trainer lands at none of the points."** Each answer's loss is divided by the answer's own
# length in GRPO as first published, and in this library's `grpo`. Then short answers count more,
# and the end is a fourth point, which the exam knows too. Divide by a constant, as Dr.GRPO does.
#
# ### The same line in TRL
#
# `GRPOConfig(beta=0.5)` puts the KL of each token into the loss: the myopic point. With
# `use_bias_correction_kl=False` the estimate is $k_3$ as published. `RLOOConfig(beta=0.5)`
# subtracts the KL from the reward: $\pi^*$. To ask your own trainer:
#
# ```
# tinyalign exam make my_exam --as grpo --task words
# tinyalign exam grade my_exam trained/checkpoint-300 --before trained/checkpoint-150
# ```

# %% [markdown]
# ## Turn the dial
#
# Two trainers, one β. After `a` the policy chooses between rewards 1 and 0; after `b` there is no
# choice. Before you turn: for which β do the two trainers agree? Where do they prefer different
# first tokens?

# %%
from tinyalign.notes.dials import dial
from tinyalign.notes.dials import myopic as landing

dial(
    landing.frame,
    {"β": (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0), "reward of b": (0.5, 0.6, 0.7, 0.9)},
    start=(1.0, 0.7),
    try_it=landing.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The two are close where β is small, because the KL of the second token then costs little beside
# its reward, and where β is large, because both then stay at the reference. At β = 1 and 0.7 for
# `b` one trainer prefers `b` and the other `a`: the worth of `a` is 0.62 with the KL to come and
# 0.73 without it.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **1.** Write the next-token distribution that is best at one prefix. The check compares its value
# with those of a thousand other distributions.
#
# **2.** The myopic recursion passes $\sum_a \pi(a \mid s)\,Q(s,a)$ to the token before. Write the
# number that has to be passed on in its place, so that the recursion ends at $\pi^*$. The check
# runs the whole recursion with your number.
#
# **3. On paper.** In the tree of "The idea", let the sure answer earn $x$ in place of 0.7. For
# which $x$ do the two trainers disagree about the likelier first token?
#
# <details><summary>A hint</summary>
#
# Each trainer says `a` more often than `b` where `a` is worth more than $x$. The first cell of this
# page prints what `a` is worth to each of them.
#
# </details>
#
# <details><summary>The solution</summary>
#
# For $x$ between $\log\frac{e+1}{2} = 0.620$ and $\frac{e}{e+1} = 0.731$. Below, both prefer `a`;
# above, both prefer `b`.
#
# </details>
#
# **4. Open.** Find rewards for the six answers with which the myopic point earns *more* reward than
# $\pi^*$. Then find some with which it earns less. What do the two have in common?


# %%
def my_best_next_token(ref_logp, value, beta):
    raise NotImplementedError  # (A,), (A,), number -> (A,) probabilities


def check_my_best_next_token(solution):
    rng = np.random.default_rng(1)
    for beta in (0.2, 1.0, 5.0):
        ref, value = log_softmax(rng.normal(size=5)), rng.normal(size=5)
        found = np.asarray(solution(ref, value, beta))
        assert found.shape == (5,), f"want 5 probabilities, got shape {found.shape}"
        assert abs(found.sum() - 1) < 1e-9, f"the probabilities sum to {found.sum():.3g}"
        others = log_softmax(np.log(found + 1e-300) + 0.1 * rng.normal(size=(1000, 5)))

        def worth_of(logp, ref=ref, value=value, beta=beta):
            return np.sum(np.exp(logp) * (value - beta * (logp - ref)), axis=-1)

        own, best = worth_of(np.log(found + 1e-300)), worth_of(others).max()
        assert best <= own + 1e-12, (
            f"at β = {beta} yours is worth {own:.4f}, and another distribution {best:.4f}"
        )


def my_value_to_pass_on(ref_logp, value, beta):
    raise NotImplementedError  # (A,), (A,), number -> one number


def check_my_value_to_pass_on(solution):
    def end_of(prefix, x):
        """Value of a prefix for prompt x, and log-probabilities of the answers from there on."""
        children = next_tokens(ANSWERS, prefix)
        if not children:
            return REWARD[x, ANSWERS.index(prefix)], {ANSWERS.index(prefix): 0.0}
        later = [end_of((*prefix, token), x) for token in children]
        value = np.array([v for v, _ in later])
        ref = np.array([REF[x, k, len(prefix)] for k in children.values()])
        own = log_softmax(ref + value / BETA)
        rest = {k: own[i] + logp for i, (_, known) in enumerate(later) for k, logp in known.items()}
        return solution(ref, value, BETA), rest

    for x in range(len(REWARD)):
        _, known = end_of((), x)
        end = np.array([known[k] for k in range(len(ANSWERS))])
        gap = kl(end[None], closed[x][None])[0]
        assert gap < 1e-12, f"at prompt {task.prompts[x]} the end is {gap:.4f} nats from π*"


check_exercise(check_my_best_next_token, my_best_next_token)
check_exercise(check_my_value_to_pass_on, my_value_to_pass_on)

# %% [markdown]
# ## What you may have read
#
# {notes 001 58-61}
# {notes 004 343-348}
#
# <details><summary>Two sentences of the notes, and what is true</summary>
#
# * *"L_GRPO = E[…] - λ * KL(π_θ || π_ref)"*. **Not what GRPO does.** Besides [the missing ratio and
#   the sign](errata.html#row-15), the formula has one KL between whole answers. Its maximum is
#   $\pi^*$. GRPO has a term for each token, whose gradient stops at that token, and ends elsewhere
#   if answers have several tokens.
# * *"kl = (current_log_probs - ref_log_probs).mean()"*, added to the loss. **Holds nothing.** This
#   is $k_1$ as a loss, and [its expected gradient is 0](errata.html#row-43): such a trainer has
#   neither of the ends of this page. The policy moves to the best answer alone.
#
# </details>
#
# ## Further reading
#
# * Tang and Munos 2025, arXiv:2506.09477: per-token KL losses in open projects give only a part of
#   the gradient of the sequence's KL.
# * Liu et al. 2025, arXiv:2510.01555: "$k_n$ in reward" and "$k_n$ as loss" compared, and which are
#   principled.
# * Zhang et al. 2025, arXiv:2505.17508: which weight each estimate needs for samples of an older
#   policy.
# * Shah et al. 2025, arXiv:2512.21852: both places and three estimates, trained and compared.
# * arXiv:2601.10201 (2026): GRPO with the KL to come put back into each token's signal.
# * Shao et al. 2024, arXiv:2402.03300: GRPO, with $k_3$ in the loss.
#
# These papers speak of the gradient. The recursion above adds where such a gradient ends.
#
# ### The claims of this page, tested

# %%
assert worth["does not"][0] > 0.7 > worth["counts the KL to come"][0], "the two trainers disagree"
assert all(objective(closed) > objective(ENDS[name]) for name in list(ENDS)[1:]), "π* is best"
for (name, path), point in zip(paths.items(), ENDS.values(), strict=True):
    assert kl(path[-1], point).max() < 1e-12, f"{name}: the exact gradient ends at its own point"
assert min(kl(end, closed).mean() for end in myopic.values()) > 0.01, "which are not π*"
assert max(apart[5.0]) < 0.001, "a large β leaves no room, and the points come together"
for name, own in zip(TRAINERS, [1, 2, 0, 1, 0], strict=True):
    near, *others = np.roll([max(far[name][w]) for w in ENDS], -own)
    assert near < 0.002, f"{name}: every seed ends near its own point"
    assert 20 * near < min(others), f"{name}: and far from the other two"
assert verdicts["GRPO, k2"].word == verdicts["RLOO"].word == "right"
assert verdicts["GRPO, k3"].suspect == "forward KL of each token"
assert verdicts["RLOO, k2"].suspect == "KL in the loss"
print("all claims of this page hold")
