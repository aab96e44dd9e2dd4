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
# # 25 · Keep what is right, fine-tune, repeat: rejection sampling and STaR
#
# ## The question
#
# The simplest way to learn from a verifier is this: sample answers, keep the right ones, fine-tune
# on them, and repeat. Rejection-sampling fine-tuning, RAFT, ReST and STaR are versions of it. Is
# this a policy gradient? What is lost when wrong answers are dropped? And what becomes of the
# variety of the right answers?
#
# ## The idea
#
# Supervised fine-tuning raises the log-probability of its data. If the data are the policy's own
# answers with the reward 1, each of these answers is pushed up, and the others are not pushed. This
# is REINFORCE with the reward 0 or 1 and without a baseline. So one small step of this method is a
# step of policy gradient. A *full fit*, which trains until the policy says what the data say, is
# another thing: it jumps to a new distribution.
#
# The right answers of one prompt are often of several kinds. A full fit to very many answers keeps
# their proportions. A full fit to a few answers keeps them on average only: what is not drawn once
# is never drawn again. And small steps favour what is likely already. The three look alike in a log
# of the reward.
#
# ```
#  policy -> sample G answers -> verifier -> keep the right ones -> fine-tune -> policy
#                                   |
#                                   '----> wrong ones: dropped
# ```
#
# The published versions differ in what they keep, and in where a round begins:
#
# * **Rejection-sampling fine-tuning** keeps right answers with different workings, for one round.
# * **RAFT** keeps the best of $n$ answers to each prompt, round after round.
# * **ReST** keeps what is above a threshold, and raises the threshold within a round.
# * **STaR** keeps right answers, asks again with the solution as a hint where there are none, and
#   fine-tunes the *first* model in every round.
#
# ## The formula
#
# An update moves the logits along $\sum_i w_i\, \nabla \log \pi(y_i)$. The sum is over the $G$
# answers to one prompt, and $R_i$ is 1 for a right answer and 0 for a wrong one.
#
# * **Kept:** $w_i = R_i / \sum_j R_j$, the mean over what was kept. No update if all are wrong.
# * **No baseline:** $w_i = R_i / G$, which is REINFORCE.
# * **Leave-one-out:** $w_i = (R_i - \text{mean of the others}) / G$, which is RLOO.
# * **Right ones dropped:** $w_i = (R_i - 1) / G$, which pushes the wrong ones down.
# * **Distinct:** as *kept*, but every different right answer counts once.
#
# Let $a$ be the chance of a right answer under $\pi$. The mean of an update is
#
# $$\big(1 - (1-a)^G\big)\, \nabla \log a \;\text{ for kept,} \qquad
# \nabla a \;\text{ for the next three.}$$
#
# So *kept* climbs the logarithm of the success rate, and the factor is the chance that at least one
# of $G$ answers is right. The full fit to very many kept answers is
# $\pi'(y) = \pi(y)\, R(y) / a$.
#
# {source tinyalign.optimum.filtered_policy}
#
# RAFT keeps the best of $n$ answers. Its full fit is the policy of best-of-n, with the success rate
# $1 - (1-a)^n$. In the second round the same happens to this policy, so two rounds of best of $n$
# are one round of best of $n^2$.
#
# A full fit to $n$ right answers draws the next policy from the present one. Let $H$ be the chance
# that two right answers differ. Its mean falls in each round:
#
# $$E[H_{next}] = \Big(1 - \frac{1}{n}\Big)\, H.$$
#
# ## Predict
#
# **Question 1.** Five answers in a hundred are right. One method drops the wrong ones, and another
# one uses them through a baseline. How many more answers does the first one need for the same ratio
# of signal to noise?
#
# * a) About a tenth more.
# * b) Twice as many.
# * c) Ten times as many.
#
# **Question 2.** Four right answers have the shares 0.5, 0.25, 0.15 and 0.1 of all right answers.
# Training goes on until 99 % of the answers are right. Which share has the first one then, after a
# full fit to very many kept answers, and after small exact steps of policy gradient?
#
# * a) About 0.5 after both.
# * b) 0.5 after the full fit, and nearly 1 after small steps.
# * c) Nearly 1 after the full fit, and 0.5 after small steps.
#
# **Question 3.** Which change keeps all four right answers alive in training with small steps?
#
# * a) A baseline.
# * b) Counting every different right answer once.
# * c) Both.
#
# **Question 4.** All answers are right already. Sampling and fine-tuning without a baseline go on.
# What happens?
#
# * a) Nothing: there is nothing left to learn.
# * b) The variety falls.
#
# <details><summary>The answers</summary>
#
# **1 a.** Where few answers are right, a wrong one is what everybody expects, and says little. More
# is lost where half of the answers are right or more.
#
# **2 b.** The full fit only takes the wrong answers away. A step in the logits is proportional to
# an answer's probability, so the most likely right answer grows most.
#
# **3 b.** A baseline changes the noise, and hardly the direction. The run section has both.
#
# **4 b.** Every batch pulls the policy to what was drawn. The mean of the pull is 0, but what has
# become rare does not come back.
#
# </details>
#
# ## Run
#
# ### A gradient in disguise, exactly
#
# One prompt has eight answers, and four of them are right. All groups of three answers are
# enumerated, so that the mean of an update is exact.
#
# **The dial:** `START`, the chance of a right answer at the start. For which values does the
# factor $1 - (1-a)^G$ matter?

