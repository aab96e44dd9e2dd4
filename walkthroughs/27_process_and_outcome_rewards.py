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
# # 27 · Reward for each step, or for the right answer? Addition with carries
#
# ## The question
#
# A long answer is a chain of steps. An *outcome reward* looks at the result alone. A *process
# reward* looks at every step. What does each of them make the best policy, which of them learns
# from fewer answers, and how can a policy game a reward for steps?
#
# ## The idea
#
# Two binary numbers are added column by column, from the right. For each column the policy writes
# one line: a digit and a carry. The next line reads this carry. A line *follows* if it is right for
# the two bits and the carry that it reads. A working is *sound* if all of its lines follow. The
# answer is the digits and the last carry. The carries between are working only, so that the outcome
# reward never looks at them.
#
# One wrong line among eight costs the whole outcome reward, and the reward does not say which line
# it was. The policy has to find out by comparing many answers. A process reward names the line. But
# a process reward pays for steps, and steps are not the aim. A policy that may choose its steps can
# earn the reward with steps that lead nowhere.
#
# ```
# line              1      2      3      4      answer
# follows?         yes    yes     NO    yes     wrong
#
# outcome           0      0      0      0      one number for all lines
# each line         1      1      0      1      says which line
# progress          +      +      −      0      change of the chance of a right answer
# ```
#
# ## The formula
#
# Line $t$ earns $r_t$, and $V_t$ is an estimate of what is still to come before line $t$. After the
# last line $V$ is 0. The advantage of line $t$ is
#
# $$A_t = \sum_{s=t}^{n} \lambda^{s-t}\, (r_s + V_{s+1} - V_s).$$
#
# * $n$ is the number of lines. $\lambda$ says how far the credit of a line reaches: with 0 a line
#   is judged by its own reward, and with 1 by all rewards from this line on.
# * **Outcome:** $r_n = R$ and all other $r_t = 0$, where $R$ is 1 for a right answer and 0
#   otherwise. $V = 0$ and $\lambda = 1$, so that every line gets the same $R$.
# * **Each line:** $r_t = 1$ if line $t$ follows, and 0 otherwise.
# * **Progress:** the outcome reward with $\lambda = 0$, where $V_t$ is the exact chance of a right
#   answer. Then $A_t = V_{t+1} - V_t$, with $R$ in place of $V$ after the last line.
#
# {source tinyalign.losses.advantage.gae}
#
# What is the best policy? Let an answer earn $r$ in all, let $\pi_{ref}$ be the reference, and let
# $\beta$ be the weight of the KL to it. The optimum is $\pi^* \propto \pi_{ref}\, e^{r/\beta}$. If
# each line follows with the chance $q$ under the reference, then the chance of a sound working at
# the optimum is
#
# $$\frac{q^n e^{1/\beta}}{q^n e^{1/\beta} + 1 - q^n} \;\text{ for the outcome,} \qquad
# \Big(\frac{q\, e^{1/(n\beta)}}{q\, e^{1/(n\beta)} + 1 - q}\Big)^n \;\text{ for lines,}$$
#
# where each line earns $1/n$, so that both rewards are 1 for a sound working. The first formula
# leaves out answers that are right by luck. Rewards of progress add up to $R - V_1$, and $V_1$ is
# one number for each prompt. So progress has **the optimum of the outcome reward, at every β**.
#
# ## Predict
#
# **Question 1.** A policy is trained to the optimum of the outcome reward, and another one to the
# optimum of the reward for lines. Both end with the same KL to the reference. Which one has more
# right answers?
#
# * a) The one with the reward for lines.
# * b) The one with the outcome reward.
# * c) Both have the same.
#
# **Question 2.** Sums have eight columns, and each line follows with the chance 0.4 at the start.
# How many answers does the outcome reward need until half of all answers are right, compared with
# a reward for each line?
#
# * a) About as many.
# * b) Two to four times as many.
# * c) More than ten times as many.
#
# **Question 3.** The policy knows nothing at the start: every line is drawn evenly. The outcome
# reward brings it to right answers on sums of three columns. Is the working sound?
#
# * a) Yes: wrong carries would give wrong answers.
# * b) In most runs it is not.
#
# **Question 4.** Each right line earns a quarter of a point, and the policy may also write the line
# "0 + 0 = 0" as often as it likes. What does the optimum for a small β do?
#
# * a) It adds four columns and stops, because more lines say nothing new.
# * b) It writes such lines up to the limit of its length, and some sums are never finished.
#
# <details><summary>The answers</summary>
#
# **1 b.** No policy with this KL has more right answers than the optimum of the outcome reward.
# This optimum *is* the best trade of right answers against KL. What a process reward gains, it
# gains on the way there.
#
# **2 c.** With eight columns few answers are right by chance, and the outcome reward is silent on
# all others.
#
# **3 b.** The reward does not look at the carries between. A policy can write them in a code of its
# own, for example 0 for "carry", as long as the next line reads the same code.
#
# **4 b.** Below a certain β each such line is worth more than it costs.
#
# </details>
#
# ## Run
#
# ### The optimum of each reward, exactly
#
# One sum has four columns. A line has four possible forms, so there are 256 workings. Under the
# reference a line follows with the chance 0.7. The rewards are those of the picture above.
#
# **The dial:** `FOLLOWS`. At which chance do the two optima come close to each other?

