"""For every exercise of every walkthrough: a right solution, and a wrong one that looks right."""

from math import comb

import autograd.numpy as np

from tinyalign.losses.numerics import (
    log_odds,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
    stop_gradient,
)
from toy_envs import interpreter


def token_logp(logits, ids):
    """Log-probabilities of ids[:, 1:] under logits[:, :-1]."""
    return np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], axis=2)[..., 0]


def best_baseline(z, r):
    p = softmax(z)
    squared = np.sum((np.eye(len(z)) - p) ** 2, axis=1)
    return (p @ (r * squared)) / (p @ squared)


def sequence_logp(logits, ids, prompt_length, length, late=0):
    place = np.arange(1, ids.shape[1])
    first = prompt_length[:, None] + late
    mask = (place >= first) & (place < length[:, None])
    return np.sum(token_logp(logits, ids) * mask, axis=1)


def attention(q, k, v, scale=True):
    scores = q @ k.T / (np.sqrt(q.shape[1]) if scale else 1.0)
    return softmax(np.where(np.tri(len(q)) > 0, scores, -np.inf)) @ v


def lstm_memory(c, write, keep, read, what, forgets=True):
    c = (sigmoid(keep) if forgets else 1.0) * c + sigmoid(write) * np.tanh(what)
    return sigmoid(read) * np.tanh(c), c


def whitened(advantage, mask, ddof=1):
    kept = advantage[mask == 1]
    spread = np.sqrt(kept.var(ddof=ddof) + 1e-8)
    return np.where(mask == 1, (advantage - kept.mean()) / spread, 0)


def clip_fraction(logp, old_logp, advantage, mask, clip, both=False):
    off = np.exp(logp - old_logp) - 1
    held = np.abs(off) > clip if both else off * np.sign(advantage) > clip
    return held[mask == 1].mean()


def mask_of(prompt_length, length, width, late=0):
    place = np.arange(1, width)
    return (place >= prompt_length[:, None] + late) & (place < length[:, None])


def bradley_terry(w, v, *, margin=0.0, center=0.0, sign=-1):
    return -log_sigmoid(w - v + sign * margin) + center * (w + v) ** 2


def plackett_luce(r):
    tails = [-log_softmax(r[:, k:])[:, 0] for k in range(r.shape[1] - 1)]
    return sum(tails)


def optimal_policy(ref, r, *, beta):
    best = np.max(np.where(ref > 0, r, -np.inf), axis=-1, keepdims=True)
    weight = ref * np.exp(np.where(ref > 0, r - best, 0.0) / beta)
    return weight / np.sum(weight, axis=-1, keepdims=True)


def best_objective(ref, r, *, beta):
    top = np.max(r)
    return top + beta * np.log(np.sum(ref * np.exp((r - top) / beta)))


def best_of_n(ref, r, n, strict=False):
    at_most = np.sum(np.where(r[..., None, :] <= r[..., :, None], ref[..., None, :], 0.0), axis=-1)
    below = np.sum(np.where(r[..., None, :] < r[..., :, None], ref[..., None, :], 0.0), axis=-1)
    tied = 1.0 if strict else np.where(at_most > below, at_most - below, 1.0)
    return (ref if not strict else 1.0) / tied * (at_most**n - below**n)


def gae(reward, value, mask, *, gamma=1.0, lam=0.95, leak=False):
    reward, value = np.where(mask > 0, reward, 0.0), np.where(mask > 0, value, 0.0)
    advantage, carry, ahead = np.zeros(value.shape), 0.0, 0.0
    for t in reversed(range(value.shape[1])):
        delta = reward[:, t] + gamma * ahead - value[:, t]
        carry = delta + gamma * lam * carry
        carry = carry if leak else np.where(mask[:, t] > 0, carry, 0.0)
        ahead = value[:, t]
        advantage[:, t] = carry
    return advantage, (advantage + value) * (mask > 0)


def surrogate(logp, old, a, *, clip_low=0.2, clip_high=0.2, pick=np.minimum):
    ratio = np.exp(logp - old)
    return -pick(ratio * a, np.clip(ratio, 1 - clip_low, 1 + clip_high) * a)


