"""Stages of training: where each family's data come from, and one step of its loop.

A stage is prepared from a Setting and then advanced step by step. Everything random before the
first step comes from setting.rng, everything after it from the generator given to `advance`, so a
stage prepared again from the same Setting goes on exactly where a checkpoint left it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.errors import InputError
from tinyalign.methods import steps
from tinyalign.methods.steps import Learner, Optimizer
from tinyalign.models import tokenizer
from toy_envs import feedback


class Setting(NamedTuple):
    """Everything a stage is prepared from."""

    task: Any  # toy_envs.task.Task, or None with data of your own
    vocabulary: Any  # alphabet and ends: the Task, or a tokenizer.Vocabulary
    model: Any  # a module of tinyalign.models
    config: Any  # config.Config with no recipe field left at None
    method: Any  # methods.Method
    start: Any  # the policy's parameters before this stage; the reference, where one is held
    reward_model: Any  # parameters of a learned reward, or None: the task's own reward
    data: Any  # dataset.Data from a file, or None
    held_out_data: Any  # the lines of it that are not trained on
    rng: np.random.Generator


class Stage(NamedTuple):
    """A prepared stage."""

    networks: dict[str, Learner]  # what is trained: "policy", "critic", "reward_model"
    advance: Callable  # (networks, rng, step) -> (networks, metrics)
    steps: int
    frozen: dict[str, Any]  # what is held besides: "reference", "reward_model"
    samples: int = 0  # completions drawn before the first step
    evaluate: Callable | None = None  # (networks, rng) -> metrics, where not the usual ones


def optimizer(config, step, total):
    """Linear warm-up to the peak learning rate, then linear decay to 0 after the last step."""
    warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    rate = config.learning_rate * min(warm, (total - step) / max(total - config.warmup_steps, 1))
    return Optimizer(rate, config.max_grad_norm)


def supervised(setting):
    """SFT on demonstrations: the task's solutions, or your prompts and completions."""
    config = setting.config
    if setting.data is None:
        prompts = setting.task.train
        answers = [setting.task.solution(prompt) for prompt in prompts]
        tokens, mask = written(setting, prompts, answers)
    else:
        tokens, mask, told, *_ = feedback_of(setting, None)
        tokens, mask = tokens[told.prompt, told.best], mask[told.prompt, told.best]

    def advance(networks, rng, step):
        rows = rng.integers(len(tokens), size=config.batch_size)
        learner, metrics = steps.sft_step(
            networks["policy"],
            to_device(tokens[rows]),
            to_device(mask[rows]),
            model=setting.model,
            optimizer=optimizer(config, step, config.steps),
        )
        return {"policy": learner}, metrics

    return Stage({"policy": steps.learner(setting.start)}, advance, config.steps, {})


def written(setting, prompts, answers):
    """A batch of given texts: tokens (N, S), mask (N, S−1)."""
    prompts = tokenizer.encode(setting.vocabulary, prompts)
    return tokenizer.batch(prompts, tokenizer.encode(setting.vocabulary, answers, end=True))


class Judged(NamedTuple):
    """Completions of P prompts, G for each, and what was said of them."""

    tokens: np.ndarray  # (P, G, S)
    mask: np.ndarray  # (P, G, S−1)
    told: Any  # index arrays of toy_envs.feedback
    reward: np.ndarray | None  # (P, G) where there are rewards
    samples: int  # completions drawn


def feedback_of(setting, make):
    """Judged completions: your own, or sampled from the start policy and told by `make`.

    make  (reward, rng, noise=…) -> index arrays, such as a function of toy_envs.feedback
    """
    config, data = setting.config, setting.data
    if data is not None:
        answers = [answer for row in data.completions for answer in row]
        group = len(data.completions[0])
        prompts = [prompt for prompt in data.prompts for _ in range(group)]
        tokens, mask = written(setting, prompts, answers)
        return Judged(*in_groups(tokens, mask, group), data.feedback, data.reward, 0)
    group = config.num_generations
    prompts = draw_prompts(setting, setting.rng, config.num_pairs)
    rollout = roll_out(setting, setting.start, prompts, setting.rng, config.temperature, group)
    reward = score(setting, prompts, rollout)
    try:
        told = make(reward, setting.rng, noise=config.noise)
    except ValueError as error:
        raise InputError(f"no feedback can be made of the samples: {error}") from None
    if len(told.prompt) == 0:
        raise InputError(
            "all sampled completions of every prompt got the same reward, so there is nothing to "
            "compare: raise --num_generations or --temperature, or start from another policy"
        )
    grouped = in_groups(to_host(rollout.tokens), to_host(rollout.mask), group)
    return Judged(*grouped, told, reward, reward.size)