# %%
from itertools import product

import autograd.numpy as np

from tinyalign.losses.advantage import leave_one_out
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import best_of_n, filtered_policy, policy_gradient
from tinyalign.report.intervals import bootstrap

START, RATE = 0.3, 0.5
SHARES, WRONG = np.array([0.5, 0.25, 0.15, 0.1]), np.array([0.4, 0.3, 0.2, 0.1])
REWARD = np.array([1.0] * 4 + [0.0] * 4)


def softmax(z):
    weights = np.exp(z - z.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def policy_with(chance):
    """Eight probabilities, of which the first four are right answers with this chance."""
    return np.concatenate([chance * SHARES, (1 - chance) * WRONG])


def kept(answers):
    """(prompts, G) answers -> weights of the mean over the right ones; 0 where none is right."""
    reward = REWARD[answers]
    return reward / np.maximum(reward.sum(axis=1, keepdims=True), 1)


def no_baseline(answers):
    return REWARD[answers] / answers.shape[1]


def with_baseline(answers):
    return leave_one_out(REWARD[answers]) / answers.shape[1]


def only_wrong(answers):
    """The right ones are dropped, and the wrong ones pushed down."""
    return (REWARD[answers] - 1) / answers.shape[1]


def distinct(answers):
    """As kept, and each different right answer counts once."""
    copies = np.sum(answers[:, :, None] == answers[:, None, :], axis=2)
    weights = REWARD[answers] / copies
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)


METHODS = {
    "kept": kept,
    "no baseline": no_baseline,
    "leave-one-out": with_baseline,
    "right ones dropped": only_wrong,
    "distinct": distinct,
}


def update(weights, answers, probs):
    """Σ w ∇log π in the logits, (prompts, 8)."""
    scores = (answers[:, :, None] == np.arange(8)) - probs[:, None]  # (prompts, G, 8)
    return np.sum(weights[:, :, None] * scores, axis=1)


first = policy_with(START)
groups = np.array(list(product(range(8), repeat=3)))  # (512, 3)
chance = np.prod(first[groups], axis=1)
each = np.broadcast_to(first, (len(groups), 8))
means = {name: chance @ update(w(groups), groups, each) for name, w in METHODS.items()}
slope = policy_gradient(np.log(first), REWARD)  # of the chance of a right answer
factor = dict.fromkeys(METHODS, 1)
factor["kept"] = (1 - (1 - START) ** 3) / START
del factor["distinct"]  # no formula
table(["weights", "largest difference to the formula"],
      [[name, f"{np.abs(means[name] - times * slope).max():.0e}"]
       for name, times in factor.items()])  # fmt: skip

# %% [markdown]
# ### Rounds of best-of-n
#
# A full fit to the best of $n$ answers, two rounds, against one round with $n^2$. The last column
# is the share of the first answer among the right ones.

