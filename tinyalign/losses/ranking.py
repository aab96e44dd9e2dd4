"""Learning from K candidates of one prompt: ranked, or scored with real-valued rewards."""

import autograd.numpy as np

from tinyalign.losses.numerics import (
    log_sigmoid,
    log_softmax,
    require_axes,
    require_in,
    require_same_shape,
    softmax,
    stop_gradient,
)


def rrhf(avg_logp, reward, best_nll, *, weight=1.0):
    """Rank Responses to align Human Feedback: Σ_{r_i<r_j} max(0, p_i − p_j) + w·NLL(best).

    avg_logp  (B, K) policy, mean per completion token of each candidate, p, nats, ≤ 0
    reward    (B, K) only its order matters; ties are not compared; a constant to the gradient
    best_nll  (B,) mean negative log-likelihood per token of the best candidate, nats, ≥ 0
    weight    number w ≥ 0, no unit; 0 leaves the ranking term alone
    returns   (B,) nats, ≥ 0; the hinges are summed, not averaged
    raises    ValueError if the shapes do not fit or weight < 0

    Optimum: no closed form on the bandit; the ranking term is 0 for every order that agrees.
    Source: Yuan et al. 2023, arXiv:2304.05302.
    Differs: w multiplies the NLL; the authors' `rrhf_weight` multiplies the ranking term.
    Community notes: 004, lines 432–435 print a normalised log-sigmoid with no NLL.
    See walkthroughs/errata.json, errata rows 45 to 49.
    """
    require_axes("BK", avg_logp=avg_logp)
    require_same_shape(avg_logp=avg_logp, reward=reward)
    require_same_shape(avg_logp_of_one_candidate=avg_logp[:, 0], best_nll=best_nll)
    require_in("[0, inf)", weight=weight)
    reward = stop_gradient(reward)
    worse = reward[:, :, None] < reward[:, None, :]  # (B, K, K) candidate i has less reward than j
    hinges = np.maximum(avg_logp[:, :, None] - avg_logp[:, None, :], 0.0)  # (B, K, K)
    return np.sum(np.where(worse, hinges, 0.0), axis=(1, 2)) + weight * best_nll


def infonca(log_ratio, reward, *, beta=0.01, alpha=1.0):
    """Info Noise Contrastive Alignment: −Σ_i softmax(r/α)_i · log softmax(β·h)_i.

    log_ratio  (B, K) h = log π − log π_ref of each candidate, summed over tokens, nats
    reward     (B, K) r, any finite unit; a constant to the gradient
    beta       number > 0, per nat; scales the model's score β·h
    alpha      number > 0, unit of the reward; small makes the best candidate the only target
    returns    (B,) nats, ≥ the entropy of softmax(r/α)
    raises     ValueError if the shapes differ, are not (B, K), or a number is out of range

    Two candidates, α → 0: DPO. Optimum: π ∝ π_ref·e^{r/(αβ)}, `optimum.optimal_policy`.
    Source: Chen et al. 2024, arXiv:2402.05369.
    Differs: the authors' code adds 0.01 to the reward of candidate 0.
    Community notes: 002, line 54 has no published method behind its GRPO; this and RSO serve.
    See walkthroughs/errata.json, errata row 19.
    """
    target, score = _target_and_score(log_ratio, reward, beta, alpha)
    return -np.sum(target * log_softmax(score), axis=1)


def nca(log_ratio, reward, *, beta=0.01, alpha=1.0):
    """Noise Contrastive Alignment: −Σ_i [softmax(r/α)_i · log σ(β·h_i) + (1/K)·log σ(−β·h_i)].

    log_ratio  (B, K) h = log π − log π_ref of each candidate, summed over tokens, nats
    reward     (B, K) r, any finite unit; a constant to the gradient
    beta       number > 0, per nat; scales the model's score β·h
    alpha      number > 0, unit of the reward; small makes the best candidate the only target
    returns    (B,) nats, > 0; 2·log 2 at the reference for every K
    raises     ValueError if the shapes differ, are not (B, K), or a number is out of range

    It fixes each h, not only their differences. Optimum of one list over free h:
    h_i = log(K·softmax(r/α)_i)/β, `optimum.nca_log_ratio`; at β = 1 on lists drawn from π_ref:
    π = π_ref·K·E[softmax(r/α)_y | y in the list].
    Source: Chen et al. 2024, arXiv:2402.05369.
    Differs: the authors' code adds 0.01 to the reward of candidate 0.
    Community notes: 002, line 81 asks nothing of the rewards; K of them are needed.
    See walkthroughs/errata.json, errata row 21.
    """
    target, score = _target_and_score(log_ratio, reward, beta, alpha)
    noise = np.mean(log_sigmoid(-score), axis=1)  # (B,): every candidate also counts as noise
    return -np.sum(target * log_sigmoid(score), axis=1) - noise


def _target_and_score(log_ratio, reward, beta, alpha):
    """The distribution the rewards ask for, softmax(r/α), and the model's scores β·h: (B, K)."""
    require_axes("BK", log_ratio=log_ratio)
    require_same_shape(log_ratio=log_ratio, reward=reward)
    require_in("(0, inf)", beta=beta, alpha=alpha)
    return softmax(stop_gradient(reward) / alpha), beta * log_ratio


def rejection_sample(reward, *, beta, rng, max_reward=None):
    """Statistical rejection sampling (RSO): accept with probability e^{(r − r_max)/β}.

    reward      (..., K) rewards of candidates drawn from the reference; the last axis is one prompt
    beta        number > 0, unit of the reward; small accepts the best only, large accepts all
    rng         numpy.random.Generator
    max_reward  number, or an array that broadcasts; r_max. Default: the largest of each prompt
    returns     bool, the shape of reward; the accepted are draws from π_ref·e^{r/β}/Z
    raises      ValueError if beta ≤ 0

    Exact only if no candidate's reward can exceed r_max: a larger one is accepted for certain.
    Optimum: the accepted follow `optimum.optimal_policy`, at the rate `optimum.acceptance_rate`.
    Source: Liu et al. 2023, arXiv:2309.06657.
    Differs: accepts independently; the paper's Algorithm 1 also stops at a wanted number.
    """
    require_in("(0, inf)", beta=beta)
    if max_reward is None:
        max_reward = np.max(reward, axis=-1, keepdims=True)
    # At most probability 1, for a reward above max_reward too.
    accept = np.exp(np.minimum((reward - max_reward) / beta, 0.0))
    return rng.random(np.shape(reward)) < accept
