"""The token-level functions written again with explicit loops over rows and time."""

import math

import numpy as np

from tests.independent.loops import each, each_token, logsumexp

reinforce = each_token(lambda lp, a: -a * lp)


def clip(x, low, high):
    return low if x < low else high if x > high else x


@each_token
def clipped_surrogate(lp, old, a, *, clip_low, clip_high):
    ratio = math.exp(lp - old)
    if a >= 0:
        return -a * min(ratio, 1 + clip_high)
    return -a * max(ratio, 1 - clip_low)


@each_token
def truncated_importance(lp, old, a, *, clip_high):
    return -min(math.exp(lp - old), 1 + clip_high) * a * lp


@each_token
def value_loss(v, old, r, *, clip):
    held = old + min(clip, max(-clip, v - old))
    return max((v - r) ** 2, (held - r) ** 2) / 2


def sequence_clipped_surrogate(logp, old, advantage, mask, *, clip_low, clip_high):
    out = []
    for lp, o, a, m in zip(logp, old, advantage, mask, strict=True):
        drift = [float(x - y) for x, y, keep in zip(lp, o, m, strict=True) if keep]
        s = math.exp(sum(drift) / len(drift))
        out.append(-min(s * a, clip(s, 1 - clip_low, 1 + clip_high) * a))
    return np.array(out)


def gae(reward, value, mask, *, gamma, lam):
    advantage = np.zeros(reward.shape)
    for i in range(len(reward)):
        places = [t for t in range(reward.shape[1]) if mask[i, t]]
        for t in places:
            for later in range(t, places[-1] + 1):
                after = value[i, later + 1] if later < places[-1] else 0.0
                delta = reward[i, later] + gamma * after - value[i, later]
                advantage[i, t] += (gamma * lam) ** (later - t) * delta
    return advantage, (advantage + value) * mask


def kl_shaped_reward(score, logp, ref, mask, *, beta):
    out = np.zeros(logp.shape)
    for i in range(len(logp)):
        places = [t for t in range(logp.shape[1]) if mask[i, t]]
        for t in places:
            out[i, t] = beta * (ref[i, t] - logp[i, t]) + (score[i] if t == places[-1] else 0.0)
    return out


def whiten(x, mask, *, shift_mean):
    kept = [float(v) for v, m in zip(x.ravel(), mask.ravel(), strict=True) if m]
    mean = sum(kept) / len(kept)
    variance = sum((v - mean) ** 2 for v in kept) / (len(kept) - 1)
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        if mask[place]:
            out[place] = (x[place] - mean) / math.sqrt(variance + 1e-8)
            out[place] += 0.0 if shift_mean else mean
    return out


@each
def overlong_penalty(length, *, max_length, buffer):
    free = max_length - buffer
    if length <= free:
        return 0.0
    return -1.0 if length >= max_length else (free - length) / buffer


def token_mean(x, mask):
    kept = [float(v) for v, m in zip(x.ravel(), mask.ravel(), strict=True) if m]
    return sum(kept) / len(kept)


def sequence_mean(x, mask):
    return sum(token_mean(row, keep) for row, keep in zip(x, mask, strict=True)) / len(x)


def fixed_length_mean(x, mask, *, length):
    kept = [float(v) for v, m in zip(x.ravel(), mask.ravel(), strict=True) if m]
    return sum(kept) / (len(x) * length)


def cross_entropy(logp, mask):
    return -token_mean(logp, mask)


def optimal_policy(ref_probs, reward, *, beta):
    out = []
    for p, r in zip(ref_probs.tolist(), reward.tolist(), strict=True):
        logs = [math.log(a) if a > 0 else -math.inf for a in p]
        score = [a + b / beta for a, b in zip(logs, r, strict=True)]
        z = logsumexp(score)
        out.append([math.exp(s - z) for s in score])
    return np.array(out)


def best_of_n(ref_probs, reward, n):
    out = []
    for p, r in zip(ref_probs.tolist(), reward.tolist(), strict=True):
        row = []
        for mine, chance in zip(r, p, strict=True):
            tied = sum(a for a, b in zip(p, r, strict=True) if b == mine)
            below = sum(a for a, b in zip(p, r, strict=True) if b < mine)
            row.append(chance and chance / tied * ((below + tied) ** int(n) - below ** int(n)))
        out.append(row)
    return np.array(out)


def rlhf_objective(probs, ref_probs, reward, *, beta):
    return np.array(
        [
            sum(a * (r - beta * math.log(a / b)) for a, b, r in zip(*row, strict=True))
            for row in zip(probs.tolist(), ref_probs.tolist(), reward.tolist(), strict=True)
        ]
    )


def token_logp(logits, ids):
    out = np.zeros((len(ids), ids.shape[1] - 1))
    for i, t in np.ndindex(out.shape):
        row = logits[i, t].tolist()
        out[i, t] = row[ids[i, t + 1]] - logsumexp(row)
    return out


def sequence_logp(logits, ids, prompt_length, length):
    logp = token_logp(logits, ids)
    return np.array(
        [
            logp[i, p - 1 : n - 1].sum()
            for i, (p, n) in enumerate(zip(prompt_length, length, strict=True))
        ]
    )