# %%
rows = []
for n in (2, 4, 8):
    once = best_of_n(first, REWARD, n)
    twice, at_once = best_of_n(once, REWARD, n), best_of_n(first, REWARD, n * n)
    gap = np.abs(twice - at_once).max()
    rows.append([n, once @ REWARD, twice @ REWARD, f"{gap:.0e}", twice[0] / (twice @ REWARD)])
table(["n", "right after 1", "after 2", "difference to n²", "first among right"], rows)
only_right = filtered_policy(first, REWARD, threshold=1.0)
print("all right answers kept, full fit:", [round(float(p), 2) for p in only_right[:4]])

# %% [markdown]
# ### What wrong answers say
#
# The *signal* is the length of the exact mean gradient, and the *noise* is the standard deviation
# of one answer's gradient. The table has the number of answers for which both are equal. The
# baseline is the exact chance of a right answer.


# %%
def answers_for_signal(chance, baseline):
    """Variance of one answer's gradient, divided by the squared length of the mean."""
    probs = policy_with(chance)
    each = (REWARD - baseline)[:, None] * (np.eye(8) - probs)
    mean = probs @ each
    return (probs @ np.sum(each**2, axis=1) - mean @ mean) / (mean @ mean)


CHANCES = (0.02, 0.05, 0.2, 0.5, 0.8, 0.95)
needed = {a: [answers_for_signal(a, b) for b in (0.0, a, 1.0)] for a in CHANCES}
table(["right answers", "wrong dropped", "baseline", "right dropped", "first : second"],
      [[a, *three, three[0] / three[1]] for a, three in needed.items()])  # fmt: skip

# %% [markdown]
# ### Small steps
#
# A hundred prompts train side by side, each with its own luck and the same start. An update draws
# eight answers. The *number of kinds* is e to the entropy among the right answers: 4 for four
# equally likely ones, and 1 if only one is left. The last run takes exact steps, without sampling.

# %%
PROMPTS, GROUP, UPDATES = 100, 8, 400


def kinds(probs):
    """The number of kinds of right answers, e to their entropy."""
    shares = probs[..., :4] / probs[..., :4].sum(axis=-1, keepdims=True)
    return np.exp(-np.sum(shares * np.log(np.maximum(shares, 1e-300)), axis=-1))


def train(weights, chance=START):
    """Share of right answers and number of kinds before each update, (updates, 2, prompts)."""
    rng, curve = np.random.default_rng(0), []
    logits = np.tile(np.log(np.maximum(policy_with(chance), 1e-300)), (PROMPTS, 1))
    for _ in range(UPDATES + 1):
        probs = softmax(logits)
        curve.append([probs @ REWARD, kinds(probs)])
        edges = np.cumsum(probs, axis=1)[:, None, :-1]
        answers = np.sum(rng.random((PROMPTS, GROUP, 1)) > edges, axis=2)
        logits = logits + RATE * update(weights(answers), answers, probs)
    return np.array(curve)


def exact_steps(until=0.99):
    """The same by exact gradients, until this share is right."""
    logits, curve = np.log(first), []
    while not curve or curve[-1][0] < until:
        probs = softmax(logits)
        curve.append([probs @ REWARD, kinds(probs)])
        logits = logits + RATE * policy_gradient(logits, REWARD)
    return np.array(curve), probs


curves = {name: train(weights) for name, weights in METHODS.items()}
exact, flow = exact_steps()
LOOKS = (25, 100, UPDATES)
names = [name for at in LOOKS for name in (f"right, {at}", "kinds")]
table(["weights", *names, "interval of the last kinds"],
      [[name, *(x for at in LOOKS for x in curve[at].mean(axis=1)),
        "{:.2f} … {:.2f}".format(*bootstrap(curve[-1, 1]))] for name, curve in curves.items()],
      )  # fmt: skip
print(f"exact steps to 99 % right: {kinds(flow):.2f} kinds, the first one has the share "
      f"{flow[0] / (flow @ REWARD):.2f}; at the start {kinds(first):.2f} kinds")  # fmt: skip

# %% [markdown]
# Now all answers are right at the start. What is there to lose?

