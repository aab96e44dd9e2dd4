"""Every number that training logs: how it is computed, and in one table what it means."""

from typing import NamedTuple

import autograd.numpy as np

from tinyalign.engine.backend import FLOAT
from tinyalign.losses.aggregate import token_mean


class Metric(NamedTuple):
    """One key of metrics.jsonl."""

    key: str
    meaning: str
    unit: str
    trl: str  # TRL's key for the same quantity, and its trainer where the key says too little
    worry: str  # when to look closer: the end of "look closer when it …"


SECTIONS = {  # what logs the metrics, and the metrics
    "every stage": (
        Metric("stage_index", "place of the stage in the run, from 0", "", "", ""),
        Metric("stage", "method of the stage", "", "", ""),
        Metric(
            "step", "steps of this stage so far; a step of an online method is a rollout", "", "",
            "",
        ),
        Metric(
            "completions_sampled", "completions drawn in this stage so far, evaluation not "
            "counted", "", "", "",
        ),
        Metric(
            "train_seconds", "time spent in this stage so far, evaluation not counted", "s", "", "",
        ),
    ),
    "gradient steps": (
        Metric(
            "loss", "value of the loss at the last gradient step", "depends on the loss", "loss",
            "does not fall, unless the method is online; NaN ends the run",
        ),
        Metric(
            "grad_norm", "length of the gradient, before it is cut to --max_grad_norm", "loss per "
            "unit of weight", "grad_norm",
            "is far above --max_grad_norm for many steps: the learning rate is too high",
        ),
    ),
    "reward models": (
        Metric(
            "accuracy", "share of the batch's pairs whose chosen completion has the higher score",
            "0 to 1", "accuracy", "is high while eval_accuracy is low: the model memorises",
        ),
        Metric(
            "margin", "mean score of the chosen completions minus that of the rejected ones",
            "reward", "margin", "grows while accuracy does not: scores only drift apart",
        ),
    ),
    "preference methods": (
        Metric(
            "rewards/chosen", "mean of beta · (log π − log π_ref) over the chosen completions, "
            "with KTO over those liked; π_ref is the policy before this stage, also for methods "
            "that read no reference, where TRL leaves π_ref out", "reward",
            "rewards/chosen", "falls: the policy makes answers that it should prefer less likely",
        ),
        Metric(
            "rewards/rejected", "the same over the rejected completions, with KTO over those "
            "disliked", "reward", "rewards/rejected", "rises together with rewards/chosen",
        ),
        Metric(
            "rewards/margins", "rewards/chosen minus rewards/rejected", "reward",
            "rewards/margins", "is far above the difference of true rewards: over-fitting",
        ),
        Metric(
            "rewards/accuracies", "share of the batch's pairs whose chosen completion has the "
            "higher beta · (log π − log π_ref)", "0 to 1", "rewards/accuracies",
            "stays near one half: nothing is learned",
        ),
        Metric(
            "logps/chosen", "mean log-probability of the chosen completions", "nats",
            "logps/chosen", "falls fast: probability leaves both completions of a pair",
        ),
        Metric(
            "logps/rejected", "mean log-probability of the rejected completions", "nats",
            "logps/rejected", "falls while rewards/margins stays: both completions fall alike",
        ),
        Metric(
            "z0", "KTO's reference point: mean of log π − log π_ref over mismatched completions, "
            "or 0 if that is negative", "nats", "kl (KTO)",
            "is far above 0: the policy has moved away from the reference everywhere",
        ),
    ),
    "methods that sample while they learn": (
        Metric(
            "reward", "mean reward of the step's samples; with DAPO of those that it keeps, less 1 "
            "where a completion was cut off", "reward", "reward",
            "rises while eval_accuracy falls: the reward is exploited",
        ),
        Metric(
            "reward_std", "standard deviation of the reward within a prompt's group, averaged over "
            "prompts; with one completion a prompt, that of the batch (TRL's reward_std is always "
            "that of the batch)", "reward", "",
            "is near 0: no completion is better than another, so nothing can be learned",
        ),
        Metric(
            "frac_reward_zero_std", "share of the prompts whose completions all have the same "
            "reward", "0 to 1", "frac_reward_zero_std", "is near 1: most samples are wasted",
        ),
        Metric(
            "kl", "KL(policy ‖ reference) per completion, estimated by k3 on the samples (GRPO's "
            "kl in TRL is per token); only where the method reads the reference, so not at "
            "--beta 0: eval_kl is always there", "nats", "objective/kl (PPO)",
            "grows faster than the reward: raise --beta",
        ),
        Metric(
            "completions/mean_length", "mean length of the completions, end-of-sequence included",
            "tokens", "completions/mean_length", "grows to the limit: completions do not end",
        ),
    ),
    "policy gradients": (
        Metric(
            "policy_loss", "the surrogate alone, without KL and entropy terms", "reward",
            "loss/policy_avg (PPO)", "",
        ),
        Metric(
            "value_loss", "half the critic's squared error, clipped; PPO only", "reward²",
            "loss/value_avg (PPO)", "does not fall: the advantages are noise",
        ),
        Metric(
            "entropy", "mean entropy of the next token over completion tokens of the last gradient "
            "step. entropy, approx_kl and clip_ratio count only completions that the step read: "
            "without a KL and an entropy bonus, prompts without an advantage are left out", "nats",
            "entropy",
            "falls to 0 early: the policy stops exploring",
        ),
        Metric(
            "approx_kl", "mean of log π_old − log π over tokens, where π_old drew the samples",
            "nats", "policy/approxkl_avg (PPO)",
            "grows from step to step: take fewer passes, or a lower learning rate",
        ),
        Metric(
            "clip_ratio", "share of completion tokens whose term of the surrogate is clipped",
            "0 to 1", "clip_ratio/region_mean",
            "grows: the policy moves too far for one rollout",
        ),
    ),
    "evaluation on held-out examples": (
        Metric(
            "eval_accuracy", "share of problems whose likeliest completion is right; for a reward "
            "model, and for pairs of a file, share of pairs in the right order", "0 to 1", "",
            "falls while training metrics improve: over-fitting",
        ),
        Metric(
            "eval_reward", "mean reward of samples, by the task's own reward", "reward", "",
            "falls while reward rises: a learned reward is exploited",
        ),
        Metric(
            "eval_kl", "KL(policy ‖ policy before this stage) per completion, exact at every "
            "prefix of the samples; for best-of-n an upper bound", "nats", "",
            "is large for a small gain in eval_reward",
        ),
        Metric(
            "eval_optimum_kl", "KL(policy ‖ the method's own optimum) per prompt, where that has a "
            "formula and all completions can be listed: the bandit", "nats", "",
            "stays far from 0 while the loss is level: the method stops elsewhere",
        ),
        Metric(
            "eval_entropy", "mean entropy of the next token over tokens of the samples", "nats",
            "", "falls to 0 early: the policy stops exploring",
        ),
        Metric(
            "eval_nll", "negative log-likelihood per token of demonstrations, or of chosen, "
            "liked or best completions", "nats", "eval_loss (SFT)",
            "rises while loss falls: over-fitting",
        ),
        Metric("eval_pass@1", "chance that one sample passes", "0 to 1", "", ""),
        Metric(
            "eval_pass@8", "chance that at least one of eight samples passes", "0 to 1", "",
            "falls while eval_pass@1 rises: the policy gives up variety",
        ),
    ),
}  # fmt: skip
METRICS = tuple(metric for section in SECTIONS.values() for metric in section)


