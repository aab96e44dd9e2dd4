"""How good a network is on examples that it was never trained on."""

import dataclasses

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.losses import divergence
from tinyalign.losses.aggregate import token_mean
from tinyalign.losses.policy_gradient import entropy
from tinyalign.methods import stages
from tinyalign.models import tokenizer
from toy_envs.programs import pass_at_k


def evaluate_policy(setting, params, rng):
    """A policy on held-out prompts.

    returns  eval_accuracy: share solved by the likeliest completion; eval_reward: mean reward of
             sampled completions; eval_kl: KL(policy ‖ start) per completion, nats, with the
             exact divergence at every sampled prefix; eval_entropy: mean entropy there of the next
             token, nats; where the task allows several attempts, eval_pass@1 and eval_pass@k:
             chance that one of so many samples is a success
    """
    prompts = some(setting.task.held_out, setting.config.eval_size)
    accuracy = solved(setting, params, prompts, rng)
    prompts = prompts * max(1, setting.config.eval_size // len(prompts))
    rollout = stages.roll_out(setting, params, prompts, rng, 1.0)
    texts = stages.texts_of(setting, rollout)
    read = rollout.tokens[:, :-1]
    new, old = (policy.logits(setting.model, p, read) for p in (params, setting.start))
    kl = float(xp.sum(divergence.exact_kl(new, old) * rollout.mask)) / len(prompts)
    reward = np.mean(setting.task.reward(prompts, *texts))
    metrics = {"eval_accuracy": accuracy, "eval_reward": float(reward), "eval_kl": kl}
    metrics["eval_entropy"] = float(token_mean(entropy(new), rollout.mask))
    return metrics | passed(setting, params, prompts, rng)


def passed(setting, params, prompts, rng):
    """pass@1 and pass@k of a task with k > 1 attempts, from 2·k samples of at most 100 prompts."""
    k = setting.task.attempts
    if k == 1:
        return {}
    prompts, n = some(prompts, 100), 2 * k
    rollout = stages.roll_out(setting, params, prompts, rng, 1.0, n)
    texts = stages.texts_of(setting, rollout)
    repeated = [prompt for prompt in prompts for _ in range(n)]
    right = setting.task.success(repeated, *texts).reshape(len(prompts), n).sum(axis=1).astype(int)
    return {f"eval_pass@{i}": float(np.mean(pass_at_k(n, right, i))) for i in (1, k)}


def solved(setting, params, prompts, rng):
    """Share of the prompts whose likeliest completion, taken token by token, is a success."""
    rollout = stages.roll_out(setting, params, prompts, rng, 0.0)
    texts = stages.texts_of(setting, rollout)
    return float(np.mean(setting.task.success(prompts, *texts)))


def some(prompts, count):
    """At most `count` prompts, evenly spread over all of them."""
    places = np.linspace(0, len(prompts) - 1, min(count, len(prompts))).round().astype(int)
    return [prompts[i] for i in places]


def evaluate_lines(setting, params):
    """A policy on the lines of a file that were held out.

    returns   eval_nll: nats per token of the demonstrations or chosen completions; for pairs,
              eval_accuracy: share whose log-probability rose more for the chosen completion than
              for the rejected one since the start
    """
    tokens, mask, told, *_ = stages.feedback_of(held_out(setting), None)
    chosen, chosen_mask = tokens[told.prompt, told[1]], mask[told.prompt, told[1]]
    logp, rise = log_ratio(setting, params, chosen, chosen_mask)
    metrics = {"eval_nll": -float(logp.sum() / chosen_mask.sum())}
    if hasattr(told, "rejected"):
        places = told.prompt, told.rejected
        _, other = log_ratio(setting, params, tokens[places], mask[places])
        metrics["eval_accuracy"] = float(np.mean(rise > other))
    return metrics


def written(setting, params, rng, count=8):
    """A few completions in full, prompt and all, to read."""
    data = setting.held_out_data
    prompts = [data.prompts[i] for i in rng.permutation(len(data.prompts))[:count]]
    vocabulary = data.vocabulary
    room = max(len(answer) for row in data.completions for answer in row) + 4
    room = min(room, setting.config.context - max(map(len, prompts)))
    rollout = policy.sample(
        setting.model,
        params,
        tokenizer.encode(vocabulary, prompts),
        rng,
        max_new_tokens=room,
        eos=vocabulary.eos,
    )
    answers, _ = tokenizer.completions(vocabulary, to_host(rollout.tokens), to_host(rollout.mask))
    return [(prompt + answer).strip() for prompt, answer in zip(prompts, answers, strict=True)]


def log_ratio(setting, params, tokens, mask):
    """log π(completion) and its change since the start: (N,) each."""
    new, old = (
        np.sum(stages.frozen_logp(setting, p, tokens) * mask, axis=1)
        for p in (params, setting.start)
    )
    return new, new - old


def evaluate_reward_model(setting, params, rng):
    """A reward model on pairs made from held-out prompts, or from held-out lines.

    returns  eval_accuracy: share of pairs in which the chosen completion scores higher
    """
    fresh = held_out(setting)._replace(rng=rng)
    tokens, mask, _ = stages.compared(fresh, ("chosen", "rejected"))
    chosen, rejected = (
        to_host(policy.sequence_reward(setting.model, params, to_device(t), to_device(m)))
        for t, m in zip(tokens, mask, strict=True)
    )
    return {"eval_accuracy": float(np.mean(chosen > rejected))}


def held_out(setting):
    """The same setting, but its examples are those that training does not see."""
    if setting.data is not None:
        return setting._replace(data=setting.held_out_data)
    config = dataclasses.replace(setting.config, num_pairs=min(setting.config.num_pairs, 200))
    task = setting.task._replace(train=setting.task.held_out)
    return setting._replace(task=task, config=config)
