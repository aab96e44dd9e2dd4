"""Where a stage's examples come from: prompts, completions, rewards, and feedback made of them."""

from typing import Any, NamedTuple

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.errors import InputError
from tinyalign.models import layout, tokenizer


class ScoredSamples(NamedTuple):
    """Completions of P prompts, G for each, and the feedback on them."""

    tokens: np.ndarray  # (P, G, S)
    mask: np.ndarray  # (P, G, S−1)
    feedback: Any  # index arrays of toy_envs.feedback
    reward: np.ndarray | None  # (P, G) where there are rewards
    samples: int  # completions drawn


def tokenize(inputs, prompts, completions):
    """Prompts and completions, N strings each, as a batch: tokens (N, S), mask (N, S−1)."""
    prompts = tokenizer.encode(inputs.vocabulary, prompts)
    return tokenizer.batch(prompts, tokenizer.encode(inputs.vocabulary, completions, end=True))


def draw_prompts(inputs, rng, count):
    """`count` training prompts drawn at random, as strings."""
    return [str(prompt) for prompt in rng.choice(inputs.task.train, size=count)]


def sample_completions(inputs, params, prompts, rng, temperature, num_generations=1):
    """Sample num_generations completions for each prompt, a list of P strings."""
    return policy.sample(
        inputs.model,
        params,
        tokenizer.encode(inputs.vocabulary, prompts),
        rng,
        max_new_tokens=inputs.task.max_new_tokens,
        eos=len(inputs.vocabulary.alphabet) if inputs.vocabulary.ends else None,
        temperature=temperature,
        num_generations=num_generations,
    )


def decode_rollout(inputs, rollout):
    """The completions of a rollout as a task's reward reads them: (N strings, finished (N,))."""
    tokens, mask = to_host(rollout.tokens), to_host(rollout.mask)
    return tokenizer.completions(inputs.vocabulary, tokens, mask)


def prompt_layout(model, tokens, mask, group, *, roles_first=False, judge=False):
    """The models.layout.PromptLayout of a batch; None for a model that has no use for one.

    Where completions are so long that sharing a prompt takes longer, rows are read whole.

    tokens, mask  (N, S) and (N, S−1), on the host or the device
    group         completions of each prompt, G: in rows one after another
    roles_first   the rows are the first completion of every prompt, then the second of every …
    judge         to judge whole completions, not to score their tokens
    """
    if not hasattr(model, "layout_trunk"):
        return None
    tokens, mask, rows = to_host(tokens), to_host(mask), np.arange(len(tokens))
    groups = rows.reshape(group, -1).T if roles_first else rows.reshape(-1, group)
    completion = int(mask.sum(axis=1).max())
    if not model.sharing_pays(mask.shape[1] - completion, completion, group):
        groups = rows[:, None]
    make = layout.share_prompts_to_judge if judge else layout.share_prompts
    return make(tokens, mask, groups)


def score(inputs, prompts, rollout):
    """The reward of every completion, the task's own or a learned model's: (P, G) float32."""
    group = len(rollout.tokens) // len(prompts)
    repeated = [prompt for prompt in prompts for _ in range(group)]  # N = P·G
    if inputs.reward_model is None:
        reward = np.asarray(inputs.task.reward(repeated, *decode_rollout(inputs, rollout)))
    else:
        reward = judge(inputs, inputs.reward_model, rollout.tokens, rollout.mask, group)
    if not np.isfinite(reward).all():
        bad = int(np.flatnonzero(~np.isfinite(reward))[0])
        raise InputError(
            f"the reward of a completion of {repeated[bad]!r} is {reward[bad]}, want a finite "
            "number: mend the reward function"
        )
    return reward.astype(np.float32).reshape(len(prompts), group)


