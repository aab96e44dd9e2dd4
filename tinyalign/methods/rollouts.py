"""Rollouts of methods that learn from their own samples: draw, score, select, cut up."""

from typing import Any, NamedTuple

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_host, xp
from tinyalign.losses import divergence
from tinyalign.losses.policy_gradient import overlong_penalty
from tinyalign.methods.samples import decode_rollout, draw_prompts, sample_completions, score

ROUNDS = 4  # dynamic sampling gives up on filling the batch after this many


class ScoredRollout(NamedTuple):
    """Fresh samples of P prompts, G completions each, with their rewards; N = P·G."""

    inputs: Any  # method.StageInputs
    prompts: list[str]  # P
    rollout: policy.Rollout  # N rows
    reward: np.ndarray  # (P, G)
    ref_logp: Any  # (N, S−1)
    drawn: int = 0  # completions sampled to get these, thrown away ones included
    greedy_reward: Any = None  # (P, 1) of each prompt's likeliest completion, where it was asked

    @property
    def beta(self):
        """Weight of the KL, per nat."""
        return self.inputs.config.beta


def sample_batch(inputs, params, rng):
    """Sample and score the completions of one step: ScoredRollout."""
    config = inputs.config
    prompts = draw_prompts(inputs, rng, config.batch_size)
    rollout = sample_completions(
        inputs, params, prompts, rng, config.temperature, config.num_generations
    )
    reward = score(inputs, prompts, rollout)
    ref_logp = policy.token_logp(
        inputs.model, inputs.initial_policy, rollout.tokens, temperature=config.temperature
    )
    return ScoredRollout(inputs, prompts, rollout, reward, ref_logp, reward.size)


def rollout_metrics(batch):
    """What to watch in a rollout; methods/metrics.py says what each key means."""
    rollout, reward = batch.rollout, batch.reward
    per_completion = 1 / reward.size
    # A group of one has no deviation of its own: then the batch is the group.
    groups = reward if reward.shape[1] > 1 else reward.T
    return {
        "reward": reward.mean(),
        "reward_std": groups.std(axis=1, ddof=1).mean() if groups.shape[1] > 1 else 0.0,
        "frac_reward_zero_std": np.mean(reward.max(axis=1) == reward.min(axis=1)),
        "kl": xp.sum(divergence.k3(rollout.logp, batch.ref_logp) * rollout.mask) * per_completion,
        "completions/mean_length": xp.sum(rollout.mask) * per_completion,
        "completions_sampled": batch.drawn,
    }


def sample_batch_dynamic(inputs, params, rng):
    """DAPO's dynamic sampling: prompts whose completions all score alike are drawn again.

    A completion that was cut off counts as longer than the limit, and loses 1 in reward.
    """
    parts, kept, wanted = [], 0, inputs.config.batch_size
    for _ in range(ROUNDS):
        batch = sample_batch(inputs, params, rng)
        reward = batch.reward + cut_off_penalty(batch)
        informative = np.flatnonzero(reward.max(axis=1) > reward.min(axis=1))
        parts.append(take_prompts(batch._replace(reward=reward), informative[: wanted - kept]))
        kept += len(parts[-1].reward)
        if kept == wanted:
            break
    full = concatenate(parts)
    # With nothing to learn from anywhere, the last draw stands in: its advantages are all 0.
    return full if kept else batch._replace(drawn=full.drawn)


def cut_off_penalty(batch):
    """DAPO's overlong penalty for a generation limit with no soft part: (P, G), 0 or −1."""
    limit = batch.inputs.task.max_new_tokens
    _, finished = decode_rollout(batch.inputs, batch.rollout)
    length = np.where(finished, to_host(batch.rollout.mask).sum(axis=1), limit + 1)
    penalty = overlong_penalty(length.astype(np.float32), max_length=limit + 1, buffer=1)
    return penalty.reshape(batch.reward.shape)


def take_prompts(batch, chosen):
    """The batch with only the prompts numbered in `chosen`."""
    group = batch.reward.shape[1]
    rows = (chosen[:, None] * group + np.arange(group)).reshape(-1)  # their rows of N
    return batch._replace(
        prompts=[batch.prompts[i] for i in chosen],
        rollout=policy.Rollout(*(array[rows] for array in batch.rollout)),
        reward=batch.reward[chosen],
        ref_logp=batch.ref_logp[rows],
    )


def concatenate(parts):
    """Several batches as one; rows of different width are padded on the right."""
    width = max(part.rollout.tokens.shape[1] for part in parts)

    def stack(arrays, width):
        padded = [xp.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in arrays]
        return xp.concatenate(padded)

    # Tokens are (N, S); what speaks of targets is one column narrower.
    rollouts = [part.rollout for part in parts]
    rollout = policy.Rollout(
        tokens=stack([rollout.tokens for rollout in rollouts], width),
        mask=stack([rollout.mask for rollout in rollouts], width - 1),
        logp=stack([rollout.logp for rollout in rollouts], width - 1),
    )
    return parts[0]._replace(
        prompts=[prompt for part in parts for prompt in part.prompts],
        rollout=rollout,
        reward=np.concatenate([part.reward for part in parts]),
        ref_logp=stack([part.ref_logp for part in parts], width - 1),
        drawn=sum(part.drawn for part in parts),
    )


def sample_batch_with_greedy_baseline(inputs, params, rng):
    """ReMax's batch: its baseline is the reward of each prompt's likeliest completion."""
    batch = sample_batch(inputs, params, rng)
    greedy = sample_completions(inputs, params, batch.prompts, rng, temperature=0.0)
    reward = score(inputs, batch.prompts, greedy)  # (P, 1)
    return batch._replace(greedy_reward=reward, drawn=batch.drawn + reward.size)


def minibatches(config, size, rng):
    """Rows of each gradient step: num_iterations shuffles, each cut in num_minibatches."""
    for _ in range(config.num_iterations):
        yield from np.array_split(rng.permutation(size), min(config.num_minibatches, size))


def subtract_kl(batch):
    """The batch with beta · k1 of each whole completion taken off its reward."""
    k1 = divergence.k1(batch.rollout.logp, batch.ref_logp)
    kl = to_host(xp.sum(k1 * batch.rollout.mask, axis=1)).reshape(batch.reward.shape)
    return batch._replace(reward=batch.reward - batch.beta * kl)
