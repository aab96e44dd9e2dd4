"""One training step per family of methods: pure functions (learner, batch) -> (learner, metrics).

The loop, the data and the schedule belong to the caller. Batches are tokens (N, S) and mask
(N, S−1) as in tinyalign.policy. Frozen quantities (reference log-probabilities, advantages,
returns) come in as plain arrays, so no gradient can reach them.
"""

import inspect
from typing import Any, NamedTuple

import autograd.numpy as np

from tinyalign.engine.backend import FLOAT
from tinyalign.engine.optim import adam, adam_init, clip_by_global_norm
from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import aggregate, supervised
from tinyalign.losses.policy_gradient import value_loss
from tinyalign.losses.unpaired import kto_z0
from tinyalign.policy import (
    scalar,
    sequence_logp,
    sequence_reward,
    token_logp,
    token_logp_and_entropy,
)


class Learner(NamedTuple):
    """One network in training."""

    params: Any
    adam: Any  # AdamState


class Optimizer(NamedTuple):
    """How far one gradient step goes."""

    learning_rate: float
    max_grad_norm: float = 1.0


def learner(params):
    """A network about to be trained."""
    return Learner(params, adam_init(params))


def update(network, loss, optimizer):
    """One Adam step down loss(params) -> (scalar, metrics).

    returns  (learner, metrics with `loss` and `grad_norm`)
    """
    value, metrics, gradients = value_and_grad(loss)(network.params)
    gradients, norm = clip_by_global_norm(gradients, optimizer.max_grad_norm)
    rate = optimizer.learning_rate
    stepped = adam(network.params, gradients, network.adam, learning_rate=rate)
    return Learner(*stepped), {"loss": value, "grad_norm": norm, **metrics}


def share(condition):
    """The fraction of a (B,) of booleans that is true. NumPy's own mean of them is float64."""
    return np.mean(condition.astype(FLOAT))


def sft_step(policy, tokens, mask, *, model, optimizer):
    """Supervised fine-tuning: raise the log-probability of demonstrations, token mean."""

    def loss(params):
        return supervised.cross_entropy(token_logp(model, params, tokens), mask), {}

    return update(policy, loss, optimizer)