def collect_feedback(inputs):
    """Completions with feedback: those of a file, or samples of the initial policy.

    returns  ScoredSamples; the method's `label` makes feedback of the rewards of samples
    raises   InputError if the samples give no examples to train on
    """
    if inputs.data is not None:
        return read_feedback(inputs)
    config = inputs.config
    prompts = draw_prompts(inputs, inputs.rng, config.num_pairs)
    rollout = sample_completions(
        inputs, inputs.initial_policy, prompts, inputs.rng, config.temperature,
        config.num_generations,
    )  # fmt: skip
    reward = score(inputs, prompts, rollout)
    try:
        labels = first_labels(inputs, inputs.method.label(reward, inputs.rng, config))
    except ValueError as error:
        raise InputError(f"the samples give no examples to train on: {error}") from None
    if len(labels.prompt) == 0:  # every prompt was a tie
        raise InputError(
            "all sampled completions of every prompt got the same reward, so there is nothing to "
            "compare: raise --num_generations or --temperature, or start from another policy"
        )
    tokens = group_by_prompt(to_host(rollout.tokens), config.num_generations)
    mask = group_by_prompt(to_host(rollout.mask), config.num_generations)
    return ScoredSamples(tokens, mask, labels, reward, reward.size)


def first_labels(inputs, labels):
    """The first labels, of a NamedTuple of index arrays: those that --num_labels pays for."""
    if inputs.config.num_labels is None:
        return labels
    size = inputs.method.completions_per_label(inputs.config)
    count = max(1, inputs.config.num_labels // size)
    return type(labels)(*(array[:count] for array in labels))


def read_feedback(inputs):
    """The completions of a file, with the feedback that it holds: ScoredSamples."""
    data = inputs.data
    group = len(data.completions[0])
    prompts = [prompt for prompt in data.prompts for _ in range(group)]
    completions = [completion for row in data.completions for completion in row]
    tokens, mask = tokenize(inputs, prompts, completions)
    tokens, mask = group_by_prompt(tokens, group), group_by_prompt(mask, group)
    return ScoredSamples(tokens, mask, data.feedback, data.reward, 0)


def group_by_prompt(array, group):
    """Rows (P·G, T) as (P, G, T)."""
    return array.reshape(-1, group, array.shape[1])


def by_role(array):
    """Comparisons (B, R, T) as rows (R·B, T): all completions of the first role, then the next."""
    return array.swapaxes(0, 1).reshape(-1, array.shape[2])


def comparison_batch(inputs):
    """Completions to compare, R roles each: tokens (B, R, S), mask (B, R, S−1), samples drawn."""
    scored = collect_feedback(inputs)
    # The row of each role within its prompt's group: (B, R).
    column = np.stack([getattr(scored.feedback, role) for role in inputs.method.roles], axis=1)
    prompt = scored.feedback.prompt[:, None]  # (B, 1)
    return scored.tokens[prompt, column], scored.mask[prompt, column], scored.samples


def mismatched_completions(tokens, mask, other):
    """Each row's prompt with the completion of row other[i], laid out again: tokens, mask."""
    # A token belongs to the completion where the mask of its target says so; the first never does.
    own = np.concatenate([np.zeros((len(mask), 1), bool), mask > 0], axis=1)  # (N, S)
    prompts = [row[: own_row.argmax()] for row, own_row in zip(tokens, own, strict=True)]
    completions = [row[own_row] for row, own_row in zip(tokens[other], own[other], strict=True)]
    return tokenizer.batch(prompts, completions)


def batched_logp(inputs, params, tokens, mask, *, group=1, size=1024):
    """log π of completion tokens (N, S−1), 0 elsewhere, under frozen parameters.

    tokens, mask  (N, S) and (N, S−1) on the host; each `group` consecutive rows have one prompt
    size          rows at a time, about
    """
    size = group * max(1, size // group)
    parts = []
    for rows in np.split(np.arange(len(tokens)), range(size, len(tokens), size)):
        shared = prompt_layout(inputs.model, tokens[rows], mask[rows], group)
        logp = policy.token_logp(inputs.model, params, to_device(tokens[rows]), layout=shared)
        parts.append(to_host(logp))
    return np.concatenate(parts) * mask


def group_logp(inputs, params, tokens, mask):
    """`batched_logp` of G completions of each prompt: tokens (P, G, S) -> (P, G, S−1)."""
    flat = (array.reshape(-1, array.shape[2]) for array in (tokens, mask))
    return batched_logp(inputs, params, *flat, group=tokens.shape[1]).reshape(mask.shape)


def judge(inputs, reward_model, tokens, mask, group):
    """A reward model's scores (N,); each `group` consecutive rows have one prompt."""
    shared = prompt_layout(inputs.model, tokens, mask, group, judge=True)
    reward = policy.sequence_reward(inputs.model, reward_model, tokens, mask, layout=shared)
    return to_host(reward)
