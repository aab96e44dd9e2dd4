"""Stages that learn from their own samples: sample, score, turn rewards into advantages, step."""

import functools
from typing import Any, NamedTuple

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.losses import divergence
from tinyalign.losses.policy_gradient import overlong_penalty
from tinyalign.methods import steps
from tinyalign.methods.stages import Stage, draw_prompts, optimizer, roll_out, score
from tinyalign.methods.steps import Experience
from tinyalign.models import tokenizer

ROUNDS = 4  # dynamic sampling gives up on filling the batch after this many


class Batch(NamedTuple):
    """Fresh samples of P prompts, G completions each, scored; N = P·G."""

    setting: Any
    params: Any  # of the policy that drew them
    rng: Any
    prompts: list[str]  # P
    rollout: policy.Rollout  # N rows
    reward: np.ndarray  # (P, G)
    ref_logp: Any  # (N, S−1)
    drawn: int = 0  # completions sampled to get these, thrown away ones included
    greedy: Any = None  # (P, 1) reward of each prompt's likeliest completion, where it was asked

    @property
    def beta(self):
        """Weight of the KL, per nat."""
        return self.setting.config.beta


def collect(setting, params, rng):
    """Sample and score one Batch."""
    config = setting.config
    prompts = draw_prompts(setting, rng, config.batch_size)
    rollout = roll_out(setting, params, prompts, rng, config.temperature, config.num_generations)
    reward = score(setting, prompts, rollout)
    ref_logp = policy.token_logp(
        setting.model, setting.start, rollout.tokens, temperature=config.temperature
    )
    return Batch(setting, params, rng, prompts, rollout, reward, ref_logp, reward.size)


def measured(batch):
    """What is worth a look in a batch: means per completion."""
    rollout, each = batch.rollout, 1 / batch.reward.size
    return {
        "reward": batch.reward.mean(),
        "frac_reward_zero_std": np.mean(batch.reward.max(axis=1) == batch.reward.min(axis=1)),
        "kl": xp.sum(divergence.k3(rollout.logp, batch.ref_logp) * rollout.mask) * each,
        "length": xp.sum(rollout.mask) * each,
        "samples": batch.drawn,
    }


def collect_with_spread(setting, params, rng):
    """DAPO's dynamic sampling: prompts whose completions all score alike are drawn again.

    A completion that was cut off counts as longer than the limit, and loses 1 in reward.
    """
    parts, found, wanted = [], 0, setting.config.batch_size
    for _ in range(ROUNDS):
        batch = collect(setting, params, rng)
        reward = batch.reward + cut_off_penalty(batch)
        spread = np.flatnonzero(reward.max(axis=1) > reward.min(axis=1))
        parts.append(only(batch._replace(reward=reward), spread[: wanted - found]))
        found += len(parts[-1].reward)
        if found == wanted:
            break
    kept = joined(parts)
    return kept if found else batch._replace(drawn=kept.drawn)


def cut_off_penalty(batch):
    """DAPO's overlong penalty for a generation limit with no soft part: (P, G), 0 or −1."""
    rollout, limit = batch.rollout, batch.setting.task.max_new_tokens
    tokens, mask = to_host(rollout.tokens), to_host(rollout.mask)
    _, finished = tokenizer.completions(batch.setting.vocabulary, tokens, mask)
    length = np.where(finished, mask.sum(axis=1), limit + 1).astype(np.float32)
    return overlong_penalty(length, max_length=limit + 1, buffer=1).reshape(batch.reward.shape)


def only(batch, chosen):
    """The batch with only the chosen prompts."""
    group = batch.reward.shape[1]
    rows = (chosen[:, None] * group + np.arange(group)).reshape(-1)
    rollout = policy.Rollout(*(array[rows] for array in batch.rollout))
    prompts = [batch.prompts[i] for i in chosen]
    return batch._replace(
        prompts=prompts, rollout=rollout, reward=batch.reward[chosen], ref_logp=batch.ref_logp[rows]
    )


def joined(parts):
    """Several batches as one; rows of different width are padded on the right."""
    width = max(part.rollout.tokens.shape[1] for part in parts)

    def stack(arrays, width):
        wide = [xp.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in arrays]
        return xp.concatenate(wide)

    columns = zip(*(part.rollout for part in parts), strict=True)
    tokens, mask, logp = (stack(c, width - (i > 0)) for i, c in enumerate(columns))
    return parts[0]._replace(
        prompts=[prompt for part in parts for prompt in part.prompts],
        rollout=policy.Rollout(tokens, mask, logp),
        reward=np.concatenate([part.reward for part in parts]),
        ref_logp=stack([part.ref_logp for part in parts], width - 1),
        drawn=sum(part.drawn for part in parts),
    )


def collect_with_greedy(setting, params, rng):
    """ReMax's batch: its baseline is the reward of each prompt's likeliest completion."""
    batch = collect(setting, params, rng)
    rollout = roll_out(setting, params, batch.prompts, rng, 0.0)
    greedy = score(setting, batch.prompts, rollout)
    return batch._replace(greedy=greedy, drawn=batch.drawn + greedy.size)


def passes(config, size, rng):
    """Rows of each gradient step: num_iterations shuffles, each cut in num_minibatches."""
    for _ in range(config.num_iterations):
        yield from np.array_split(rng.permutation(size), min(config.num_minibatches, size))


def rewarded(batch, method):
    """The batch with the KL to the reference taken off the reward, where the method puts it."""
    if method.kl_in != "reward":
        return batch
    k1 = divergence.k1(batch.rollout.logp, batch.ref_logp)
    kl = to_host(xp.sum(k1 * batch.rollout.mask, axis=1)).reshape(batch.reward.shape)
    return batch._replace(reward=batch.reward - batch.beta * kl)


def policy_gradient(setting):
    """REINFORCE, RLOO, GRPO and relatives: sample groups, turn rewards into advantages, step."""
    config, method = setting.config, setting.method
    reduce = functools.partial(method.reduce, length=setting.task.max_new_tokens)
    settings = {
        "surrogate": functools.partial(method.surrogate, clip=config.epsilon),
        "reduce": reduce,
        "kl": method.kls[config.kl],
        "beta": config.beta if method.kl_in == "loss" else 0.0,
        "entropy_coef": config.entropy_coef,
        "temperature": config.temperature,
        "model": setting.model,
    }

    def advance(networks, rng, step):
        learner = networks["policy"]
        batch = (method.collect or collect)(setting, learner.params, rng)
        advantage = method.advantages[config.advantage](rewarded(batch, method))
        experience = Experience(*batch.rollout, batch.ref_logp, to_device(advantage))
        pace = optimizer(config, step, config.steps)
        for rows in passes(config, len(advantage), rng):
            part = Experience(*(array[rows] for array in experience))
            learner, details = steps.policy_gradient_step(learner, part, **settings, optimizer=pace)
        return {"policy": learner}, {**measured(batch), **details}

    frozen = held(setting, method.kl_in is not None)
    return Stage({"policy": steps.learner(setting.start)}, advance, config.steps, frozen)


def held(setting, reference):
    """The frozen networks of an online method."""
    learned = {} if setting.reward_model is None else {"reward_model": setting.reward_model}
    return learned | ({"reference": setting.start} if reference else {})
