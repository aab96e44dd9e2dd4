"""Rows of the methods that learn from rewards of their own samples.

Most are a product: advantage × surrogate × reduction × KL. An advantage function reads an
rollouts.Batch and returns (N, 1) or (N, T).
"""

from functools import partial

import autograd.numpy as np

from tinyalign.engine.backend import to_device
from tinyalign.losses import advantage, aggregate, policy_gradient, preference, supervised
from tinyalign.methods import rollouts, train_ppo
from tinyalign.methods.method import Method


def clipped(logp, old_logp, advantage, mask, clip):
    """PPO's surrogate with one clip width, as GRPO uses it."""
    return policy_gradient.clipped_surrogate(
        logp, old_logp, advantage, clip_low=clip, clip_high=clip
    )


def clipped_higher(logp, old_logp, advantage, mask, clip):
    """DAPO's: the upper clip is wider, 0.28 to 0.2 in the paper, so that rare tokens can grow."""
    return policy_gradient.clipped_surrogate(
        logp, old_logp, advantage, clip_low=clip, clip_high=1.4 * clip
    )


def sequence_clipped(logp, old_logp, advantage, mask, clip):
    """GSPO's: one ratio a completion; its loss is written at each of the completion's tokens.

    A mean of log-ratios moves little, so the paper's clips are 3e-4 down and 4e-4 up.
    """
    loss = policy_gradient.sequence_clipped_surrogate(
        logp, old_logp, advantage, mask, clip_low=clip, clip_high=4 / 3 * clip
    )
    return loss[:, None] * np.ones_like(mask)


def truncated(logp, old_logp, advantage, mask, clip):
    """CISPO's: the ratio is a constant weight, at most 1 + clip; ScaleRL's cap is 5."""
    return policy_gradient.truncated_importance(logp, old_logp, advantage, clip_high=clip)


def score_function(logp, old_logp, advantage, mask, clip):
    """REINFORCE's: no ratio and no clip."""
    return policy_gradient.reinforce(logp, advantage)


def in_groups(batch, function):
    """An advantage formed inside each group of completions of one prompt."""
    return function(batch.reward).reshape(-1, 1)


def batch_centred(batch):
    """Reward minus the mean of the whole batch."""
    return (batch.reward - batch.reward.mean()).reshape(-1, 1)


def greedy_centred(batch):
    """Reward minus the reward of the prompt's likeliest completion."""
    return (batch.reward - batch.greedy).reshape(-1, 1)


def whitened_return(batch):
    """REINFORCE++'s: the KL-shaped reward still to come at each token, whitened over the batch."""
    rollout = batch.rollout
    shaped = advantage.kl_shaped_reward(
        to_device(batch.reward.reshape(-1)),
        rollout.logp,
        batch.ref_logp,
        rollout.mask,
        beta=batch.beta,
    )
    to_come = np.cumsum(shaped[:, ::-1], axis=1)[:, ::-1]
    return advantage.whiten(to_come, rollout.mask)


def by_token(x, mask, length):
    """Mean over all tokens of the batch."""
    return aggregate.token_mean(x, mask)


def by_completion(x, mask, length):
    """Mean over the tokens of each completion, then over completions."""
    return aggregate.sequence_mean(x, mask)


def by_limit(x, mask, length):
    """Sum over tokens by completions times the longest length allowed."""
    return aggregate.fixed_length_mean(x, mask, length=length)


def whole(x, mask, length):
    """Sum over the tokens of a completion, mean over completions: the completion is one action."""
    return aggregate.fixed_length_mean(x, mask, length=1)


# Without a ratio there is nothing that corrects for samples of an older policy: one step each.
FRESH = {"beta": 0.01, "num_iterations": 1, "num_minibatches": 1}
STANDARDIZE = {"standardize": partial(in_groups, function=advantage.group_standardize)}
CENTER = {"center": partial(in_groups, function=advantage.group_center)}
RANK = {"rank": partial(in_groups, function=advantage.group_rank)}
LEAVE_ONE_OUT = {"leave_one_out": partial(in_groups, function=advantage.leave_one_out)}


