"""Wrong answers to every exercise of the course: {exercise: {what the message must say: function}}.

The last one of each is a mistake that the exercise does not know by name, so that its message is
what was found and what was wanted.
"""

from math import comb

import autograd.numpy as np

from tinyalign.losses.numerics import log_odds, log_sigmoid, log_softmax, sigmoid, softmax
from toy_envs import interpreter


def gathered(logp, ids):
    return np.take_along_axis(logp, ids[..., None], axis=-1)[..., 0]


def scored(z, ids, p, n, first=0, last=0):
    """Token scores summed from place p + first to place n + last."""
    t = np.arange(1, ids.shape[1])
    keep = (t >= p[:, None] + first) & (t < n[:, None] + last)
    return (gathered(log_softmax(z[:, :-1]), ids[:, 1:]) * keep).sum(1)


def heads(q, k, v, scale=1.0, mask=True):
    s = scale * (q @ k.T) / q.shape[-1] ** 0.5
    return softmax(np.where(np.tri(len(q)) > 0, s, -np.inf) if mask else s) @ v


def remembered(c, i, f, o, u, read_old=False):
    new = c * sigmoid(f) + sigmoid(i) * np.tanh(u)
    return sigmoid(o) * np.tanh(c if read_old else new), new


def white(a, m, ddof=1, shift=1.0, guard=1e-8):
    centred = a - shift * a[m > 0].mean()
    return np.where(m > 0, centred * white_scale(a, m, ddof, guard), 0.0)


def white_scale(a, m, ddof=1, guard=1e-8):
    return np.divide(1.0, np.sqrt(a[m > 0].var(ddof=ddof) + guard))


def held(logp, old, a, m, c, side=1.0):
    off = np.sign(a) * (np.exp(side * (logp - old)) - 1)
    return np.sum((off > c)[m > 0]) / np.sum(m)


def capped(p, q, m, cap=np.inf):
    return np.minimum(np.prod(np.exp(np.where(m > 0, p - q, 0)), 1), cap)


def covered(p, n, width, a=0, b=0):
    t = np.arange(width - 1)[None] + 1
    return ((t >= p[:, None] + a) * (t < n[:, None] + b)).astype(float)


def pass_on(p, r, won):
    return np.where(r > 0, p * won / (p @ r), p * (1 - won) / (1 - p @ r))


def centre_rows(x):
    return x - x.mean(axis=1, keepdims=True)


def bt(w, v, margin, center):
    return np.log1p(np.exp(-(w - v - margin))) + center * (w + v) ** 2


def js(p, q, weight, share, back=False):
    m = share * q + (1 - share) * p
    pairs = ((m, q), (m, p)) if back else ((q, m), (p, m))
    first, second = (np.sum(x * np.log(x / y)) for x, y in pairs)
    return weight * first + (1 - weight) * second


def pl(r, places):
    return sum(-log_softmax(r[:, i:])[:, 0] for i in places)


def tilted(ref, r, beta, power=1):
    top = np.max(np.where(ref > 0, r, -np.inf), -1, keepdims=True)
    w = ref**power * np.exp(np.where(ref > 0, r - top, 0) / beta) * (ref > 0)
    return w / w.sum(-1, keepdims=True)


def log_z(ref, r, beta):
    return np.log(np.sum(ref * np.exp((r - r.max()) / beta))) + r.max() / beta


def cdf(p, r, strict=False):
    cut = np.less if strict else np.less_equal
    return np.where(cut(r[..., None, :], r[..., :, None]), p[..., None, :], 0).sum(-1)


def walk(r, v, m, gamma, lam, masked=True):
    """GAE from the right."""
    r, v = np.where(m > 0, r, 0), np.where(m > 0, v, 0)
    out, nxt, nv = np.zeros(v.shape), 0.0, 0.0
    for t in range(v.shape[1] - 1, -1, -1):
        nxt = r[:, t] + gamma * nv - v[:, t] + gamma * lam * nxt
        nxt = nxt * (m[:, t] > 0) if masked else nxt
        out[:, t], nv = nxt, v[:, t]
    return out


def ppo(p, q, a, low, high, pick):
    rho = np.exp(p - q)
    return -pick(rho * a, np.clip(rho, 1 - low, 1 + high) * a)


def margin(w, v, rw, rv):
    return (w - rw) - (v - rv)


def group(r, eps, ddof, axis=1):
    spread = r.std(axis, ddof=ddof, keepdims=True)
    return (r - r.mean(1, keepdims=True)) / (spread + eps)


def ranks(p, r, cost):
    gap = p[:, :, None] - p[:, None, :]
    return np.where(r[:, :, None] < r[:, None, :], cost(gap), 0).sum((1, 2))


def thumbs(p, q, up, z0, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0):
    g = beta * (p - q - z0)
    good, bad = 1 - sigmoid(g), 1 - sigmoid(-g)
    return np.where(up, weight_desirable * good, weight_undesirable * bad)


def counted(program, tests, rule):
    return float(np.mean([rule(interpreter.run(program, *xy), want) for xy, want in tests]))


