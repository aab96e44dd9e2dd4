"""One training step per family of methods: pure functions (network, batch) -> (network, metrics).

A network is a TrainState. The loop, the data and the schedule belong to the caller. Batches are
tokens (N, S) and mask (N, S−1) as in tinyalign.policy. Frozen quantities (reference
log-probabilities, advantages, returns) are plain arrays, which no gradient can reach. `layout` is
the batch's models.layout.PromptLayout, with which a step takes less time; None reads rows whole.
"""

from typing import Any, NamedTuple

import autograd.numpy as np
from autograd.tracer import getval

from tinyalign.engine.optim import adam, adam_init, clip_by_global_norm
from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import aggregate, supervised
from tinyalign.losses.policy_gradient import value_loss
from tinyalign.losses.unpaired import kto_z0
from tinyalign.methods import metrics
from tinyalign.methods.loss_inputs import argument_names, loss_inputs
from tinyalign.policy import (
    prefix_value,
    sequence_logp,
    sequence_reward,
    token_logp,
    token_logp_and_entropy,
)

UNCLIPPED = 1e6  # a clip width that no ratio reaches


class TrainState(NamedTuple):
    """One network in training."""

    params: Any
    adam: Any  # AdamState


class StepSize(NamedTuple):
    """How far one gradient step goes."""

    learning_rate: float
    max_grad_norm: float = 1.0


def init_train_state(params):
    """A network about to be trained: TrainState."""
    return TrainState(params, adam_init(params))


def update(network, loss_and_grad, step_size):
    """One Adam step down a gradient.

    loss_and_grad  (value, metrics, gradients): value_and_grad(loss)(network.params)
    returns        (TrainState, metrics with `loss` and `grad_norm`)
    """
    value, details, gradients = loss_and_grad
    gradients, norm = clip_by_global_norm(gradients, step_size.max_grad_norm)
    rate = step_size.learning_rate
    params, moments = adam(network.params, gradients, network.adam, learning_rate=rate)
    return TrainState(params, moments), {"loss": value, "grad_norm": norm, **details}


def sft_step(policy, tokens, mask, *, loss=supervised.cross_entropy, model, step_size, layout=None):
    """Supervised fine-tuning: raise the log-probability of demonstrations, token mean.

    loss  (logp, mask) -> scalar: cross_entropy, or dft
    """

    def objective(params):
        logp = token_logp(model, params, tokens, layout=layout)
        return loss(logp, mask), {}

    return update(policy, value_and_grad(objective)(policy.params), step_size)