def rewards(name, title, paper, loss, **other):
    """A row that learns from rewards by the stage that all policy gradients share."""
    return Method(name, title, paper, "rewards", rollouts.policy_gradient, loss, **other)


ONLINE = (
    rewards(
        "reinforce", "REINFORCE with a batch-mean baseline", "Williams 1992, Machine Learning 8",
        policy_gradient.reinforce, defaults=FRESH, advantages={"batch": batch_centred},
        surrogate=score_function, reduce=whole, kl_in="reward",
    ),
    rewards(
        "rloo", "REINFORCE Leave-One-Out", "Ahmadian et al. 2024, arXiv:2402.14740",
        policy_gradient.reinforce, defaults=FRESH,
        advantages=LEAVE_ONE_OUT, surrogate=score_function, reduce=whole, kl_in="reward",
    ),
    rewards(
        "remax", "ReMax", "Li et al. 2023, arXiv:2310.10505",
        policy_gradient.reinforce, defaults=FRESH, advantages={"greedy": greedy_centred},
        surrogate=score_function, reduce=whole, kl_in="reward",
        collect=rollouts.collect_with_greedy,
    ),
    rewards(
        "reinforce_pp", "REINFORCE++", "Hu 2025, arXiv:2501.03262",
        policy_gradient.clipped_surrogate, defaults={"beta": 0.01},
        advantages={"whiten": whitened_return}, surrogate=clipped, reduce=by_token, kl_in="tokens",
    ),
    Method(
        "ppo", "Proximal Policy Optimization", "Schulman et al. 2017, arXiv:1707.06347",
        "rewards", train_ppo.ppo, policy_gradient.clipped_surrogate, defaults={"beta": 0.01},
        surrogate=clipped, reduce=by_token, kl_in="tokens",
    ),
    rewards(
        "grpo", "Group Relative Policy Optimization", "Shao et al. 2024, arXiv:2402.03300",
        policy_gradient.clipped_surrogate, defaults={"beta": 0.01},
        advantages=STANDARDIZE | CENTER | RANK, surrogate=clipped, reduce=by_completion,
    ),
    rewards(
        "dr_grpo", "GRPO done right", "Liu et al. 2025, arXiv:2503.20783",
        policy_gradient.clipped_surrogate, defaults={"beta": 0.0}, advantages=CENTER,
        surrogate=clipped, reduce=by_limit, kl_in=None,
    ),
    rewards(
        "dapo", "Decoupled clip and dynamic sampling", "Yu et al. 2025, arXiv:2503.14476",
        policy_gradient.clipped_surrogate, defaults={"beta": 0.0}, advantages=STANDARDIZE,
        surrogate=clipped_higher, reduce=by_token, kl_in=None, collect=rollouts.collect_with_spread,
    ),
    rewards(
        "gspo", "Group Sequence Policy Optimization", "Zheng et al. 2025, arXiv:2507.18071",
        policy_gradient.sequence_clipped_surrogate, defaults={"beta": 0.01, "epsilon": 3e-4},
        advantages=STANDARDIZE, surrogate=sequence_clipped, reduce=by_completion,
    ),
    rewards(
        "cispo", "Clipped importance sampling", "MiniMax 2025, arXiv:2506.13585",
        policy_gradient.truncated_importance, defaults={"beta": 0.0, "epsilon": 4.0},
        advantages=STANDARDIZE,
        surrogate=truncated, reduce=by_token, kl_in=None,
    ),
    Method(
        "raft", "Reward-ranked fine-tuning", "Dong et al. 2023, arXiv:2304.06767",
        "rewards", train_ppo.raft, supervised.cross_entropy, tie=None, kl_in=None,
    ),
    Method(
        "online_dpo", "Online DPO", "Guo et al. 2024, arXiv:2402.04792",
        "rewards", train_ppo.online_dpo, preference.dpo, defaults={"beta": 1.0}, kl_in=None,
    ),
)  # fmt: skip
