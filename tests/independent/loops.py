"""The losses written again in another style: plain Python numbers, one example at a time.

Nothing is shared with tinyalign, so that the laws are tried on right code they were not written by.
"""

import math
from itertools import product

import numpy as np


def softplus(x):
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


def sigma(x):
    return math.exp(-softplus(-x))


def logsumexp(xs):
    top = max(xs)
    return top + math.log(sum(math.exp(x - top) for x in xs))


def each(one):
    """one(example…, **numbers) for every row of the batch."""

    def loss(*columns, **numbers):
        return np.array([one(*map(float, row), **numbers) for row in zip(*columns, strict=True)])

    return loss


def each_list(one):
    """As `each`, where an example is made of lists."""

    def loss(*columns, **numbers):
        listed = [np.asarray(c).tolist() for c in columns]
        return np.array([one(*row, **numbers) for row in zip(*listed, strict=True)])

    return loss


def each_token(one):
    """As `each`, over all places of (N,T) arrays."""

    def loss(*arrays, **numbers):
        arrays = np.broadcast_arrays(*arrays)
        out = np.zeros(arrays[0].shape)
        for place in np.ndindex(out.shape):
            out[place] = one(*(float(a[place]) for a in arrays), **numbers)
        return out

    return loss


def gap(w, r, rw, rr):
    return w - rw - r + rr


dpo = each(lambda *x, beta: softplus(-beta * gap(*x)))
cdpo = each(
    lambda *x, beta, flip: (1 - flip) * softplus(-beta * gap(*x)) + flip * softplus(beta * gap(*x))
)
hinge = each(lambda *x, beta: max(0.0, 1 - beta * gap(*x)))
ipo = each(lambda *x, tau: gap(*x) ** 2 - gap(*x) / tau + 0.25 / tau**2)
sppo = each(lambda w, r, a, b, beta: (w - a - 0.5 / beta) ** 2 + (r - b + 0.5 / beta) ** 2)
apo_zero = each(lambda w, r, a, b, beta: 1 - sigma(beta * (w - a)) + sigma(beta * (r - b)))
apo_down = each(lambda w, r, a, b, beta: sigma(beta * (w - a)) + 1 - sigma(beta * gap(w, r, a, b)))
bco = each(
    lambda w, r, a, b, beta, delta: (
        softplus(delta - beta * (w - a)) + softplus(beta * (r - b) - delta)
    )
)
nca_pair = each(
    lambda w, r, a, b, beta: (
        softplus(-beta * (w - a)) + 0.5 * softplus(beta * (w - a)) + 0.5 * softplus(beta * (r - b))
    )
)


@each
def robust_dpo(w, r, a, b, *, beta, flip):
    if flip >= 0.5:
        raise ValueError("flip must be below 1/2")
    z = beta * gap(w, r, a, b)
    return ((1 - flip) * softplus(-z) - flip * softplus(z)) / (1 - 2 * flip)


@each
def dpop(w, r, a, b, *, beta, lam):
    fall = a - w if a > w else 0.0
    return softplus(-beta * (gap(w, r, a, b) - lam * fall))


@each
def exo_pair(w, r, a, b, *, beta, eps):
    z = beta * gap(w, r, a, b)
    right, wrong = -softplus(-z), -softplus(z)
    return math.exp(right) * (right - math.log(1 - eps)) + math.exp(wrong) * (wrong - math.log(eps))


simpo = each(lambda w, r, beta, gamma: softplus(gamma - beta * (w - r)))


def log_odds(a):
    a = min(a, -1e-300)
    return a - (math.log(-math.expm1(a)) if a > -math.log(2) else math.log1p(-math.exp(a)))


