"""Stages that learn from more, or less, than pairs: thumbs, rankings, the best of n."""

import functools
import math

import numpy as np

from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.engine.optim import AdamState
from tinyalign.losses.ranking import rejection_sample
from tinyalign.methods import evaluate, steps
from tinyalign.methods.stages import Stage, feedback_of, frozen_logp, optimizer, roll_out, score
from tinyalign.models import tokenizer
from toy_envs import feedback


def accepted_pairs(reward, rng, *, beta, noise):
    """Pairs of completions that rejection sampling accepted: the best and the worst that remain.

    Accepted with probability e^{(r − r_max)/β}, they follow π_ref e^{r/β} instead of π_ref.
    """
    accepted = rejection_sample(reward, beta=beta, rng=rng)
    best = np.where(accepted, reward, -np.inf).argmax(axis=1)
    worst = np.where(accepted, reward, np.inf).argmin(axis=1)
    rows = np.arange(len(reward))
    prompt = np.flatnonzero(reward[rows, best] > reward[rows, worst])
    swapped = rng.random(len(prompt)) < noise
    chosen, rejected = best[prompt], worst[prompt]
    return feedback.Pairs(
        prompt, np.where(swapped, rejected, chosen), np.where(swapped, chosen, rejected)
    )


def unpaired(setting):
    """KTO: single completions with a thumb up or down, and mismatched ones that set its zero."""
    config, method = setting.config, setting.method
    make = functools.partial(feedback.thumbs, temperature=config.label_temperature)
    judged = feedback_of(setting, make)
    prompt, place, desirable = judged.told
    tokens, mask = judged.tokens[prompt, place], judged.mask[prompt, place]
    other = np.roll(np.arange(len(tokens)), judged.tokens.shape[1])  # a completion to other words
    strange, strange_mask = mismatched(tokens, mask, other)
    ref_logp = np.sum(frozen_logp(setting, setting.start, tokens) * mask, axis=1)
    strange_ref = np.sum(frozen_logp(setting, setting.start, strange) * strange_mask, axis=1)
    loss = functools.partial(method.loss, **method.settings(config), **class_weights(desirable))
    arrays = (tokens, mask, ref_logp, desirable.astype(mask.dtype))
    arrays += (strange, strange_mask, strange_ref)

    def advance(networks, rng, step):
        rows = rng.integers(len(tokens), size=config.batch_size)
        learner, metrics = steps.unpaired_step(
            networks["policy"],
            *(to_device(array[rows]) for array in arrays),
            loss=loss,
            model=setting.model,
            optimizer=optimizer(config, step, config.steps),
        )
        return {"policy": learner}, metrics

    network, frozen = steps.learner(setting.start), {"reference": setting.start}
    return Stage({"policy": network}, advance, config.steps, frozen, judged.samples)


def class_weights(desirable):
    """Weights with which thumbs up and thumbs down count the same, as KTO's authors advise."""
    rare = (~desirable).sum() / desirable.sum()
    weights = {"weight_desirable": max(1.0, rare), "weight_undesirable": max(1.0, 1.0 / rare)}
    return {name: float(weight) for name, weight in weights.items()}  # NumPy's would widen float32


def mismatched(tokens, mask, other):
    """Each row's prompt with the completion of row other[i], laid out anew: tokens, mask."""
    own = np.concatenate([np.zeros((len(mask), 1), bool), mask > 0], axis=1)  # completion places
    prompts = [row[: own_row.argmax()] for row, own_row in zip(tokens, own, strict=True)]
    answers = [row[own_row] for row, own_row in zip(tokens[other], own[other], strict=True)]
    return tokenizer.batch(prompts, answers)


def ranked(setting):
    """Losses on all candidates of a prompt at once: rrhf, infonca, nca."""
    config, method = setting.config, setting.method
    tokens, mask, told, reward, samples = feedback_of(setting, feedback.rankings)
    tokens, mask, reward = tokens[told.prompt], mask[told.prompt], reward[told.prompt]
    flat = frozen_logp(setting, setting.start, tokens.reshape(-1, tokens.shape[2]))
    arrays = (tokens, mask, flat.reshape(mask.shape), reward.astype(mask.dtype))
    loss = functools.partial(method.loss, **method.settings(config))
    size = max(1, config.batch_size // tokens.shape[1])

    def advance(networks, rng, step):
        rows = rng.integers(len(tokens), size=size)
        learner, metrics = steps.ranked_step(
            networks["policy"],
            *(to_device(array[rows]) for array in arrays),
            loss=loss,
            model=setting.model,
            optimizer=optimizer(config, step, config.steps),
        )
        return {"policy": learner}, metrics

    frozen = {"reference": setting.start} if method.reference else {}
    return Stage({"policy": steps.learner(setting.start)}, advance, config.steps, frozen, samples)


def best_of_n(setting):
    """No training: sample n completions and keep the one with the highest reward."""
    config = setting.config

    prompts = evaluate.some(setting.task.held_out, config.eval_size)
    prompts = prompts * max(1, config.eval_size // len(prompts))
    n = config.num_generations

    def advance(networks, rng, step):
        return networks, {"samples": n * len(prompts)}

    def keep_best(networks, rng):
        rollout = roll_out(setting, setting.start, prompts, rng, config.temperature, n)
        rows = np.arange(len(prompts)) * n + score(setting, prompts, rollout).argmax(axis=1)
        kept = tokenizer.completions(
            setting.vocabulary, to_host(rollout.tokens)[rows], to_host(rollout.mask)[rows]
        )
        return {
            "eval_accuracy": float(np.mean(setting.task.success(prompts, *kept))),
            "eval_reward": float(np.mean(setting.task.reward(prompts, *kept))),
            "eval_kl": math.log(n) - (n - 1) / n,  # of the distribution it draws from; a bound
        }

    untrained = steps.Learner(setting.start, AdamState(xp.zeros(0), xp.zeros(0), 0))
    judge = {} if setting.reward_model is None else {"reward_model": setting.reward_model}
    return Stage({"policy": untrained}, advance, 1, judge, evaluate=keep_best)
