"""Trainers that are right, and trainers with one planted bug each, all on the tree of `planted`."""

import autograd.numpy as np
from autograd import grad
from autograd.tracer import getval
from planted import adam, paper_for, train_on_lines

import tinyalign as ta
from tinyalign.exam.examples import bradley_terry_counts
from tinyalign.exam.make import without_reference
from tinyalign.exam.trained import as_policy
from tinyalign.exam.verdict import OTHER_BETA


def whole(token_logp, tree):
    return token_logp.sum(axis=2)


def mean(token_logp, tree):
    return token_logp.sum(axis=2) / tree.mask.sum(axis=1)


def no_eos(token_logp, tree):
    inner = tree.mask * (np.cumsum(tree.mask, axis=1) < tree.mask.sum(axis=1)[:, None])
    return (token_logp * inner).sum(axis=2)


def no_first(token_logp, tree):
    return token_logp[:, :, 1:].sum(axis=2)


def pairs(loss=ta.dpo, reduce=whole, reference=None, swap=False, **numbers):
    """A trainer on preference pairs. reference: None the right one, or a table (P, K, T)."""

    def train(paper, tree, logits, rng, batch=None, temperature=1.0, steps=400):
        table = paper.reference if reference is None else reference(paper, tree)
        if temperature != 1:
            table = tree.token_logp(logits, temperature)
        ref = reduce(table, tree)

        def mean_loss(token_logp, lines):
            x, i, j = (lines[:, [0, 2, 1]] if swap else lines).T
            logp = reduce(token_logp, tree)
            return np.mean(loss(logp[x, i], logp[x, j], ref[x, i], ref[x, j], **numbers))

        return train_on_lines(
            paper, tree, logits, mean_loss, rng, batch=batch, temperature=temperature, steps=steps
        )

    return train


def zero(paper, tree):
    return 0 * paper.reference


def untrained(paper, tree):
    return -np.log(len(paper.alphabet) + 1) * tree.mask * np.ones_like(paper.reference)


def forward(c, r, rc, rr, *, beta):
    """f-DPO with the forward KL: f'(u) = −1/u for DPO's log u."""
    return -np.log(1 / (1 + np.exp(beta * (np.exp(rc - c) - np.exp(rr - r)))))


def beta_on_the_policy(c, r, rc, rr, *, beta):
    """DPO's loss with log π times β, and log π_ref as it is."""
    return np.logaddexp(0, rc - rr - beta * (c - r))


def with_likelihood(paper, tree, logits, rng):
    """DPO, and the chosen answers' mean negative log-likelihood per token."""

    def mean_loss(token_logp, lines):
        x, i, j = lines.T
        logp, ref = whole(token_logp, tree), whole(paper.reference, tree)
        each = ta.dpo(logp[x, i], logp[x, j], ref[x, i], ref[x, j], beta=paper.settings["beta"])
        return np.mean(each - mean(token_logp, tree)[x, i])

    return train_on_lines(paper, tree, logits, mean_loss, rng)


def free(loss, reduce=mean, **numbers):
    """A trainer on pairs without a reference."""
    return pairs(lambda c, r, rc, rr, **k: loss(c, r, **k), reduce, **numbers)


def orpo(reduce=mean, lam=None, likelihood=None):
    """likelihood: None, or what stands for each chosen answer's mean negative log-likelihood."""

    def train(paper, tree, logits, rng, batch=None):
        weight = paper.settings["lam"] if lam is None else lam

        def mean_loss(token_logp, lines):
            x, i, j = lines.T
            logp, nll = reduce(token_logp, tree), -mean(token_logp, tree)[x, i]
            if likelihood is not None:
                nll = likelihood(token_logp[x, i], tree.mask[i])
            return np.mean(ta.orpo(logp[x, i], logp[x, j], nll, lam=weight))

        return train_on_lines(paper, tree, logits, mean_loss, rng, batch=batch)

    return train


def over_the_batch(token_logp, mask):
    """(B, T) -> (B,), whose mean is the mean over all tokens of the batch's answers."""
    return -token_logp.sum(axis=1) / np.mean(mask.sum(axis=1))


def over_prompts_too(token_logp, mask):
    """As `over_the_batch`, with prompts of one token, which a tree does not learn."""
    return -token_logp.sum(axis=1) / np.mean(mask.sum(axis=1) + 1)