# %%
settled = {
    name: train(METHODS[name], chance=1.0)[-1, 1] for name in ("no baseline", "leave-one-out")
}
table(["weights", "kinds at the end", "interval"],
      [[name, end.mean(), "{:.2f} … {:.2f}".format(*bootstrap(end))]
       for name, end in settled.items()])  # fmt: skip

# %% [markdown]
# ### Full fits to few answers
#
# The policy of the next round is the frequencies of the $n$ right answers that were drawn. Five
# hundred prompts play twenty rounds.

# %%
ROUNDS, SIZES = 20, (4, 16, 64)


def play(n, prompts=500):
    """The chance that two right answers differ before each round, (rounds + 1, prompts)."""
    rng, shares, differ = np.random.default_rng(n), np.tile(SHARES, (prompts, 1)), []
    for _ in range(ROUNDS + 1):
        differ.append(1 - np.sum(shares**2, axis=1))
        shares = rng.multinomial(n, shares) / n
    return np.array(differ)


played = {n: play(n) for n in SIZES}
law = {n: (1 - np.sum(SHARES**2)) * (1 - 1 / n) ** np.arange(ROUNDS + 1) for n in SIZES}
table(["n", "two differ, 5 rounds", "interval", "formula", "20 rounds", "interval", "formula"],
      [[n, *(x for at in (5, ROUNDS) for x in (
          played[n][at].mean(), "{:.3f} … {:.3f}".format(*bootstrap(played[n][at])), law[n][at]))]
       for n in SIZES])  # fmt: skip

# %% [markdown]
# ### Easy and hard problems
#
# Three problems with eight answers each. The second column is the chance that anything is kept. The
# third one is the share of the kept answers that belongs to the problem, if all are put together.

# %%
problems = {"easy": 0.9, "middle": 0.3, "hard": 0.01}
total = sum(problems.values())
table(["problem", "right answers", "something is kept", "share of the data"],
      [[name, a, 1 - (1 - a) ** GROUP, a / total] for name, a in problems.items()])  # fmt: skip

# %%
figure, panels = picture(2, width=9.0)
for name, curve in curves.items():
    panels[0].plot(*curve.mean(axis=2).T, label=name)
panels[0].plot(*exact.T, "k:", label="exact steps")
panels[0].plot([START, 1.0], [kinds(first)] * 2, "k--", label="full fit, very many answers")
panels[0].set(title="Small steps", xlabel="share of right answers", ylabel="kinds of right answers")
for n in SIZES:
    panels[1].plot(played[n].mean(axis=1), "o", markersize=3, label=f"{n} answers")
    panels[1].plot(law[n], "k:", linewidth=1)
panels[1].set(title="Full fits", xlabel="round", ylabel="two right answers differ", ylim=(0, 0.7))
for axes in panels:
    axes.legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **One small step is a step of policy gradient.** The mean of the update on what was kept has the
