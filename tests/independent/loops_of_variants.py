"""The functions that most readers never need, written again with plain numbers, one at a time."""

import math

import autograd.numpy as anp
import numpy as np
from autograd.tracer import getval

from tests.independent.loops import each, each_list, each_token, gap, logsumexp, sigma, softplus
from tests.independent.loops_over_time import clip

f_dpo_js = each(lambda w, r, a, b, beta: softplus(-beta * (softplus(b - r) - softplus(a - w))))
f_dpo_alpha = each(
    lambda w, r, a, b, beta, alpha: softplus(
        beta * (math.exp(alpha * (a - w)) - math.exp(alpha * (b - r))) / alpha
    )
)
wpo = each(
    lambda w, r, a, b, v, u, beta: (
        min(1.0, math.exp(v) * math.exp(u)) * softplus(-beta * gap(w, r, a, b))
    )
)
conservative_simpo = each(
    lambda w, r, beta, gamma, flip: (
        (1 - flip) * softplus(gamma - beta * (w - r)) + flip * softplus(beta * (w - r) - gamma)
    )
)
conservative_cpo = each(
    lambda w, r, nll, beta, alpha, flip: (
        (1 - flip) * softplus(beta * (r - w)) + flip * softplus(beta * (w - r)) + alpha * nll
    )
)


def wpo_log_weight(logp, logits, mask):
    out = []
    for lp, rows, keep in zip(logp.tolist(), logits.tolist(), mask.tolist(), strict=True):
        total = count = 0.0
        for one, row, m in zip(lp, rows, keep, strict=True):
            if m:
                total += one - logsumexp([2 * (v - logsumexp(row)) for v in row])
                count += 1
        out.append(total / count)
    return np.array(out)


@each_token
def clamped_k3(lp, ref, *, log_ratio_limit, limit):
    d = clip(ref - lp, -log_ratio_limit, log_ratio_limit)
    return min(limit, math.expm1(d) - d)


@each_list
def forward_kl(student, teacher):
    z, y = logsumexp(student), logsumexp(teacher)
    return sum(math.exp(b - y) * (b - y - a + z) for a, b in zip(student, teacher, strict=True))


@each_list
def reverse_kl(student, teacher):
    z, y = logsumexp(student), logsumexp(teacher)
    return sum(math.exp(a - z) * (a - z - b + y) for a, b in zip(student, teacher, strict=True))


@each_list
def generalized_js(student, teacher, *, beta):
    z, y, total = logsumexp(student), logsumexp(teacher), 0.0
    for a, b in zip(student, teacher, strict=True):
        p, q = math.exp(a - z), math.exp(b - y)
        m = beta * q + (1 - beta) * p
        total += beta * q * math.log(q / m) + (1 - beta) * p * math.log(p / m)
    return total


@each_token
def dual_clipped_surrogate(lp, old, a, *, clip_low, clip_high, clip_dual):
    ratio = math.exp(lp - old)
    if a >= 0:
        return -a * min(ratio, 1 + clip_high)
    return min(-a * max(ratio, 1 - clip_low), -a * clip_dual)


def clipped_importance(logp, old, advantage, *, clip_low, clip_high):
    # a constant weight, so written with autograd
    weight = anp.exp(getval(logp) - getval(old))
    return -anp.minimum(anp.maximum(weight, 1 - clip_low), 1 + clip_high) * advantage * logp


def gspo_token(logp, old, advantage, mask, *, clip_low, clip_high):
    # constants inside, so written with autograd
    rows = []
    for i in range(len(mask)):
        places = [t for t in range(mask.shape[1]) if mask[i, t]]
        mean = sum(getval(logp)[i, t] - old[i, t] for t in places) / len(places)
        row = []
        for t in range(mask.shape[1]):
            s = anp.exp(mean + logp[i, t] - getval(logp)[i, t])
            a = getval(advantage)[i, min(t, advantage.shape[1] - 1)]
            held = min(max(getval(s), 1 - clip_low), 1 + clip_high)
            term = s * a if getval(s) * a <= held * a else held * a
            row.append(-term if mask[i, t] else 0.0)
        rows.append(anp.array(row))
    return anp.array(rows)


