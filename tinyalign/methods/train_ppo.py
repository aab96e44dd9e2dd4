"""PPO's stage, with its critic, and the two online stages that are supervised at heart."""

import functools

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device
from tinyalign.losses import advantage as advantages
from tinyalign.losses import aggregate, divergence
from tinyalign.methods import steps
from tinyalign.methods.rollouts import collect, held, measured, passes
from tinyalign.methods.stages import Stage, optimizer
from tinyalign.methods.steps import Experience
from toy_envs import feedback


def ppo(setting):
    """PPO: KL-shaped rewards, a critic, generalized advantages, several clipped passes."""
    config, model = setting.config, setting.model
    actor_settings = {
        "surrogate": functools.partial(setting.method.surrogate, clip=config.epsilon),
        "reduce": aggregate.token_mean,
        "kl": divergence.k3,
        "beta": 0.0,  # the KL is in the reward
        "entropy_coef": config.entropy_coef,
        "temperature": config.temperature,
    }

    def advance(networks, rng, step):
        actor, critic = networks["policy"], networks["critic"]
        batch = collect(setting, actor.params, rng)
        experience, value, returns = valued(setting, critic.params, batch)
        settings = {"model": model, "optimizer": optimizer(config, step, config.steps)}
        for rows in passes(config, len(value), rng):
            part = Experience(*(array[rows] for array in experience))
            actor, details = steps.policy_gradient_step(actor, part, **actor_settings, **settings)
            old = part.tokens, part.mask, value[rows], returns[rows]
            critic, fit = steps.critic_step(critic, *old, clip=config.epsilon, **settings)
        return {"policy": actor, "critic": critic}, {**measured(batch), **details, **fit}

    critic = steps.learner(policy.scalar_init(model, setting.start))
    networks = {"policy": steps.learner(setting.start), "critic": critic}
    return Stage(networks, advance, config.steps, held(setting, reference=True))


def valued(setting, critic, batch):
    """(Experience with whitened generalized advantages, values, returns), (N, S−1) each."""
    config, (tokens, mask, logp) = setting.config, batch.rollout
    value = policy.scalar(setting.model, critic, tokens[:, :-1])
    score = to_device(batch.reward.reshape(-1))
    shaped = advantages.kl_shaped_reward(score, logp, batch.ref_logp, mask, beta=config.beta)
    advantage, returns = advantages.gae(shaped, value, mask, gamma=config.gamma, lam=config.lam)
    advantage = advantages.whiten(advantage, mask)
    return Experience(tokens, mask, logp, batch.ref_logp, advantage), value, returns


def raft(setting):
    """RAFT: fine-tune on the best of each group of samples, where one is better than the rest."""
    config = setting.config

    def advance(networks, rng, step):
        learner = networks["policy"]
        batch = collect(setting, learner.params, rng)
        best, details = best_rows(batch), {}
        if len(best):
            learner, details = steps.sft_step(
                learner, batch.rollout.tokens[best], batch.rollout.mask[best],
                model=setting.model, optimizer=optimizer(config, step, config.steps),
            )  # fmt: skip
        return {"policy": learner}, {**measured(batch), **details}

    return Stage(
        {"policy": steps.learner(setting.start)}, advance, config.steps, held(setting, False)
    )


def online_dpo(setting):
    """Online DPO: fresh samples are judged in pairs, as for DPO, one pair a prompt."""
    config = setting.config
    judge = {"temperature": config.label_temperature, "noise": config.noise}
    loss = functools.partial(setting.method.loss, **setting.method.settings(config))

    def advance(networks, rng, step):
        learner = networks["policy"]
        batch = collect(setting, learner.params, rng)
        pairs, details = feedback.pairs(batch.reward, rng, **judge), {}
        start = pairs.prompt * config.num_generations
        rows = np.concatenate([start + pairs.chosen, start + pairs.rejected])
        if len(rows):
            learner, details = steps.preference_step(
                learner, batch.rollout.tokens[rows], batch.rollout.mask[rows],
                batch.ref_logp[rows], roles=("chosen", "rejected"), loss=loss,
                model=setting.model, optimizer=optimizer(config, step, config.steps),
            )  # fmt: skip
        return {"policy": learner}, {**measured(batch), **details}

    return Stage(
        {"policy": steps.learner(setting.start)}, advance, config.steps, held(setting, True)
    )


def best_rows(batch):
    """Rows of the best completion of each prompt whose completions are not all as good."""
    reward, group = batch.reward, batch.reward.shape[1]
    untied = np.flatnonzero(reward.max(axis=1) > reward.min(axis=1))
    return untied * group + reward[untied].argmax(axis=1)