def gspo(logp, old, a, mask, *, clip_low=3e-4, clip_high=4e-4, mean=True):
    total = np.sum(np.where(mask > 0, logp - old, 0.0), axis=1)
    ratio = np.exp(total / np.sum(mask, axis=1) if mean else total)
    a = np.reshape(a, ratio.shape)
    return -np.minimum(ratio * a, np.clip(ratio, 1 - clip_low, 1 + clip_high) * a)


def slope(ratio, a, clip_low, clip_high):
    stopped = ratio > 1 + clip_high if a > 0 else ratio < 1 - clip_low
    return 0.0 if stopped else ratio * a


def cdpo(w, v, rw, rv, *, beta=0.1, flip=0.1, sign=1):
    z = beta * (w - rw - v + rv)
    return -(1 - flip) * log_sigmoid(z) - sign * flip * log_sigmoid(-z)


def ipo_optimum(ref, preference, *, tau, wins=np.mean):
    logits = np.log(ref) + wins(preference, axis=1) / tau
    return softmax(logits)


def fall(features, chosen, rejected, margin):
    d = features[chosen] - features[rejected]
    return log_softmax(margin * features @ d / (d @ d))[chosen] + np.log(len(features))


def standardize(r, *, eps=1e-4, ddof=1, axis=1):
    centred = r - r[:, :1]
    centred = centred - np.mean(centred, axis=1, keepdims=True)
    spread = np.std(r - r[:, :1], axis=axis, ddof=ddof, keepdims=True)
    return centred / np.where(spread > 0, spread + eps, 1.0)


def first_fall(gold):
    return next((i for i in range(len(gold) - 1) if gold[i + 1] < gold[i]), len(gold) - 1)


def passed(program, tests, failures=False):
    results = [interpreter.run(program, *inputs) for inputs, _ in tests]
    right = [
        got == want and (failures or got is not None)
        for got, (_, want) in zip(results, tests, strict=True)
    ]
    return sum(right) / len(right)


def rrhf(p, r, nll, *, weight=1.0):
    hinges = np.maximum(p[:, :, None] - p[:, None, :], 0.0)
    return np.sum(np.where(r[:, :, None] < r[:, None, :], hinges, 0.0), (1, 2)) + weight * nll


def rrhf_of_the_note(p, r, nll, *, weight=1.0):
    soft = -log_sigmoid(p[:, None, :] - p[:, :, None])
    total = np.sum(np.where(r[:, :, None] < r[:, None, :], soft, 0.0), (1, 2))
    return total / (p.shape[1] * (p.shape[1] - 1)) + weight * nll


def kto(logp, ref, up, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0):
    gain = beta * (logp - ref - z0)
    return np.where(up, weight_desirable * sigmoid(-gain), weight_undesirable * sigmoid(gain))


def kto_without_z0(logp, ref, up, z0, **numbers):
    return kto(logp, ref, up, 0.0 * z0, **numbers)


def dpo(w, v, rw, rv, *, beta=0.1):
    return -log_sigmoid(beta * (w - rw - v + rv))


# page: {exercise: (right, wrong)}
def best(ref_probs, reward, beta):
    """The optimum of one stage, through logarithms."""
    return softmax(np.log(ref_probs) + reward / beta)


