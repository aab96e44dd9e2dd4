"""How good a network is on examples that it was never trained on."""

import dataclasses

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.losses import divergence
from tinyalign.losses.aggregate import token_mean
from tinyalign.losses.policy_gradient import entropy
from tinyalign.methods import one_letter, samples
from tinyalign.models import tokenizer
from toy_envs import feedback
from toy_envs.programs import pass_at_k


def evaluate_policy(inputs, params, rng):
    """A policy on held-out prompts.

    returns  eval_accuracy: share solved by the likeliest completion; eval_reward: mean reward of
             sampled completions; eval_kl: KL(policy ‖ start) per completion, nats, with the
             exact divergence at every sampled prefix; eval_entropy: mean entropy there of the next
             token, nats; eval_optimum_kl: KL to the method's own optimum, nats, where that has a
             formula and all completions can be listed; eval_pass@1 and eval_pass@k: chance that
             one of so many samples is a success, where the task allows several attempts
    """
    problems = subsample_evenly(inputs.task.held_out, inputs.config.eval_size)
    # Rewards come before accuracy: `sampled_reward` then draws the same from the same generator.
    prompts, rollout, reward = rewarded_samples(inputs, params, problems, rng)
    read = rollout.tokens[:, :-1]  # (N, S−1): what every prediction has seen
    new, old = (policy.logits(inputs.model, p, read) for p in (params, inputs.initial_policy))
    kl = float(xp.sum(divergence.exact_kl(new, old) * rollout.mask)) / len(rollout.tokens)
    accuracy = greedy_accuracy(inputs, params, problems, rng)
    metrics = {"eval_accuracy": accuracy, "eval_reward": reward, "eval_kl": kl}
    metrics["eval_entropy"] = float(token_mean(entropy(new), rollout.mask))
    distance = one_letter.optimum_kl(inputs, params)
    metrics |= {} if distance is None else {"eval_optimum_kl": distance}
    return metrics | pass_at_k_metrics(inputs, params, prompts, rng)


def pass_at_k_metrics(inputs, params, prompts, rng):
    """pass@1 and pass@k of a task with k > 1 attempts, from 2·k samples of at most 100 prompts."""
    k = inputs.task.attempts
    if k == 1:
        return {}
    prompts, n = subsample_evenly(prompts, 100), 2 * k
    rollout = samples.sample_completions(inputs, params, prompts, rng, 1.0, n)
    texts = samples.decode_rollout(inputs, rollout)
    repeated = [prompt for prompt in prompts for _ in range(n)]
    right = inputs.task.success(repeated, *texts).reshape(len(prompts), n).sum(axis=1).astype(int)
    return {f"eval_pass@{i}": float(np.mean(pass_at_k(n, right, i))) for i in (1, k)}


def greedy_accuracy(inputs, params, prompts, rng):
    """Share of the prompts whose likeliest completion, taken token by token, is a success."""
    rollout = samples.sample_completions(inputs, params, prompts, rng, 0.0)
    texts = samples.decode_rollout(inputs, rollout)
    return float(np.mean(inputs.task.success(prompts, *texts)))


def sampled_reward(inputs, params, prompts, rng):
    """Mean of the task's reward over sampled completions of the prompts."""
    return rewarded_samples(inputs, params, prompts, rng)[2]


def rewarded_samples(inputs, params, prompts, rng):
    """(prompts as they were sampled, Rollout, mean of the task's reward)."""
    # A task with few prompts is sampled several times, so that means are over eval_size samples.
    prompts = prompts * max(1, inputs.config.eval_size // len(prompts))
    rollout = samples.sample_completions(inputs, params, prompts, rng, 1.0)
    reward = inputs.task.reward(prompts, *samples.decode_rollout(inputs, rollout))
    return prompts, rollout, float(np.mean(reward))


def subsample_evenly(prompts, count):
    """At most `count` prompts, evenly spread over all of them."""
    index = np.linspace(0, len(prompts) - 1, min(count, len(prompts))).round().astype(int)
    return [prompts[i] for i in index]


def evaluate_lines(inputs, params):
    """A policy on the lines of a file that were held out.

    returns   eval_nll: nats per token of demonstrations, or of chosen, liked or best completions,
              where there are any; for pairs, eval_accuracy: share whose log-probability rose more
              for the chosen completion than for the rejected one since the start
    """
    scored = samples.read_feedback(held_out(inputs))
    best = rows_to_imitate(scored.feedback)
    mask = scored.mask[best]
    if len(mask) == 0:  # every completion held out is disliked
        return {}
    logp, chosen = log_ratio(inputs, params, scored.tokens[best], mask)
    metrics = {"eval_nll": -float(logp.sum() / mask.sum())}
    if hasattr(scored.feedback, "rejected"):
        rows = scored.feedback.prompt, scored.feedback.rejected
        _, rejected = log_ratio(inputs, params, scored.tokens[rows], scored.mask[rows])
        metrics["eval_accuracy"] = float(np.mean(chosen > rejected))
    return metrics


def rows_to_imitate(labels):
    """Which completions a policy should imitate: (lines, places within the lines)."""
    if isinstance(labels, feedback.Thumbs):  # those that are liked
        return labels.prompt[labels.desirable], labels.completion[labels.desirable]
    if isinstance(labels, feedback.Rankings):
        return labels.prompt, labels.order[:, 0]
    return tuple(labels[:2])  # the second column is best, gold or chosen


def sample_held_out(inputs, params, rng, count=8):
    """A few completions in full, prompt and all, to read."""
    data = inputs.held_out_data
    prompts = [data.prompts[i] for i in rng.permutation(len(data.prompts))[:count]]
    vocabulary = data.vocabulary
    # A little more room than the longest completion of the file, if the context has it.
    room = max(len(answer) for row in data.completions for answer in row) + 4
    room = min(room, inputs.config.context - max(map(len, prompts)))
    rollout = policy.sample(
        inputs.model,
        params,
        tokenizer.encode(vocabulary, prompts),
        rng,
        max_new_tokens=room,
        eos=vocabulary.eos,
    )
    answers, _ = tokenizer.completions(vocabulary, to_host(rollout.tokens), to_host(rollout.mask))
    return [(prompt + answer).strip() for prompt, answer in zip(prompts, answers, strict=True)]


def log_ratio(inputs, params, tokens, mask):
    """log π(completion) and its change since the start: (N,) each."""
    new, old = (
        np.sum(samples.batched_logp(inputs, p, tokens, mask), axis=1)
        for p in (params, inputs.initial_policy)
    )
    return new, new - old


def evaluate_reward_model(inputs, params, rng):
    """A reward model on pairs made from held-out prompts, or from held-out lines.

    returns  eval_accuracy: share of pairs in which the chosen completion scores higher
    """
    # The pairs are drawn from the evaluation's own generator, so training is not disturbed.
    tokens, mask, _ = samples.comparison_batch(held_out(inputs)._replace(rng=rng))  # (B, 2, S)
    chosen, rejected = (
        samples.judge(inputs, params, to_device(tokens[:, role]), to_device(mask[:, role]), 1)
        for role in range(2)
    )
    return {"eval_accuracy": float(np.mean(chosen > rejected))}


def held_out(inputs):
    """The same inputs, but its examples are those that training does not see."""
    if inputs.data is not None:
        return inputs._replace(data=inputs.held_out_data)
    config = dataclasses.replace(inputs.config, num_pairs=min(inputs.config.num_pairs, 200))
    task = inputs.task._replace(train=inputs.task.held_out)
    return inputs._replace(task=task, config=config)