def fraction(condition):
    """The fraction of a (B,) of booleans that is true. NumPy's own mean of them is float64."""
    return np.mean(condition.astype(FLOAT))


def preference_metrics(inputs, beta):
    """Rewards that the policy implies for a batch of pairs, beta · (log π − log π_ref)."""
    chosen = beta * (inputs["chosen_logp"] - inputs["ref_chosen_logp"])  # (B,)
    rejected = beta * (inputs["rejected_logp"] - inputs["ref_rejected_logp"])
    return {
        "rewards/chosen": np.mean(chosen),
        "rewards/rejected": np.mean(rejected),
        "rewards/margins": np.mean(chosen - rejected),
        "rewards/accuracies": fraction(chosen > rejected),
        "logps/chosen": np.mean(inputs["chosen_logp"]),
        "logps/rejected": np.mean(inputs["rejected_logp"]),
    }


def unpaired_metrics(reward, desirable):
    """Mean rewards (B,) of either class and their difference; NaN for a class that is absent."""
    means = []
    for chosen in (desirable, 1 - desirable):
        count = np.sum(chosen)
        mean = np.sum(reward * chosen) / np.maximum(count, 1)
        means.append(np.where(count > 0, mean, np.nan))
    return {
        "rewards/chosen": means[0],
        "rewards/rejected": means[1],
        "rewards/margins": means[0] - means[1],
    }


def update_metrics(fall, entropy, clipped, mask):
    """What a step of a policy gradient did: means over completion tokens, arrays (N, T).

    fall     log π_old − log π
    clipped  whether the token's term of the surrogate is cut off by the clip
    """
    return {
        "entropy": token_mean(entropy, mask),
        "approx_kl": token_mean(fall, mask),
        "clip_ratio": token_mean(clipped.astype(mask.dtype), mask),
    }
