"""Losses whose examples are weighted by how likely the policy itself finds them: DFT and WPO.

The weights are constants to the gradient.
"""

import autograd.numpy as np

from tinyalign.losses.aggregate import masked_mean, token_mean
from tinyalign.losses.numerics import log_softmax, masked, require_same_shape, stop_gradient
from tinyalign.losses.preference import dpo


def dft(logp, mask):
    """Dynamic Fine-Tuning: −Σ mask·sg(e^logp)·logp / Σ mask, cross-entropy weighted by itself.

    logp     (N, T) log-probability of each target token, nats, ≤ 0
    mask     (N, T) 1 where the target is a completion token, its EOS included; 0 elsewhere
    returns  scalar, nats per token, in [0, 1/e]
    raises   ValueError if the shapes differ, the mask is not 0/1, or no token is selected

    The gradient is that of −p: an unlikely token pulls less, where in `cross_entropy` all pull
    alike. What the policy finds impossible is not learned.
    Optimum of one prompt: all on its most frequent demonstration.
    Source: Wu et al. 2025, arXiv:2508.05629.
    Differs: nothing; TRL's `loss_type="dft"`.
    """
    logp = masked(logp, mask)  # first: a NaN in the padding would be a weight
    return -token_mean(np.exp(stop_gradient(logp)) * logp, mask)


def wpo(
    chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp,
    chosen_log_weight, rejected_log_weight, *, beta=0.1,
):  # fmt: skip
    """Weighted Preference Optimization: min(1, w_w·w_l)·`dpo`, w how much an answer is its own.

    chosen_logp, rejected_logp              (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp      (B,) frozen reference, the same tokens, nats, ≤ 0
    chosen_log_weight, rejected_log_weight  (B,) log w of each answer, nats, from `wpo_log_weight`;
                                            constants to the gradient
    beta                                    number > 0, per nat
    returns                                 (B,) nats, > 0, never above DPO
    raises                                  ValueError if the shapes differ or beta ≤ 0

    A pair counts for what it would count if the policy had drawn it. Optimum: no closed form on
    the bandit; DPO's, where every pair of answers keeps a weight.
    Source: Zhou et al. 2024, arXiv:2406.11827.
    Differs: nothing from the authors' code; TRL does not cap the weight at 1.
    """
    require_same_shape(
        chosen_logp=chosen_logp,
        chosen_log_weight=chosen_log_weight,
        rejected_log_weight=rejected_log_weight,
    )
    log_weight = stop_gradient(chosen_log_weight) + stop_gradient(rejected_log_weight)
    loss = dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=beta)
    return np.exp(np.minimum(log_weight, 0.0)) * loss


def wpo_log_weight(logp, logits, mask):
    """WPO's weight of an answer, aligned to samples: log w = mean_t [log π(y_t) − log Σ_v π_v²].

    logp     (N, T) policy's log-probability of each completion token, nats, ≤ 0
    logits   (N, T, V) the distributions that it was read from
    mask     (N, T) 1 on completion tokens, 0 on padding
    returns  (N,) nats per token, any sign, a constant; 0 for a uniform policy
    raises   ValueError if the shapes do not fit, the mask is not 0/1, or a row of it is empty

    Σ π² is the probability that the policy expects of a token of its own: an answer that it could
    have drawn gets about 0.
    Source: Zhou et al. 2024, arXiv:2406.11827, eq. 2 ("sampled alignment").
    Differs: nothing.
    """
    require_same_shape(logp=logp, logits_of_one_token=logits[..., 0])
    own = np.log(np.sum(np.exp(2 * log_softmax(stop_gradient(logits))), axis=-1))  # (N, T)
    return masked_mean(stop_gradient(logp) - own, mask)
