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
# # 24 · A teacher and its student: distillation on the student's own texts
#
# ## The question
#
# A large model, the *teacher*, already does what a small model, the *student*, shall learn. The
# teacher can say the probability of every next token. On whose texts should the student learn, the
# teacher's or its own? And is a judgement of each token better than one judgement of the whole
# text?
#
# ## The idea
#
# Distillation brings the student's next-token probabilities near the teacher's. Two choices are
# free. The first choice is *who writes the texts*. If the teacher writes them, the student never
# sees its own mistakes. If the student writes them, this is called *on-policy* distillation. The
# second choice is *which distance* is made small. The forward KL punishes the student where the
# teacher would say something and the student does not. The reverse KL punishes the student where
# the student says something and the teacher would not. Generalised knowledge distillation, or GKD,
# allows each combination, and adds a Jensen–Shannon distance that lies between the two KLs.
#
# A teacher can also be used as a reward. The reward of a whole text is the teacher's
# log-probability of the text. It arrives once, when the text is finished. The teacher's
# probabilities of the tokens arrive at every token. But a judgement of one token looks at this
# token alone: it does not say where the token leads.
#
# ```
#                          who writes    what is compared
# SFT on teacher's texts   teacher       the written token
# forward KL               teacher       all next tokens
# GKD                      student       all next tokens
# reward of each token     student       the written token
# reward of a whole text   student       the whole text
# ```
#
# ## The formula
#
# At one prefix $s$ the student says the next token $v$ with probability $p(v)$, and the teacher
# says it with probability $q(v)$.
#
# $$\mathrm{KL}(q\,\|\,p) = \sum_v q(v) \log\frac{q(v)}{p(v)} \quad\text{(forward)}$$
#
# $$\mathrm{KL}(p\,\|\,q) = \sum_v p(v) \log\frac{p(v)}{q(v)} \quad\text{(reverse)}$$
#
# $$\mathrm{JS}_\beta = \beta\,\mathrm{KL}(q\,\|\,m) + (1-\beta)\,\mathrm{KL}(p\,\|\,m), \qquad
# m = \beta q + (1-\beta) p$$
#
# * $m$ is a mixture of both, and $\beta$ between 0 and 1 is the teacher's weight in it.
# * $\mathrm{JS}_\beta$ behaves like the forward KL for a small $\beta$, and like the reverse KL for
#   a $\beta$ near 1. Its size goes to 0 at both ends.
#
# {source tinyalign.losses.distillation.forward_kl}
# {source tinyalign.losses.distillation.reverse_kl}
# {source tinyalign.losses.distillation.generalized_js}
#
# A text $y$ is a sequence of tokens, and $s_t$ is the prefix before the token $t$. The KL of whole
# texts is a sum over the tokens, on texts of the student:
#
# $$\mathrm{KL}(p\,\|\,q) = \mathbb{E}_{y \sim p} \sum_t d_t, \qquad
# d_t = \mathrm{KL}\big(p(\cdot|s_t)\,\|\,q(\cdot|s_t)\big)$$
#
# When a weight of the student changes, two things change: the distances $d_t$, and how often each
# prefix is met. So the gradient has two parts:
#
# $$\mathbb{E}_{y \sim p} \sum_t \Big( \nabla d_t \; + \; \nabla \log p(y_t|s_t)
# \sum_{u > t} d_u \Big)$$
#
# The second part comes from $\nabla p = p\,\nabla \log p$. The token $y_t$ decides which prefixes
# come after it, so it answers for all later distances $d_u$. This part is the *KL to come*: it
# lowers a token that leads to trouble later. GKD holds the sampled texts fixed, and has the first
# part alone.
#
# A reward multiplies $\nabla \log p(y_t|s_t)$ by what the token earns. If a token earns the reward
# of the whole text, $\log q(y) - \log p(y)$, the mean of this is both parts, with a minus sign. If
# a token earns $\log q(y_t|s_t) - \log p(y_t|s_t)$ alone, without the rewards of later tokens, the
# mean is $-\nabla d_t$. This is the first part.
#
# All logarithms are natural, so every KL is in *nats*.
#
# If the student can be the teacher, every $d_t$ can be 0. The second part is then 0 as well, and
# **all of these methods have one optimum, the teacher**. If the student cannot be the teacher, the
# optima differ.
#
# ## Predict
#
# A text has eight letters, each `(` or `)`. The teacher writes a balanced text with a probability
# of 98 %. The first student is *forgetful*: it knows the place in the text and the last two
# letters, so that it cannot count brackets. The second student remembers everything.
#
# **Question 1.** The forgetful student learns in three ways, with exact gradients. Which one makes
# it write the largest share of balanced texts?
#
# * a) The forward KL, on texts of the teacher.
# * b) The reverse KL of each token, on its own texts.
# * c) The reverse KL of whole texts.
#
# **Question 2.** The second student writes random letters. How many texts must be sampled until the
# noise of the gradient is as small as the gradient itself? Compare the reward of whole texts with
# the reward of each token.
#
# * a) About the same number.
# * b) About eight times as many, because a text has eight tokens.
# * c) More than twenty times as many.
#
# **Question 3.** The second student writes 3200 texts. The way with the reward of whole texts is
# then run again, and its student writes sixteen times as many. Does it end as near to the teacher
# as the reward of each token?
#
# * a) Yes.
# * b) No.
#
# <details><summary>The answers</summary>
#
# **1 c.** By far. The first two are close to each other.
#
# **2 c.** At random letters, more than fifty times as many. The reward of whole texts has a larger
# noise, and its mean gradient is shorter. At the five random starts the factor is between 2 and 61.
#
# **3 b.** No. Three learning rates are tried, and with the best one it still ends farther away.
#
# </details>
#
# ## Run
#
# ### The texts, the teacher and the students
#
# There are only 256 texts and 255 prefixes, so every expectation can be computed as a sum. A
# verdict gives 1 to a balanced text and 0 to any other. The teacher is the best policy for this
# verdict, if every nat of KL to random letters costs 0.15. (The function below names this price
# `beta`. It has nothing to do with the $\beta$ of the formula above.) A student is a table of
# logits with a row for each state that it can tell apart.
#
# {source tinyalign.optimum.optimal_policy}