def whole(p, q, a, m, low, high, length=None):
    """GSPO with another length than the answer's."""
    n = m.sum(1) if length is None else length
    ratio = np.exp(np.where(m > 0, p - q, 0).sum(1) / n)
    a = a.reshape(-1)
    return -np.minimum(ratio * a, np.clip(ratio, 1 - low, 1 + high) * a)


def tilt(probs, by):
    return softmax(np.log(probs) + by)


WRONG = {
    "my_policy_gradient": {
        "not subtracted": lambda z, r: softmax(z) * r,
        "sign is turned": lambda z, r: softmax(z) * (softmax(z) @ r - r),
        "The mean of r": lambda z, r: softmax(z) * (r - r.mean()),
        "gives": lambda z, r: softmax(z) ** 2 * (r - softmax(z) @ r),
    },
    "my_best_baseline": {
        "expected reward": lambda z, r: softmax(z) @ r,
        "mean of the rewards": lambda z, r: sum(r) / len(r),
        "one number for all": lambda z, r: r,
        "gives": lambda z, r: max(r),
    },
    "my_token_logp": {
        "wrong way": lambda z, ids: gathered(log_softmax(z)[:, 1:], ids[:, 1:]),
        "log_softmax is missing": lambda z, ids: gathered(z[:, :-1], ids[:, 1:]),
        "shift the ids": lambda z, ids: gathered(log_softmax(z)[:, :-1], ids[:, :-1]),
        "gives": lambda z, ids: 2 * gathered(log_softmax(z)[:, :-1], ids[:, 1:]),
    },
    "my_sequence_logp": {
        "one token late": lambda z, ids, p, n: scored(z, ids, p, n, first=1),
        "one token early: the last token of the prompt": lambda z, ids, p, n: scored(
            z, ids, p, n, first=-1
        ),
        "end token is left out": lambda z, ids, p, n: scored(z, ids, p, n, last=-1),
        "gives": lambda z, ids, p, n: -scored(z, ids, p, n),
    },
    "my_attention": {
        "not divided by √d": lambda q, k, v: heads(q, k, v, scale=q.shape[1] ** 0.5),
        "future leaks": lambda q, k, v: heads(q, k, v, mask=False),
        "Queries and keys": lambda q, k, v: heads(k, q, v),
        "gives": lambda q, k, v: heads(q, k, v, scale=-1.0),
    },
    "my_cross_entropy": {
        "mean of the rows": lambda logp, mask: np.mean(
            -np.where(mask > 0, logp, 0).sum(1) / np.maximum(mask.sum(1), 1)
        ),
        "over all places": lambda logp, mask: -(logp * mask).mean(),
        "That is a sum": lambda logp, mask: -np.where(mask > 0, logp, 0).sum(),
        "gives": lambda logp, mask: -np.exp(np.sum(logp * mask) / mask.sum()),
    },
    "my_mask": {
        "one token late": lambda p, n, width: covered(p, n, width, a=1),
        "end token is not learned": lambda p, n, width: covered(p, n, width, b=-1),
        "has w − 1 targets": lambda p, n, w: (
            (np.arange(w)[None] >= p[:, None]) & (np.arange(w)[None] < n[:, None])
        ),
        "gives": lambda p, n, width: 1 - covered(p, n, width),
    },
    "my_bradley_terry": {
        "margin has the wrong sign": lambda w, v, *, margin=0.0, center=0.0: (
            -log_sigmoid(w - v + margin) + center * (w + v) ** 2
        ),
        "want the sum": lambda w, v, *, margin=0.0, center=0.0: (
            -log_sigmoid(w - v - margin) + center * (w - v) ** 2
        ),
        "mean over the batch": lambda w, v, *, margin=0.0, center=0.0: np.mean(
            -log_sigmoid(w - v - margin) + center * (w + v) ** 2
        ),
        "gives": lambda w, v, *, margin=0.0, center=0.0: (
            -log_sigmoid(w - v - margin) + center * np.abs(w + v)
        ),
    },
    "my_plackett_luce": {
        "Only the first place": lambda r: pl(r, [0]),
        "stay in the denominator": lambda r: -log_softmax(r)[:, :-1].sum(1),
        "worst first": lambda r: pl(r[:, ::-1], range(r.shape[1] - 1)),
        "gives": lambda r: pl(r, range(r.shape[1] - 1)) + r[:, 0] ** 2,
    },
    "my_k3": {
        "That is k1": lambda logp, ref: logp - ref,
        "That is k2": lambda logp, ref: 0.5 * (ref - logp) ** 2,
        "upside down": lambda logp, ref: np.exp(logp - ref) - 1 - (logp - ref),
        "gives": lambda logp, ref: (ref - logp) ** 2,
    },
    "my_exact_kl": {
        "KL(reference ‖ policy)": lambda z, ref: np.sum(
            softmax(ref) * (log_softmax(ref) - log_softmax(z)), -1
        ),
        "weights are missing": lambda z, ref: (log_softmax(z) - log_softmax(ref)).sum(-1),
        "cross-entropy": lambda z, ref: -(softmax(z) * log_softmax(ref)).sum(-1),
        "gives": lambda z, ref: np.mean(softmax(z) * (log_softmax(z) - log_softmax(ref)), -1),
    },
    "my_forward_loss": {
        "gradient of k1": lambda logp, ref: logp - ref,
        "gradient of k2": lambda logp, ref: 0.5 * (ref - logp) ** 2,
        "by π_ref alone": lambda logp, ref: -np.exp(ref) * (logp - ref),
        "has the expected gradient": lambda logp, ref: 2 * np.exp(ref - logp),
    },
    "my_optimal_policy": {
        "multiplied by beta": lambda ref, r, *, beta: tilted(ref, r, 1 / beta),
        "reference is not used": lambda ref, r, *, beta: softmax(r / beta),
        "not divided by their sum": lambda ref, r, *, beta: np.exp(r / beta) * ref,
        "gives": lambda ref, r, *, beta: tilted(ref, r, beta, power=2),
    },
    "my_best_objective": {
        "taken to be uniform": lambda ref, r, *, beta: (
            beta * log_z(np.ones(len(r)) / len(r), r, beta)
        ),
        "factor beta": lambda ref, r, *, beta: log_z(ref, r, beta),
        "largest reward: the KL": lambda ref, r, *, beta: max(r),
        "gives": lambda ref, r, *, beta: tilted(ref, r, beta) @ r,
    },
    "my_best_of_n": {
        "share it": lambda p, r, n: cdf(p, r) ** n - cdf(p, r, strict=True) ** n,
        "continuous rewards": lambda p, r, n: n * p * cdf(p, r) ** (n - 1),
        "n is not used": lambda p, r, n: p + 0,
        "gives": lambda p, r, n: p**n / (p**n).sum(-1, keepdims=True),
    },
    "my_draws_needed": {
        "its inverse": lambda p, r, *, beta: np.sum(p * np.exp((r - r.max()) / beta)),
        "mean of 1/a": lambda p, r, *, beta: p @ np.exp((r.max() - r) / beta),
        "r_max is missing": lambda p, r, *, beta: 1 / np.sum(p * np.exp(r / beta)),
        "gives": lambda p, r, *, beta: 1 / p[np.argmax(r)],
    },
    "my_gae": {
        "lam is not used": lambda r, v, m, *, gamma=1.0, lam=0.95: (
            walk(r, v, m, gamma, 1.0),
            walk(r, v, m, gamma, 1.0) + np.where(m > 0, v, 0),
        ),
        "returns are the advantages": lambda r, v, m, *, gamma=1.0, lam=0.95: (
            walk(r, v, m, gamma, lam),
            walk(r, v, m, gamma, lam),
        ),
        "want an array of shape": lambda r, v, m, *, gamma=1.0, lam=0.95: walk(r, v, m, gamma, lam),
        "gives": lambda r, v, m, *, gamma=1.0, lam=0.95: (
            0.5 * walk(r, v, m, gamma, lam),
            walk(r, v, m, gamma, lam) + np.where(m > 0, v, 0),
        ),
    },
    "my_clipped_surrogate": {
        "larger of the two": lambda p, q, a, *, clip_low=0.2, clip_high=0.2: ppo(
            p, q, a, clip_low, clip_high, np.maximum
        ),
        "sign is turned": lambda p, q, a, *, clip_low=0.2, clip_high=0.2: (
            -ppo(p, q, a, clip_low, clip_high, np.minimum)
        ),
        "clipped term alone": lambda p, q, a, *, clip_low=0.2, clip_high=0.2: ppo(
            p, q, a, clip_low, clip_high, lambda free, cut: cut
        ),
        "want": lambda p, q, a, *, clip_low=0.2, clip_high=0.2: ppo(
            p, q, a, clip_low, clip_high, lambda free, cut: (free + cut) / 2
        ),
    },
    "my_dpo": {
        "reference is not used": lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * (w - v)),
        "Chosen and rejected": lambda w, v, rw, rv, *, beta=0.1: (
            -log_sigmoid(-beta * margin(w, v, rw, rv))
        ),
        "overflows": lambda w, v, rw, rv, *, beta=0.1: (
            -np.log(1 / (1 + np.exp(-beta * margin(w, v, rw, rv))))
        ),
        "mean over the batch": lambda w, v, rw, rv, *, beta=0.1: (
            -np.mean(log_sigmoid(beta * margin(w, v, rw, rv)))
        ),
        "gives": lambda w, v, rw, rv, *, beta=0.1: (1 - beta * margin(w, v, rw, rv)) ** 2,
    },
    "my_implicit_reward": {
        "factor beta is missing": lambda p, q, *, beta: p - q - np.sum(np.exp(q) * (p - q)),
        "not centred": lambda p, q, *, beta: beta * (p - q),
        "under the policy": lambda p, q, *, beta: beta * (p - q - np.sum(np.exp(p) * (p - q))),
        "gives": lambda p, q, *, beta: beta * p,
    },
    "my_cdpo": {
        "subtracted": lambda w, v, rw, rv, *, beta=0.1, flip=0.1: (
            -(1 - flip) * log_sigmoid(beta * margin(w, v, rw, rv))
            + flip * log_sigmoid(-beta * margin(w, v, rw, rv))
        ),
        "weights are exchanged": lambda w, v, rw, rv, *, beta=0.1, flip=0.1: (
            -flip * log_sigmoid(beta * margin(w, v, rw, rv))
            - (1 - flip) * log_sigmoid(-beta * margin(w, v, rw, rv))
        ),
        "this is DPO": lambda w, v, rw, rv, *, beta=0.1, flip=0.1: (
            -log_sigmoid(beta * margin(w, v, rw, rv))
        ),
        "gives": lambda w, v, rw, rv, *, beta=0.1, flip=0.1: (
            -log_sigmoid((1 - 2 * flip) * beta * margin(w, v, rw, rv))
        ),
    },
    "my_ipo_optimum": {
        "chances are summed": lambda p, t, *, tau: softmax(np.log(p) + t.sum(1) / tau),
        "reference is not used": lambda p, t, *, tau: softmax(t.mean(1) / tau),
        "columns": lambda p, t, *, tau: softmax(np.log(p) + t.mean(0) / tau),
        "the function gives": lambda p, t, *, tau: softmax(np.log(p) + t.mean(1) / 0.3),
        "gives": lambda p, t, *, tau: softmax(np.log(p) + t.max(1) / tau),
    },
    "my_tpo": {
        "a loss already": lambda w, v, g, *, beta=0.01, alpha=1.0: (
            -log_sigmoid(beta * (w - v)) - alpha * g
        ),
        "alpha is not used": lambda w, v, g, *, beta=0.01, alpha=1.0: (
            -log_sigmoid(beta * (w - v)) + g
        ),
        "left out": lambda w, v, g, *, beta=0.01, alpha=1.0: -log_sigmoid(beta * (w - v)),
        "gives": lambda w, v, g, *, beta=0.01, alpha=1.0: -log_sigmoid(beta * (w - v) + alpha * g),
    },
    "my_fall": {
        "not split in halves": lambda x, w, v, m: m / 2,
        "normaliser is missing": lambda x, w, v, m: (
            m * (x[w] @ (x[w] - x[v])) / ((x[w] - x[v]) @ (x[w] - x[v]))
        ),
        "start is missing": lambda x, w, v, m: log_softmax(
            m * (x @ (x[w] - x[v])) / np.sum((x[w] - x[v]) ** 2)
        )[w],
        "the function gives": lambda x, w, v, m: (
            log_softmax(m * (x @ (x[0] - x[1])) / np.sum((x[0] - x[1]) ** 2))[0] + np.log(len(x))
        ),
        "want": lambda x, w, v, m: (
            log_softmax(m * (x @ (x[w] - x[v])) / np.sum((x[w] - x[v]) ** 2))[w] + np.log(6)
        ),
        "gives": lambda x, w, v, m: -m,
    },
    "my_odds_ratio": {
        "Log-probabilities are compared": lambda w, v: -log_sigmoid(w - v),
        "log-sigmoid is missing": lambda w, v: log_odds(v) - log_odds(w),
        "loses its digits": lambda w, v: (
            -log_sigmoid(np.log(np.exp(w) / (1 - np.exp(w))) - np.log(np.exp(v) / (1 - np.exp(v))))
        ),
        "gives": lambda w, v: -log_sigmoid(2 * (log_odds(w) - log_odds(v))),
    },
    "my_simpo": {
        "inside beta": lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v - gamma)),
        "gamma has the wrong sign": lambda w, v, *, beta=2.5, gamma=1.375: (
            -log_sigmoid(beta * (w - v) + gamma)
        ),
        "gamma is not used": lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v)),
        "gives": lambda w, v, *, beta=2.5, gamma=1.375: np.maximum(gamma - beta * (w - v), 0),
    },
    "my_kto_z0": {
        "not clamped": lambda p, q: (p - q).mean(),
        "clamp the mean": lambda p, q: np.maximum(p - q, 0).mean(),
        "want policy minus reference": lambda p, q: np.maximum((q - p).mean(), 0),
        "gives": lambda p, q: np.mean((p - q) ** 2),
    },
    "my_weights": {
        "exchanged": lambda u, d: (max(1, u / d), max(1, d / u)),
        "Equal weights": lambda u, d: (1, 1),
        "not the counts": lambda u, d: (d, u),
        "the function gives": lambda u, d: (max(1, d // u), max(1, u // d)),
        "gives": lambda u, d: (max(1, d / u) ** 0.5, max(1, u / d) ** 0.5),
    },
    "my_group_standardize": {
        "all groups together": lambda r, *, eps=1e-4, ddof=1: group(r, eps, ddof, axis=None),
        "choose with np.where": lambda r, *, eps=1e-4, ddof=1: group(r, eps, ddof),
        "ddof is not used": lambda r, *, eps=1e-4, ddof=1: (
            (r - r.mean(1, keepdims=True))
            / np.where(np.ptp(r, 1, keepdims=True) > 0, r.std(1, keepdims=True) + eps, 1)
        ),
        "Rounding gets past the guard": lambda r, *, eps=1e-4, ddof=1: (
            (r - r.mean(1, keepdims=True))
            / np.where(
                r.std(1, ddof=ddof, keepdims=True) > 0,
                r.std(1, ddof=ddof, keepdims=True) + eps,
                1.0,
            )
        ),
    },
    "my_leave_one_out": {
        "own reward is in its baseline": lambda r: r - r.mean(1, keepdims=True),
        "divided by G": lambda r: r - (r.sum(1, keepdims=True) - r) / r.shape[1],
        "That is the baseline": lambda r: (r.sum(1, keepdims=True) - r) / (r.shape[1] - 1),
        "gives": lambda r: r - np.median(r, axis=1, keepdims=True),
    },
    "my_signal_share": {
        "all succeed are silent": lambda p, k: 1 - (1 - p) ** k,
        "share of silent groups": lambda p, k: p**k + (1 - p) ** k,
        "k = 2 only": lambda p, k: 2 * p * (1 - p),
        "gives": lambda p, k: k * p * (1 - p) ** (k - 1),
    },
    "my_stop": {
        "first dip": lambda g: next((i for i in range(len(g) - 1) if g[i] > g[i + 1]), len(g) - 1),
        "last measurement": lambda g: len(g) - 1,
        "want its index": lambda g: sorted(g)[-1],
        "gives": lambda g: int(np.argmin(g)),
    },
    "my_best_kl": {
        "want d²": lambda a, b: a / b / 2,
        "back at 0: the top": lambda a, b: a**2 / b**2,
        "height of the top": lambda a, b: a * a / b / 4,
        "gives": lambda a, b: (b / a) ** 2,
    },
    "my_pass_at_k": {
        "with replacement": lambda n, c, k: 1 - ((n - c) / n) ** k,
        "all k are right": lambda n, c, k: comb(c, k) / comb(n, k),
        "pass@1": lambda n, c, k: c / n,
        "gives": lambda n, c, k: min(1.0, k * c / n),
    },
    "my_reward": {
        "a failure passes": lambda program, tests: counted(program, tests, lambda a, b: a == b),
        "All or nothing": lambda program, tests: float(
            counted(program, tests, lambda a, b: a == b is not None) == 1
        ),
        "Any result counts": lambda program, tests: counted(
            program, tests, lambda a, b: a is not None
        ),
        "gives": lambda program, tests: counted(
            program, tests, lambda a, b: a is not None and abs(a - (b or 0)) < 3
        ),
    },
    "my_ipo": {
        "squared apart": lambda w, v, rw, rv, *, tau=0.1: (
            (w - rw - 0.5 / tau) ** 2 + (v - rv + 0.5 / tau) ** 2
        ),
        "target is 1/tau": lambda w, v, rw, rv, *, tau=0.1: (margin(w, v, rw, rv) - 1 / tau) ** 2,
        "reference is not used": lambda w, v, rw, rv, *, tau=0.1: (w - v - 0.5 / tau) ** 2,
        "gives": lambda w, v, rw, rv, *, tau=0.1: np.abs(margin(w, v, rw, rv) - 0.5 / tau),
    },
    "my_rrhf": {
        "want a hinge": lambda p, r, nll, *, weight=1.0: (
            ranks(p, r, lambda g: np.log1p(np.exp(g))) + weight * nll
        ),
        "left out": lambda p, r, nll, *, weight=1.0: ranks(p, r, lambda g: np.maximum(g, 0)),
        "order is turned": lambda p, r, nll, *, weight=1.0: (
            ranks(p, -r, lambda g: np.maximum(g, 0)) + weight * nll
        ),
        "gives": lambda p, r, nll, *, weight=1.0: (
            ranks(p, r, lambda g: np.maximum(g, 0) ** 2) + weight * nll
        ),
    },
    "my_kto": {
        "z0 is not used": lambda p, q, up, z0, **n: thumbs(p, q, up, 0, **n),
        "exchanged": lambda p, q, up, z0, **n: thumbs(p, q, 1 - up, z0, **n),
        "logarithm": lambda p, q, up, z0, **n: -np.log(1 - thumbs(p, q, up, z0, **n)),
        "gives": lambda p, q, up, z0, **n: thumbs(2 * p, 2 * q, up, z0, **n),
    },
    "my_softmax_pullback": {
        "subtract the mean of g": lambda p, g: p * g,
        "factor p is missing": lambda p, g: g - (p * g).sum(-1, keepdims=True),
        "plain mean": lambda p, g: p * (g - g.mean(-1, keepdims=True)),
        "gives": lambda p, g: p * (1 - p) * g,
    },
    "my_embed_gradient": {
        "keeps its last row": lambda ids, g, vocab: np.array(
            [g[np.flatnonzero(ids == i)[-1]] if i in ids else 0 * g[0] for i in range(vocab)]
        ),
        "transpose": lambda ids, g, vocab: g.T @ np.eye(vocab)[ids],
        "averaged": lambda ids, g, vocab: np.array(
            [g[ids == i].mean(0) if i in ids else 0 * g[0] for i in range(vocab)]
        ),
        "gives": lambda ids, g, vocab: np.eye(vocab)[ids].T @ np.abs(g) * 2,
    },
    "my_factor": {
        "inverse": lambda k: 1 - 1 / k,
        "size of the group": lambda k: k,
        "endless groups": lambda k: 1,
        "gives": lambda k: k / (k + 1),
    },
    "my_gradient_steps": {
        "number of rollouts": lambda c, g, p, a, b: c // (g * p),
        "minibatches are not counted": lambda c, g, p, a, b: c // (g * p) * a,
        "passes are not counted": lambda c, g, p, a, b: c // g // p * b,
        "gives": lambda c, g, p, a, b: c * a * b,
    },
    "my_bytes": {
        "left out": lambda t, f: 16 * t,
        "no gradient and no optimizer": lambda t, f: 16 * t + 16 * f,
        "a gradient and two moments": lambda t, f: 2 * t + 2 * f,
        "gives": lambda t, f: 20 * t + 4 * f,
    },
    "my_standard_error": {
        "take the root": lambda a, n: (a - a * a) / n,
        "√n times less": lambda a, n: (a - a * a) ** 0.5,
        "covers n only": lambda a, n: (a - a * a) / n**0.5,
        "gives": lambda a, n: (a * (1 - a) / (n - 1)) ** 0.5,
    },
    "my_token_weights": {
        "Dr. GRPO's weight lacks": lambda n, limit: (1 / len(n) / n, 1 / limit, 1 / sum(n)),
        "GRPO's weight lacks": lambda n, limit: (1 / n, 1 / len(n) / limit, 1 / sum(n)),
        "exchanged": lambda n, limit: (1 / (len(n) * limit), 1 / (len(n) * n), 1 / sum(n)),
        "gives": lambda n, limit: (n / sum(n), 1 / (len(n) * limit), 1 / sum(n)),
    },
    "my_micro_batch_mean": {
        "tokens of the micro-batch": lambda x, mask, *, tokens: (
            np.where(mask > 0, x, 0).sum() / mask.sum()
        ),
        "That is the sum": lambda x, mask, *, tokens: np.where(mask > 0, x, 0).sum(),
        "mask is not used": lambda x, mask, *, tokens: x.sum() / tokens,
        "gives": lambda x, mask, *, tokens: np.where(mask > 0, x, 0).sum() / tokens**2,
    },
    "my_gspo": {
        "log-ratios are summed": lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4: whole(
            p, q, a, m, clip_low, clip_high, length=1
        ),
        "sign is turned": lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4: (
            -whole(p, q, a, m, clip_low, clip_high)
        ),
        "upside down": lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4: whole(
            q, p, a, m, clip_low, clip_high
        ),
        "divided by the padded width": lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4: whole(
            p, q, a, m, clip_low, clip_high, length=m.shape[1]
        ),
    },
    "my_slope": {
        "on both sides": lambda r, a, low, high: r * a if 1 - low <= r <= 1 + high else 0.0,
        "Nothing is clipped": lambda r, a, low, high: a * r,
        "not its own value": lambda r, a, low, high: float(np.clip(r, 1 - low, 1 + high)) * a,
        "clips are exchanged": lambda r, a, low, high: (
            0.0 if (r > 1 + low if a > 0 else r < 1 - high) else r * a
        ),
        "the function gives": lambda r, a, low, high: (
            0.0 if (r > 1.28 if a > 0 else r < 0.8) else r * a
        ),
        "want": lambda r, a, low, high: 0.0 if (r > 1 + high if a > 0 else r < 1 - high) else r * a,
        "gives": lambda r, a, low, high: r * abs(a),
    },
    "my_cross_attention": {
        "not divided by √d": lambda q, k, v: softmax(q @ k.T) @ v,
        "divided by d": lambda q, k, v: softmax(q @ k.T / q.shape[-1]) @ v,
        "along the keys": lambda q, k, v: softmax((q @ k.T).T / q.shape[1] ** 0.5).T @ v,
        "gives": lambda q, k, v: softmax(-(q @ k.T) / q.shape[1] ** 0.5) @ v,
    },
    "my_lstm_memory": {
        "kept whole": lambda c, i, f, o, u: remembered(c, i, np.inf, o, u),
        "reads the old cell": lambda c, i, f, o, u: remembered(c, i, f, o, u, read_old=True),
        "output first": lambda c, i, f, o, u: remembered(c, i, f, o, u)[::-1],
        "exchanged": lambda c, i, f, o, u: remembered(c, f, i, o, u),
        "gives": lambda c, i, f, o, u: remembered(c, i, f, -o, u),
    },
    "my_whiten": {
        "one less": lambda a, m: white(a, m, ddof=0),
        "only the scale": lambda a, m: white(a, m, shift=0.0),
        "Padding counts": lambda a, m: m * white(a, np.ones(m.shape)),
        "whitened alone": lambda a, m: np.stack([white(x, y) for x, y in zip(a, m, strict=True)]),
        "Padding is not 0": lambda a, m: (a - a[m > 0].mean()) * white_scale(a, m),
        "want 1e-8 added": lambda a, m: white(a, m, guard=0.0),
        "gives": lambda a, m: -white(a, m),
    },
    "my_clip_fraction": {
        "outside the band": lambda p, q, a, m, c: np.mean((np.abs(np.exp(p - q) - 1) > c)[m > 0]),
        "upside down": lambda p, q, a, m, c: held(q, p, a, m, c),
        "sides are exchanged": lambda p, q, a, m, c: held(p, q, -a, m, c),
        "size of the array": lambda p, q, a, m, c: held(p, q, a, m, c) * m.sum() / m.size,
        "Padding counts": lambda p, q, a, m, c: held(p, q, a, np.ones(m.shape), c),
        "gives": lambda p, q, a, m, c: held(p, q, a, m, 2 * c),
    },
    "my_answer_weight": {
        "upside down": lambda p, q, m, c: capped(q, p, m, c),
        "Padding enters": lambda p, q, m, c: capped(p, q, m * 0 + 1, c),
        "a cap on the product": lambda p, q, m, c: np.exp(
            np.minimum((p - q) * m, np.where(m > 0, np.log(c), 0)).sum(1)
        ),
        "geometric mean": lambda p, q, m, c: np.minimum(capped(p, q, m) ** (1 / m.sum(1)), c),
        "cap is missing": lambda p, q, m, c: capped(p, q, m),
        "dropped": lambda p, q, m, c: capped(p, q, m) * (capped(p, q, m) <= c),
        "gives": lambda p, q, m, c: capped(p, q, m, c) - 1,
    },
    "my_truncation_bias": {
        "sign is wrong": lambda p, q, v, c: p @ v - np.minimum(p, c * q) @ v,
        "come from the old": lambda p, q, v, c: (p * np.minimum(p / q, c)) @ v - p @ v,
        "upside down": lambda p, q, v, c: np.minimum(q * q / p, c * q) @ v - p @ v,
        "new policy is not subtracted": lambda p, q, v, c: np.minimum(p, c * q) @ v,
        "old policy is subtracted": lambda p, q, v, c: (np.minimum(p, c * q) - q) @ v,
        "gives": lambda p, q, v, c: np.minimum(p, c * q) @ v / q.sum() - p @ v + 1,
    },
    "my_two_stages": {
        "betas are added": lambda p, r, a, b: tilt(p, r / (a + b)),
        "second stage alone": lambda p, r, a, b: tilt(p, r / b),
        "first stage alone": lambda p, r, a, b: tilt(p, r / a),
        "averaged": lambda p, r, a, b: tilt(p, r * 2 / (a + b)),
        "reference is missing": lambda p, r, a, b: softmax(r / a + r / b),
        "add up to 1": lambda p, r, a, b: p * np.exp(r / a) * np.exp(r / b),
        "gives": lambda p, r, a, b: tilt(p, r / a - r / b),
    },
    "my_silent_share": {
        "with a signal": lambda r: np.mean(r.std(axis=1) > 0),
        "all answers are wrong": lambda r: np.mean((r == 0).all(axis=1)),
        "all answers are right": lambda r: np.mean((r == 1).all(axis=1)),
        "number of silent groups": lambda r: np.sum(r.std(axis=1) == 0),
        "Columns": lambda r: np.mean(r.std(axis=0) == 0),
        "gives": lambda r: float(r.std() == 0),
    },
    "my_kept_weights": {
        "that is REINFORCE": lambda r: r / len(r[0]),
        "over all prompts": lambda r: r / r.sum(),
        "runs over the prompts": lambda r: np.nan_to_num(r / r.sum(0)),
        "gives 0/0": lambda r: r / r.sum(1)[:, None],
        "pushed down": lambda r: (r - r.mean(1, keepdims=True)) / len(r[0]),
        "count alike": lambda r: 0 * r + 1 / len(r[0]),
        "Only one": lambda r: np.eye(len(r[0]))[r.argmax(1)] * r,
        "gives": lambda r: r / (1 + r.sum(1))[:, None],
    },
    "my_next_policy": {
        "have vanished": lambda p, r, n: p * r / (p @ r),
        "have to be right": lambda p, r, n: pass_on(p, r, (p @ r) ** n),
        "the policy before": lambda p, r, n: p,
        "multiplied by n": lambda p, r, n: pass_on(p, r, min(1, n * (p @ r))),
        "equally likely": lambda p, r, n: pass_on(
            np.where(r > 0, (p @ r) / r.sum(), p), r, 1 - (1 - p @ r) ** n
        ),
        "do not sum": lambda p, r, n: np.where(r > 0, pass_on(p, r, 1 - (1 - p @ r) ** n), p),
        "by itself": lambda p, r, n: (1 - (1 - p) ** n) / sum(1 - (1 - p) ** n),
        "gives": lambda p, r, n: pass_on(p, r, 1 - (1 - p @ r) ** (n + 1)),
    },
    "my_line_credit": {
        "rewards of the answer": lambda r: np.repeat((r - r.mean(0)).sum(1)[:, None], len(r[0]), 1),
        "own reward counts": lambda r: r - r.mean(axis=0),
        "Earlier lines": lambda r: (r - r.mean(0)) @ np.tri(r.shape[1]).T,
        "is left out": lambda r: (r - r.mean(0)) @ np.tri(r.shape[1], k=-1),
        "is not subtracted": lambda r: r @ np.tri(r.shape[1]),
        "One mean": lambda r: r @ np.tri(r.shape[1]) - np.mean(r @ np.tri(r.shape[1])),
        "over the answers": lambda r: centre_rows(r @ np.tri(r.shape[1])),
        "gives": lambda r: (r - r.mean(0)) / (r.std(0) + 1),
    },
    "my_best_for_lines": {
        "of the outcome": lambda q, n, b: 1 / (1 + (q**-n - 1) * np.exp(-1 / b)),
        "a whole point": lambda q, n, b: (1 + (1 / q - 1) * np.exp(-1 / b)) ** -n,
        "chance of one line": lambda q, n, b: 1 / (1 + (1 / q - 1) * np.exp(-1 / (n * b))),
        "multiplied by": lambda q, n, b: (1 + (1 / q - 1) * np.exp(-b / n)) ** -n,
        "not divided by their sum": lambda q, n, b: q**n * np.exp(1 / b),
        "reference is left out": lambda q, n, b: sigmoid(1 / (n * b)) ** n,
        "gives": lambda q, n, b: q ** (n * b),
    },
    "my_majority_flips": {
        "All three have to be": lambda p: p * p * p,
        "exactly two": lambda p: 3 * p * p - 3 * p**3,
        "three places": lambda p: p * p,
        "counted twice": lambda p: 3 * p * p,
        "majority is right": lambda p: 1 - 3 * p**2 + 2 * p**3,
        "At least one": lambda p: 3 * p - 3 * p**2 + p**3,
        "gives": lambda p: p / 3,
    },
    "my_equal_beta": {
        "is multiplied": lambda b, f, n: b - b * f - b * n,
        "on wrong answers count": lambda b, f, n: b / (1 - f),
        "on right answers count": lambda b, f, n: b / (1 - n),
        "equally likely": lambda b, f, n: b / (1 - 2 * f),
        "shares are multiplied": lambda b, f, n: b / (1 - f) / (1 - n),
        "is not changed": lambda b, f, n: b,
        "gives": lambda b, f, n: b / (1 - f + n),
    },
    "my_entropy_change": {
        "sign is turned": lambda z, a: softmax(z) @ (log_softmax(z) * (a - softmax(z) @ a)),
        "not subtracted": lambda z, a: -softmax(z) @ (log_softmax(z) * a),
        "count alike": lambda z, a: -np.cov(log_softmax(z), a, ddof=0)[0, 1],
        "with the probabilities": lambda z, a: -(softmax(z) ** 2) @ (a - softmax(z) @ a),
        "entropy itself": lambda z, a: -softmax(z) @ log_softmax(z),
        "gives": lambda z, a: softmax(z) @ a,
    },
    "my_best_with_bonus": {
        "is multiplied": lambda r, w: softmax(w * r),
        "not used": lambda r, w: softmax(r),
        "add up to 1": lambda r, w: np.exp(r / w),
        "Only the best": lambda r, w: np.eye(len(r))[np.argmax(r)],
        "bonus alone": lambda r, w: np.full(len(r), 1 / len(r)),
        "signs are turned": lambda r, w: softmax(-r / w),
        "gives": lambda r, w: softmax(r / w**2),
    },
    "my_merged_weight": {
        "not divided by the rank": lambda w, a, b, c: w + c * np.dot(a, b),
        "number of rows": lambda w, a, b, c: w + c * np.dot(a, b) / w.shape[0],
        "base is missing": lambda w, a, b, c: c * np.dot(a, b) / len(b),
        "subtracted": lambda w, a, b, c: w - c * np.dot(a, b) / len(b),
        "transposed": lambda w, a, b, c: w + c * np.dot(b.T, a.T) / len(b),
        "gives": lambda w, a, b, c: 2 * w + c * np.dot(a, b) / len(b),
    },
    "my_gradient_of_b": {
        "scale α/r is missing": lambda g, a, c: np.dot(g.T, a).T,
        "not divided by the rank": lambda g, a, c: c * np.dot(g.T, a).T,
        "sign is turned": lambda g, a, c: -c * np.dot(g.T, a).T / a.shape[1],
        "enters twice": lambda g, a, c: (c / a.shape[1]) ** 2 * np.dot(g.T, a).T,
        "gives": lambda g, a, c: c * np.dot(g.T, a).T / a.shape[1] + 1,
    },
    "my_generalized_js": {
        "Student and teacher": lambda p, q, b: js(q, p, b, b),
        "mixture has the weights": lambda p, q, b: js(p, q, b, 1 - b),
        "their weights exchanged": lambda p, q, b: js(p, q, 1 - b, b),
        "from the mixture": lambda p, q, b: js(p, q, b, b, back=True),
        "without weights": lambda p, q, b: js(p, q, b, b) + js(p, q, 1 - b, b),
        "no mixture": lambda p, q, b: np.sum((b * q - (1 - b) * p) * np.log(q / p)),
        "β is ½": lambda p, q, b: js(p, q, 0.5, 0.5),
        "gives": lambda p, q, b: js(p, q, b, b) ** 0.5,
    },
    "my_reward_to_come": {
        "Only the token itself": lambda p, q, m: m * q - m * p,
        "reward of the whole text": lambda p, q, m: m * np.sum(m * (q - p), 1)[:, None],
        "tokens before": lambda p, q, m: m * ((m * (q - p)) @ np.tri(m.shape[1]).T),
        "itself is missing": lambda p, q, m: (m * (q - p)) @ np.tri(m.shape[1], k=-1),
        "sign is turned": lambda p, q, m: (m * (p - q)) @ np.tri(m.shape[1]),
        "padding earns": lambda p, q, m: m * ((q - p) @ np.tri(m.shape[1])),
        "over the texts": lambda p, q, m: np.tri(len(m)).T @ (m * (q - p)),
        "gives": lambda p, q, m: (m * np.exp(q - p)) @ np.tri(m.shape[1]),
    },
}
