"""A training step of each family on a tiny model, and a loop that takes a few of them."""

import numpy as np
from devices import sent
from tiny import SIZES, VOCAB

from tinyalign import losses, policy
from tinyalign.engine.backend import to_device
from tinyalign.engine.tree import tree_map
from tinyalign.losses import aggregate, divergence
from tinyalign.methods import steps
from tinyalign.methods.steps import Experience, StepSize

OPTIMIZER = StepSize(learning_rate=1e-2)


def start(model, seed=0):
    """Fresh float32 parameters; a table gets random logits, because its own start is uniform."""
    rng = np.random.default_rng(seed)
    params = model.init(rng, vocab=VOCAB, **SIZES[model])
    return tree_map(
        lambda leaf: leaf + to_device(0.1 * rng.standard_normal(leaf.shape, np.float32)), params
    )


def batch(rows=6, time=7, seed=0):
    """Tokens (N, S) and a ragged mask (N, S−1) after prompts of two tokens, on the device."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(VOCAB, size=(rows, time))
    place, end = np.arange(time - 1), rng.integers(3, time, size=(rows, 1))
    return sent((tokens, ((place >= 1) & (place < end)).astype(np.float32)))


def surrogate(logp, old_logp, advantage, mask, clip):
    return losses.clipped_surrogate(logp, old_logp, advantage, clip_low=clip, clip_high=clip)


def experience(model, params, tokens, mask, advantage):
    old = policy.token_logp(model, params, tokens)
    return Experience(tokens, mask, old, old, advantage)


GRPO = dict(
    surrogate=surrogate, clip=0.2, reduce=aggregate.sequence_mean, kl=divergence.k3,
    beta=0.1, entropy_coef=0.01, temperature=1.0, step_size=OPTIMIZER,
)  # fmt: skip


def sft(model):
    tokens, mask = batch()
    return start(model), lambda net: steps.sft_step(
        net, tokens, mask, model=model, step_size=OPTIMIZER
    )


def reward_model(model):
    tokens, mask = batch()
    params = policy.scalar_init(model, start(model))
    return params, lambda net: steps.reward_model_step(
        net, tokens, mask, model=model, step_size=OPTIMIZER
    )


def preference(model, loss=losses.dpo, roles=("chosen", "rejected")):
    tokens, mask = batch(rows=2 * len(roles))
    reference = policy.token_logp(model, start(model, seed=1), tokens)
    return start(model), lambda net: steps.preference_step(
        net, tokens, mask, reference, roles=roles, loss=loss, beta=0.1, model=model,
        step_size=OPTIMIZER,
    )  # fmt: skip


def grpo(model):
    tokens, mask = batch()
    advantage = to_device(np.array([[1], [-1], [0.5], [-0.5], [2], [-2]], np.float32))
    params = start(model)
    drawn = experience(model, params, tokens, mask, advantage)
    return params, lambda net: steps.policy_gradient_step(net, drawn, model=model, **GRPO)


def critic(model):
    tokens, mask = batch()
    params = policy.scalar_init(model, start(model))
    old = policy.scalar(model, params, tokens[:, :-1])
    returns = to_device(np.random.default_rng(1).standard_normal(mask.shape).astype(np.float32))
    return params, lambda net: steps.critic_step(
        net, tokens, mask, old, returns, clip=5.0, model=model, step_size=OPTIMIZER
    )


def unpaired(model):
    (tokens, mask), (other, other_mask) = batch(seed=0), batch(seed=1)
    reference = start(model, seed=1)
    ref_logp = policy.sequence_logp(model, reference, tokens, mask)
    other_ref = policy.sequence_logp(model, reference, other, other_mask)
    liked = to_device(np.array([1, 0, 0, 1, 1, 0], np.float32))
    batched = steps.UnpairedBatch(tokens, mask, ref_logp, liked, other, other_mask, other_ref)
    return start(model), lambda net: steps.unpaired_step(
        net, batched, loss=losses.kto, beta=0.1, model=model, step_size=OPTIMIZER
    )


def ranked(model):
    tokens, mask = batch()
    ref_logp = policy.token_logp(model, start(model, seed=1), tokens)
    reward = to_device(np.array([[1, 0, 2], [0.5, 0.5, -1]], np.float32))
    grouped = (a.reshape(2, 3, -1) for a in (tokens, mask, ref_logp))
    tokens, mask, ref_logp = grouped
    return start(model), lambda net: steps.ranked_step(
        net, tokens, mask, ref_logp, reward, loss=losses.nca, model=model, step_size=OPTIMIZER
    )


FAMILIES = sft, reward_model, preference, unpaired, ranked, grpo, critic


def train(params, step, count=4):
    """The network and the metrics after each of `count` steps, left where they are."""
    network, history = steps.init_train_state(params), []
    for _ in range(count):
        network, metrics = step(network)
        history.append(metrics)
    return network, history
