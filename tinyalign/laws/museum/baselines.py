"""Wrong baselines by prompt, MaxRL, GDPO."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def of_prompts(function, reward, prompt):
    out = np.zeros_like(reward)
    for name in np.unique(prompt):
        out[prompt == name] = function(reward[prompt == name])
    return out


def center_by_prompt_of_the_batch(reward, prompt):
    return reward - np.mean(reward)


def center_by_prompt_of_neighbours(reward, prompt):
    # the groups are taken to be consecutive
    breaks = np.flatnonzero(np.diff(prompt)) + 1
    return np.concatenate([part - np.mean(part) for part in np.split(reward, breaks)])


def center_by_prompt_divides_by_two(reward, prompt):
    return of_prompts(lambda r: r - np.sum(r) / 2, reward, prompt)


def so_far(reward, prompt):
    """The rewards of each completion's prompt up to its own, that one included."""
    return [reward[: i + 1][prompt[: i + 1] == prompt[i]] for i in range(len(reward))]


def up_to(reward, prompt):
    """The rewards of all prompts with a smaller or equal number: read as a place."""
    return [reward[prompt <= p] for p in prompt]


def center_by_prompt_so_far(reward, prompt):
    return reward - np.array([np.mean(seen) for seen in so_far(reward, prompt)])


def standardize_by_prompt_so_far(reward, prompt, *, eps, ddof):
    seen = so_far(reward, prompt)
    spread = [np.std(s, ddof=ddof) if len(s) > 1 else 0.0 for s in seen]
    return (reward - [np.mean(s) for s in seen]) / (np.array(spread) + eps)


def standardize_by_prompt_of_equal_numbers(reward, prompt, *, eps, ddof):
    seen = up_to(reward, prompt)
    return (reward - [np.mean(s) for s in seen]) / (np.std(reward, ddof=ddof) + eps)


def leave_one_out_by_prompt_so_far(reward, prompt):
    seen = so_far(reward, prompt)
    return reward - np.array([(np.sum(s) - s[-1]) / max(len(s) - 1, 1) for s in seen])


def leave_one_out_by_prompt_of_equal_numbers(reward, prompt):
    sums, counts = (np.array([f(s) for s in up_to(reward, prompt)]) for f in (np.sum, len))
    return reward - (sums - reward) / np.maximum(counts - 1, 1)


def center_by_prompt_of_equal_numbers(reward, prompt):
    return reward - np.array([np.mean(seen) for seen in up_to(reward, prompt)])


def standardize_by_prompt_of_the_batch(reward, prompt, *, eps, ddof):
    return (reward - np.mean(reward)) / (np.std(reward, ddof=ddof) + eps)


def standardize_by_prompt_spread_of_the_batch(reward, prompt, *, eps, ddof):
    centred = of_prompts(lambda r: r - np.mean(r), reward, prompt)
    return centred / (np.std(reward, ddof=ddof) + eps)


def standardize_by_prompt_other_ddof(reward, prompt, *, eps, ddof):
    return of_prompts(lambda r: (r - np.mean(r)) / (np.std(r, ddof=1 - ddof) + eps), reward, prompt)


def standardize_by_prompt_without_mean(reward, prompt, *, eps, ddof):
    return of_prompts(lambda r: r / (np.std(r, ddof=ddof) + eps), reward, prompt)


def leave_one_out_by_prompt_keeps_itself(reward, prompt):
    return of_prompts(lambda r: r - np.mean(r), reward, prompt)


def leave_one_out_by_prompt_of_the_batch(reward, prompt):
    return (reward - np.mean(reward)) * len(reward) / (len(reward) - 1)


def leave_one_out_by_prompt_divides_by_all(reward, prompt):
    return of_prompts(lambda r: r - (np.sum(r) - r) / len(r), reward, prompt)


def maxrl_divides_by_the_deviation(reward):
    return (reward - np.mean(reward, axis=1, keepdims=True)) / (
        np.std(reward, axis=1, keepdims=True) + 1e-6
    )


def maxrl_without_baseline(reward):
    mean = np.mean(reward, axis=1, keepdims=True)
    return reward / np.where(mean > 0, mean, 1.0)


def maxrl_without_guard(reward):
    mean = np.mean(reward, axis=1, keepdims=True)
    return (reward - mean) / mean


