"""Rows of the methods that learn from rewards of their own samples.

Most are a product: advantage × surrogate × reduction × KL. An advantage function reads a
rollouts.ScoredRollout and returns (N, 1) or (N, T).
"""

from functools import partial

import autograd.numpy as np

from tinyalign.losses import (
    advantage,
    aggregate,
    baselines,
    policy_gradient,
    preference,
    supervised,
    trust_region,
)
from tinyalign.methods import one_letter, rollouts, steps, train_online, train_ppo
from tinyalign.methods.method import Method


def ppo_surrogate(logp, old_logp, advantage, mask, clip):
    """PPO's surrogate with one clip width, as GRPO uses it."""
    return policy_gradient.clipped_surrogate(
        logp, old_logp, advantage, clip_low=clip, clip_high=clip
    )


def dapo_surrogate(logp, old_logp, advantage, mask, clip):
    """DAPO's: the upper clip is wider, 0.28 to 0.2 in the paper, so that rare tokens can grow."""
    return policy_gradient.clipped_surrogate(
        logp, old_logp, advantage, clip_low=clip, clip_high=1.4 * clip
    )


def gspo_surrogate(logp, old_logp, advantage, mask, clip):
    """GSPO's: one ratio a completion; its loss is written at each of the completion's tokens.

    A mean of log-ratios moves little, so the paper's clips are 3e-4 down and 4e-4 up.
    """
    loss = policy_gradient.sequence_clipped_surrogate(
        logp, old_logp, advantage, mask, clip_low=clip, clip_high=4 / 3 * clip
    )
    return loss[:, None] * np.ones_like(mask)


def cispo_surrogate(logp, old_logp, advantage, mask, clip):
    """CISPO's: the ratio is a constant weight, at most 1 + clip; ScaleRL's cap is 5."""
    return policy_gradient.truncated_importance(logp, old_logp, advantage, clip_high=clip)


def sapo_surrogate(logp, old_logp, advantage, mask, clip):
    """SAPO's: a gate in place of a clip, so that --epsilon is not read."""
    return trust_region.sapo(logp, old_logp, advantage)


def dppo_surrogate(logp, old_logp, advantage, mask, clip):
    """DPPO's: the clip is how far a token's own probability may move, 0.15 in the paper."""
    return trust_region.dppo(logp, old_logp, advantage, delta=clip)


def reinforce_surrogate(logp, old_logp, advantage, mask, clip):
    """REINFORCE's: no ratio and no clip."""
    return policy_gradient.reinforce(logp, advantage)


def within_group(batch, function):
    """An advantage formed inside each group of completions of one prompt."""
    return function(batch.reward).reshape(-1, 1)


def divide_by_group_mean(batch):
    """MaxRL's, whose rewards start at 0: where some are negative, from the batch's lowest on."""
    reward = batch.reward - min(batch.reward.min(), 0)
    return baselines.group_maxrl(reward).reshape(-1, 1)


def decouple_rewards(batch):
    """GDPO's two rewards: the task's, and 1 for a completion that ended and was not cut off."""
    _, finished = rollouts.decode_rollout(batch.inputs, batch.rollout)
    ended = np.asarray(finished, batch.reward.dtype).reshape(batch.reward.shape)
    both = np.stack([batch.reward, ended], axis=2)  # (P, G, 2)
    return baselines.group_gdpo(both, np.ones(2, batch.reward.dtype)).reshape(-1, 1)


def subtract_batch_mean(batch):
    """Reward minus the mean reward of the whole batch."""
    return (batch.reward - batch.reward.mean()).reshape(-1, 1)


def subtract_greedy_reward(batch):
    """Reward minus the reward of the prompt's likeliest completion."""
    return (batch.reward - batch.greedy_reward).reshape(-1, 1)


def whiten_returns(batch):
    """REINFORCE++'s: the KL-shaped reward still to come at each token, whitened over the batch."""
    to_come = np.cumsum(rollouts.token_rewards(batch)[:, ::-1], axis=1)[:, ::-1]
    return advantage.whiten(to_come, batch.rollout.mask)