# direction of $\nabla a$. Only its length differs: it is divided by the success rate, so hard
# prompts take larger steps. This is the gradient of $\log a$, and after 25 updates *kept* has the
# most right answers. Dropping the right answers in place of the wrong ones has the same mean too:
# its weights are $R - 1$, which is a baseline of 1.
#
# **A full fit is another thing.** One full fit to very many kept answers makes all answers right
# and keeps their proportions. Best-of-n goes the same way in smaller pieces, and two rounds are
# exactly one round with $n^2$. So for one prompt in a table, rounds reach nothing that one round
# with more samples cannot reach. In a real model the next round also samples from a policy that
# has learned from *other* problems.
#
# **What wrong answers say depends on how many are right.** With five right answers in a hundred,
# dropping the wrong ones costs less than a tenth more answers. With half of them right it costs
# twice as many, and with 95 in a hundred ten times as many. There the wrong answer is the rare
# event. To drop the right answers is much worse at the start, and as good as the baseline at the
# end.
#
# **Small steps lose variety, with or without a baseline.** The exact steps without any sampling end
# with the share 0.98 of the first right answer, from 0.5. This is no noise. The slope in a logit is
# proportional to the answer's probability, so what is likely grows fastest. A baseline does not
# stop it: leave-one-out ends with slightly *fewer* kinds than no baseline. Nor does dropping the
# right answers, although Zhu and others find in large models that wrong answers alone keep more
# variety. A table cannot show why. To count each different right answer once does stop the loss,
# because the push no longer grows with the probability.
#
# **When all answers are right, a baseline matters.** Without one, every batch is a step towards
# what was drawn, and the number of kinds falls although nothing is left to learn. With
# leave-one-out all weights are 0. The library's `raft` skips a group in which all answers are
# alike, and stands still as well.
#
# **Full fits to few answers lose variety by luck, and the law is known.** Each round multiplies the
# chance that two right answers differ by $1 - 1/n$. Biologists know this as genetic drift. With
# four kept answers nearly all variety is gone after ten rounds. With 64 most of it is left after
# twenty.
#
# **Hard problems get no data.** A problem with one right answer in a hundred has something to keep
# in one round out of thirteen, and less than one in a hundred of the data. This is why STaR gives
# the answer as a hint, and why others draw more samples for hard problems. The table of this page
# shares nothing between problems, so the page cannot say how far solved problems help others.
#
# ## What goes wrong in practice
#
# **“Is there a trainer for RAFT or ReST?”** (huggingface/trl #704.) The proposal was closed. The
# method needs none: a script that samples, a verifier, and the trainer for SFT, in a loop. The
# thread recommends to log the mean reward of the kept set. Log the number of different kept answers
# too.
#
# **“Our figures for STaR differ from the paper.”** (njucckevin/MM-Self-Improve #8, and
# camel-ai/camel #1478.) Many programs with this name leave out the hints for problems that were
# never solved.
#
# **“What does `rejection_sample` do?”** (rllm-org/rllm #14.) There it skips prompts whose answers
# are all right or all wrong. The right answers of other prompts are not singled out. One name, two
# methods.
#
# ### The same line in TRL
#
# TRL has no trainer for this. `SFTTrainer(model, args=config, train_dataset=kept)` with
# `SFTConfig(num_train_epochs=1)` is one round. Many epochs on one round come near to a full fit.

# %% [markdown]
# ## Turn the dial
#
# Each round keeps some answers and fits the policy to their frequencies. Before you turn: eight
# answers are kept, and ten rounds are played. Is more than half of the variety left?

# %%
from tinyalign.notes.dials import dial, diversity

