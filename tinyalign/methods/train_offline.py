"""Stages that learn from a fixed set of examples, one function a kind of feedback.

Each prepares its examples and hands them to `offline_stage`, which trains on random rows of them.
"""

import functools
import math

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host, xp
from tinyalign.engine.optim import AdamState
from tinyalign.errors import InputError
from tinyalign.methods import evaluate, labels, samples, steps
from tinyalign.methods.method import Stage, frozen_networks, step_size
from tinyalign.models import tokenizer


def offline_stage(inputs, examples, take_step, *, initial, layout, arrange=np.asarray, drawn=0):
    """The stage that takes one gradient step after another on random rows of `examples`.

    examples   arrays whose first axis runs over the examples; the first two are tokens and mask
    take_step  (network, *rows of the arrays, model=…, step_size=…, layout=…) -> (network, metrics)
    initial    parameters of the network that is trained
    layout     (model, tokens, mask) of a batch, arranged -> its PromptLayout, or None
    arrange    what is done with the drawn rows of each array before the step
    drawn      completions sampled to make the examples
    """
    config, name = inputs.config, inputs.method.trains

    def train_step(networks, rng, step):
        rows = rng.integers(len(examples[0]), size=config.batch_size)
        batch = [arrange(array[rows]) for array in examples]
        options = {"model": inputs.model, "step_size": step_size(config, step)}
        options["layout"] = layout(inputs.model, *batch[:2])
        network, metrics = take_step(networks[name], *map(to_device, batch), **options)
        return {name: network}, metrics

    networks = {name: steps.init_train_state(initial)}
    # Tokens are (B, S) or (B, R, S); nobody judges demonstrations.
    judged = math.prod(examples[0].shape[:-1]) if inputs.method.label else 0
    return Stage(networks, train_step, config.steps, frozen_networks(inputs), drawn, judged)


def supervised_stage(inputs):
    """SFT on demonstrations: the task's solutions, or your prompts and completions."""
    if inputs.data is None:
        prompts = inputs.task.train
        completions = [inputs.task.solution(prompt) for prompt in prompts]
        tokens, mask = samples.tokenize(inputs, prompts, completions)
    else:
        scored = samples.read_feedback(inputs)
        rows = scored.feedback.prompt, scored.feedback.best
        tokens, mask = scored.tokens[rows], scored.mask[rows]
    return offline_stage(
        inputs,
        (tokens, mask),
        functools.partial(steps.sft_step, loss=inputs.method.loss),
        initial=inputs.initial_policy,
        layout=functools.partial(samples.prompt_layout, group=1),
    )


def reward_model_stage(inputs):
    """A Bradley–Terry reward model on the trunk of the initial policy."""
    *examples, drawn = samples.comparison_batch(inputs)
    return offline_stage(
        inputs,
        examples,
        steps.reward_model_step,
        initial=policy.scalar_init(inputs.model, inputs.initial_policy),
        layout=functools.partial(samples.prompt_layout, group=2, roles_first=True, judge=True),
        arrange=samples.by_role,
        drawn=drawn,
    )


def preference_stage(inputs):
    """Any loss on pairs or triples; the reference log-probabilities are computed once."""
    method, config = inputs.method, inputs.config
    tokens, mask, drawn = samples.comparison_batch(inputs)  # (B, R, S), (B, R, S−1)
    ref_logp = samples.group_logp(inputs, inputs.initial_policy, tokens, mask)  # (B, R, S−1)
    take_step = functools.partial(
        steps.preference_step,
        roles=method.roles,
        loss=method.bind_loss(config),
        beta=config.beta,
    )
    return offline_stage(
        inputs,
        (tokens, mask, ref_logp),
        take_step,
        initial=inputs.initial_policy,
        layout=functools.partial(samples.prompt_layout, group=len(method.roles), roles_first=True),
        arrange=samples.by_role,
        drawn=drawn,
    )


