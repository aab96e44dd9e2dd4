"""Learning from demonstrations and from comparisons: imitation, and reward models."""

import autograd.numpy as np

from tinyalign.losses.aggregate import token_mean
from tinyalign.losses.numerics import (
    log_sigmoid,
    require_axes,
    require_in,
    require_same_shape,
    require_scalar_or_same_shape,
)


def cross_entropy(logp, mask):
    """Supervised fine-tuning, token-mean cross-entropy: −Σ mask·logp / Σ mask.

    logp     (N, T) log-probability of each target token, nats, ≤ 0
    mask     (N, T) 1 where the target is a completion token, its EOS included; 0 elsewhere
    returns  scalar, nats per token, ≥ 0; log V for a uniform policy over V tokens
    raises   ValueError if the shapes differ, the mask is not 0/1, or no token is selected

    Optimum: the frequencies of the demonstrations; its value is their entropy.
    Source: Ouyang et al. 2022, arXiv:2203.02155.
    Differs: nothing.
    """
    return -token_mean(logp, mask)


def bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0):
    """Bradley–Terry reward model: −log σ(r_w − r_l − m) + c·(r_w + r_l)².

    chosen_reward, rejected_reward  (B,) reward-model scores, any unit; their difference is finite
    margin                          number or (B,), m; how much better the chosen one has to be
    center                          number ≥ 0, c; 0.01 keeps the scores near 0, 0 leaves them free
    returns                         (B,) nats; log 2 at r_w = r_l with m = c = 0
    raises                          ValueError if the shapes differ or center < 0

    Optimum (c = m = 0): the true reward plus any constant.
    Source: Ouyang et al. 2022, arXiv:2203.02155; margin: Touvron et al. 2023, arXiv:2307.09288;
    centring: Eisenstein et al. 2023, arXiv:2312.09244.
    Differs: with K ranked answers the average over all pairs of one prompt is left to the caller.
    """
    require_same_shape(chosen_reward=chosen_reward, rejected_reward=rejected_reward)
    require_scalar_or_same_shape(chosen_reward, margin=margin)
    require_in("[0, inf)", center=center)
    loss = -log_sigmoid(chosen_reward - rejected_reward - margin)
    if center == 0:  # 0 times the square of an extreme score would be 0 · ∞
        return loss
    return loss + center * np.square(chosen_reward + rejected_reward)


def plackett_luce(ranked_reward):
    """Plackett–Luce ranking likelihood: −Σ_{k<K} [r_k − log Σ_{j≥k} e^{r_j}].

    ranked_reward  (B, K) scores of K ≥ 2 answers, best first, any finite unit
    returns        (B,) nats; log K! when all scores are equal; Bradley–Terry at K = 2
    raises         ValueError if the array is not (B, K) or K < 2

    e^{−loss} is the probability of this order when answers are drawn one by one without
    replacement, each in proportion to e^r among those left.
    Optimum: the true reward plus any constant.
    Source: Plackett 1975; Luce 1959.
    Differs: nothing.
    """
    require_axes("BK", ranked_reward=ranked_reward)
    size = np.shape(ranked_reward)[1]
    require_in("[2, inf)", K=size)
    tail = ranked_reward[:, size - 1]  # (B,) log Σ_{j≥k} e^{r_j}, from the last answer forward
    loss = 0.0
    for k in reversed(range(size - 1)):
        tail = np.logaddexp(ranked_reward[:, k], tail)
        loss = loss + tail - ranked_reward[:, k]
    return loss