def reward_model_step(reward_model, tokens, mask, *, model, optimizer):
    """Bradley-Terry: score the chosen completion of each pair above the rejected one.

    tokens, mask  2B rows: the B chosen, then the B rejected in the same order
    """

    def loss(params):
        reward = sequence_reward(model, params, tokens, mask)
        chosen, rejected = reward[: len(tokens) // 2], reward[len(tokens) // 2 :]
        metrics = {"accuracy": share(chosen > rejected), "margin": np.mean(chosen - rejected)}
        return np.mean(supervised.bradley_terry(chosen, rejected)), metrics

    return update(reward_model, loss, optimizer)


def needs(loss):
    """Names of the arrays a loss asks for: its positional parameters."""
    parameters = inspect.signature(loss).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def views(logp, mask, roles):
    """Every reading of token log-probabilities that a preference loss may ask for, by name.

    logp, mask  (R·B, T): the rows of the first role, then those of the next …
    returns     {"chosen_logp": sums (B,), "chosen_avg_logp": means, "chosen_nll": −means, …}
    """
    total, length = np.sum(logp * mask, axis=1), np.sum(mask, axis=1)
    named, size = {}, len(total) // len(roles)
    for i, role in enumerate(roles):
        rows = slice(i * size, (i + 1) * size)
        average = total[rows] / length[rows]
        named[f"{role}_logp"], named[f"{role}_avg_logp"] = total[rows], average
        named[f"{role}_nll"] = -average
    named["sft_nll"] = named["chosen_nll"]  # SLiC keeps the likelihood of the best answer up
    return named


def preference_step(policy, tokens, mask, ref_logp, *, roles, loss, model, optimizer):
    """Any offline loss on pairs or triples: dpo, ipo, simpo, orpo, tpo, …

    tokens, mask  R·B rows: the B completions of the first role, then those of the next
    ref_logp      (R·B, T) token log-probabilities under the frozen reference
    roles         ("chosen", "rejected"), or with "gold" before them
    loss          called with what its parameter names ask for (see `views`), returns (B,)
    """
    reference = {f"ref_{name}": array for name, array in views(ref_logp, mask, roles).items()}

    def objective(params):
        scores = views(token_logp(model, params, tokens), mask, roles) | reference
        values = loss(*(scores[name] for name in needs(loss)))
        reward = {r: scores[f"{r}_logp"] - scores[f"ref_{r}_logp"] for r in ("chosen", "rejected")}
        return np.mean(values), {
            "rewards/chosen": np.mean(reward["chosen"]),
            "rewards/rejected": np.mean(reward["rejected"]),
            "rewards/margins": np.mean(reward["chosen"] - reward["rejected"]),
            "rewards/accuracies": share(reward["chosen"] > reward["rejected"]),
            "logps/chosen": np.mean(scores["chosen_logp"]),
        }

    return update(policy, objective, optimizer)


def unpaired_step(
    policy,
    tokens,
    mask,
    ref_logp,
    desirable,
    strange,
    strange_mask,
    strange_ref,
    *,
    loss,
    model,
    optimizer,
):
    """KTO: completions liked or disliked one by one.

    ref_logp               (B,) log-probability of each completion under the reference
    desirable              (B,) 1 liked, 0 disliked
    strange, strange_mask  the same prompts with completions of other prompts: their mean
                           log-ratio, a constant to the gradient, is the zero of the scale
    strange_ref            (B,) their log-probability under the reference
    """  # fmt: skip
    strange_logp = sequence_logp(model, policy.params, strange, strange_mask)
    z0 = kto_z0(strange_logp, strange_ref)

    def objective(params):
        logp = sequence_logp(model, params, tokens, mask)
        gap = np.mean((logp - ref_logp) * (2 * desirable - 1))
        metrics = {"rewards/margins": gap, "z0": z0}
        return np.mean(loss(logp, ref_logp, desirable, z0)), metrics

    return update(policy, objective, optimizer)


def ranked_step(policy, tokens, mask, ref_logp, reward, *, loss, model, optimizer):
    """Losses on all K candidates of a prompt: rrhf, infonca, nca.

    tokens, mask, ref_logp  (B, K, S), (B, K, S−1), (B, K, S−1)
    reward                  (B, K)
    """
    flat_mask = mask.reshape(-1, mask.shape[2])
    best = (reward == reward.max(axis=1)[:, None]).astype(reward.dtype)
    best = best / best.sum(axis=1)[:, None]  # (B, K); ties share

    def objective(params):
        logp = token_logp(model, params, tokens.reshape(-1, tokens.shape[2]))
        total = np.sum(logp * flat_mask, axis=1).reshape(reward.shape)  # (B, K)
        average = total / np.sum(mask, axis=2)
        scores = {
            "avg_logp": average,
            "log_ratio": total - np.sum(ref_logp * mask, axis=2),
            "reward": reward,
            "best_nll": -np.sum(average * best, axis=1),
        }
        return np.mean(loss(*(scores[name] for name in needs(loss)))), {}

    return update(policy, objective, optimizer)


class Experience(NamedTuple):
    """Completions sampled from the policy, and everything about them that is now a constant."""

    tokens: Any  # (N, S)
    mask: Any  # (N, S−1)
    old_logp: Any  # (N, S−1) under the policy that drew them
    ref_logp: Any  # (N, S−1) under the frozen reference
    advantage: Any  # (N, 1) or (N, S−1)


def policy_gradient_step(
    policy, experience, *, surrogate, reduce, kl, beta, entropy_coef, temperature, model, optimizer
):
    """REINFORCE, GRPO, PPO's actor and their relatives: surrogate + beta · KL − entropy bonus.

    experience    Experience
    surrogate     (logp, old_logp, advantage, mask) -> (N, T), to minimise
    reduce        (x, mask) -> scalar, a function of losses.aggregate
    kl            a function of losses.divergence, estimates KL(policy ‖ reference) per token
    beta          ≥ 0, weight of the KL in the loss; 0 where it is in the reward, or nowhere
    entropy_coef  ≥ 0, weight of the entropy bonus
    temperature   the one the completions were sampled at
    """
    tokens, mask, old_logp, ref_logp, advantage = experience

    def loss(params):
        logp, entropy = token_logp_and_entropy(model, params, tokens, temperature=temperature)
        terms = surrogate(logp, old_logp, advantage, mask)
        policy_loss, mean_entropy = reduce(terms, mask), aggregate.token_mean(entropy, mask)
        total = policy_loss + beta * reduce(kl(logp, ref_logp), mask)
        metrics = {
            "policy_loss": policy_loss,
            "entropy": mean_entropy,
            "approx_kl": aggregate.token_mean(old_logp - logp, mask),
        }
        return total - entropy_coef * mean_entropy, metrics

    return update(policy, loss, optimizer)


def critic_step(critic, tokens, mask, old_value, returns, *, clip, model, optimizer):
    """PPO's critic: regress the value of every prefix on its return, clipped like the policy.

    old_value, returns  (N, S−1), aligned with mask
    """

    def loss(params):
        value = scalar(model, params, tokens[:, :-1])
        return aggregate.token_mean(value_loss(value, old_value, returns, clip=clip), mask), {}

    network, metrics = update(critic, loss, optimizer)
    return network, {"value_loss": metrics["loss"]}