def kto(reduce=whole, up_alone=False):
    """KTO; z0 is the mean log-ratio of the lines' answers under other lines' prompts."""

    def train(paper, tree, logits, rng, batch=None):
        ref, beta = reduce(paper.reference, tree), paper.settings["beta"]

        def mean_loss(token_logp, lines):
            x, k, up = lines.T
            ratio = reduce(token_logp, tree) - ref
            z0 = np.maximum(0.0, getval(ratio)[x][:, k].mean())
            each = ta.kto(ratio[x, k], 0 * ratio[x, k], up > 0, z0, beta=beta)
            return np.mean(each * (up > 0)) if up_alone else np.mean(each)

        return train_on_lines(paper, tree, logits, mean_loss, rng, batch=batch, steps=600)

    return train


def sft(reduce=whole, by_length=False):
    def train(paper, tree, logits, rng, steps=400, batch=None, temperature=1.0):
        def mean_loss(token_logp, lines):
            x, k, _ = lines.T
            logp = reduce(token_logp, tree)[x, k]
            return -np.mean(logp / tree.mask.sum(axis=1)[k] if by_length else logp)

        return train_on_lines(
            paper, tree, logits, mean_loss, rng, steps=steps, batch=batch, temperature=temperature
        )

    return train


def moving(every):
    """DPO whose reference becomes the policy every so many steps."""

    def train(paper, tree, logits, rng):
        half, now = logits, logits
        for part in range(8):
            held = tree.token_logp(now)
            step = pairs(reference=lambda paper, tree, held=held: held, beta=0.5)
            _, end = descend_from(paper, tree, now, step, every)
            half, now = (end, end) if part < 4 else (half, end)
        return tree.token_logp(half), tree.token_logp(now)

    return train


def descend_from(paper, tree, start, train, steps):
    """Logits, not tables, after a few steps of a trainer."""
    tables = train(paper, tree, start, np.random.default_rng(0), steps=steps)
    return None, tree.logits_of(np.exp(tables[1].sum(axis=2)))


def rewards(scale=1.0, sign=1.0):
    """A reward model: a table of scores."""

    def train(paper, tree, logits, rng):
        counts, shape = bradley_terry_counts(paper), paper.weights.shape
        x, i, j = np.nonzero(counts)

        def slope(score, step):
            def loss(s):
                return np.mean(counts[x, i, j] * ta.bradley_terry(s[x, i], s[x, j]))

            return grad(loss)(score)

        half, end = adam(slope, np.zeros(shape), 400)
        return sign * scale * half, sign * scale * end

    return train


def sampled(
    advantage="group",
    kl="loss",
    beta=None,
    heat=1.0,
    size=256,
    steps=300,
    reduce=whole,
    by_length=False,
):
    """A policy gradient on groups of samples.

    advantage  group, std, or others: the baseline is the mean of the other samples
    kl         loss: k2 of each token, whose slope is that of the KL; k3; or reward
    heat       temperature of the sampler alone
    """

    def train(paper, tree, logits, rng):
        group = paper.settings.get("num_generations", 8)
        hold = paper.settings["beta"] if beta is None else beta

        def slope(now, step):
            table = tree.token_logp(now)
            ids = draw(tree.token_logp(now, heat).sum(axis=2), (size, group), rng)  # (P, N, G)
            ratio = table - paper.reference
            shaped = paper.reward - (hold * reduce(ratio, tree) if kl == "reward" else 0.0)
            r = np.take_along_axis(shaped[:, None], ids, axis=2)
            a = centred(r, advantage)
            counts, pull = (spread(ids, w, len(tree.answers)) for w in (np.ones_like(a), a))
            if by_length:
                counts, pull = (x / tree.mask.sum(axis=1) for x in (counts, pull))

            def loss(free):
                logp = tree.token_logp(free)
                return -np.sum(pull * logp.sum(axis=2)) + hold * penalty(
                    logp - paper.reference, counts, kl
                )

            return grad(loss)(now) / len(paper.prompts)

        half, end = adam(slope, logits, steps, rate=0.05)
        return tree.token_logp(half), tree.token_logp(end)

    return train