odds_ratio = each(lambda w, r: softplus(log_odds(r) - log_odds(w)))
orpo = each(lambda w, r, nll, lam: nll + lam * softplus(log_odds(r) - log_odds(w)))
cpo = each(lambda w, r, nll, beta, alpha: softplus(beta * (r - w)) + alpha * nll)
tpo = each(lambda w, r, nll, beta, alpha: softplus(beta * (r - w)) + alpha * nll)
tpo_l = each(lambda w, r, nll, beta, gamma, alpha: softplus(gamma + beta * (r - w)) + alpha * nll)
slic = each(lambda w, r, nll, delta, lam: max(0.0, delta - w + r) + lam * nll)


def kto(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    out = []
    for lp, rf, good in zip(logp, ref, desirable, strict=True):
        s = sigma(beta * (float(lp) - float(rf) - float(z0)))
        out.append(weight_desirable * (1 - s) if good else weight_undesirable * s)
    return np.array(out)


def kto_z0(logp, ref):
    mean = sum(float(a) - float(b) for a, b in zip(logp, ref, strict=True)) / len(logp)
    return mean if mean > 0 else 0.0


@each
def bradley_terry(w, r, *, margin, center):
    return softplus(r + margin - w) + center * (w + r) * (w + r)


@each_list
def plackett_luce(reward):
    return sum(logsumexp(reward[k:]) - reward[k] for k in range(len(reward) - 1))


@each_list
def rrhf(logp, reward, nll, *, weight):
    pairs = product(range(len(logp)), repeat=2)
    return weight * nll + sum(
        max(0.0, logp[i] - logp[j]) for i, j in pairs if reward[i] < reward[j]
    )


@each_list
def infonca(ratio, reward, *, beta, alpha):
    z, top = logsumexp([beta * h for h in ratio]), logsumexp([r / alpha for r in reward])
    return -sum(
        math.exp(r / alpha - top) * (beta * h - z) for h, r in zip(ratio, reward, strict=True)
    )


@each_list
def nca(ratio, reward, *, beta, alpha):
    top, total = logsumexp([r / alpha for r in reward]), 0.0
    for h, r in zip(ratio, reward, strict=True):
        total += math.exp(r / alpha - top) * softplus(-beta * h) + softplus(beta * h) / len(ratio)
    return total


def rejection_sample(reward, *, beta, rng, max_reward):
    kept = []
    for row in np.asarray(reward).tolist():
        top = max(row) if max_reward is None else max_reward
        kept.append([math.log(rng.random()) < (r - top) / beta for r in row])
    return np.array(kept)


k1 = each_token(lambda lp, ref: lp - ref)
k2 = each_token(lambda lp, ref: (lp - ref) ** 2 / 2)
k3 = each_token(lambda lp, ref: math.expm1(ref - lp) + lp - ref)


@each_list
def exact_kl(logits, ref):
    z, y = logsumexp(logits), logsumexp(ref)
    return sum(math.exp(a - z) * (a - z - b + y) for a, b in zip(logits, ref, strict=True))


@each_list
def entropy(logits):
    z = logsumexp(logits)
    return -sum(math.exp(a - z) * (a - z) for a in logits)


def adaptive_beta(beta, kl, *, target, n, horizon):
    error = min(0.2, max(-0.2, float(kl) / target - 1))
    return float(beta) + float(beta) * error * n / horizon


@each_list
def group_center(reward):
    return [r - sum(reward) / len(reward) for r in reward]


@each_list
def group_standardize(reward, *, eps, ddof):
    mean = sum(reward) / len(reward)
    spread = math.sqrt(sum((r - mean) ** 2 for r in reward) / (len(reward) - ddof))
    return [(r - mean) / (spread + eps) for r in reward]


@each_list
def group_rank(reward):
    k = len(reward)
    rank = [sum(s < r for s in reward) + (sum(s == r for s in reward) - 1) / 2 for r in reward]
    spread = math.sqrt(sum((v - (k - 1) / 2) ** 2 for v in rank) / k)
    return [(v - (k - 1) / 2) / spread if spread else 0.0 for v in rank]


@each_list
def leave_one_out(reward):
    others = [[s for j, s in enumerate(reward) if j != i] for i in range(len(reward))]
    return [r - sum(o) / len(o) for r, o in zip(reward, others, strict=True)]