def reduce_token_mean(x, mask, length):
    """Mean over all tokens of the batch."""
    return aggregate.token_mean(x, mask)


def reduce_sequence_mean(x, mask, length):
    """Mean over the tokens of each completion, then over completions."""
    return aggregate.sequence_mean(x, mask)


def reduce_fixed_length_mean(x, mask, length):
    """Sum over tokens, divided by the number of completions times the longest length allowed."""
    return aggregate.fixed_length_mean(x, mask, length=length)


def reduce_sum_over_tokens(x, mask, length):
    """Sum over the tokens of a completion, mean over completions: the completion is one action."""
    return aggregate.fixed_length_mean(x, mask, length=1)


STANDARDIZE = {"standardize": partial(within_group, function=advantage.group_standardize)}
CENTER = {"center": partial(within_group, function=advantage.group_center)}
RANK = {"rank": partial(within_group, function=advantage.group_rank)}
LEAVE_ONE_OUT = {"leave_one_out": partial(within_group, function=advantage.leave_one_out)}


# A row of the methods that learn from rewards of their own samples.
online = partial(Method, learns_from="rewards", samples_while_learning=True)
# By the stage that all policy gradients share.
policy_gradients = partial(
    online,
    stage=train_online.policy_gradient_stage,
    steps=(steps.policy_gradient_step,),
    recipe="policy_gradient",
    family="rewards, policy gradient",
    kl_placement="loss",
    minibatches=True,
)
sample_selection = partial(online, recipe="policy_gradient", family="rewards, samples picked")