dial(
    diversity.frame,
    {"kept": (2, 4, 8, 16, 64), "rounds": (1, 5, 10, 20)},
    start=(8, 5),
    try_it=diversity.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# No. $(1 - 1/8)^{10}$ is 0.26, so about a quarter is left. Only 64 answers keep more than half for
# twenty rounds.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 25.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** `right` is 1 where an answer is right, for G answers to each of P prompts. Return the
# weight of each answer in the mean over the right answers of its prompt. A prompt without a right
# answer gets weights of 0.
#
# <details><summary>Hint 1</summary>
#
# A right answer has the weight 1 divided by the number of right answers to its prompt.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Divide by the sum over the second axis, but by 1 where this sum is 0.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_kept_weights(right):
#     return right / np.maximum(np.sum(right, axis=1, keepdims=True), 1)
# ```
#
# </details>
#
# **2.** A policy is fitted fully to the best of `n` answers, for very many groups of n. `probs`
# holds the chance of each answer, and `right` is 1 for a right answer and 0 for a wrong one.
# Where no answer of a group is right, one of the wrong ones is taken. Return the chances under
# the new policy.
#
# <details><summary>Hint 1</summary>
#
# The best of n is wrong only if all n answers are wrong.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Right answers share the chance $1 - (1-a)^n$ in the proportions that they had, and wrong answers
# share the rest.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_next_policy(probs, right, n):
#     a = np.sum(probs * right)
#     return np.where(right > 0, probs / a * (1 - (1 - a) ** n), probs / (1 - a) * (1 - a) ** n)
# ```
#
# </details>
#
# **3. On paper.** A prompt has two right answers, each with the chance 1/2, and no wrong one.
# Each round draws four answers and fits the policy to their frequencies. With which chance is
# only one answer left after the first round? How likely is it after ten rounds that two drawn
# answers differ?
#
# <details><summary>The answer</summary>
#
# One answer is left if all four are alike: $2 \cdot (1/2)^4 = 1/8$. Two answers differ with the
# chance 1/2 at the start. Each round multiplies the mean by $1 - 1/4$, and after ten rounds it is
# $0.5 \cdot 0.75^{10} = 0.028$.
#
# </details>
#
# **4. Open ended.** After five rounds your model solves nine of ten problems of the training set,
# and the last tenth was never solved once. What do you try, and which danger has each attempt?
#
# <details><summary>What to look for</summary>
#
# More samples for these problems: dear, and a lucky answer may have an unsound working. The
# answer as a hint, as STaR does: the model may write a working that only leads to the hint.
# Easier versions of these problems first: they have to be made. Fewer copies of the easy
# problems: the policy may forget them. In each case count pass@k and the kinds of right answers,
# and not the reward alone.
#
# </details>

# %%
from tinyalign.notes.exercises.keeping import check_my_kept_weights, check_my_next_policy


def my_kept_weights(right):
    raise NotImplementedError  # (P, G) -> (P, G)


def my_next_policy(probs, right, n):
    raise NotImplementedError  # (K,), (K,), a number -> (K,)


check_exercise(check_my_kept_weights, my_kept_weights)
check_exercise(check_my_next_policy, my_next_policy)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 002 54-66}
# {notes 004 663-677}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * *"Generalized Rejection Sampling Policy Optimization"*, for GRPO. **Wrong.** [The name is Group
#   Relative Policy Optimization](errata.html#row-19). GRPO drops no wrong answer: it pushes wrong
#   ones down.
# * *"Stage 3: GRPO for specific capabilities"*, of Llama 3. **Wrong.** [Llama 3 used rejection
#   sampling, SFT and DPO in rounds](errata.html#row-26), with a learned reward model in place of a
#   verifier.
#
# </details>
#
# ## Further reading
#
# * Zelikman and others 2022, arXiv:2203.14465: STaR, with hints, and a fresh start in each round.
# * Dong and others 2023, arXiv:2304.06767: RAFT.
# * Gulcehre and others 2023, arXiv:2308.08998: ReST, with a threshold that rises.
# * Yuan and others 2023, arXiv:2308.01825: rejection-sampling fine-tuning, and different workings.
# * Singh and others 2023, arXiv:2312.06585: the same as expectation-maximisation.
# * Xiong and others 2025, arXiv:2504.11343: RAFT beside GRPO and PPO.
# * Zhu and others 2025, arXiv:2506.01347: what wrong answers alone can teach.
#
# ### The claims of this page, tested

# %%
for name, times in factor.items():
    assert np.allclose(means[name], times * slope, atol=1e-12), name
for n in (2, 4, 8):
    assert np.allclose(best_of_n(best_of_n(first, REWARD, n), REWARD, n),
                       best_of_n(first, REWARD, n * n), atol=1e-12)  # fmt: skip
assert np.allclose(only_right[:4], SHARES), "a full fit keeps the proportions"
for n in SIZES:
    ends = played[n][-1]
    assert abs(ends.mean() - law[n][-1]) < 4 * ends.std() / len(ends) ** 0.5, "the law of drift"
if (START, RATE) == (0.3, 0.5):
    ratio = {a: dropped / two for a, (dropped, two, _) in needed.items()}
    assert ratio[0.05] < 1.1 and 2 < ratio[0.5] < 2.4 and 10 < ratio[0.95] < 12
    assert needed[0.05][2] > 10 * needed[0.05][1] and needed[0.95][2] < 2 * needed[0.95][1]
    assert flow[0] / (flow @ REWARD) > 0.975 and kinds(flow) < 1.2
    final = {name: bootstrap(curve[-1, 1]) for name, curve in curves.items()}
    assert final["leave-one-out"][1] < final["no baseline"][0], "slightly fewer kinds"
    assert final["no baseline"][1] < 1.2 and final["distinct"][0] > 3.9
    early = {name: bootstrap(curve[25, 0]) for name, curve in curves.items()}
    assert all(early["kept"][0] > high for name, (_, high) in early.items() if name != "kept")
    assert bootstrap(settled["no baseline"])[1] < 2.5, "variety falls"
    assert np.allclose(settled["leave-one-out"], kinds(first)), "and stands still"
print("all claims of this page hold")
