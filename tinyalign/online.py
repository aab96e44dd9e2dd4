"""Stages that learn from their own samples: sample, score, turn rewards into advantages, step."""

import functools

import numpy as np

from tinyalign import policy, steps
from tinyalign.backend import to_device, xp
from tinyalign.losses import advantage as advantages
from tinyalign.losses import aggregate, divergence
from tinyalign.losses.policy_gradient import clipped_surrogate
from tinyalign.stages import Stage, draw_prompts, optimizer, roll_out, score
from tinyalign.steps import Experience


def collect(setting, params, rng):
    """Sample and score: (rollout, reward (P, G), ref_logp (N, T), metrics)."""
    config = setting.config
    prompts = draw_prompts(setting, rng, config.batch_size)
    rollout = roll_out(setting, params, prompts, rng, config.temperature, config.num_generations)
    reward = score(setting, prompts, rollout)
    ref_logp = policy.token_logp(
        setting.model, setting.start, rollout.tokens, temperature=config.temperature
    )
    each = 1 / reward.size
    metrics = {
        "reward": reward.mean(),
        "kl": xp.sum(divergence.k3(rollout.logp, ref_logp) * rollout.mask) * each,
        "length": xp.sum(rollout.mask) * each,
        "samples": reward.size,
    }
    return rollout, reward, ref_logp, metrics


def passes(config, size, rng):
    """Rows of each gradient step: num_iterations shuffles, each cut in num_minibatches."""
    for _ in range(config.num_iterations):
        yield from np.array_split(rng.permutation(size), config.num_minibatches)


def policy_gradient(setting):
    """GRPO and its relatives: sample groups, turn rewards into advantages, step."""
    config, method = setting.config, setting.method
    surrogate = functools.partial(method.surrogate, clip=config.epsilon)

    def advance(networks, rng, step):
        learner = networks["policy"]
        rollout, reward, ref_logp, metrics = collect(setting, learner.params, rng)
        advantage = method.advantages[config.advantage](reward).reshape(-1, 1)
        experience = Experience(*rollout, ref_logp, to_device(advantage))
        for rows in passes(config, len(advantage), rng):
            learner, details = steps.policy_gradient_step(
                learner,
                Experience(*(array[rows] for array in experience)),
                surrogate=surrogate,
                reduce=method.reduce,
                kl=method.kl,
                beta=config.beta,
                entropy_coef=config.entropy_coef,
                temperature=config.temperature,
                model=setting.model,
                optimizer=optimizer(config, step, config.steps),
            )
        tied = np.mean(reward.max(axis=1) == reward.min(axis=1))
        return {"policy": learner}, {**metrics, "frac_reward_zero_std": tied, **details}

    frozen = held(setting, config.beta > 0)
    return Stage({"policy": steps.learner(setting.start)}, advance, config.steps, frozen)


def held(setting, reference):
    """The frozen networks of an online method."""
    learned = {} if setting.reward_model is None else {"reward_model": setting.reward_model}
    return learned | ({"reference": setting.start} if reference else {})


def ppo(setting):
    """PPO: KL-shaped rewards, a critic, generalized advantages, several clipped passes."""
    config, model = setting.config, setting.model

    def experience_of(networks, rng):
        rollout, reward, ref_logp, metrics = collect(setting, networks["policy"].params, rng)
        value = policy.scalar(model, networks["critic"].params, rollout.tokens[:, :-1])
        shaped = advantages.kl_shaped_reward(
            to_device(reward.reshape(-1)), rollout.logp, ref_logp, rollout.mask, beta=config.beta
        )
        advantage, returns = advantages.gae(
            shaped, value, rollout.mask, gamma=config.gamma, lam=config.lam
        )
        advantage = advantages.whiten(advantage, rollout.mask)
        return Experience(*rollout, ref_logp, advantage), value, returns, metrics

    def surrogate(logp, old_logp, advantage, mask):
        clip = {"clip_low": config.epsilon, "clip_high": config.epsilon}
        return clipped_surrogate(logp, old_logp, advantage, **clip)

    def advance(networks, rng, step):
        actor, critic = networks["policy"], networks["critic"]
        experience, value, returns, metrics = experience_of(networks, rng)
        settings = {"model": model, "optimizer": optimizer(config, step, config.steps)}
        for rows in passes(config, len(value), rng):
            part = Experience(*(array[rows] for array in experience))
            actor, details = steps.policy_gradient_step(
                actor, part, surrogate=surrogate, reduce=aggregate.token_mean, kl=divergence.k3,
                beta=0.0, entropy_coef=config.entropy_coef, temperature=config.temperature,
                **settings,
            )  # fmt: skip
            critic, fit = steps.critic_step(
                critic, part.tokens, part.mask, value[rows], returns[rows], clip=config.epsilon,
                **settings,
            )  # fmt: skip
        return {"policy": actor, "critic": critic}, {**metrics, **details, **fit}

    critic = steps.learner(policy.scalar_init(model, setting.start))
    networks = {"policy": steps.learner(setting.start), "critic": critic}
    return Stage(networks, advance, config.steps, held(setting, reference=True))