ONLINE = (
    policy_gradients(
        "reinforce", "REINFORCE with a batch-mean baseline", "Williams 1992, Machine Learning 8",
        loss=policy_gradient.reinforce, recipe="single_update",
        advantages={"batch": subtract_batch_mean}, surrogate=reinforce_surrogate,
        reduce=reduce_sum_over_tokens, kl_placement="reward",
        optimum=one_letter.optimum_of_shaped_reward,
    ),
    policy_gradients(
        "rloo", "REINFORCE Leave-One-Out", "Ahmadian et al. 2024, arXiv:2402.14740",
        loss=policy_gradient.reinforce, recipe="single_update",
        advantages=LEAVE_ONE_OUT, surrogate=reinforce_surrogate, reduce=reduce_sum_over_tokens,
        kl_placement="reward",
        optimum=one_letter.optimum_of_shaped_reward,
    ),
    policy_gradients(
        "remax", "ReMax", "Li et al. 2023, arXiv:2310.10505",
        loss=policy_gradient.reinforce, recipe="single_update",
        advantages={"greedy": subtract_greedy_reward}, surrogate=reinforce_surrogate,
        reduce=reduce_sum_over_tokens, kl_placement="reward",
        optimum=one_letter.optimum_of_shaped_reward,
        sample_batch=rollouts.sample_batch_with_greedy_baseline, extra_samples=1,
    ),
    policy_gradients(
        "reinforce_pp", "REINFORCE++", "Hu 2025, arXiv:2501.03262",
        loss=policy_gradient.clipped_surrogate, defaults={"beta": 0.01},
        advantages={"whiten": whiten_returns}, surrogate=ppo_surrogate, reduce=reduce_token_mean,
        kl_placement="tokens",
        optimum=one_letter.optimum_of_shaped_reward,
    ),
    online(
        "ppo", "Proximal Policy Optimization", "Schulman et al. 2017, arXiv:1707.06347",
        stage=train_ppo.ppo_stage, steps=(steps.policy_gradient_step, steps.critic_step),
        loss=policy_gradient.clipped_surrogate, recipe="ppo",
        family="rewards, with a critic", compares=False, minibatches=True, critic=True,
        defaults={"beta": 0.01},
        surrogate=ppo_surrogate, reduce=reduce_token_mean, kl_placement="tokens",
        optimum=one_letter.optimum_of_shaped_reward,
    ),
    policy_gradients(
        "grpo", "Group Relative Policy Optimization", "Shao et al. 2024, arXiv:2402.03300",
        loss=policy_gradient.clipped_surrogate,
        advantages=STANDARDIZE | CENTER | RANK, surrogate=ppo_surrogate,
        reduce=reduce_sequence_mean,
    ),
    policy_gradients(
        "dr_grpo", "GRPO done right", "Liu et al. 2025, arXiv:2503.20783",
        loss=policy_gradient.clipped_surrogate, defaults={"beta": 0.0}, advantages=CENTER,
        surrogate=ppo_surrogate, reduce=reduce_fixed_length_mean, kl_placement=None,
    ),
    policy_gradients(
        "dapo", "Decoupled clip and dynamic sampling", "Yu et al. 2025, arXiv:2503.14476",
        loss=policy_gradient.clipped_surrogate, defaults={"beta": 0.0}, advantages=STANDARDIZE,
        surrogate=dapo_surrogate, reduce=reduce_token_mean, kl_placement=None,
        sample_batch=rollouts.sample_batch_dynamic,
    ),
    policy_gradients(
        "gspo", "Group Sequence Policy Optimization", "Zheng et al. 2025, arXiv:2507.18071",
        loss=policy_gradient.sequence_clipped_surrogate, defaults={"epsilon": 3e-4},
        advantages=STANDARDIZE, surrogate=gspo_surrogate, reduce=reduce_sequence_mean,
    ),
    policy_gradients(
        "cispo", "Clipped importance sampling", "MiniMax 2025, arXiv:2506.13585",
        loss=policy_gradient.truncated_importance, defaults={"beta": 0.0, "epsilon": 4.0},
        advantages=STANDARDIZE,
        surrogate=cispo_surrogate, reduce=reduce_token_mean, kl_placement=None,
    ),
    policy_gradients(
        "sapo", "Soft Adaptive Policy Optimization", "Gao et al. 2025, arXiv:2511.20347",
        loss=trust_region.sapo, defaults={"beta": 0.0}, advantages=STANDARDIZE,
        surrogate=sapo_surrogate, clips=False, reduce=reduce_sequence_mean, kl_placement=None,
    ),
    policy_gradients(
        "dppo", "Divergence PPO, binary total variation", "Qi et al. 2026, arXiv:2602.04879",
        loss=trust_region.dppo, defaults={"beta": 0.0, "epsilon": 0.15}, advantages=STANDARDIZE,
        surrogate=dppo_surrogate, reduce=reduce_token_mean, kl_placement=None,
    ),
    policy_gradients(
        "maxrl", "Maximum Likelihood RL", "Tajwar et al. 2026, arXiv:2602.02710",
        loss=policy_gradient.clipped_surrogate, defaults={"beta": 0.0},
        advantages={"divide_by_mean": divide_by_group_mean},
        surrogate=ppo_surrogate, reduce=reduce_token_mean, kl_placement=None,
    ),
    policy_gradients(
        "gdpo", "Group reward-Decoupled Policy Optimization", "Liu et al. 2026, arXiv:2601.05242",
        loss=policy_gradient.clipped_surrogate,
        advantages={"decouple": decouple_rewards}, surrogate=ppo_surrogate,
        reduce=reduce_sequence_mean,
    ),
    sample_selection(
        "raft", "Reward-ranked fine-tuning", "Dong et al. 2023, arXiv:2304.06767",
        stage=train_online.raft_stage, steps=(steps.sft_step,), loss=supervised.cross_entropy,
        beta_sets=None,
    ),
    sample_selection(
        "online_dpo", "Online DPO", "Guo et al. 2024, arXiv:2402.04792",
        stage=train_online.online_dpo_stage, steps=(steps.preference_step,), loss=preference.dpo,
        defaults={"beta": 1.0}, optimum=one_letter.optimum_of_annotator,
    ),
)  # fmt: skip