# %%
import autograd.numpy as np
from autograd.tracer import getval

from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import forward_kl, generalized_js, reverse_kl
from tinyalign.losses.divergence import k1
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.notes.lesson import check_exercise, minimise, picture, table
from tinyalign.optimum import kl, optimal_policy
from tinyalign.report import intervals

LENGTH, SEEDS = 8, range(5)
PLACES, TEXTS = np.arange(LENGTH), np.arange(2**LENGTH)
LETTERS = (TEXTS[:, None] >> PLACES[::-1]) & 1  # (texts, places); 0 is "(", 1 is ")"
DEPTH = np.cumsum(1 - 2 * LETTERS, axis=1)
BALANCED = (DEPTH.min(axis=1) >= 0) & (DEPTH[:, -1] == 0)
# The prefixes in the order "", "(", ")", "((", "()", …: where a text stands at each place.
PATH = 2**PLACES - 1 + (TEXTS[:, None] >> (LENGTH - PLACES))


def prefix_mass(share):
    """How often each prefix is met: a share of each text (S, texts) -> (S, prefixes)."""
    masses = [share.reshape(len(share), 2**t, -1).sum(axis=2) for t in PLACES]
    return np.concatenate(masses, axis=1)


def token_logp(logits):
    """Log-probability of each token of each text: (S, prefixes, 2) -> (S, texts, places)."""
    return log_softmax(logits)[:, PATH, LETTERS]


def text_probs(logits):
    """Probabilities of the texts: (S, prefixes, 2) -> (S, texts)."""
    return softmax(np.sum(token_logp(logits), axis=2))  # they sum to 1 but for rounding


KL_WEIGHT = 0.15  # in the verdict
uniform = np.full(len(TEXTS), 1 / len(TEXTS))
Q = np.tile(optimal_policy(uniform, BALANCED.astype(float), beta=KL_WEIGHT), (len(SEEDS), 1))
# Logits of the teacher: the mass of all texts that go on with each letter, (S, prefixes, 2).
TEACHER = np.log(np.stack([
    np.concatenate([Q[0].reshape(2**t, 2, -1).sum(axis=2) for t in PLACES])
] * len(SEEDS)))  # fmt: skip


def states(memory):
    """The row of a student's table for each prefix; it knows the place and the last letters."""
    place = np.repeat(PLACES, 2**PLACES)
    number = np.arange(len(place)) - (2**place - 1)
    seen = number % 2 ** np.minimum(memory, place)
    return np.unique(place * 2**LENGTH + seen, return_inverse=True)[1]


def random_start(memory):
    """Logits of five students, (S, states, 2): each seed has a start of its own."""
    shape = (states(memory).max() + 1, 2)
    return np.stack([np.random.default_rng(seed).normal(size=shape) for seed in SEEDS])


print(f"balanced texts: {BALANCED.sum()}, the teacher writes one with {Q[0, BALANCED].sum():.3f}")
print({memory: int(states(memory).max() + 1) for memory in (2, 4, 7)}, "states by memory")