# %%
from itertools import product
from math import comb

import autograd.numpy as np

from tinyalign.losses.advantage import gae
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import kl, optimal_policy
from tinyalign.report.intervals import bootstrap, wilson

FOLLOWS, COLUMNS = 0.7, 4


def true_lines(a, b):
    """The lines of the right working, 2 · carry + digit; columns are the last axis."""
    lines, carry = np.empty_like(a), 0
    for t in range(a.shape[-1]):
        lines[..., t] = a[..., t] + b[..., t] + carry
        carry = lines[..., t] // 2
    return lines


def judge(a, b, lines):
    """1 where a line follows, and 1 where a digit of the answer is right; shaped as `lines`."""
    read = np.concatenate([0 * lines[..., :1], lines[..., :-1] // 2], axis=-1)
    digits = lines % 2 == true_lines(a, b) % 2
    digits[..., -1] = lines[..., -1] == true_lines(a, b)[..., -1]  # the last carry is a digit too
    return (lines == a + b + read).astype(float), digits.astype(float)


WORKINGS = np.array(list(product(range(4), repeat=COLUMNS)))  # (256, 4)
a, b = (np.tile(bits, (len(WORKINGS), 1)) for bits in ([1, 1, 0, 1], [1, 0, 0, 1]))
follows, digits = judge(a, b, WORKINGS)
right, sound = digits.min(axis=1), follows.min(axis=1)  # 1 if all are
ref = np.prod(np.where(follows > 0, FOLLOWS, (1 - FOLLOWS) / 3), axis=1)


def chances():
    """The chance of a right answer under the reference, before each line and after the last."""
    number = np.arange(len(ref))
    prefixes = [number // 4 ** (COLUMNS - t) for t in range(COLUMNS + 1)]
    totals = [(np.bincount(at, ref * right), np.bincount(at, ref)) for at in prefixes]
    return np.stack([(won / all_)[at] for (won, all_), at in zip(totals, prefixes, strict=True)])


progress = np.diff(chances(), axis=0)  # (4, 256): what each line adds to the chance
REWARDS = {"outcome": right, "each line": follows.mean(axis=1), "progress": progress.sum(axis=0)}
rows = [["reference", "", ref @ right, ref @ sound / (ref @ right), 0.0]]
best = {(name, beta): optimal_policy(ref, reward, beta=beta)
        for name, reward in REWARDS.items() for beta in (0.5, 0.2, 0.1)}  # fmt: skip
for (name, beta), p in best.items():
    rows.append([name, str(beta), p @ right, p @ sound / (p @ right), kl(p, ref)])
table(["optimum of", "β", "right answers", "of these sound", "KL to the reference"], rows)


def frontier(reward):
    """KL and share of right answers of the optima for many β."""
    found = [optimal_policy(ref, reward, beta=beta) for beta in np.geomspace(0.02, 20, 400)]
    return np.array([[kl(p, ref), p @ right] for p in found])[::-1]


curves = {name: frontier(REWARDS[name]) for name in ("outcome", "each line")}
KLS = (0.3, 0.6, 0.9)
at_kl = {name: [np.interp(x, *curve.T) for x in KLS] for name, curve in curves.items()}
print()
table(["right answers at the KL", *map(str, KLS)], [[name, *at] for name, at in at_kl.items()])

# %% [markdown]
# ### A policy that learns to add
#
# The policy has a table for each column. A row of the table belongs to two bits and the carry that
# is read, and holds the logits of the four lines. All sums of `columns` bits are drawn evenly. The
# share of right answers is not measured by sampling: a walk from column to column sums over all
# sums and all answers.
#
# Five rewards train here, and two more below. *Shared* gives the mean of all lines to every line.
# *From here on* gives a line its own reward and those of all later lines ($\lambda = 1$). *Own*
# gives a line its own reward ($\lambda = 0$). *Exact critic* is the progress of the formula, with
# the chances of the present policy: nobody has them in practice. *Digits* rewards the digit of a
# line, and not its carry.

# %%
ROWS = np.array(list(product((0, 1), repeat=3))).sum(axis=1)  # (8,) the line that follows
# All columns at once: two bits, the true carry, the carry that is read, and the one written.
A, B, TRUE, READ, WROTE = np.array(list(product((0, 1), repeat=5))).T  # (32,) each
INTO = (2 * ((A + B + TRUE) // 2) + WROTE)[:, None] == np.arange(4)  # (32, 4)
FAITHFUL = (READ == TRUE) & (WROTE == (A + B + TRUE) // 2)


def first_logits(columns, chance, seeds):
    """Logits (seeds, columns, 8, 4): each line follows with this chance, the others are alike."""
    logits = np.zeros((seeds, columns, 8, 4))
    logits[:, :, np.arange(8), ROWS] = np.log(3 * chance / (1 - chance))
    return logits


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def shares(probs):
    """Exact shares of right answers and of sound workings, (2, seeds)."""
    right = sound = np.tile([1.0, 0.0, 0.0, 0.0], (len(probs), 1))  # 2 · true carry + written one
    for t in range(probs.shape[1]):
        line = probs[:, t, 4 * A + 2 * B + READ, 2 * WROTE + (A + B + TRUE) % 2] / 4  # right digit
        right = (right[:, 2 * TRUE + READ] * line) @ INTO
        sound = (sound[:, 2 * TRUE + READ] * line * FAITHFUL) @ INTO
    return np.stack([right[:, 0] + right[:, 3], sound.sum(axis=1)])


def sample(probs, rng, count):
    """Sums and answers: bits a and b, rows that were read, lines; (seeds, count, columns) each."""
    seeds, columns = probs.shape[:2]
    a, b = rng.integers(2, size=(2, seeds, count, columns))
    rows, lines, carry, each = np.empty_like(a), np.empty_like(a), 0, np.arange(seeds)[:, None]
    for t in range(columns):
        rows[..., t] = 4 * a[..., t] + 2 * b[..., t] + carry
        edges = np.cumsum(probs[each, t, rows[..., t]], axis=-1)[..., :3]
        lines[..., t] = np.sum(rng.random((seeds, count, 1)) > edges, axis=-1)
        carry = lines[..., t] // 2
    return a, b, rows, lines


def exact_values(probs, a, b, rows, lines):
    """The chance of a right answer before each line, (seeds, count, columns)."""
    true, each = true_lines(a, b), np.arange(len(probs))[:, None, None]
    ahead = (true[..., -1:] // 2 == np.arange(2)).astype(float)  # (seeds, count, 2): last carry
    values, line = np.empty(lines.shape), np.arange(4)
    for t in reversed(range(lines.shape[-1])):
        chance = probs[each, t, (rows[..., t] // 2 * 2)[..., None] + np.arange(2)]  # (…, 2, 4)
        later = (line % 2 == true[..., t, None] % 2) * ahead[..., line // 2]  # (…, 4)
        ahead = np.sum(chance * later[..., None, :], axis=-1)
        values[..., t] = np.take_along_axis(ahead, rows[..., t, None] % 2, axis=-1)[..., 0]
    lost = np.cumsum(lines % 2 != true % 2, axis=-1) > 0
    values[..., 1:] *= ~lost[..., :-1]  # after a wrong digit no answer is right
    return values


def at_end(score, lines):
    """A reward of the answer, which comes with the last line."""
    return np.where(np.arange(lines.shape[-1]) == lines.shape[-1] - 1, score[..., None], 0.0)


KINDS = {  # name -> reward of the lines from what follows and which digits are right, and λ
    "outcome": (lambda follows, digits: at_end(digits.min(axis=-1), digits), 1.0),
    "lines, shared": (lambda follows, digits: at_end(follows.mean(axis=-1), digits), 1.0),
    "lines, from here on": (lambda follows, digits: follows, 1.0),
    "lines, own": (lambda follows, digits: follows, 0.0),
    "exact critic": (lambda follows, digits: at_end(digits.min(axis=-1), digits), 0.0),
    "digits, from here on": (lambda follows, digits: digits, 1.0),
    "digits, own": (lambda follows, digits: digits, 0.0),
}


def advantages(kind, probs, a, b, rows, lines):
    """Advantage of each line, centred for each column; the deviation of all together is 1."""
    (reward_of, lam), flat = KINDS[kind], (-1, lines.shape[-1])
    reward, values = reward_of(*judge(a, b, lines)), np.zeros(lines.shape)
    if kind == "exact critic":
        values = exact_values(probs, a, b, rows, lines)
    found, _ = gae(reward.reshape(flat), values.reshape(flat), np.ones(reward.reshape(flat).shape),
                   lam=lam)  # fmt: skip
    found = found.reshape(lines.shape) - found.reshape(lines.shape).mean(axis=1, keepdims=True)
    return found / np.maximum(found.std(axis=(1, 2), keepdims=True), 1e-9)


print("a start with the chance 0.4:")
table(["columns", "right answers", "sound workings"],
      [[n, *shares(softmax(first_logits(n, 0.4, 1)))[:, 0]] for n in (2, 4, 8)])  # fmt: skip

# %% [markdown]
# ### Signal and noise
#
# One answer gives one estimate of the gradient. The *signal* is the length of the mean of these
# estimates, and the *noise* is their standard deviation. A batch of $N$ answers has the noise
# divided by $\sqrt N$. The table has the number of answers for which signal and noise are equal,
# at the start.


# %%
def answers_for_signal(kind, columns, count=40_000):
    """Variance of one answer's gradient, divided by the squared length of the mean gradient."""
    probs, rng = softmax(first_logits(columns, 0.4, 1)), np.random.default_rng(columns)
    a, b, rows, lines = sample(probs, rng, count)
    gain = advantages(kind, probs, a, b, rows, lines)[0]  # (count, columns)
    mean, square = 0.0, 0.0
    for t in range(columns):
        row, line = rows[0, :, t], lines[0, :, t]
        score = (line[:, None] == np.arange(4)) - probs[0, t, row]  # (count, 4)
        each = gain[:, t, None] * score
        at_row = (row[:, None] == np.arange(8)).T @ each / count  # (8, 4)
        mean, square = mean + np.sum(at_row**2), square + np.mean(np.sum(each**2, axis=1))
    noise = (square - mean) / (1 - 1 / count)
    return noise / (mean - noise / count)  # the mean of few answers is too long by its own noise


SIZES = (2, 4, 8)
FIVE = list(KINDS)[:5]
needed = {(kind, n): answers_for_signal(kind, n) for kind in FIVE for n in SIZES}
table(["reward", *(f"{n} columns" for n in SIZES)],
      [[kind, *(needed[kind, n] for n in SIZES)] for kind in FIVE])  # fmt: skip

# %% [markdown]
# ### Training at equal answers
#
# Each update draws 16 answers to 16 sums and takes one step of policy gradient. The advantages are
# scaled to the same deviation for every reward, and the learning rate is the same. Ten seeds train
# side by side, until half of all answers are right in each of them.

# %%
SEEDS, ANSWERS, RATE = 10, 16, 1.0


def train(kind, columns, chance=0.4, seeds=SEEDS, updates=3000, until=0.5, rate=RATE):
    """Exact shares of right answers and of sound workings before each update, (·, 2, seeds)."""
    rng, logits, curve = np.random.default_rng(0), first_logits(columns, chance, seeds), []
    best = np.zeros(seeds)
    for _ in range(updates):
        probs = softmax(logits)
        curve.append(shares(probs))
        best = np.maximum(best, curve[-1][0])
        if np.all(best >= until):
            break
        a, b, rows, lines = sample(probs, rng, ANSWERS)
        gain = advantages(kind, probs, a, b, rows, lines)
        for t in range(columns):
            at_row = (rows[:, :, t, None] == np.arange(8)).astype(float)  # (seeds, answers, 8)
            chances_of = np.take_along_axis(probs[:, t], rows[:, :, t, None], axis=1)
            score = (lines[:, :, t, None] == np.arange(4)) - chances_of  # (seeds, answers, 4)
            step = at_row.swapaxes(1, 2) @ (gain[:, :, t, None] * score) / ANSWERS
            logits[:, t] = logits[:, t] + rate * step
    return np.array(curve)


learned = {(kind, n): train(kind, n) for kind in FIVE for n in SIZES}
until_half = {
    key: ANSWERS * np.argmax(curve[:, 0] >= 0.5, axis=0) for key, curve in learned.items()
}
rows = []
for kind in FIVE:
    cells = [kind]
    for n in SIZES:
        low, high = bootstrap(until_half[kind, n] / until_half["lines, own", n].mean())
        cells += [until_half[kind, n].mean(), f"{low:.2f} … {high:.2f}"]
    rows.append(cells)
names = [name for n in SIZES for name in (f"{n} columns", "times own")]
table(["reward", *names], rows)

at_rate = {}  # how many times as many answers the outcome needs with four columns
for rate in (0.5, 2.0):
    halves = [np.argmax(train(kind, 4, rate=rate)[:, 0] >= 0.5, axis=0)
              for kind in ("outcome", "lines, own")]  # fmt: skip
    at_rate[rate] = bootstrap(halves[0] / halves[1].mean())
    print(f"learning rate {rate}: outcome against own "
          "{:.2f} … {:.2f}".format(*at_rate[rate]))  # fmt: skip

# %% [markdown]
# The columns "times own" compare with the reward for each line that is credited to this line alone.
# They are 95 % bootstrap intervals over the seeds. Half and double the learning rate give a similar
# figure for four columns.
#
# ### Who gets the credit?
#
# Now only the digits of the answer are rewarded, and nobody looks at a carry. A wrong carry shows
# in the digit of the *next* line. All runs take the same number of answers.

# %%
credit = {kind: train(kind, 4, updates=400, until=2.0)[-1, 0] for kind in list(KINDS)[5:]}
table(["reward", "right answers", "interval"],
      [[kind, end.mean(), "{:.3f} … {:.3f}".format(*bootstrap(end))]
       for kind, end in credit.items()])  # fmt: skip

# %% [markdown]
# ### Right answers by unsound workings
#
# The policy knows nothing: each line has the chance 1/4. Sums have three columns, so that two
# carries are never looked at by the outcome reward. A hundred seeds train on 20 000 answers each.

# %%
BLANK = 100
blank = {kind: train(kind, 3, chance=0.25, seeds=BLANK, updates=1250, until=2.0)[-1]
         for kind in ("outcome", "lines, own")}  # fmt: skip
solved = {kind: end[0] > 0.9 for kind, end in blank.items()}
faithful = {kind: (end[1] > 0.9)[solved[kind]] for kind, end in blank.items()}
table(["reward", "runs", "more than 90 % right", "of these sound", "interval of this share"],
      [[kind, BLANK, int(solved[kind].sum()), int(each.sum()),
        "{:.2f} … {:.2f}".format(*wilson(each.mean(), len(each)))]
       for kind, each in faithful.items()])  # fmt: skip

# %% [markdown]
# ### A reward for steps, gamed
#
# The policy may now write the line "0 + 0 = 0" between the columns. This filler always follows.
# Under the reference the next line is a filler with the chance 0.1, and a column follows with the
# chance 0.7. After four columns the answer ends. After twelve lines the answer is cut off, and it
# is not right. Answers with the same numbers of columns, fillers and wrong lines are counted
# together, so the optimum is exact.

# %%
FILLER, LONGEST = 0.1, 12


def lengths():
    """Columns done, fillers, wrong lines, and the chance of such an answer under the reference."""
    found = []
    for done in range(COLUMNS + 1):
        ends = done == COLUMNS  # with a column, and the fillers stand before it
        for fillers in range(LONGEST - done + 1) if ends else [LONGEST - done]:
            orders = comb(done + fillers - ends, fillers)
            chance = orders * FILLER**fillers * (1 - FILLER) ** done
            for wrong in range(done + 1):
                missed = comb(done, wrong) * (1 - FOLLOWS) ** wrong * FOLLOWS ** (done - wrong)
                found.append((done, fillers, wrong, chance * missed))
    return np.array(found).T


done, fillers, wrong, chance = lengths()
is_right = (done == COLUMNS) & (wrong == 0)
FORMS = {
    "outcome": is_right.astype(float),
    "sum of right lines": (done - wrong + fillers) / COLUMNS,
    "mean of lines": (done - wrong + fillers) / (done + fillers),
    "worst line": (wrong == 0).astype(float),
    "sum over columns only": (done - wrong) / COLUMNS,
}
BETAS = (0.2, 0.1, 0.05)
gamed = {
    name: [optimal_policy(chance, reward, beta=beta) for beta in BETAS]
    for name, reward in FORMS.items()
}
rows = [["reference", *[chance @ is_right, chance @ (done + fillers)] * len(BETAS)]]
rows += [[name, *(x for p in each for x in (p @ is_right, p @ (done + fillers)))]
         for name, each in gamed.items()]  # fmt: skip
table(["reward", *(name for beta in BETAS for name in (f"right, β = {beta}", "lines"))], rows)
edge = 1 / (COLUMNS * np.log(1 / FILLER))
print(f"the sum pays for a filler more than it costs below β = {edge:.3f}")

# %%
figure, panels = picture(2, width=9.0)
for name, curve in curves.items():
    panels[0].plot(*curve.T, label=name)
panels[0].set(title="Optima for many β", xlabel="KL to the reference, nats",
              ylabel="right answers", xlim=(0, 1.4))  # fmt: skip
for kind in FIVE:
    means = [until_half[kind, n].mean() for n in SIZES]
    sides = np.array([bootstrap(until_half[kind, n]) for n in SIZES]).T
    panels[1].errorbar(SIZES, means, np.abs(sides - means), marker="o", capsize=3, label=kind)
panels[1].set(title="Answers until half are right", xlabel="columns", yscale="log")
for axes in panels:
    axes.legend(fontsize="x-small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **The outcome reward has the better optimum, and this is a theorem.** At the same KL its optimum
# has more right answers than the optimum of the reward for lines. The reward for lines spends KL on
# single lines of answers that end wrong. But it makes the working sound: among right answers the
# outcome reward leaves the share of sound workings as it was under the reference.
#
# **When do they share one optimum?** First: without a KL, if the policy can make every line follow.
# Such a policy has the most of both rewards. The outcome reward then has other best policies too,
# with unsound workings. Second: at every β, if the process reward is a *difference* of values, so
# that it adds up to the outcome. The table has the same numbers for progress and for the outcome.
#
# **The gain is on the way.** At the start eight columns need thousands of answers before the
# outcome shows a direction, and a line's own reward needs about a dozen. In training the difference
# is smaller, because the outcome speaks more often as the answers get better. With eight columns it
# still needs more than ten times as many answers as a line's own reward. With four columns it needs
# four times as many, and with two columns twice as many.
#
# **Two things help, and they are not the same.** *More is seen*: the mean of all lines, given to
# all lines alike, needs a fraction of the answers of the outcome. *It is said where*: the line's
# own reward needs less than half of that again. The exact critic sees no line at all, and only says
# where the chance of a right answer changed. With eight columns it is a little faster than the
# shared reward. So a process reward of this kind and a good critic do the same work.
#
# **Credit that is too short is wrong.** For lines, the own reward is enough here: a later line can
# follow whatever stands before it. Where only digits are paid, a carry is paid one line later. With
# $\lambda = 0$ nothing trains the carry on purpose, and the run ends with fewer right answers.
#
# **Right answers can rest on unsound workings.** From a start that knows nothing, the outcome
# reward brings most runs to right answers, and in most of these the working is a private code. By
# symmetry each of the two hidden carries takes either code with the same chance, so that one run in
# four is sound. SFT breaks the symmetry: from a start with the chance 0.4 nearly all are sound.
#
# **A reward for steps pays for steps.** The sum fills the answer to the limit of twelve lines where
# β is small, and almost one in five sums is then never finished, because an unfinished sum earns as
# much. The mean of all lines has a highest value, but a filler dilutes a wrong line, so there are a
# few more of them. The worst line and a sum over columns have no use for fillers. Nor has progress:
# a filler changes no chance.
#
# The page says nothing about a *learned* judge of steps, which errs, nor about the price of labels:
# a label for each line costs more than one for the answer.
#
# ## What goes wrong in practice
#
# **“Why does the trainer have no process supervision?”** (huggingface/trl #3090, with doubts about
# the gain; OpenRLHF/OpenRLHF #498 and #580 for PPO.) Most trainers take one number for each answer.
# A mean over steps fits in there, as the shared reward of this page. Its credit is not per step.
#
# **“Should step rewards be averaged, or the smallest taken?”** (ADaM-BJTU/OpenRFT #4.) A sum pays
# for length, and a mean pays for dilution. The smallest does neither. The thread asks for the third
# way: give each step its own.
#
# **“Can a reward for steps be used with GRPO?”** (modelscope/ms-swift #3952.) Yes, folded into one
# number. GRPO's paper also has a form in which each step gets the sum of the rewards from here on,
# after scaling by the group.
#
# ### The same line in TRL
#
# `GRPOConfig(num_generations=8, beta=0.0)` with `GRPOTrainer(reward_funcs=[outcome, mean_of_lines],
# ...)`. Each function gives one number for each answer, and all tokens share the advantage.

# %% [markdown]
# ## Turn the dial
#
# Every column follows here, and only fillers are chosen. Each line earns a quarter. The chance of a
# filler under the reference is the second dial. Before you turn: is the number of lines sensitive
# to β everywhere, or near one β only?

# %%
from tinyalign.notes.dials import dial, filler

dial(
    filler.frame,
    {"β": (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.4), "filler": (0.05, 0.1, 0.3)},
    start=(0.12, 0.1),
    try_it=filler.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Near one β only, the edge that the picture names. Above it the answers are a little longer than
# under the reference. Below it they are as long as the limit allows.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 27.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** `reward` holds a reward for each of the T lines of N answers. Return the advantage of
# each line: its own reward and all later ones, minus the mean of this sum over the answers.
#
# <details><summary>Hint 1</summary>
#
# A line can change what comes after it, and nothing that stands before it.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Add up from the right, along the second axis. The mean is taken over the first axis, for each
# line.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_line_credit(reward):
#     later = np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]
#     return later - np.mean(later, axis=0)
# ```
#
# </details>
#
# **2.** Under the reference each of `n` lines follows with the chance `q`, whatever stands before
# it. Each line that follows earns $1/n$, and `beta` is the weight of the KL. With which chance do
# all lines follow at the optimum?
#
# <details><summary>Hint 1</summary>
#
# The weight of an answer is a product over its lines, so each line has an optimum of its own.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A line follows with the weight $q\, e^{1/(n\beta)}$ and does not with the weight $1 - q$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_best_for_lines(q, n, beta):
#     weight = q * np.exp(1 / (n * beta))
#     return (weight / (weight + 1 - q)) ** n
# ```
#
# </details>
#
# **3. On paper.** Each right line earns $1/n$. A filler is always right, and it has the chance
# $\rho$ under the reference. By which factor does one more filler change the weight of an answer
# at the optimum? Leave out that fillers can stand at several places. Below which β do longer
# answers weigh more, for $n = 4$ and $\rho = 0.1$? What changes if a filler earns nothing?
#
# <details><summary>The answer</summary>
#
# The factor is $\rho\, e^{1/(n\beta)}$. It is above 1 where
# $\beta < 1/(n \ln(1/\rho)) = 1/(4 \cdot 2.303) = 0.109$. If a filler earns nothing, the factor
# is $\rho$ as under the reference, at every β.
#
# </details>
#
# **4. Open ended.** A trained model judges the steps of a proof, and its mean verdict is your
# reward. The reward rises for a day, and then fewer proofs are right. What do you look at, and
# what do you change?
#
# <details><summary>What to look for</summary>
#
# Count the steps, and the steps that say nothing new, before and after the turn. Read proofs with
# a high reward and a wrong end. Put the outcome beside the verdicts, pay for the worst step or
# for progress in place of the mean, and stop where a second measurement falls. A judge that is
# trained on the steps of the first policy has never seen the steps of the later one.
#
# </details>

# %%
from tinyalign.notes.exercises.process import check_my_best_for_lines, check_my_line_credit


def my_line_credit(reward):
    raise NotImplementedError  # (N, T) -> (N, T)


def my_best_for_lines(q, n, beta):
    raise NotImplementedError  # three numbers -> one number


check_exercise(check_my_line_credit, my_line_credit)
check_exercise(check_my_best_for_lines, my_best_for_lines)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 004 640-662}
# {notes 001 19-19}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * *"Check which are correct (objective metric!)"*, of DeepSeekMath. **Wrong.** [A trained reward
#   model](errata.html#row-64), of outcomes or of steps, scored its samples.
# * *"A(s,a) = Q(s,a) - V(s)"*, and this as r + γ·V(s') − V(s). **True of the exact V**, as [the
#   errata](errata.html#row-11) say. With the outcome reward this is the progress of this page. With
#   a learned V it is one estimate among others.
#
# </details>
#
# ## Further reading
#
# * Uesato and others 2022, arXiv:2211.14275: process and outcome on problems in words, and right
#   answers with wrong steps.
# * Lightman and others 2023, arXiv:2305.20050: labels for steps by people, for choosing answers.
# * Wang and others 2023, arXiv:2312.08935: labels for steps from samples that continue them.
# * Shao and others 2024, arXiv:2402.03300: GRPO, section 4.1.3 with rewards for steps.
# * Setlur and others 2024, arXiv:2410.08146: progress as a reward for steps.
# * Cheng and others 2025, arXiv:2504.15275: the sum is gamed, and the smallest future reward helps.
# * Ng, Harada and Russell 1999: rewards that are differences keep the best policy.
#
# ### The claims of this page, tested

# %%
values = chances()
assert np.allclose(values[0], ref @ right) and np.array_equal(values[-1], right)
assert np.allclose(best["progress", 0.1], best["outcome", 0.1], atol=1e-12), "one optimum"
for (name, beta), p in best.items():
    factor = FOLLOWS * np.exp(1 / (COLUMNS * beta))
    if name == "each line":
        assert np.isclose(p @ sound, (factor / (factor + 1 - FOLLOWS)) ** COLUMNS), "the formula"
    else:
        assert np.isclose(p @ sound / (p @ right), ref @ sound / (ref @ right)), "as it was"
if (FOLLOWS, COLUMNS) == (0.7, 4):
    assert np.all(np.array(at_kl["outcome"]) > np.array(at_kl["each line"]) + 0.02)
    assert is_right @ gamed["sum of right lines"][2] < 0.85 and edge > BETAS[1]
    assert (done + fillers) @ gamed["sum of right lines"][2] > 11.9, "to the limit"
    assert (done + fillers) @ gamed["sum of right lines"][0] < 7
    for name in ("outcome", "worst line", "sum over columns only"):
        assert np.isclose((done + fillers) @ gamed[name][2], (done + fillers) @ chance, atol=1e-3)
    assert (done + fillers) @ gamed["mean of lines"][0] > (done + fillers) @ chance + 0.03
assert np.isclose(sum(chance), 1), "every answer is counted"
if (SEEDS, ANSWERS, RATE) == (10, 16, 1.0):
    factor = {key: bootstrap(found / until_half["lines, own", key[1]].mean())
              for key, found in until_half.items()}  # fmt: skip
    for n, low, high in ((2, 1.7, 2.1), (4, 3.5, 4.5), (8, 10, 25)):
        assert low < factor["outcome", n][0] and factor["outcome", n][1] < high, "outcome and own"
    assert all(low > 3 and high < 6 for low, high in at_rate.values()), "at other rates too"
    assert needed["outcome", 8] > 5000 and needed["lines, own", 8] < 20, "thousands, a dozen"
    assert factor["lines, shared", 8][0] > 2 and factor["lines, shared", 8][1] < 4
    assert factor["exact critic", 8][1] < factor["lines, shared", 8][0], "a little faster"
    assert bootstrap(credit["digits, own"])[1] < 0.9 < bootstrap(credit["digits, from here on"])[0]
    low, high = wilson(faithful["outcome"].mean(), len(faithful["outcome"]))
    assert low < 0.25 < high < 0.5 and solved["outcome"].mean() > 0.6, "one in four is sound"
    assert faithful["lines, own"].all() and solved["lines, own"].all(), "all are sound"
    for n in (4, 8):
        last = learned["outcome", n][-1]
        assert np.mean(last[1] > 0.9 * last[0]) > 0.8, "SFT breaks the symmetry"
assert np.isclose(shares(softmax(first_logits(8, 0.4, 1)))[1, 0], 0.4**8)
print("all claims of this page hold")
