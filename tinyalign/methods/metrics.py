"""Every number that training logs: how it is computed, and in one table what it means."""

from typing import NamedTuple

import autograd.numpy as np

from tinyalign.engine.backend import FLOAT


class Metric(NamedTuple):
    """One key of metrics.jsonl."""

    key: str
    meaning: str
    unit: str
    trl: str  # the key under which TRL logs the same quantity, or "" where it has none
    worry: str  # what in its course should make you look closer


METRICS = (
    Metric("stage_index", "place of the stage in the run, from 0", "", "", ""),
    Metric("stage", "method of the stage", "", "", ""),
    Metric("step", "steps done in this stage; for online methods, rollouts", "", "step", ""),
    Metric(
        "loss", "what the last gradient step lowered", "nats, or the loss's own unit", "loss",
        "NaN ends the run; in online methods it need not fall",
    ),
    Metric(
        "grad_norm", "length of the gradient before it is cut to --max_grad_norm", "loss per unit",
        "grad_norm", "far above --max_grad_norm for many steps: the learning rate is too high",
    ),
    Metric(
        "accuracy", "reward model: share of the batch's pairs whose chosen completion scores "
        "higher", "0 to 1", "accuracy", "1.0 in training, lower on held-out pairs: it memorises",
    ),
    Metric(
        "margin", "reward model: mean score of the chosen minus the rejected completion", "reward",
        "margin", "growing without a higher accuracy: scores only drift apart",
    ),
    Metric(
        "rewards/chosen", "mean of beta · (log π − log π_ref) of the chosen completions; KTO: of "
        "those liked", "reward", "rewards/chosen",
        "falling in DPO: the policy forgets what it should prefer",
    ),
    Metric(
        "rewards/rejected", "the same of the rejected completions; KTO: of those disliked",
        "reward", "rewards/rejected", "rising together with rewards/chosen",
    ),
    Metric(
        "rewards/margins", "rewards/chosen minus rewards/rejected", "reward", "rewards/margins",
        "far above the difference of the true rewards: over-fitted pairs",
    ),
    Metric(
        "rewards/accuracies", "share of the batch's pairs whose chosen completion has the higher "
        "implied reward", "0 to 1", "rewards/accuracies", "stays near 0.5: nothing is learned",
    ),
    Metric(
        "logps/chosen", "mean log-probability of the chosen completions", "nats", "logps/chosen",
        "falling fast: probability leaves both completions of the pair",
    ),
    Metric(
        "logps/rejected", "mean log-probability of the rejected completions", "nats",
        "logps/rejected", "",
    ),
    Metric(
        "z0", "KTO's reference point: mean log-ratio of mismatched completions, at least 0",
        "nats", "kl", "far above 0: the policy has moved far from the reference everywhere",
    ),
    Metric(
        "reward", "mean reward of the step's samples", "reward", "reward",
        "rising while held-out accuracy falls: the reward is being exploited",
    ),
    Metric(
        "reward_std", "standard deviation of the reward within a prompt's group, mean over "
        "prompts; with one completion a prompt, over the batch", "reward", "reward_std",
        "near 0: no completion is better than the others, so nothing can be learned",
    ),
    Metric(
        "frac_reward_zero_std", "share of the prompts whose completions all got the same reward",
        "0 to 1", "frac_reward_zero_std", "near 1: most of the samples are wasted",
    ),
    Metric(
        "kl", "KL(policy ‖ reference) per completion, estimated with k3 on the samples", "nats",
        "kl", "growing faster than the reward: raise --beta",
    ),
    Metric(
        "completions/mean_length", "tokens of the sampled completions, end-of-sequence included",
        "tokens", "completions/mean_length", "growing towards the limit: completions do not end",
    ),
    Metric("policy_loss", "the surrogate alone, without KL and entropy terms", "reward", "", ""),
    Metric(
        "value_loss", "the critic's squared error, halved and clipped", "reward²",
        "loss/value_avg", "does not fall: the advantages are noise",
    ),
    Metric(
        "entropy", "mean entropy of the next token over completion tokens", "nats", "entropy",
        "falling to 0 early: the policy has stopped to explore",
    ),
    Metric(
        "approx_kl", "mean of log π_old − log π per token: how far the policy moved since it "
        "sampled", "nats", "policy/approxkl_avg",
        "growing from step to step: fewer passes, or a lower learning rate",
    ),
    Metric(
        "clip_ratio", "share of completion tokens whose term of the surrogate is clipped",
        "0 to 1", "clip_ratio/region_mean", "growing: the policy moves too far for one rollout",
    ),
    Metric(
        "eval_accuracy", "share of held-out problems whose likeliest completion is right; reward "
        "model and pairs of a file: share of held-out pairs ordered rightly", "0 to 1",
        "", "falling while training metrics improve: over-fitting",
    ),
    Metric("eval_reward", "mean true reward of samples on held-out prompts", "reward", "", ""),
    Metric(
        "eval_kl", "KL(policy ‖ policy before this stage) per completion, exact at every sampled "
        "prefix; best-of-n: its bound", "nats", "", "large for a small gain in reward",
    ),
    Metric("eval_entropy", "mean entropy of the next token on held-out prompts", "nats", "", ""),
    Metric(
        "eval_nll", "negative log-likelihood of held-out demonstrations, per token", "nats",
        "eval_loss", "rising while loss falls: over-fitting",
    ),
    Metric("eval_pass@1", "chance that one sample passes", "0 to 1", "", ""),
    Metric(
        "eval_pass@8", "chance that one of eight samples passes", "0 to 1", "",
        "falling while eval_pass@1 rises: the policy gives up variety",
    ),
    Metric("completions_sampled", "completions drawn in this stage so far", "", "", ""),
    Metric("train_seconds", "time spent in this stage, evaluation not counted", "s", "", ""),
)  # fmt: skip


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