def maxrl_mean_of_the_batch(reward):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    return centred / max(np.mean(reward), 1e-6)


def maxrl_is_dr_grpo(reward):
    return reward - np.mean(reward, axis=1, keepdims=True)


def maxrl_reads_places(reward):
    mean = np.mean(reward[:, :1], axis=1, keepdims=True)
    return (reward - np.mean(reward, axis=1, keepdims=True)) / np.where(mean > 0, mean, 1.0)


def standard(x, axis, eps):
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return centred / (np.std(x, axis=axis, ddof=1, keepdims=True) + eps)


def gdpo_adds_first(reward, weight, *, eps):
    return standard(np.sum(reward * weight, axis=2), 1, eps)


def gdpo_without_the_batch(reward, weight, *, eps):
    return np.sum(standard(reward, 1, eps) * weight, axis=2)


def gdpo_ignores_the_weights(reward, weight, *, eps):
    return standard(np.sum(standard(reward, 1, eps), axis=2), None, eps)


def gdpo_over_the_batch_at_once(reward, weight, *, eps):
    return standard(np.sum(standard(reward, (0, 1), eps) * weight, axis=2), None, eps)


def gdpo_keeps_the_mean(reward, weight, *, eps):
    total = np.sum(standard(reward, 1, eps) * weight, axis=2) + 1.0
    return total / (np.std(total, ddof=1) + eps)


E = Exhibit
CENTER, STANDARDIZE, OTHERS = (
    f"{name}_by_prompt" for name in ("center", "standardize", "leave_one_out")
)
EXHIBITS = [
    E(center_by_prompt_of_the_batch, CENTER, "the mean of the batch, not of the prompt"),
    E(center_by_prompt_of_neighbours, CENTER, "groups taken to be consecutive"),
    E(center_by_prompt_divides_by_two, CENTER, "a fixed group size"),
    E(center_by_prompt_of_equal_numbers, CENTER, "the prompt's number read as a place"),
    E(center_by_prompt_so_far, CENTER, "the mean of the completions listed so far"),
    E(standardize_by_prompt_so_far, STANDARDIZE, "of the completions listed so far"),
    E(standardize_by_prompt_of_equal_numbers, STANDARDIZE, "the prompt's number read as a place"),
    E(leave_one_out_by_prompt_so_far, OTHERS, "of the completions listed so far"),
    E(leave_one_out_by_prompt_of_equal_numbers, OTHERS, "the prompt's number read as a place"),
    E(standardize_by_prompt_of_the_batch, STANDARDIZE, "mean and spread of the batch"),
    E(standardize_by_prompt_spread_of_the_batch, STANDARDIZE, "the spread of the batch"),
    E(standardize_by_prompt_other_ddof, STANDARDIZE, "the other ddof than declared"),
    E(standardize_by_prompt_without_mean, STANDARDIZE, "divided, not centred"),
    E(leave_one_out_by_prompt_keeps_itself, OTHERS, "the completion is in its own baseline"),
    E(leave_one_out_by_prompt_of_the_batch, OTHERS, "the others of the batch"),
    E(leave_one_out_by_prompt_divides_by_all, OTHERS, "the sum of the others over n, not n - 1"),
    E(maxrl_divides_by_the_deviation, "group_maxrl", "divided by the deviation: GRPO"),
    E(maxrl_without_baseline, "group_maxrl", "no baseline: failures get 0"),
    E(maxrl_without_guard, "group_maxrl", "0/0 where nothing succeeded"),
    E(maxrl_mean_of_the_batch, "group_maxrl", "divided by the mean of the batch"),
    E(maxrl_is_dr_grpo, "group_maxrl", "not divided at all"),
    E(maxrl_reads_places, "group_maxrl", "divided by the first reward"),
    E(gdpo_adds_first, "group_gdpo", "rewards added, then standardised: GRPO"),
    E(gdpo_without_the_batch, "group_gdpo", "the last step is missing"),
    E(gdpo_ignores_the_weights, "group_gdpo", "the weights are not read"),
    E(gdpo_over_the_batch_at_once, "group_gdpo", "standardised over the batch, not in the group"),
    E(gdpo_keeps_the_mean, "group_gdpo", "the last step divides and does not centre"),
]  # fmt: skip