# %% [markdown]
# ### Where each way of learning ends
#
# The gradients are exact: each prefix counts by the probability that it is met. Five students of
# each kind begin at random. The optimizer is Adam, with one learning rate for all ways. *Balanced*
# is the share of balanced texts. *Variety* says how many of the fourteen balanced texts are in use:
# the exponential of the entropy among them. The KLs are those of whole texts.
#
# **The dial:** `MEMORIES`. At which memory do the five ways agree, and why not sooner?

# %%
MEMORIES, STEPS = (2, 4, 7), 300


def on_texts_of_the_teacher(distance):
    return lambda z: np.sum(prefix_mass(Q) * distance(z, TEACHER))


def on_own_texts(distance):
    """The prefixes are those of the student, and no gradient flows into how often they are met."""
    return lambda z: np.sum(prefix_mass(text_probs(getval(z))) * distance(z, TEACHER))


def of_whole_texts(z):
    """The reverse KL of whole texts, with all of its gradient."""
    logp = np.sum(token_logp(z), axis=2)
    return np.sum(np.exp(logp) * (logp - np.log(Q)))


WAYS = {
    "forward, teacher's texts": on_texts_of_the_teacher(forward_kl),
    "forward, own texts": on_own_texts(forward_kl),
    "JS at ½, own texts": on_own_texts(generalized_js),
    "reverse, own texts": on_own_texts(reverse_kl),
    "reverse, whole texts": of_whole_texts,
}


def look(probs):
    """Share of balanced texts, variety, and both KLs of whole texts, for each student."""
    inside = probs[:, BALANCED] / probs[:, BALANCED].sum(axis=1, keepdims=True)
    variety = np.exp(-np.sum(inside * np.log(np.maximum(inside, 1e-300)), axis=1))
    return np.stack([probs[:, BALANCED].sum(axis=1), variety, kl(Q, probs), kl(probs, Q)])


ends, written, steps_to = {}, {}, {}
for memory in MEMORIES:
    row_of, start = states(memory), {"z": random_start(memory)}
    for name, way in WAYS.items():

        def distance(p, row_of=row_of):
            return kl(text_probs(p["z"][:, row_of]), Q).mean()

        params, far = minimise(lambda p, r=row_of, w=way: w(p["z"][:, r]), start,
                               steps=STEPS, learning_rate=0.1, record=distance)  # fmt: skip
        steps_to[memory, name] = next((i for i, nats in enumerate(far) if nats < 0.05), None)
        written[memory, name] = text_probs(params["z"][:, row_of])
        ends[memory, name] = look(written[memory, name])

sides = {key: [intervals.bootstrap(column) for column in end] for key, end in ends.items()}
table(
    ["memory", "way", "balanced", "interval", "variety", "forward KL", "reverse KL", "interval"],
    [[str(key[0]), key[1], end[0].mean(), "{:.3f} … {:.3f}".format(*sides[key][0]),
      end[1].mean(), f"{end[2].mean():.3f}", f"{end[3].mean():.3f}",
      "{:.3f} … {:.3f}".format(*sides[key][3])] for key, end in ends.items()],
)  # fmt: skip
print(f"\nsteps until the reverse KL is below 0.05 nats, with a memory of {MEMORIES[-1]}:")
table(["way", "steps"], [[name, steps_to[MEMORIES[-1], name]] for name in WAYS])

# %% [markdown]
# The likeliest texts of the first forgetful student, for three of the ways:

# %%
THREE = ("forward, teacher's texts", "reverse, own texts", "reverse, whole texts")


def likeliest(probs, count=9):
    """The likeliest texts; a point stands behind those that are not balanced."""
    best = np.argsort(-probs, kind="stable")[:count]
    spelled = ["".join("()"[letter] for letter in LETTERS[y]) for y in best]
    return [
        f"{s}{'' if BALANCED[y] else '.'} {probs[y]:.3f}"
        for s, y in zip(spelled, best, strict=True)
    ]


columns = [likeliest(written[MEMORIES[0], name][0]) for name in THREE]
table(THREE, list(zip(*columns, strict=True)))

# %% [markdown]
# A prefix is *hopeless* if no balanced text begins with it. There the teacher goes on with random
# letters. What happens if the forward KL leaves these prefixes out of the student's own texts?

# %%
HOPELESS = prefix_mass(BALANCED[None].astype(float))[0] == 0


def until_a_mistake(z):
    """The forward KL on own texts, without the prefixes that no balanced text begins with."""
    return np.sum(prefix_mass(text_probs(getval(z))) * ~HOPELESS * forward_kl(z, TEACHER))


row_of, start = states(MEMORIES[0]), {"z": random_start(MEMORIES[0])}
params, _ = minimise(lambda p: until_a_mistake(p["z"][:, row_of]), start,
                     steps=STEPS, learning_rate=0.1)  # fmt: skip