@each_token
def sapo(lp, old, a, *, tau_positive, tau_negative):
    tau = tau_positive if a > 0 else tau_negative
    return -a * 4 / tau * sigma(tau * (math.exp(lp - old) - 1))


@each_token
def dppo(lp, old, a, *, delta):
    step = math.exp(lp) - math.exp(old)
    if (a > 0 and step > delta) or (a < 0 and step < -delta):
        return 0.0
    return -a * math.exp(lp - old)


@each_token
def decoupled_surrogate(lp, prox, old, a, *, clip_low, clip_high):
    ratio = math.exp(lp - prox)
    kept = min(ratio, 1 + clip_high) if a >= 0 else max(ratio, 1 - clip_low)
    return -a * kept * math.exp(prox) / math.exp(old)


truncated_rollout_weight = each_token(
    lambda old, rollout, cap: min(cap, math.exp(old) / math.exp(rollout))
)


@each_token
def masked_rollout_weight(old, rollout, *, low, high):
    ratio = math.exp(old - rollout)
    return ratio if low <= ratio <= high else 0.0


def of_its_prompt(one):
    def advantage(reward, prompt, **numbers):
        out = []
        for i in range(len(reward)):
            own = [float(r) for r, q in zip(reward, prompt, strict=True) if q == prompt[i]]
            out.append(one(float(reward[i]), own, **numbers))
        return np.array(out)

    return advantage


@of_its_prompt
def center_by_prompt(r, own):
    return r - sum(own) / len(own)


@of_its_prompt
def standardize_by_prompt(r, own, *, eps, ddof):
    mean = sum(own) / len(own)
    spread = math.sqrt(sum((s - mean) ** 2 for s in own) / (len(own) - ddof))
    return (r - mean) / (spread + eps)


@of_its_prompt
def leave_one_out_by_prompt(r, own):
    return r - (sum(own) - r) / (len(own) - 1)


@each_list
def group_maxrl(reward):
    mean = sum(reward) / len(reward)
    return [r / mean - 1 if mean else 0.0 for r in reward]


def group_gdpo(reward, weight, *, eps):
    p, g, _ = reward.shape
    total = np.zeros((p, g))
    for k, w in enumerate(weight):
        for i in range(p):
            row = reward[i, :, k].tolist()
            mean = sum(row) / g
            spread = math.sqrt(sum((r - mean) ** 2 for r in row) / (g - 1))
            total[i] += [w * (r - mean) / (spread + eps) for r in row]
    mean = total.sum() / total.size
    spread = math.sqrt(((total - mean) ** 2).sum() / (total.size - 1))
    return (total - mean) / (spread + eps)


def gae_over_turns(reward, value, mask, *, last_value, gamma, lam):
    advantage = np.zeros(reward.shape)
    for i in range(len(reward)):
        places = [t for t in range(reward.shape[1]) if mask[i, t]]
        values = [float(value[i, t]) for t in places] + [last_value]
        errors = [
            float(reward[i, t]) + gamma * values[n + 1] - values[n] for n, t in enumerate(places)
        ]
        for n, t in enumerate(places):
            advantage[i, t] = sum((gamma * lam) ** m * e for m, e in enumerate(errors[n:]))
    return advantage, (advantage + value) * mask


def kept(x, mask):
    return [float(v) for v, m in zip(x, mask, strict=True) if m]


def masked_sum(x, mask):
    return np.array([sum(kept(*row)) for row in zip(x, mask, strict=True)])


def masked_mean(x, mask):
    rows = [kept(*row) for row in zip(x, mask, strict=True)]
    return np.array([sum(row) / len(row) for row in rows])


def micro_batch_mean(x, mask, *, tokens):
    return sum(sum(kept(*row)) for row in zip(x, mask, strict=True)) / tokens


def dft(logp, mask):
    # a constant weight, so written with autograd
    total = 0.0
    for place in np.ndindex(mask.shape):
        if mask[place]:
            total = total - anp.exp(getval(logp)[place]) * logp[place]
    return total / int(sum(mask.ravel()))
