"""The losses as a PyTorch user would write them."""

import torch
import torch.nn.functional as F


def gap(w, r, rw, rr):
    return (w - r) - (rw - rr)


def dpo(w, r, rw, rr, *, beta):
    return -F.logsigmoid(beta * gap(w, r, rw, rr))


def cdpo(w, r, rw, rr, *, beta, label_smoothing):
    z = beta * gap(w, r, rw, rr)
    return -F.logsigmoid(z) * (1 - label_smoothing) - F.logsigmoid(-z) * label_smoothing


def ipo(w, r, rw, rr, *, beta):
    return (gap(w, r, rw, rr) - 1 / (2 * beta)) ** 2


def hinge(w, r, rw, rr, *, beta):
    return torch.relu(1 - beta * gap(w, r, rw, rr))


def sppo(w, r, rw, rr, *, beta):
    return (w - rw - 0.5 / beta) ** 2 + (r - rr + 0.5 / beta) ** 2


def apo_zero(w, r, rw, rr, *, beta):
    return 1 - torch.sigmoid(beta * (w - rw)) + torch.sigmoid(beta * (r - rr))


def apo_down(w, r, rw, rr, *, beta):
    return torch.sigmoid(beta * (w - rw)) + 1 - torch.sigmoid(beta * gap(w, r, rw, rr))


def bco(w, r, rw, rr, *, beta, delta):
    return -F.logsigmoid(beta * (w - rw) - delta) - F.logsigmoid(delta - beta * (r - rr))


def simpo(w, r, *, beta, gamma):
    return -F.logsigmoid(beta * (w - r) - gamma)


def odds_ratio(w, r):
    def log_odds(a):
        near = a > -0.6931
        half = torch.full_like(a, -0.6931)  # for the branch not taken: its slope must be finite
        above = torch.log(-torch.expm1(torch.where(near, a, half)))
        below = torch.log1p(-torch.exp(torch.where(near, half, a)))
        return a - torch.where(near, above, below)

    return -F.logsigmoid(log_odds(w) - log_odds(r))


def kto(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    z = beta * (logp - ref - z0)
    good, bad = weight_desirable * torch.sigmoid(-z), weight_undesirable * torch.sigmoid(z)
    return torch.where(desirable, good, bad)


def kto_z0(logp, ref):
    return (logp - ref).mean().clamp(min=0).detach()


def bradley_terry(w, r, *, margin, center):
    return -F.logsigmoid(w - r - margin) + center * (w + r) ** 2


def infonca(ratio, reward, *, beta, alpha):
    target = torch.softmax(reward / alpha, dim=1)
    return -(target * F.log_softmax(beta * ratio, dim=1)).sum(1)


def k1(logp, ref):
    return logp - ref


def k2(logp, ref):
    return (logp - ref).square() / 2


def k3(logp, ref):
    return torch.expm1(ref - logp) - (ref - logp)


def group_standardize(reward, *, eps, ddof):
    centred = reward - reward.mean(dim=1, keepdim=True)
    return centred / (reward.std(dim=1, keepdim=True, correction=ddof) + eps)


def clipped_surrogate(logp, old, advantage, *, clip_low, clip_high):
    ratio = torch.exp(logp - old)
    clipped = torch.clamp(ratio, 1 - clip_low, 1 + clip_high)
    return -torch.min(ratio * advantage, clipped * advantage)


def truncated_importance(logp, old, advantage, *, clip_high):
    weight = torch.exp(logp - old).clamp(max=1 + clip_high).detach()
    return -weight * advantage * logp


def value_loss(value, old, returns, *, clip):
    held = old + (value - old).clamp(-clip, clip)
    return 0.5 * torch.max((value - returns) ** 2, (held - returns) ** 2)


def entropy(logits):
    return torch.distributions.Categorical(logits=logits).entropy()


def sequence_logp(logits, ids, prompt_length, length):
    logp = F.log_softmax(logits[:, :-1], -1).gather(2, ids[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, ids.shape[1])
    mask = (place >= prompt_length[:, None]) & (place < length[:, None])
    return (logp * mask).sum(1)