without = look(text_probs(params["z"][:, row_of]))
own = prefix_mass(written[MEMORIES[0], "forward, own texts"])[:, HOPELESS].sum(axis=1) / LENGTH
taught = prefix_mass(Q[:1])[0, HOPELESS].sum() / LENGTH
print(f"hopeless prefixes: {own.mean():.3f} of own texts, {taught:.3f} of the teacher's texts")
print(f"balanced without them: {without[0].mean():.3f}")

# %% [markdown]
# ### How noisy is a reward of whole texts?
#
# The student that remembers everything has a state for each prefix. The gradient of one sampled
# text touches eight of them. Its variance, divided by the squared length of the mean gradient, is
# the number of texts at which noise and gradient are equally large. This is a sum over all texts,
# so that nothing is sampled. From both rewards their mean at each place is subtracted. Such a
# number is called a *baseline*. It is the same for every letter that could stand at the place, so
# it changes the noise of the gradient, and not its mean.


# %%
def costs(logits, whole):
    """log p − log q of each token, or of its whole text: (S, texts, places)."""
    each = k1(token_logp(logits), token_logp(TEACHER))
    return np.broadcast_to(each.sum(axis=2, keepdims=True), each.shape) if whole else each


def minus_mean(cost, share):
    """Subtract the mean over the texts at each place."""
    return cost - np.sum(share[:, :, None] * cost, axis=1, keepdims=True)


def gradients(logits, kind):
    """The gradient of each text at the eight prefixes that it meets: (S, texts, places, 2)."""
    probs = softmax(logits)
    if kind == "all next tokens":
        ratio = log_softmax(logits) - log_softmax(TEACHER)
        slope = probs * (ratio - reverse_kl(logits, TEACHER)[:, :, None])
        return slope[:, PATH]
    cost = minus_mean(costs(logits, kind == "whole text"), text_probs(logits))
    return cost[..., None] * (np.eye(2)[LETTERS] - probs[:, PATH])


def texts_needed(logits, kind):
    """Texts until the noise of the gradient is as small as the gradient, and the gradient."""
    share, each = text_probs(logits), gradients(logits, kind)
    seen = share[:, :, None, None] * each
    mean = np.concatenate(
        [seen[:, :, t].reshape(len(share), 2**t, -1, 2).sum(axis=2) for t in PLACES], axis=1
    )
    signal = np.sum(mean**2, axis=(1, 2))
    return (np.sum(seen * each, axis=(1, 2, 3)) - signal) / signal, mean


KINDS = ("all next tokens", "written token", "whole text")
AT = {"random letters": np.zeros((len(SEEDS), 2**LENGTH - 1, 2)),
      "random start": random_start(7)[:, states(7)]}  # fmt: skip
needed = {(at, kind): texts_needed(z, kind) for at, z in AT.items() for kind in KINDS}
rows = [["random letters", *(needed["random letters", kind][0][0] for kind in KINDS)]]
rows += [[f"start {s}", *(needed["random start", kind][0][s] for kind in KINDS)] for s in SEEDS]
times = {row[0]: row[3] / row[2] for row in rows}
table(["student", *KINDS, "whole / written"], [[*row, times[row[0]]] for row in rows])
side = intervals.bootstrap([np.log(times[f"start {s}"]) for s in SEEDS])
print("whole / written, geometric mean of the starts: {:.0f} to {:.0f}".format(*np.exp(side)))


def length_and_cosine(mean, other):
    """The length of a gradient, and its cosine to another one."""
    length = np.sqrt(np.sum(mean**2))
    return length, np.sum(mean * other) / length / np.sqrt(np.sum(other**2))


slopes = {kind: needed["random letters", kind][1][0] for kind in KINDS}
slopes["KL to come"] = slopes["whole text"] - slopes["written token"]
print()
table(
    ["mean gradient", "length", "cosine to whole text", "cosine to written token"],
    [[kind, *length_and_cosine(slope, slopes["whole text"]),
      length_and_cosine(slope, slopes["written token"])[1]] for kind, slope in slopes.items()],
)  # fmt: skip

# %% [markdown]
# The first table has the number of texts for random letters and for the five random starts. In the
# second table the *KL to come* is the gradient of whole texts less that of the written token.
#
# ### Learning from sampled texts
#
# Now the students learn from samples, 32 texts at a time. Each way has three learning rates, and
# the best one is shown. The reward of whole texts is run a second time with sixteen times as many
# steps.

# %%
BATCH, UPDATES, RATES = 32, 100, (0.03, 0.1, 0.3)