def unpaired_stage(inputs):
    """KTO: single completions with a thumb up or down, and mismatched ones that set its zero."""
    method, config = inputs.method, inputs.config
    scored = samples.collect_feedback(inputs)
    prompt, column, desirable = scored.feedback
    tokens, mask = scored.tokens[prompt, column], scored.mask[prompt, column]
    # Rolled by a whole group, every row meets a completion of another prompt.
    other = np.roll(np.arange(len(tokens)), scored.tokens.shape[1])
    mismatched = samples.mismatched_completions(tokens, mask, other)

    def reference(tokens, mask):
        return np.sum(samples.batched_logp(inputs, inputs.initial_policy, tokens, mask), axis=1)

    examples = steps.UnpairedBatch(
        tokens, mask, reference(tokens, mask), desirable.astype(mask.dtype),
        *mismatched, reference(*mismatched),
    )  # fmt: skip
    loss = functools.partial(method.bind_loss(config), **balancing_weights(desirable, inputs))

    def take_step(network, *rows, **options):
        batch = steps.UnpairedBatch(*rows)
        return steps.unpaired_step(network, batch, loss=loss, beta=config.beta, **options)

    return offline_stage(
        inputs,
        examples,
        take_step,
        initial=inputs.initial_policy,
        layout=functools.partial(samples.prompt_layout, group=1),
        drawn=scored.samples,
    )


def balancing_weights(desirable, inputs):
    """Weights with which thumbs up and thumbs down count the same, as KTO's authors advise.

    A weight that was typed stays as it is.
    """
    if desirable.all() or not desirable.any():  # a file has both, but one may be held out whole
        raise InputError(
            f"every label that is trained on is {bool(desirable[0])}, want some true and some "
            "false: give more examples of the other kind"
        )
    ratio = (~desirable).sum() / desirable.sum()
    weights = {"weight_desirable": max(1.0, ratio), "weight_undesirable": max(1.0, 1.0 / ratio)}
    # NumPy's own numbers would widen float32.
    weights = {name: float(weight) for name, weight in weights.items()}
    return weights | inputs.method.typed_numbers(inputs.config)


def ranked_stage(inputs):
    """Losses on all candidates of a prompt at once: rrhf, infonca, nca."""
    method, config = inputs.method, inputs.config
    scored = samples.collect_feedback(inputs)
    rows = scored.feedback.prompt
    tokens, mask = scored.tokens[rows], scored.mask[rows]
    reward = labels.rewards_by_rank(scored.reward[rows], scored.feedback.order)
    ref_logp = samples.group_logp(inputs, inputs.initial_policy, tokens, mask)  # (P, G, S−1)
    examples = tokens, mask, ref_logp, reward.astype(mask.dtype)
    return offline_stage(
        inputs,
        examples,
        functools.partial(steps.ranked_step, loss=method.bind_loss(config)),
        initial=inputs.initial_policy,
        layout=group_layout,
        drawn=scored.samples,
    )


def group_layout(model, tokens, mask):
    """The layout of all candidates of each prompt: tokens (B, K, S), mask (B, K, S−1)."""
    flat = (array.reshape(-1, array.shape[2]) for array in (tokens, mask))
    return samples.prompt_layout(model, *flat, group=tokens.shape[1])


def best_of_n_stage(inputs):
    """No training: sample n completions and keep the one with the highest reward."""
    config, n = inputs.config, inputs.config.num_generations
    prompts = evaluate.subsample_evenly(inputs.task.held_out, config.eval_size)
    prompts = prompts * max(1, config.eval_size // len(prompts))

    def train_step(networks, rng, step):
        return networks, {"completions_sampled": n * len(prompts)}

    def evaluate_best(networks, rng):
        rollout = samples.sample_completions(
            inputs, inputs.initial_policy, prompts, rng, config.temperature, n
        )
        best = samples.score(inputs, prompts, rollout).argmax(axis=1)  # (P,) of n
        rows = np.arange(len(prompts)) * n + best
        kept = tokenizer.completions(
            inputs.vocabulary, to_host(rollout.tokens)[rows], to_host(rollout.mask)[rows]
        )
        return {
            "eval_accuracy": float(np.mean(inputs.task.success(prompts, *kept))),
            "eval_reward": float(np.mean(inputs.task.reward(prompts, *kept))),
            "eval_kl": math.log(n) - (n - 1) / n,  # of the distribution it draws from; a bound
        }

    untrained = steps.TrainState(inputs.initial_policy, AdamState(xp.zeros(0), xp.zeros(0), 0))
    frozen = frozen_networks(inputs)
    return Stage({"policy": untrained}, train_step, 1, frozen, evaluate=evaluate_best)