SOLUTIONS = {
    "00": {
        "my_policy_gradient": (
            lambda z, r: softmax(z) * (r - softmax(z) @ r),
            lambda z, r: softmax(z) * r,
        ),
        "my_best_baseline": (best_baseline, lambda z, r: softmax(z) @ r),
    },
    "01": {
        "my_token_logp": (
            token_logp,
            lambda z, ids: np.take_along_axis(log_softmax(z[:, 1:]), ids[:, 1:, None], axis=2)[
                ..., 0
            ],
        ),
        "my_sequence_logp": (
            sequence_logp,
            lambda z, ids, prompt_length, length: sequence_logp(
                z, ids, prompt_length, length, late=1
            ),
        ),
        "my_attention": (attention, lambda q, k, v: attention(q, k, v, scale=False)),
    },
    "02": {
        "my_cross_entropy": (
            lambda logp, mask: -np.sum(np.where(mask > 0, logp, 0.0)) / np.sum(mask),
            lambda logp, mask: (
                -np.mean(np.sum(np.where(mask > 0, logp, 0.0), axis=1) / np.sum(mask, axis=1))
            ),
        ),
        "my_mask": (mask_of, lambda *a: mask_of(*a, late=1)),
    },
    "03": {
        "my_bradley_terry": (
            bradley_terry,
            lambda w, v, *, margin=0.0, center=0.0: bradley_terry(
                w, v, margin=margin, center=center, sign=1
            ),
        ),
        "my_plackett_luce": (plackett_luce, lambda r: -np.sum(log_softmax(r)[:, :-1], axis=1)),
    },
    "04": {
        "my_k3": (
            lambda logp, ref: np.expm1(ref - logp) - (ref - logp),
            lambda logp, ref: np.expm1(logp - ref) - (logp - ref),
        ),
        "my_exact_kl": (
            lambda z, ref: np.sum(softmax(z) * (log_softmax(z) - log_softmax(ref)), axis=-1),
            lambda z, ref: np.sum(softmax(ref) * (log_softmax(ref) - log_softmax(z)), axis=-1),
        ),
        "my_forward_loss": (
            lambda logp, ref: np.exp(ref - logp),
            lambda logp, ref: 0.5 * (logp - ref) ** 2,
        ),
    },
    "05": {
        "my_optimal_policy": (
            optimal_policy,
            lambda ref, r, *, beta: optimal_policy(ref, r, beta=1 / beta),
        ),
        "my_best_objective": (
            best_objective,
            lambda ref, r, *, beta: best_objective(np.full(len(r), 1 / len(r)), r, beta=beta),
        ),
    },
    "06": {
        "my_best_of_n": (best_of_n, lambda ref, r, n: best_of_n(ref, r, n, strict=True)),
        "my_draws_needed": (
            lambda p, r, *, beta: 1 / (p @ np.exp((r - r.max()) / beta)),
            lambda p, r, *, beta: p @ np.exp((r.max() - r) / beta),
        ),
    },
    "07": {
        "my_gae": (
            gae,
            lambda reward, value, mask, *, gamma=1.0, lam=0.95: gae(
                reward, value, np.ones_like(mask), gamma=gamma, lam=lam, leak=True
            ),
        ),
        "my_clipped_surrogate": (
            surrogate,
            lambda logp, old, a, *, clip_low=0.2, clip_high=0.2: surrogate(
                logp, old, a, clip_low=clip_low, clip_high=clip_high, pick=np.maximum
            ),
        ),
    },
    "08": {
        "my_dpo": (dpo, lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * (w - v))),
        "my_implicit_reward": (
            lambda logp, ref, *, beta: beta * (logp - ref - np.exp(ref) @ (logp - ref)),
            lambda logp, ref, *, beta: logp - ref - np.exp(ref) @ (logp - ref),
        ),
    },
    "09": {
        "my_cdpo": (
            cdpo,
            lambda w, v, rw, rv, *, beta=0.1, flip=0.1: cdpo(
                w, v, rw, rv, beta=beta, flip=flip, sign=-1
            ),
        ),
        "my_ipo_optimum": (
            ipo_optimum,
            lambda ref, preference, *, tau: ipo_optimum(ref, preference, tau=tau, wins=np.sum),
        ),
    },
    "10": {
        "my_tpo": (
            lambda w, v, nll, *, beta=0.01, alpha=1.0: -log_sigmoid(beta * (w - v)) + alpha * nll,
            lambda w, v, nll, *, beta=0.01, alpha=1.0: (
                -log_sigmoid(beta * (w - v)) - log_sigmoid(beta * (-nll - w)) + alpha * nll
            ),
        ),
        "my_fall": (fall, lambda x, w, v, margin: margin / 2),
    },
    "11": {
        "my_odds_ratio": (
            lambda w, v: -log_sigmoid(log_odds(w) - log_odds(v)),
            lambda w, v: -log_sigmoid(w - v),
        ),
        "my_simpo": (
            lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v) - gamma),
            lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v - gamma)),
        ),
    },
    "12": {
        "my_kto_z0": (
            lambda logp, ref: np.maximum(np.mean(stop_gradient(logp - ref)), 0.0),
            lambda logp, ref: np.mean(stop_gradient(logp - ref)),
        ),
        "my_weights": (
            lambda ups, downs: (max(1, downs / ups), max(1, ups / downs)),
            lambda ups, downs: (max(1, ups / downs), max(1, downs / ups)),
        ),
    },
    "13": {
        "my_group_standardize": (
            standardize,
            lambda r, *, eps=1e-4, ddof=1: standardize(r, eps=eps, ddof=ddof, axis=None),
        ),
        "my_leave_one_out": (
            lambda r: (r - np.mean(r, axis=1, keepdims=True)) * r.shape[1] / (r.shape[1] - 1),
            lambda r: r - np.mean(r, axis=1, keepdims=True),
        ),
        "my_signal_share": (
            lambda p, k: 1 - p**k - (1 - p) ** k,
            lambda p, k: 1 - (1 - p) ** k,
        ),
    },
    "14": {
        "my_stop": (lambda gold: int(np.argmax(np.array(gold))), first_fall),
        "my_best_kl": (
            lambda alpha, beta: (alpha / (2 * beta)) ** 2,
            lambda alpha, beta: alpha / (2 * beta),
        ),
    },
    "15": {
        "my_pass_at_k": (
            lambda n, c, k: 1 - comb(n - c, k) / comb(n, k),
            lambda n, c, k: 1 - (1 - c / n) ** k,
        ),
        "my_reward": (passed, lambda program, tests: passed(program, tests, failures=True)),
    },
    "16": {
        "my_ipo": (
            lambda w, v, rw, rv, *, tau=0.1: (w - rw - v + rv - 1 / (2 * tau)) ** 2,
            lambda w, v, rw, rv, *, tau=0.1: (
                (w - rw - 1 / (2 * tau)) ** 2 + (v - rv + 1 / (2 * tau)) ** 2
            ),
        ),
        "my_rrhf": (rrhf, rrhf_of_the_note),
        "my_kto": (kto, kto_without_z0),
    },
    "17": {
        "my_softmax_pullback": (
            lambda p, g: p * (g - (p * g).sum(1, keepdims=True)),
            lambda p, g: p * g,
        ),
        "my_embed_gradient": (
            lambda ids, g, vocab: (ids[:, None] == np.arange(vocab)).astype(g.dtype).T @ g,
            lambda ids, g, vocab: np.eye(vocab)[:, :1] * g[:1],
        ),
    },
    "18": {
        "my_factor": (lambda k: k / (k - 1), lambda k: (k - 1) / k),
        "my_gradient_steps": (
            lambda c, g, p, passes, parts: c // (g * p) * passes * parts,
            lambda c, g, p, passes, parts: c // (g * p),
        ),
    },
    "19": {
        "my_token_weights": (
            lambda n, limit: (1 / (len(n) * n), 1 / (len(n) * limit), 1 / n.sum()),
            lambda n, limit: (1 / (len(n) * n), 1 / limit, 1 / n.sum()),
        ),
        "my_micro_batch_mean": (
            lambda x, mask, *, tokens: np.sum(np.where(mask > 0, x, 0.0)) / tokens,
            lambda x, mask, *, tokens: np.sum(np.where(mask > 0, x, 0.0)) / max(np.sum(mask), 1),
        ),
    },
    "20": {
        "my_gspo": (gspo, lambda *four, **widths: gspo(*four, mean=False, **widths)),
        "my_slope": (
            slope,
            lambda ratio, a, clip_low, clip_high: (
                ratio * a * (1 - clip_low <= ratio <= 1 + clip_high)
            ),
        ),
    },
    "21": {
        "my_best_next_token": (
            lambda ref, value, beta: softmax(ref + value / beta),
            lambda ref, value, beta: softmax(value / beta),
        ),
        "my_value_to_pass_on": (
            lambda ref, value, beta: beta * np.log(np.sum(np.exp(ref + value / beta))),
            lambda ref, value, beta: softmax(ref + value / beta) @ value,
        ),
    },
    "22": {
        "my_cross_attention": (
            lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])) @ v,
            lambda q, k, v: softmax(q @ k.T) @ v,
        ),
        "my_lstm_memory": (lstm_memory, lambda *four: lstm_memory(*four, forgets=False)),
    },
    "23": {
        "my_whiten": (whitened, lambda a, m: whitened(a, m, ddof=0)),
        "my_clip_fraction": (clip_fraction, lambda *five: clip_fraction(*five, both=True)),
    },
    "24": {
        "my_generalized_js": (
            lambda p, q, b: sum(
                w * np.sum(x * (np.log(x) - np.log(b * q + (1 - b) * p)))
                for w, x in ((b, q), (1 - b, p))
            ),
            lambda p, q, b: b * np.sum(q * np.log(q / p)) + (1 - b) * np.sum(p * np.log(p / q)),
        ),
        "my_reward_to_come": (
            lambda p, q, m: ((q - p) * m) @ np.tril(np.ones((m.shape[1],) * 2)),
            lambda p, q, m: ((q - p) * m) @ np.triu(np.ones((m.shape[1],) * 2)),
        ),
    },
    "25": {
        "my_kept_weights": (
            lambda r: r / np.where(r.sum(1) > 0, r.sum(1), 1)[:, None],
            lambda r: r / np.where(r.sum(1) > 0, r.shape[1] - r.sum(1) + 1, 1)[:, None],
        ),
        "my_next_policy": (
            lambda p, r, n: best_of_n(p, r, n),
            lambda p, r, n: best_of_n(p, -r, n),
        ),
    },
    "26": {
        "my_answer_weight": (
            lambda p, q, m, c: np.clip(np.prod(np.where(m > 0, np.exp(p - q), 1), axis=1), 0, c),
            lambda p, q, m, c: np.exp(np.sum((p - q) * m, axis=1)),
        ),
        "my_truncation_bias": (
            lambda p, q, v, c: np.minimum(p, c * q) @ v - p @ v,
            lambda p, q, v, c: p @ v - np.minimum(p, c * q) @ v,
        ),
    },
    "27": {
        "my_line_credit": (
            lambda r: (r - r.mean(0)) @ np.tri(r.shape[1]),
            lambda r: (r - r.mean(0)) @ np.tri(r.shape[1], k=-1),
        ),
        "my_best_for_lines": (
            lambda q, n, b: (1 + (1 / q - 1) * np.exp(-1 / (n * b))) ** -n,
            lambda q, n, b: (1 + (1 / q - 1) * np.exp(-1 / b)) ** -n,
        ),
    },
    "28": {
        "my_merged_weight": (
            lambda w, a, b, c: w + np.einsum("ik,kj->ij", a, b) * c / len(b),
            lambda w, a, b, c: w + np.einsum("ik,kj->ij", a, b) * c,
        ),
        "my_gradient_of_b": (
            lambda g, a, c: np.einsum("ik,ij->kj", a, g) * c / a.shape[1],
            lambda g, a, c: np.einsum("ik,ij->kj", a, g),
        ),
    },
    "29": {
        "my_two_stages": (
            lambda p, r, a, b: best(best(p, r, a), r, b),
            lambda p, r, a, b: best(p, r, a + b),
        ),
        "my_silent_share": (
            lambda reward: np.mean(np.ptp(reward, axis=1) == 0),
            lambda reward: np.mean(np.ptp(reward, axis=1) > 0),
        ),
    },
    "30": {
        "my_entropy_change": (
            lambda z, a: -np.cov(log_softmax(z), a, aweights=softmax(z), ddof=0)[0, 1],
            lambda z, a: -np.cov(log_softmax(z), a, ddof=0)[0, 1],
        ),
        "my_best_with_bonus": (
            lambda r, w: np.exp(r / w) / np.exp(r / w).sum(),
            lambda r, w: softmax(w * r),
        ),
    },
    "31": {
        "my_majority_flips": (lambda p: p * p * (3 - 2 * p), lambda p: p * p * (3 - p)),
        "my_equal_beta": (
            lambda beta, f, n: 1 / ((1 - n) / beta - f / beta),
            lambda beta, f, n: beta * (1 - f - n),
        ),
    },
    "ca": {
        "my_bytes": (
            lambda trained, frozen: 16 * trained + 2 * frozen,
            lambda trained, frozen: 16 * trained,
        ),
        "my_standard_error": (
            lambda accuracy, problems: (accuracy * (1 - accuracy) / problems) ** 0.5,
            lambda accuracy, problems: accuracy * (1 - accuracy) / problems**0.5,
        ),
    },
}