def sampled_loss(way, logits, share):
    """The loss on a share of each text; the rewards are constants."""
    if way == "SFT, teacher's texts":
        return lambda z: -np.sum(share[:, :, None] * token_logp(z))
    if way == "reverse KL, own texts":
        return lambda z: np.sum(prefix_mass(share) * reverse_kl(z, TEACHER))
    cost = minus_mean(costs(logits, way.startswith("reward of a whole")), share)
    return lambda z: np.sum(share[:, :, None] * cost * token_logp(z))


def train(way, rate, updates):
    """Probabilities of the texts, for five students that remember everything."""
    row_of, rng = states(7), np.random.default_rng(24)
    network = init_train_state({"z": random_start(7)})
    for step in range(updates):
        logits = network.params["z"][:, row_of]
        author = Q if way.startswith("SFT") else text_probs(logits)
        loss = sampled_loss(way, logits, rng.multinomial(BATCH, author) / BATCH)
        size = StepSize(rate * (1 - step / updates), max_grad_norm=1e9)
        run = value_and_grad(lambda p, loss=loss: (loss(p["z"][:, row_of]), {}))
        network, _ = update(network, run(network.params), size)
    return text_probs(network.params["z"][:, row_of])


LEARNERS = {  # name -> updates
    "SFT, teacher's texts": UPDATES,
    "reverse KL, own texts": UPDATES,
    "reward of each token": UPDATES,
    "reward of a whole text": UPDATES,
    "reward of a whole text, 16 ×": 16 * UPDATES,
}
reached = {}
for way, updates in LEARNERS.items():
    tries = {rate: train(way, rate, updates) for rate in RATES}
    best = min(RATES, key=lambda rate: kl(tries[rate], Q).mean())
    reached[way] = best, look(tries[best])
    kept = tries[best]  # of the last way
table(
    ["way", "texts", "rate", "balanced", "variety", "forward KL", "reverse KL", "interval"],
    [[way, BATCH * LEARNERS[way], rate, *(each.mean() for each in end),
      "{:.3f} … {:.3f}".format(*intervals.bootstrap(end[3]))]
     for way, (rate, end) in reached.items()],
)  # fmt: skip
far = {way: dict(zip(SEEDS, end[3], strict=True)) for way, (_, end) in reached.items()}
EACH = "reward of each token"
differences = {way: intervals.difference(far[way], far[EACH]) for way in LEARNERS if way != EACH}
for way, (low, high) in differences.items():
    print(f"{way}: reverse KL minus that of the reward of each token {low:+.3f} to {high:+.3f}")
lost = {seed: int(np.sum(kept[seed, BALANCED] < 0.001)) for seed in SEEDS}
print(f"balanced texts that the longest run has lost, by seed: {lost}")

# %%
figure, axes = picture(2, width=9.6, height=3.8)
for name in WAYS:
    shares = [ends[memory, name] for memory in MEMORIES]
    axes[0].plot(range(len(MEMORIES)), [s[0].mean() for s in shares], "o-", label=name)
axes[0].set_xticks(range(len(MEMORIES)), MEMORIES)
axes[0].set(title="Exact gradients", xlabel="letters that the student remembers",
            ylabel="share of balanced texts", ylim=(0.4, 1.02))  # fmt: skip
axes[0].legend(fontsize="x-small")
for way, (_, end) in reached.items():
    axes[1].plot([way] * len(SEEDS), end[3], "o")
axes[1].set_xticks(range(len(reached)), [w.replace(", ", ",\n").replace("of ", "of\n")
                                         for w in reached], fontsize=6)  # fmt: skip
