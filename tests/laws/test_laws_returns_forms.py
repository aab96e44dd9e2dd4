"""Advantages over time and in groups in the forms of trainers, each right and with one bug."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
import pytest

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings


def examined(fn, name, examples=4):
    setting = repeatable_settings(examples, shrink=False)
    return examine(fn, BY_NAME[name], {}, setting=setting)


def swept(rewards, values, live, following, gamma, lam):
    """Along the first axis, from the end."""
    advantage, last = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        last = (
            rewards[t] + gamma * following[t] * live[t] - values[t] + gamma * lam * live[t] * last
        )
        advantage[t] = last
    return advantage


def time_first(rewards, values, dones, next_value, next_done, gamma=0.99, gae_lambda=0.95):
    live = 1 - np.concatenate([dones[1:], next_done[None]])
    following = np.concatenate([values[1:], next_value[None]])
    advantages = swept(rewards, values, live, following, gamma, gae_lambda)
    return advantages, advantages + values


def done_of_the_step(rewards, values, dones, next_value, next_done, gamma=0.99, gae_lambda=0.95):
    following = np.concatenate([values[1:], next_value[None]])
    advantages = swept(rewards, values, 1 - dones, following, gamma, gae_lambda)
    return advantages, advantages + values


def one_row(rewards, values, gamma=1.0, lam=0.95):
    row = np.asarray(rewards)
    assert row.ndim == 1
    return list(swept(row, values, row * 0 + 1, np.append(values[1:], 0.0), gamma, lam))


def value_after_the_last(rewards, values, gamma=1.0, lam=0.95):
    columns = (rewards.T, values[:, :-1].T, 0 * rewards.T + 1, values[:, 1:].T)
    return swept(*columns, gamma, lam).T


def three_outputs(values, rewards, mask, gamma=1.0, lam=0.95):
    values, rewards = values * mask, rewards * mask
    following = np.concatenate([values[:, 1:], 0 * values[:, :1]], 1)
    advantages = swept(rewards.T, values.T, 0 * values.T + 1, following.T, gamma, lam).T
    returns = advantages + values
    return values, advantages, returns


def returns_of_rewards(values, rewards, mask, gamma=1.0, lam=0.95):
    _, advantages, _ = three_outputs(values, rewards, mask, gamma, lam)
    return {"advantages": advantages, "returns": advantages + rewards}


class Trainer:
    def __init__(self, args):
        self.args = args

    def centred(self, rewards):
        group = rewards.reshape(-1, self.args.num_generations)
        return (group - group.mean(1, keepdims=True)).reshape(-1)


def first_answers_first(scores, rloo_k):
    group = scores.reshape(rloo_k, -1)
    return (group - (group.sum(0) - group) / (rloo_k - 1)).reshape(-1)


def by_token_rewards(token_level_rewards, response_mask, index):
    scores = token_level_rewards.sum(-1)
    same = index[:, None] == index[None]
    return (scores - same @ scores / same.sum(1))[:, None] * response_mask


def whitened_with_epsilon_outside(adv, mask):
    inside = adv[mask.astype(bool)]
    out = np.zeros_like(adv)
    out[mask.astype(bool)] = (inside - inside.mean()) / (inside.std() + 1e-8)
    return out


def whitened_without_mask(adv):
    return (adv - adv.mean()) / (adv.std(ddof=1) + 1e-8)


MAX_LEN, BUFFER = 30, 8


def by_constants(lengths):
    return np.clip((MAX_LEN - BUFFER - lengths) / BUFFER, -1.0, 0.0)


class Controller:
    def __init__(self, value, target, horizon):
        self.value, self.target, self.horizon = value, target, horizon

    def update(self, current, n_steps):
        error = np.clip(current / self.target - 1, -0.2, 0.2)
        self.value = self.value * (1 + error * n_steps / self.horizon)


def next_beta(kl_coef, current_kl, target_kl, n_steps, horizon):
    error = np.clip(current_kl / target_kl - 1, -0.2, 0.2)
    return kl_coef * (1 + error * n_steps / horizon)


@dataclass
class Config:
    num_generations: int = 4
    scale_rewards: bool = True
    eps: float = 1e-4


def by_config(cfg: Config, rewards):
    group = rewards.reshape(-1, cfg.num_generations)
    centred = group - group.mean(1, keepdims=True)
    if cfg.scale_rewards:
        centred = centred / (group.std(1, ddof=1, keepdims=True) + cfg.eps)
    return centred.reshape(-1)


def remax(logp, rewards, greedy_rewards, mask):
    return -anp.mean((rewards - greedy_rewards) * anp.sum(logp * mask, -1))


def remax_with_bonus(logp, rewards, greedy_rewards, mask):
    return -anp.mean((rewards + greedy_rewards) * anp.sum(logp * mask, -1))


def whitens_inside(logp, old_logp, advantages, eps=0.2, lower=anp.minimum):
    advantages = (advantages - np.mean(advantages)) / (np.std(advantages) + 1e-8)
    ratio = anp.exp(logp - old_logp)
    held = anp.clip(ratio, 1 - eps, 1 + eps)
    return -anp.mean(lower(ratio * advantages, held * advantages))


def whitens_inside_and_takes_the_larger(logp, old_logp, advantages, eps=0.2):
    return whitens_inside(logp, old_logp, advantages, eps, anp.maximum)


def whitened_with_shift(values, mask, shift_mean=True):
    inside = values[mask.astype(bool)]
    out = (values - inside.mean()) / (inside.std(ddof=1) + 1e-8)
    return np.where(mask > 0, out if shift_mean else out + inside.mean(), 0.0)


RIGHT = [
    (by_constants, "overlong_penalty", "taken as fixed at 30, which MAX_LEN is"),
    (Controller.update, "adaptive_beta", "self.value is the beta that it changes"),
    (next_beta, "adaptive_beta", "kl_coef as beta"),
    (time_first, "gae", "(time=first)"),
    (three_outputs, "gae", "advantages and returns are judged"),
    (Trainer.centred, "group_center", "self.num_generations for the number of answers"),
    (by_token_rewards, "center_by_prompt", "the reward on the second token"),
]
RIGHT_TOO = [
    (by_config, "group_standardize", "cfg.num_generations for the number of answers"),
    (remax, "reinforce", "given as rewards less greedy_rewards"),
    (one_row, "gae", "(time=alone)"),
    (value_after_the_last, "gae", "(values=one_more)"),
    (first_answers_first, "leave_one_out", "all first answers before all second ones"),
    (whitened_with_epsilon_outside, "whiten", "(eps_place=outside)"),
    (whitened_without_mask, "whiten", "takes no mask"),
    (whitened_with_shift, "whiten", "(eps_place=outside)"),
]


@pytest.mark.parametrize(("fn", "name", "said"), RIGHT)
def test_a_sound_function_is_judged_in_its_form(fn, name, said):
    report = examined(fn, name)
    assert report.exit_code == 0
    assert any(said in note for note in report.notes)


@pytest.mark.slow
@pytest.mark.parametrize(("fn", "name", "said"), RIGHT_TOO)
def test_a_sound_function_is_judged_in_its_form_too(fn, name, said):
    report = examined(fn, name, 100)  # an epsilon shows beside few deviations
    assert report.exit_code == 0
    assert any(said in note for note in report.notes)


def test_a_done_of_the_wrong_step_is_found():
    assert examined(done_of_the_step, "gae").exit_code == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fn", "name"), [(returns_of_rewards, "gae"), (remax_with_bonus, "reinforce")]
)
def test_a_bug_is_found_in_the_same_form(fn, name):
    assert examined(fn, name).exit_code == 1


@pytest.mark.slow
def test_advantages_standardised_inside_are_no_bug():
    with pytest.raises(CannotCall, match="standardises the advantages"):
        examined(whitens_inside, "clipped_surrogate")
    report = examined(whitens_inside_and_takes_the_larger, "clipped_surrogate")
    assert "its values are not those" in report.diagnosis


def boltzmann(prior, reward, temperature):
    weight = np.log(prior) + reward / temperature
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    return weight / weight.sum(-1, keepdims=True)


def test_a_scale_that_cancels_is_no_float32():
    notes = examined(boltzmann, "optimal_policy").notes
    assert not any("float32" in note for note in notes)


def gae_of_answers(rewards, values, mask, gamma=1.0, lam=0.95, slip=0.0):
    """GAE of one reward (N, 1) an answer, at its last token."""
    after = np.cumsum(mask[:, ::-1] > 0, axis=1)[:, ::-1]
    per_token = np.where((after == 1) & (mask > 0), rewards[:, :1], 0.0)
    advantages, following, trace = np.zeros_like(values), 0.0, 0.0
    for t in reversed(range(values.shape[1])):
        delta = per_token[:, t] + gamma * following - values[:, t]
        # what stands in the padding is passed over
        trace = np.where(mask[:, t] > 0, delta + gamma * lam * trace + slip, trace)
        following = np.where(mask[:, t] > 0, values[:, t], following)
        advantages[:, t] = trace
    return advantages * mask


def test_gae_may_take_one_reward_for_an_answer():
    report = examined(gae_of_answers, "gae")
    assert report.exit_code == 0
    assert any("reward_per=answer" in note for note in report.notes)


def test_a_bug_in_gae_of_answers_is_found():
    def slips(rewards, values, mask, gamma=1.0, lam=0.95):
        return gae_of_answers(rewards, values, mask, gamma, lam, slip=0.1)

    setting = repeatable_settings(4, shrink=False)
    declared = {"reward_per": "answer"}
    assert examine(slips, BY_NAME["gae"], declared, setting=setting).exit_code == 1
