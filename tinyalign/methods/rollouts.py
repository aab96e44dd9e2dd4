"""Rollouts of methods that learn from their own samples: draw, score, select, cut up."""

from typing import Any, NamedTuple

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.losses import divergence
from tinyalign.losses.advantage import kl_shaped_reward
from tinyalign.losses.policy_gradient import overlong_penalty
from tinyalign.methods.samples import (
    decode_rollout,
    draw_prompts,
    prompt_layout,
    sample_completions,
    score,
)

ROUNDS = 4  # dynamic sampling gives up on filling the batch after this many


class ScoredRollout(NamedTuple):
    """Fresh samples of P prompts, G completions each, with their rewards; N = P·G."""

    inputs: Any  # method.StageInputs
    prompts: list[str]  # P
    rollout: policy.Rollout  # N rows
    reward: np.ndarray  # (P, G)
    ref_logp: Any  # (N, S−1); None where nothing reads the reference
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
    ref_logp = None
    if inputs.method.reads_reference_with(config.beta):
        layout = prompt_layout(inputs.model, *rollout[:2], config.num_generations)
        options = {"temperature": config.temperature, "layout": layout}
        ref_logp = policy.token_logp(inputs.model, inputs.initial_policy, rollout.tokens, **options)
    return ScoredRollout(inputs, prompts, rollout, reward, ref_logp, reward.size)


def rollout_metrics(batch):
    """What to watch in a rollout; methods/metrics.py says what each key means."""
    rollout, reward = batch.rollout, batch.reward
    per_completion = 1 / reward.size
    kl = {}  # nothing is read of the reference only to log it
    if batch.ref_logp is not None:
        k3 = divergence.k3(rollout.logp, batch.ref_logp)
        kl = {"kl": xp.sum(k3 * rollout.mask) * per_completion}
    # A group of one has no deviation of its own: then the batch is the group.
    groups = reward if reward.shape[1] > 1 else reward.T
    return {
        "reward": reward.mean(),
        "reward_std": groups.std(axis=1, ddof=1).mean() if groups.shape[1] > 1 else 0.0,
        "frac_reward_zero_std": np.mean(reward.max(axis=1) == reward.min(axis=1)),
        **kl,
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
    rows = rows_of(chosen, group)
    return batch._replace(
        prompts=[batch.prompts[i] for i in chosen],
        rollout=policy.Rollout(*(array[rows] for array in batch.rollout)),
        reward=batch.reward[chosen],
        ref_logp=None if batch.ref_logp is None else batch.ref_logp[rows],
    )


def rows_of(prompts, group):
    """The rows of the completions of prompts, `group` for each: (P,) -> (P·G,)."""
    return (prompts[:, None] * group + np.arange(group)).reshape(-1)


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
        ref_logp=None
        if parts[0].ref_logp is None
        else stack([part.ref_logp for part in parts], width - 1),
        drawn=sum(part.drawn for part in parts),
    )


def sample_batch_with_greedy_baseline(inputs, params, rng):
    """ReMax's batch: its baseline is the reward of each prompt's likeliest completion."""
    batch = sample_batch(inputs, params, rng)
    greedy = sample_completions(inputs, params, batch.prompts, rng, temperature=0.0)
    reward = score(inputs, batch.prompts, greedy)  # (P, 1)
    return batch._replace(greedy_reward=reward, drawn=batch.drawn + reward.size)


class Minibatch(NamedTuple):
    """What one gradient step reads of a rollout."""

    rows: np.ndarray  # of the rollout's N
    experience: Any  # steps.Experience of these rows
    layout: Any  # models.layout.PromptLayout of these rows
    share: float  # weight of these rows in the mean over the minibatch, which may have had more
    log: bool  # whether it is the last, whose metrics are logged


def minibatches(inputs, experience, rng, *, reduce=None):
    """The gradient steps of a rollout: num_iterations shuffles of its prompts, each cut in
    num_minibatches. The completions of a prompt stay together, so that it is read once.

    experience  steps.Experience of N = P·G rows
    reduce      the mean of the loss, where a completion without an advantage adds 0 to it: prompts
                that have none are left out of the step, and Minibatch.share corrects the mean
    """
    config, group = inputs.config, inputs.config.num_generations
    tokens, mask = to_host(experience.tokens), to_host(experience.mask)
    count = len(tokens) // group
    size = min(config.num_minibatches, count)
    has_advantage = np.any(to_host(experience.advantage).reshape(count, -1), axis=1)  # (P,)
    for step in range(config.num_iterations * size):
        if step % size == 0:
            parts = np.array_split(rng.permutation(count), size)
        prompts, share = parts[step % size], 1.0
        if reduce is not None:
            kept = prompts[has_advantage[prompts]]
            kept = kept if len(kept) else prompts[:1]  # a step still has a gradient, of 0
            prompts, share = kept, share_of_mean(reduce, mask, prompts, kept, group)
        rows = rows_of(prompts, group)
        part = type(experience)(*(None if a is None else a[rows] for a in experience))
        layout = prompt_layout(inputs.model, tokens[rows], mask[rows], group)
        yield Minibatch(rows, part, layout, share, step == config.num_iterations * size - 1)


def share_of_mean(reduce, mask, prompts, kept, group):
    """The factor that turns a mean over `kept` prompts into one over all, the others being 0."""
    everyone, rows = rows_of(prompts, group), rows_of(kept, group)
    is_kept = np.isin(everyone, rows)[:, None].astype(mask.dtype)  # (rows, 1)
    return float(reduce(is_kept * mask[everyone], mask[everyone]) / reduce(mask[rows], mask[rows]))


def subtract_kl(batch):
    """The batch with beta · k1 of each whole completion taken off its reward."""
    if batch.ref_logp is None:
        return batch
    k1 = divergence.k1(batch.rollout.logp, batch.ref_logp)
    kl = to_host(xp.sum(k1 * batch.rollout.mask, axis=1)).reshape(batch.reward.shape)
    return batch._replace(reward=batch.reward - batch.beta * kl)


def token_rewards(batch):
    """Each token's reward less beta · k1, with the completion's reward on its last: (N, S−1)."""
    score, (_, mask, logp) = to_device(batch.reward.reshape(-1)), batch.rollout
    ref_logp = logp if batch.ref_logp is None else batch.ref_logp  # without beta nothing comes off
    return kl_shaped_reward(score, logp, ref_logp, mask, beta=batch.beta)
