"""PPO's stage: a policy and the critic that tells what to expect."""

from tinyalign import policy
from tinyalign.engine.backend import to_device
from tinyalign.losses import advantage as advantages
from tinyalign.methods import rollouts, steps
from tinyalign.methods.method import Stage, frozen_networks, step_size
from tinyalign.methods.train_online import actor_settings


def ppo_stage(inputs):
    """PPO: KL-shaped rewards, a critic, generalized advantages, several clipped passes."""
    config, settings = inputs.config, actor_settings(inputs)

    def train_step(networks, rng, step):
        actor, critic = networks["policy"], networks["critic"]
        batch = rollouts.sample_batch(inputs, actor.params, rng)
        # Everything below is a constant to the gradient: values and returns are the old critic's.
        experience, value, returns = compute_gae(inputs, critic.params, batch)
        size = step_size(config, step)
        for rows in rollouts.minibatches(config, len(value), rng):
            part = steps.Experience(*(array[rows] for array in experience))
            actor, metrics = steps.policy_gradient_step(actor, part, **settings, step_size=size)
            critic, critic_metrics = steps.critic_step(
                critic, part.tokens, part.mask, value[rows], returns[rows],
                clip=config.epsilon, model=inputs.model, step_size=size,
            )  # fmt: skip
        metrics = {**rollouts.rollout_metrics(batch), **metrics, **critic_metrics}
        return {"policy": actor, "critic": critic}, metrics

    initial = {
        "policy": inputs.initial_policy,
        "critic": policy.scalar_init(inputs.model, inputs.initial_policy),
    }
    networks = {name: steps.init_train_state(params) for name, params in initial.items()}
    return Stage(networks, train_step, config.steps, frozen_networks(inputs))


def compute_gae(inputs, critic, batch):
    """(Experience with whitened generalized advantages, values, returns), (N, S−1) each."""
    config = inputs.config
    tokens, mask, logp = batch.rollout
    value = policy.scalar(inputs.model, critic, tokens[:, :-1])  # of each prefix
    score = to_device(batch.reward.reshape(-1))  # (N,)
    shaped = advantages.kl_shaped_reward(score, logp, batch.ref_logp, mask, beta=config.beta)
    advantage, returns = advantages.gae(shaped, value, mask, gamma=config.gamma, lam=config.lam)
    advantage = advantages.whiten(advantage, mask)
    return steps.Experience(tokens, mask, logp, batch.ref_logp, advantage), value, returns