axes[1].set(title="Sampled texts, five seeds", ylabel="reverse KL to the teacher", yscale="log")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **A student that can be the teacher becomes the teacher, whatever it minimises.** With a memory of
# seven letters all five ways end within a hundredth of a nat of the teacher. They are about equally
# fast: each is within 0.05 nats after 30 to 60 steps with exact gradients. The choice of the
# distance decides where a student ends *if it is too small*.
#
# **A forgetful student needs the KL to come.** It cannot count brackets. Trained on the teacher's
# texts, it writes a balanced text less than six times in ten, and the reverse KL of each token on
# its own texts brings little more. The reverse KL of whole texts brings 99 in 100. The list shows
# how: this student keeps to nine of the fourteen texts, for which two letters of memory are enough,
# and seldom begins a text that it cannot end. The first letters have to know what the last ones
# will cost, and the KL to come tells them. The price is a loss of variety, and a forward KL of more
# than four nats.
#
# **Why do the two reverse KLs write such different lists?** A reverse KL makes the student give up
# what it cannot do well, but only among the things that it compares. The reverse KL of each token
# compares two letters after a given prefix. There the student can give up a letter. It cannot give
# up the prefix, although it may be unable to end the text well from there. The reverse KL of whole
# texts compares texts, and the student gives up those that it cannot end. It sits on nine texts, as
# the student of the dial below sits on one bump.
#
# **GKD is not the reverse KL of whole texts.** It makes the KL of each token small where the
# student is, and holds the student's texts fixed. Measure two trained forgetful students by the
# reverse KL of whole texts. The one that was trained with the reverse KL of each token on its own
# texts is *farther* from the teacher than the one that was trained with the forward KL on the
# teacher's texts.
#
# **Own texts are no cure by themselves.** With the forward KL the forgetful student ends worse if
# it is trained on its own texts than on the teacher's. After a mistake the prefix is hopeless, and
# the teacher goes on with random letters. The student tells few prefixes apart, so that it becomes
# more random before mistakes as well. Seven times as many of its own prefixes are hopeless as of
# the teacher's. Without these prefixes its own texts are the better ones. A teacher that has
# nothing to say after a mistake is a poor guide there.
#
# **A judgement of each token needs fewer texts.** At random letters the reward of whole texts needs
# more than fifty times as many texts as the reward of each token for the same noise. The larger
# reason is the gradient, which is five times shorter: the KL to come points nearly against the
# first part. After a mistake the teacher is as random as the student, so nothing more is to pay.
# After a good letter this student still has to pay for all its later letters. The factor depends on
# the student: it is between 2 and 61 for the five random starts. All next tokens together, as in
# GKD, are a little less noisy than the written token. In training the reward of whole texts ends
# farther from the teacher after sixteen times as many texts. Most of its students have *lost* some
# of the fourteen balanced texts: these have got a probability below 0.001, and a text that is
# hardly ever drawn is hardly ever raised. The fourteen are equally likely under the teacher. So a
# student without one of them is at least about $\log(14/13) = 0.07$ nats from the teacher. The one
# student that has lost none ends nearer to the teacher than all others.
#
# **So a teacher is a critic that somebody has trained.** Here $\log q(y)$ is the verdict divided by
# 0.15, up to a constant. To maximise the mean of $\log q(y) - \log p(y)$ therefore means: earn the
# verdict, and stay as random as possible. This is reinforcement learning on the verdict with a
# bonus for entropy, and its best policy is the teacher. The teacher's probabilities of the next
# letter already say which letter leads to a good text. A critic has to learn this first.
#
# **What this page cannot tell.** The students are tables of at most 255 rows, the texts are short,
# and the teacher is perfect. Which of the two effects is stronger for a large model, the noise that
# speaks for judging tokens or the KL to come that speaks for whole texts, has to be measured there.
#
# ## What goes wrong in practice
#
# **“β does not move between the two KLs.”** (modelscope/ms-swift #10078, huggingface/trl #6780.)
# The formula of the paper vanishes at both ends, so that a library has to treat β = 0 and β = 1 as
# special cases. Near the ends β acts as a learning rate, unless the optimizer rescales the
# gradient, as Adam does. Look at the size of the loss: at β = 0.01 it is about a hundredth of the
# forward KL.
#
# **“The loss of on-policy distillation is no KL.”** (THUDM/slime #1068.) The reward of the written
# token has the same mean gradient as the KL over all next tokens, and needs one logarithm of the
# teacher for each token instead of a whole row. The price is more noise: compare the columns *all
# next tokens* and *written token* of the page's table of texts needed.
#
# **“With the top k tokens the student learns nothing.”** (radixark/miles #2362.) There the KL over
# the likeliest tokens is used as a *reward*. This reward depends on the prefix only, and not on the
# token that is chosen. Every possible token earns the same, so the reward is nothing but a
# baseline, and its expected gradient is 0. A KL over many tokens belongs in the loss.
#
# **“Teacher and student have different vocabularies.”** (huggingface/trl #4562, #2215.) The id of a
# token must mean the same text in both. Otherwise the distance compares different words, and if
# the sizes differ, it cannot be computed at all.
#
# ### The same line in TRL
#
# `GKDConfig(lmbda=1.0, beta=1.0, temperature=1.0)` is the reverse KL on the student's own texts.
# `GKDConfig(lmbda=0.0, beta=0.0, temperature=1.0)` is the forward KL on the texts of the data set.
# `DistillationConfig(beta=1.0)` is the first of these. There $\beta$ = 0 and 1 are the two KLs, and
# what lies between is the distance of this page.

# %% [markdown]
# ## Turn the dial
#
# The teacher has two bumps, and the student can have one. The gap moves the teacher's bumps apart,
# and β moves from nearly the forward KL to nearly the reverse KL. *Rare* is the probability that
# the student gives to numbers which the teacher hardly ever says. Before you turn: for which β
# does the student sit on one bump alone?