def draw(logp, shape, rng):
    """Answers sampled for each prompt: (P, K) log-probabilities -> (P, N, G) ids."""
    edges = np.cumsum(np.exp(logp), axis=1)
    uniform = rng.random((len(logp), *shape)) * edges[:, -1, None, None]
    return np.array(
        [np.searchsorted(e, u.ravel()).reshape(shape) for e, u in zip(edges, uniform, strict=True)]
    )


def centred(r, how):
    """Advantages of (P, N, G) rewards."""
    own = r - r.mean(axis=2, keepdims=True)
    if how == "std":
        return own / (r.std(axis=2, keepdims=True, ddof=1) + 1e-4)
    return own * r.shape[2] / (r.shape[2] - 1) if how == "others" else own


def spread(ids, weight, answers):
    """(P, K): the mean weight that falls on each answer."""
    n = ids[0].size
    return np.array(
        [np.bincount(i.ravel(), w.ravel(), answers) / n for i, w in zip(ids, weight, strict=True)]
    )


def penalty(ratio, counts, kl):
    """What the KL in the loss costs, by token."""
    if kl == "k3":
        return np.sum(counts * (np.exp(-ratio) + ratio - 1).sum(axis=2))
    return np.sum(counts * (ratio**2).sum(axis=2)) / 2 if kl == "loss" else 0.0


def best_of(n, rounds=1):
    """RAFT: the best of n draws, from the reference or, in later rounds, from what came of it."""

    def once(paper, tree, rng, draws):
        logp = paper.ref_logp
        for _ in range(rounds):
            ids = draw(logp, (draws, n), rng)
            r = np.take_along_axis(paper.reward[:, None], ids, axis=2)
            kept = np.take_along_axis(ids, r.argmax(axis=2)[:, :, None], axis=2)
            share = spread(kept, np.ones(kept.shape), len(tree.answers)) + 1e-6
            logp = np.log(share / share.sum(axis=1, keepdims=True))
        return tree.token_logp(tree.logits_of(np.exp(logp)))

    def train(paper, tree, logits, rng):
        return once(paper, tree, rng, 10_000), once(paper, tree, rng, 20_000)

    return train


RIGHT = {  # method, task: a trainer that does what the exam says
    ("sft", "words"): sft(), ("dpo", "words"): pairs(beta=0.5), ("dpo", "bandit"): pairs(beta=0.5),
    ("cdpo", "words"): pairs(ta.cdpo, beta=0.5, flip=0.1), ("ipo", "words"): pairs(ta.ipo, tau=0.2),
    ("simpo", "words"): free(ta.simpo, beta=2.0, gamma=np.log(2)), ("orpo", "words"): orpo(),
    ("kto", "words"): kto(), ("reward", "words"): rewards(),
    ("rloo", "bandit"): sampled("others", "reward"), ("rloo", "words"): sampled("others", "reward"),
    ("ppo", "words"): sampled("others", "reward"), ("grpo", "bandit"): sampled(),
    ("grpo", "words"): sampled(), ("raft", "bandit"): best_of(4),
}  # fmt: skip

# Those on lines, which small batches give noise.
SMALL_BATCHES = set(RIGHT) - {
    (m, t) for m, t in RIGHT if m in ("reward", "rloo", "ppo", "grpo", "raft")
}