def in_groups(tokens, mask, group):
    """Rows (P·G, …) as (P, G, …)."""
    return tokens.reshape(-1, group, tokens.shape[1]), mask.reshape(-1, group, mask.shape[1])


def draw_prompts(setting, rng, count):
    """`count` training prompts drawn at random, as strings."""
    return [str(prompt) for prompt in rng.choice(setting.task.train, size=count)]


def roll_out(setting, params, prompts, rng, temperature, num_generations=1):
    """Sample num_generations completions for each prompt, a list of P strings."""
    return policy.sample(
        setting.model,
        params,
        tokenizer.encode(setting.vocabulary, prompts),
        rng,
        max_new_tokens=setting.task.max_new_tokens,
        eos=len(setting.vocabulary.alphabet) if setting.vocabulary.ends else None,
        temperature=temperature,
        num_generations=num_generations,
    )


def texts_of(setting, rollout):
    """What was sampled, in the form that a task's reward reads: (N strings, finished (N,))."""
    tokens, mask = to_host(rollout.tokens), to_host(rollout.mask)
    return tokenizer.completions(setting.vocabulary, tokens, mask)


def score(setting, prompts, rollout):
    """The reward of every completion, the task's own or a learned model's: (P, G) float32."""
    tokens, mask = rollout.tokens, rollout.mask
    repeated = [prompt for prompt in prompts for _ in range(len(tokens) // len(prompts))]
    if setting.reward_model is None:
        texts = texts_of(setting, rollout)
        reward = np.asarray(setting.task.reward(repeated, *texts))
    else:
        learned = policy.sequence_reward(setting.model, setting.reward_model, tokens, mask)
        reward = to_host(learned)
    if not np.isfinite(reward).all():
        bad = int(np.flatnonzero(~np.isfinite(reward))[0])
        raise InputError(
            f"the reward of a completion of {repeated[bad]!r} is {reward[bad]}, want a finite "
            "number: mend the reward function"
        )
    return reward.astype(np.float32).reshape(len(prompts), -1)


def compared(setting, roles, choose=None):
    """Completions to compare, role by role: tokens (R, B, S), mask (R, B, S−1), samples drawn."""
    usual = {"temperature": setting.config.label_temperature}
    usual = functools.partial(feedback.pairs, **usual)
    judged = feedback_of(setting, choose or (feedback.triples if "gold" in roles else usual))
    places = [(judged.told.prompt, getattr(judged.told, role)) for role in roles]
    tokens = np.stack([judged.tokens[place] for place in places])
    return tokens, np.stack([judged.mask[place] for place in places]), judged.samples


def frozen_logp(setting, params, tokens, chunk=1024):
    """Token log-probabilities (N, S−1) under parameters that no gradient reaches, in chunks."""
    parts = np.split(tokens, range(chunk, len(tokens), chunk))
    scored = [policy.token_logp(setting.model, params, to_device(part)) for part in parts]
    return np.concatenate([to_host(part) for part in scored])


def drawn_rows(arrays, rng, size):
    """The same random columns of arrays (R, B, …), role after role: (R·size, …) each."""
    rows = rng.integers(arrays[0].shape[1], size=size)
    return [to_device(array[:, rows].reshape(-1, array.shape[2])) for array in arrays]


def reward_model(setting):
    """A Bradley–Terry reward model on the trunk of the start policy."""
    config = setting.config
    tokens, mask, samples = compared(setting, ("chosen", "rejected"))

    def advance(networks, rng, step):
        learner, metrics = steps.reward_model_step(
            networks["reward_model"],
            *drawn_rows((tokens, mask), rng, config.batch_size),
            model=setting.model,
            optimizer=optimizer(config, step, config.steps),
        )
        return {"reward_model": learner}, metrics

    network = steps.learner(policy.scalar_init(setting.model, setting.start))
    return Stage({"reward_model": network}, advance, config.steps, {}, samples)


def preference(setting):
    """Any loss on pairs or triples; the reference log-probabilities are computed once."""
    config, method = setting.config, setting.method
    choose = method.choose and functools.partial(method.choose, beta=config.beta)
    tokens, mask, samples = compared(setting, method.roles, choose)
    ref_logp = frozen_logp(setting, setting.start, tokens.reshape(-1, tokens.shape[2]))
    arrays = tokens, mask, ref_logp.reshape(mask.shape)
    loss = functools.partial(method.loss, **method.settings(config))

    def advance(networks, rng, step):
        learner, metrics = steps.preference_step(
            networks["policy"],
            *drawn_rows(arrays, rng, config.batch_size),
            roles=method.roles,
            loss=loss,
            model=setting.model,
            optimizer=optimizer(config, step, config.steps),
        )
        return {"policy": learner}, metrics

    frozen = {"reference": setting.start} if method.reference else {}
    return Stage({"policy": steps.learner(setting.start)}, advance, config.steps, frozen, samples)
