"""PPO's stage: a policy and the critic that tells what to expect."""

from tinyalign import policy
from tinyalign.losses import advantage as advantages
from tinyalign.methods import rollouts, samples, steps
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
        options = {"model": inputs.model, "step_size": step_size(config, step)}
        for part in rollouts.minibatches(inputs, experience, rng):
            actor, metrics = steps.policy_gradient_step(
                actor, part.experience, **(settings | options), layout=part.layout, log=part.log
            )
            critic, critic_metrics = steps.critic_step(
                critic, *part.experience[:2], value[part.rows], returns[part.rows],
                clip=config.epsilon, **options, layout=part.layout,
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
    layout = samples.prompt_layout(inputs.model, tokens, mask, config.num_generations)
    value = policy.prefix_value(inputs.model, critic, tokens, layout=layout)
    reward = rollouts.token_rewards(batch)
    advantage, returns = advantages.gae(reward, value, mask, gamma=config.gamma, lam=config.lam)
    advantage = advantages.whiten(advantage, mask)
    return steps.Experience(tokens, mask, logp, batch.ref_logp, advantage), value, returns