PLANTED = [  # name, method, task, trainer, what it has to be called
    ("beta doubled", "dpo", "words", pairs(beta=1.0), OTHER_BETA),
    ("beta halved", "dpo", "words", pairs(beta=0.25), OTHER_BETA),
    ("mean", "dpo", "words", pairs(reduce=mean, beta=0.5), "length-normalised log-ratio"),
    ("EOS masked", "dpo", "words", pairs(reduce=no_eos, beta=0.5), "EOS not scored"),
    ("first masked", "dpo", "words", pairs(reduce=no_first, beta=0.5), "first token not trained"),
    ("reference left out", "dpo", "words", pairs(reference=zero, beta=0.5), "no reference"),
    ("reference left out, mean", "dpo", "words", pairs(reduce=mean, reference=zero, beta=0.5),
     "no reference, mean per token"),
    ("reference never trained", "dpo", "words", pairs(reference=untrained, beta=0.5),
     "untrained reference"),
    ("forward KL", "dpo", "words", pairs(forward, beta=0.5), "forward KL"),
    ("chosen and rejected swapped", "dpo", "words", pairs(swap=True, beta=0.5), "turned sign"),
    ("labels smoothed", "dpo", "words", pairs(ta.cdpo, beta=0.5, flip=0.1), "label smoothing"),
    ("IPO's square", "dpo", "words", pairs(ta.ipo, tau=0.5), "IPO's square"),
    ("likelihood added", "dpo", "words", with_likelihood, "likelihood added"),
    ("beta on the policy alone", "dpo", "words", pairs(beta_on_the_policy, beta=0.5),
     "beta on the policy alone"),
    ("moving reference", "dpo", "words", moving(60), "reference moves"),
    ("not smoothed", "cdpo", "words", pairs(beta=0.5), "label smoothing without effect"),
    ("tau doubled", "ipo", "words", pairs(ta.ipo, tau=0.4), OTHER_BETA),
    ("means", "ipo", "words", pairs(ta.ipo, mean, tau=0.2), "length-normalised log-ratio"),
    ("DPO's loss", "ipo", "words", pairs(beta=0.2), "DPO's loss"),
    ("sums", "simpo", "words", free(ta.simpo, whole, beta=2.0, gamma=np.log(2)), "sums in SimPO"),
    ("no margin", "simpo", "words", free(ta.simpo, beta=2.0, gamma=0.0), "no target margin"),
    ("gamma times beta", "simpo", "words", free(ta.simpo, beta=2.0, gamma=2 * np.log(2)),
     "γ times β"),
    ("sums", "orpo", "words", orpo(whole), "sums in ORPO"),
    ("odds ratio lost", "orpo", "words", orpo(lam=0.0), "odds ratio without effect"),
    ("over the batch's tokens", "orpo", "words", orpo(likelihood=over_the_batch),
     "likelihood over the batch's tokens"),
    ("over the prompts' tokens too", "orpo", "words", orpo(likelihood=over_prompts_too),
     "likelihood over the prompts' tokens too"),
    ("mean", "kto", "words", kto(mean), "means in KTO"),
    ("thumbs down lost", "kto", "words", kto(up_alone=True), "thumbs down ignored"),
    ("EOS masked", "sft", "words", sft(no_eos), "EOS not trained"),
    ("first masked", "sft", "words", sft(no_first), "first token not trained"),
    ("mean in each", "sft", "words", sft(by_length=True), "each answer divided by its length"),
    ("scores halved", "reward", "words", rewards(0.5), OTHER_BETA),
    ("scores turned round", "reward", "words", rewards(sign=-1.0), "turned sign"),
    ("std", "grpo", "bandit", sampled("std"), "advantage over its standard deviation"),
    ("k3 as a loss", "grpo", "bandit", sampled(kl="k3"), "forward KL"),
    ("k3 as a loss", "grpo", "words", sampled(kl="k3"), "forward KL of each token"),
    ("beta doubled", "grpo", "bandit", sampled(beta=1.0), OTHER_BETA),
    ("cold sampler", "grpo", "bandit", sampled(heat=0.7), "sampler at temperature 0.7"),
    ("colder sampler", "grpo", "bandit", sampled(heat=0.5), "sampler at temperature 0.5"),
    ("KL in the reward", "grpo", "words", sampled(kl="reward"), "KL in the reward"),
    ("over lengths", "grpo", "words", sampled(by_length=True),
     "each answer's loss over its length"),
    ("no KL", "grpo", "bandit", sampled(beta=0.0), "no KL"),
    ("own mean", "rloo", "bandit", sampled("group", "loss"), "baseline with the sample"),
    ("KL in the loss", "rloo", "words", sampled("others", "loss"), "KL in the loss"),
    ("mean KL", "rloo", "words", sampled("others", "reward", reduce=mean, steps=800),
     "length-normalised log-ratio"),
    ("KL in the loss", "ppo", "words", sampled("others", "loss"), "KL in the loss"),
    ("best of eight", "raft", "bandit", best_of(8), "another n"),
]  # fmt: skip


def checkpoints(method, task, train, seed=0, **options):
    """(paper, an earlier checkpoint, the last one) of a trainer on an exam."""
    paper, tree, logits = paper_for(method, task)
    half, end = train(paper, tree, logits, np.random.default_rng(seed), **options)
    if method == "reward":
        return without_reference(paper), as_policy(paper, half), as_policy(paper, end)
    return paper, half, end