# %%
from tinyalign.notes.dials import covering, dial

dial(
    covering.frame,
    {"β": (0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999), "gap": (2, 3, 4, 5)},
    start=(0.3, 4),
    try_it=covering.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# With the gap 4 it sits on the larger bump from β = 0.5 on, and with a smaller β it lies over both.
# The farther the bumps are apart, the smaller is the β at which the student gives one bump up: 0.9
# for the gap 3, and 0.3 for the gap 5. With the gap 2 it never does.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 24.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Compute the generalised Jensen–Shannon distance of a student to its teacher from their
# probabilities. `beta` is the weight of the teacher, in the mixture and in the sum.
#
# <details><summary>Hint 1</summary>
#
# The mixture is $m = \beta q + (1-\beta) p$, with the teacher $q$ and the student $p$.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Add $\beta\,\mathrm{KL}(q \| m)$ and $(1-\beta)\,\mathrm{KL}(p \| m)$.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_generalized_js(student, teacher, beta):
#     mixture = beta * teacher + (1 - beta) * student
#     of_teacher = np.sum(teacher * np.log(teacher / mixture))
#     of_student = np.sum(student * np.log(student / mixture))
#     return beta * of_teacher + (1 - beta) * of_student
# ```
#
# </details>
#
# **2.** A token earns the teacher's log-probability minus the student's. Give each token what it
# earns itself and what all later tokens of its text earn. The mask is 1 for a token of the text
# and 0 behind its end: what stands there earns nothing, and gets 0.
#
# <details><summary>Hint 1</summary>
#
# Multiply what the tokens earn by the mask before you add.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `np.cumsum` adds from the front. Turn the rows round with `[:, ::-1]`, before and after.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_reward_to_come(logp, teacher_logp, mask):
#     earned = (teacher_logp - logp) * mask
#     return np.cumsum(earned[:, ::-1], axis=1)[:, ::-1]
# ```
#
# </details>
#
# **3. On paper.** The tokens of a text do not depend on each other. What one token earns, the
# teacher's log-probability minus the student's, has the variance $v$. A text has $n$ tokens, and
# the mean reward is subtracted. Compare the variance of one token's gradient under a reward of
# each token and under a reward of the whole text. What does this mean for texts of 1000 tokens?
#
# <details><summary>The answer</summary>
#
# The gradient of one token is $\nabla\log p(y_t)$, which has the mean 0, times what the token
# earns. Let $c$ be the mean square of $\nabla\log p(y_t)$. The token's own earnings give a
# variance of about $v c$. The reward of the whole text adds what the other $n - 1$ tokens earn.
# They say nothing about this token, and add $(n-1) v c$. Together this is about $n v c$, so the
# variance is $n$ times as large. The mean gradient is the same, so texts of 1000 tokens need
# about 1000 times as many samples. On this page the tokens do depend on each other, and then the
# mean gradients differ as well.
#
# </details>
#
# **4. Open ended.** Your teacher is a service that returns texts and the log-probabilities of the
# tokens that it has written, and nothing else. Which ways of this page are open to you? What
# would you measure to see whether the student is too small?
#
# <details><summary>What to look for</summary>
#
# SFT on the teacher's texts is open. The other ways need the teacher's probabilities of tokens
# that the student has chosen, so ask first whether the service can score a given text. A student
# is too small if it stays behind the teacher on its own texts although the loss on the teacher's
# texts has stopped falling. Compare then a reward of each token with a reward of whole texts: if
# the student could be the teacher, both would end alike.
#
# </details>

# %%
from tinyalign.notes.exercises.teacher import check_my_generalized_js, check_my_reward_to_come


def my_generalized_js(student, teacher, beta):
    raise NotImplementedError  # (V,), (V,), one number -> one number


def my_reward_to_come(logp, teacher_logp, mask):
    raise NotImplementedError  # (N, T), (N, T), (N, T) -> (N, T)


check_exercise(check_my_generalized_js, my_generalized_js)
check_exercise(check_my_reward_to_come, my_reward_to_come)
pass

# %% [markdown]
# ## What you may have read
#
# {notes 001 58-61}
# {notes 004 343-345}
#
# <details><summary>Two statements of the notes, and what is true</summary>
#
# * *"kl = (current_log_probs - ref_log_probs).mean()"*, added to the loss. **Teaches nothing**,
#   with a teacher in place of the reference: [its expected gradient is 0](errata.html#row-43). As a
#   reward the same number is the reward of each token of this page.
# * *"L_GRPO = E[…] - λ * KL(π_θ || π_ref)"*. **Which KL?** The formula has [one KL of whole
#   answers](errata.html#row-15), and GRPO has one of each token with the samples held fixed. This
#   is the difference between the reverse KL of whole texts and GKD.
#
# </details>
#
# ## Further reading
#
# * Hinton, Vinyals and Dean 2015, arXiv:1503.02531: distillation, with soft probabilities.
# * Kim and Rush 2016, arXiv:1606.07947: distillation on whole texts of the teacher.
# * Agarwal and others 2023, arXiv:2306.13649: GKD, own texts and the three distances.
# * Gu and others 2023, arXiv:2306.08543: MiniLLM, the reverse KL of whole texts by policy gradient.
# * Thinking Machines Lab 2025, *On-Policy Distillation*: the reward of each token, without the
#   rewards of later tokens.
# * [Page 21](21_where_does_your_trainer_land.html) has the same missing term for a KL to the
#   reference.
#
# ### The claims of this page, tested

# %%
assert np.ptp(np.log(Q[0]) - BALANCED / KL_WEIGHT) < 1e-12, "the reward of a text is its verdict"
assert np.allclose(softmax(TEACHER[0])[HOPELESS], 0.5), "after a mistake the teacher is random"
for at, z in AT.items():
    slope = value_and_grad(lambda p: (of_whole_texts(p["z"]), {}))({"z": z})[2]["z"]
    assert np.allclose(slope, needed[at, "whole text"][1], atol=1e-12), "one mean gradient"
    means = [needed[at, kind][1] for kind in KINDS[:2]]
    assert np.allclose(*means, atol=1e-12), "another one, for all tokens and for the written one"


def k1_as_loss(p):
    """The log-ratio of the written tokens as a loss, with the texts held fixed."""
    share = text_probs(getval(p["z"]))
    return np.sum(share[:, :, None] * k1(token_logp(p["z"]), token_logp(TEACHER))), {}


nothing = value_and_grad(k1_as_loss)({"z": AT["random start"]})[2]["z"]
assert np.max(np.abs(nothing)) < 1e-12, "k1 as a loss teaches nothing"
student = AT["random start"]
small = generalized_js(student, TEACHER, beta=0.01) / forward_kl(student, TEACHER)
assert 0.005 < small.mean() < 0.015, "about a hundredth of the forward KL"
if (LENGTH, MEMORIES, STEPS) == (8, (2, 4, 7), 300):
    for name in WAYS:
        assert ends[7, name][2:].max() < 0.01, "a student that can be the teacher"
    here = {name: ends[2, name] for name in WAYS}
    forward, on_own, js, reverse, whole = (here[name][0] for name in WAYS)
    assert forward.max() < 0.6 and forward.max() < reverse.min() < 0.62 < 0.98 < whole.min()
    assert on_own.max() < js.min() < js.max() < forward.min(), "own texts are no cure"
    assert 6.5 < own.mean() / taught < 7.5, "seven times as many are hopeless"
    assert without[0].min() > forward.max(), "without them own texts are better"
    assert all(30 < steps_to[7, name] < 60 for name in WAYS), "how fast"
    nine = written[2, "reverse, whole texts"][0] > 0.01
    assert nine.sum() == 9 and BALANCED[nine].all()
    assert here["reverse, whole texts"][2].mean() > 4, "and covers little"
    assert here["reverse, own texts"][3].min() > here["forward, teacher's texts"][3].max()
    assert times["random letters"] > 50, "more than fifty times as many"
    assert min(times.values()) > 2 and max(times.values()) < 62, "between 2 and 61"
    assert slopes["KL to come"].ravel() @ slopes["written token"].ravel() < 0, "it pulls back"
    lengths = {kind: np.sqrt(np.sum(slope**2)) for kind, slope in slopes.items()}
    assert 5 < lengths["written token"] / lengths["whole text"] < 6, "the gradient is shorter"
    for row in rows:
        assert row[1] < row[2] < row[3], "all next tokens, the written token, the whole text"
if (LENGTH, BATCH, UPDATES, RATES) == (8, 32, 100, (0.03, 0.1, 0.3)):
    for way in LEARNERS:
        if way.startswith("reward of a whole"):
            assert differences[way][0] > 0, "farther from the teacher"
    assert sum(lost.values()) > 0
    for seed in SEEDS:
        cost = far["reward of a whole text, 16 ×"][seed]
        nearest = cost == min(min(each.values()) for each in far.values())
        assert nearest == (lost[seed] == 0), "the one that has lost none is the nearest"
        excess = cost - np.log(14 / (14 - lost[seed]))
        assert -0.001 < excess < 0.05, "what lost texts cost, at least"
print("all claims of this page hold")
