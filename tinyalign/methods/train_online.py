"""Stages that learn from their own samples: sample, score, turn rewards into advantages, step."""

import functools

import numpy as np

from tinyalign.engine.backend import to_device
from tinyalign.methods import labels, rollouts, samples, steps
from tinyalign.methods.method import Stage, frozen_networks, step_size


def policy_gradient_stage(inputs):
    """REINFORCE, RLOO, GRPO and relatives: sample groups, turn rewards into advantages, step."""
    config, method = inputs.config, inputs.method
    sample_batch = method.sample_batch or rollouts.sample_batch
    compute_advantage = method.advantages[config.advantage]
    settings = actor_settings(inputs)
    # Without a KL or an entropy in the loss, a prompt without advantages adds nothing to it.
    reduce = None if settings["beta"] or config.entropy_coef else settings["reduce"]

    def train_step(networks, rng, step):
        policy = networks["policy"]
        batch = sample_batch(inputs, policy.params, rng)
        shaped = rollouts.subtract_kl(batch) if method.kl_placement == "reward" else batch
        advantage = to_device(compute_advantage(shaped))  # (N, 1) or (N, S−1)
        experience = steps.Experience(*batch.rollout, batch.ref_logp, advantage)
        for part in rollouts.minibatches(inputs, experience, rng, reduce=reduce):
            policy, metrics = steps.policy_gradient_step(
                policy, part.experience, **settings, step_size=step_size(config, step),
                layout=part.layout, share=part.share, log=part.log,
            )  # fmt: skip
        # The metrics of the update are those of the last minibatch.
        return {"policy": policy}, {**rollouts.rollout_metrics(batch), **metrics}

    return policy_stage(inputs, train_step)


def actor_settings(inputs):
    """The settings of steps.policy_gradient_step that the row and the command line decide."""
    config, method = inputs.config, inputs.method
    in_loss = method.kl_placement == "loss"  # else the KL is in the reward, or nowhere
    return {
        "model": inputs.model,
        "surrogate": method.surrogate,
        "clip": config.epsilon,
        "reduce": functools.partial(method.reduce, length=inputs.task.max_new_tokens),
        "kl": method.kl_estimators[config.kl if in_loss else "k3"],
        "beta": config.beta if in_loss else 0.0,
        "entropy_coef": config.entropy_coef,
        "temperature": config.temperature,
    }


def policy_stage(inputs, train_step):
    """A stage that trains the policy alone."""
    networks = {"policy": steps.init_train_state(inputs.initial_policy)}
    return Stage(networks, train_step, inputs.config.steps, frozen_networks(inputs))


def raft_stage(inputs):
    """RAFT: fine-tune on the best of each group of samples, where one is better than the rest."""
    config = inputs.config

    def train_step(networks, rng, step):
        policy = networks["policy"]
        batch = rollouts.sample_batch(inputs, policy.params, rng)
        best, metrics = best_rows(batch), {}
        if len(best):  # with ties everywhere there is nothing to imitate, and no step
            tokens, mask = batch.rollout.tokens[best], batch.rollout.mask[best]
            layout = samples.prompt_layout(inputs.model, tokens, mask, 1)
            size = step_size(config, step)
            policy, metrics = steps.sft_step(
                policy, tokens, mask, model=inputs.model, step_size=size, layout=layout
            )
        return {"policy": policy}, {**rollouts.rollout_metrics(batch), **metrics}

    return policy_stage(inputs, train_step)


def best_rows(batch):
    """Rows of the best completion of each prompt whose completions are not all as good."""
    reward, group = batch.reward, batch.reward.shape[1]  # (P, G)
    untied = np.flatnonzero(reward.max(axis=1) > reward.min(axis=1))
    return untied * group + reward[untied].argmax(axis=1)


def online_dpo_stage(inputs):
    """Online DPO: fresh samples are judged in pairs, as for DPO, one pair a prompt."""
    config, method = inputs.config, inputs.method
    loss = method.bind_loss(config)

    def train_step(networks, rng, step):
        policy = networks["policy"]
        batch = rollouts.sample_batch(inputs, policy.params, rng)
        rows, metrics = pair_rows(batch, rng), {}
        if len(rows):  # with ties everywhere there is no pair, and no step
            tokens, mask = batch.rollout.tokens[rows], batch.rollout.mask[rows]
            policy, metrics = steps.preference_step(
                policy,
                tokens,
                mask,
                batch.ref_logp[rows],
                roles=method.roles,
                loss=loss,
                beta=config.beta,
                temperature=config.temperature,  # at which batch.ref_logp was scored
                model=inputs.model,
                step_size=step_size(config, step),
                layout=samples.prompt_layout(inputs.model, tokens, mask, 2, roles_first=True),
            )
        return {"policy": policy}, {**rollouts.rollout_metrics(batch), **metrics}

    return policy_stage(inputs, train_step)


def pair_rows(batch, rng):
    """Rows of one pair of completions a prompt, judged by reward: the chosen, then the rejected."""
    config = batch.inputs.config
    pairs = labels.label_pairs(batch.reward, rng, config)
    first = pairs.prompt * config.num_generations  # the row in which a prompt's group begins
    return np.concatenate([first + pairs.chosen, first + pairs.rejected])