def reward_model_step(reward_model, tokens, mask, *, model, step_size, layout=None):
    """Bradley-Terry: score the chosen completion of each pair above the rejected one.

    tokens, mask  2B rows: the B chosen, then the B rejected in the same order
    """

    def loss(params):
        reward = sequence_reward(model, params, tokens, mask, layout=layout)
        chosen, rejected = reward[: len(tokens) // 2], reward[len(tokens) // 2 :]  # (B,) each
        return np.mean(supervised.bradley_terry(chosen, rejected)), {
            "accuracy": metrics.fraction(chosen > rejected),
            "margin": np.mean(chosen - rejected),
        }

    return update(reward_model, value_and_grad(loss)(reward_model.params), step_size)


def preference_step(
    policy, tokens, mask, ref_logp, *, roles, loss, beta, temperature=1.0, model, step_size,
    layout=None,
):  # fmt: skip
    """Any offline loss on pairs or triples: dpo, ipo, simpo, orpo, tpo, …

    tokens, mask  R·B rows: the B completions of the first role, then those of the next
    ref_logp      (R·B, T) token log-probabilities under the frozen reference
    roles         ("chosen", "rejected"), or with "gold" before them
    loss          called with what its parameter names ask for (see `loss_inputs`), returns (B,)
    beta          the factor of the logged rewards, beta · (log π − log π_ref)
    temperature   of the distributions that are compared; ref_logp is at the same one
    """
    reference = {f"ref_{name}": array for name, array in loss_inputs(ref_logp, mask, roles).items()}

    def objective(params):
        logp = token_logp(model, params, tokens, temperature=temperature, layout=layout)
        inputs = loss_inputs(logp, mask, roles) | reference
        values = loss(*(inputs[name] for name in argument_names(loss)))  # (B,)
        return np.mean(values), metrics.preference_metrics(inputs, beta)

    return update(policy, value_and_grad(objective)(policy.params), step_size)


class UnpairedBatch(NamedTuple):
    """B completions, liked or disliked one by one, and what sets the zero of KTO's scale."""

    tokens: Any  # (B, S)
    mask: Any  # (B, S−1)
    ref_logp: Any  # (B,) log-probability of each completion under the reference
    desirable: Any  # (B,) 1 liked, 0 disliked
    mismatched_tokens: Any  # (B, S') the same prompts with completions of other prompts
    mismatched_mask: Any  # (B, S'−1)
    mismatched_ref_logp: Any  # (B,) their log-probability under the reference


def unpaired_step(policy, batch, *, loss, beta, model, step_size, layout=None):
    """KTO: completions liked or disliked one by one.

    batch  UnpairedBatch; the mean log-ratio of its mismatched completions is z0, a constant to
           the gradient
    beta   the factor of the logged rewards, beta · (log π − log π_ref)
    """
    mismatched_logp = sequence_logp(
        model, policy.params, batch.mismatched_tokens, batch.mismatched_mask
    )
    z0 = kto_z0(mismatched_logp, batch.mismatched_ref_logp)

    def objective(params):
        logp = sequence_logp(model, params, batch.tokens, batch.mask, layout=layout)
        reward = beta * (logp - batch.ref_logp)
        details = metrics.unpaired_metrics(reward, batch.desirable)
        return np.mean(loss(logp, batch.ref_logp, batch.desirable, z0)), {**details, "z0": z0}

    return update(policy, value_and_grad(objective)(policy.params), step_size)


def ranked_step(policy, tokens, mask, ref_logp, reward, *, loss, model, step_size, layout=None):
    """Losses on all K candidates of a prompt: rrhf, infonca, nca.

    tokens, mask, ref_logp  (B, K, S), (B, K, S−1), (B, K, S−1)
    reward                  (B, K)
    """
    flat_mask = mask.reshape(-1, mask.shape[2])
    best = (reward == reward.max(axis=1)[:, None]).astype(reward.dtype)
    best = best / best.sum(axis=1)[:, None]  # (B, K); ties share

    def objective(params):
        logp = token_logp(model, params, tokens.reshape(-1, tokens.shape[2]), layout=layout)
        total = np.sum(logp * flat_mask, axis=1).reshape(reward.shape)  # (B, K)
        average = total / np.sum(mask, axis=2)
        inputs = {
            "avg_logp": average,
            "log_ratio": total - np.sum(ref_logp * mask, axis=2),
            "reward": reward,
            "best_nll": -np.sum(average * best, axis=1),
        }
        return np.mean(loss(*(inputs[name] for name in argument_names(loss)))), {}

    return update(policy, value_and_grad(objective)(policy.params), step_size)


class Experience(NamedTuple):
    """Completions sampled from the policy, and everything about them that is now a constant."""

    tokens: Any  # (N, S)
    mask: Any  # (N, S−1)
    old_logp: Any  # (N, S−1) under the policy that drew them
    ref_logp: Any  # (N, S−1) under the frozen reference; None where nothing reads it
    advantage: Any  # (N, 1) or (N, S−1)


def policy_gradient_step(
    policy, experience, *, surrogate, clip, reduce, kl, beta, entropy_coef, temperature, model,
    step_size, layout=None, share=1.0, log=True,
):  # fmt: skip
    """REINFORCE, GRPO, PPO's actor and their relatives: surrogate + beta · KL − entropy bonus.

    experience    Experience
    surrogate     (logp, old_logp, advantage, mask, clip) -> (N, T), to minimise
    clip          > 0, the surrogate's clip width
    reduce        (x, mask) -> scalar, a function of losses.aggregate
    kl            a function of losses.divergence, estimates KL(policy ‖ reference) per token
    beta          ≥ 0, weight of the KL in the loss; 0 where it is in the reward, or nowhere
    entropy_coef  ≥ 0, weight of the entropy bonus
    temperature   the one the completions were sampled at
    share         weight of these completions in the mean over all of a minibatch: below 1 where
                  those whose loss is 0 were left out
    log           whether to compute what is only logged
    """
    tokens, mask, old_logp, ref_logp, advantage = experience
    scoring = {"temperature": temperature, "layout": layout}

    def loss(params):
        if entropy_coef or log:
            logp, entropy = token_logp_and_entropy(model, params, tokens, **scoring)
        else:
            logp = token_logp(model, params, tokens, **scoring)
        terms = surrogate(logp, old_logp, advantage, mask, clip)  # (N, T)
        total = policy_loss = share * reduce(terms, mask)
        if beta:
            total = total + beta * reduce(kl(logp, ref_logp), mask)
        if entropy_coef:
            total = total - entropy_coef * aggregate.token_mean(entropy, mask)
        if not log:
            return total, {}
        # A term is clipped where it differs from what a clip too wide to matter would give.
        unclipped = surrogate(getval(logp), old_logp, advantage, mask, UNCLIPPED)
        details = metrics.update_metrics(old_logp - logp, entropy, getval(terms) != unclipped, mask)
        return total, {"policy_loss": policy_loss, **details}

    return update(policy, value_and_grad(loss)(policy.params), step_size)


def critic_step(critic, tokens, mask, old_value, returns, *, clip, model, step_size, layout=None):
    """PPO's critic: regress the value of every prefix on its return, clipped like the policy.

    old_value, returns  (N, S−1), aligned with mask
    """

    def loss(params):
        value = prefix_value(model, params, tokens, layout=layout)
        return aggregate.token_mean(value_loss(value, old_value, returns, clip=clip), mask), {}

    network, details = update(critic, value_and_grad(loss)(critic.params), step_size)
    return network, {"value_loss": details["loss"]}
