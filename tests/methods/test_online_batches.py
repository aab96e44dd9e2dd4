"""Batches of online methods: which samples DAPO keeps, and which pairs online DPO makes."""

import numpy as np
import pytest
from devices import fetched, sent
from preparation import setting

from tinyalign.methods import rollouts, steps, train_online
from tinyalign.policy import Rollout
from toy_envs import arithmetic, bandit


def batch_of(setting, reward, first):
    """A ScoredRollout with known rewards (P, G); its rows are numbered in logp from `first` on."""
    reward = np.array(reward, np.float32)
    tokens = np.tile([0, 1], (reward.size, 1))
    number = first + np.arange(reward.size, dtype=np.float32)[:, None]
    rollout = sent(Rollout(tokens, np.ones_like(number), number))
    prompts = [str(first // 2 + i) for i in range(len(reward))]
    return rollouts.ScoredRollout(setting, prompts, rollout, reward, sent(-number), reward.size)


@pytest.fixture
def spread_of(monkeypatch):
    """collect_with_spread on rounds of known rewards: -> (the batch kept, how many were drawn)."""

    def kept(*rounds):
        made = setting("dapo", batch_size=len(rounds[0]))
        drawn = iter([batch_of(made, r, i * 2 * len(r)) for i, r in enumerate(rounds)])
        monkeypatch.setattr(rollouts, "sample_batch", lambda *args: next(drawn))
        batch = rollouts.sample_batch_dynamic(made, None, None)
        return batch, len(rounds) - len(list(drawn))

    return kept


LEVEL, UP, DOWN = [1, 1], [0, 1], [1, 0]


def rows_of(batch):
    """Numbers of the rows that were kept."""
    assert np.array_equal(fetched(batch.ref_logp), -fetched(batch.rollout.logp))
    assert fetched(batch.rollout.tokens).shape == (batch.reward.size, 2)
    return fetched(batch.rollout.logp).ravel().tolist()


def test_dynamic_sampling_stops_when_the_batch_is_full(spread_of):
    """A first round whose prompts all have spread is kept as it is."""
    batch, rounds = spread_of([UP, DOWN, UP], [UP, UP, UP], [UP, UP, UP], [UP, UP, UP])
    assert rounds == 1
    assert rows_of(batch) == [0, 1, 2, 3, 4, 5]
    assert batch.drawn == 6


def test_dynamic_sampling_fills_the_batch_from_later_rounds(spread_of):
    """Prompts without spread are left out; of a round that has more than is wanted, the first."""
    batch, rounds = spread_of([LEVEL, UP, LEVEL], [LEVEL] * 3, [DOWN, LEVEL, UP], [UP] * 3)
    assert rounds == 3
    assert rows_of(batch) == [2, 3, 12, 13, 16, 17]
    assert batch.reward.tolist() == [UP, DOWN, UP]
    assert batch.prompts == ["1", "6", "8"]
    assert batch.drawn == 18  # what was thrown away was drawn too
    batch, rounds = spread_of([UP, UP, LEVEL], [DOWN, DOWN, DOWN], [UP] * 3, [UP] * 3)
    assert rounds == 2
    assert rows_of(batch) == [0, 1, 2, 3, 6, 7]


def test_dynamic_sampling_makes_do_with_less_after_four_rounds(spread_of):
    """One prompt with spread in four rounds is a batch of one."""
    batch, rounds = spread_of([LEVEL] * 2, [LEVEL, UP], [LEVEL] * 2, [LEVEL] * 2, [UP] * 2)
    assert rounds == 4
    assert rows_of(batch) == [6, 7]
    assert batch.drawn == 16


def test_dynamic_sampling_falls_back_on_the_last_round_where_every_prompt_ties(spread_of):
    """An empty batch could not be stepped on."""
    batch, rounds = spread_of(*4 * [[LEVEL, LEVEL]])
    assert rounds == 4
    assert rows_of(batch) == [12, 13, 14, 15]
    assert batch.drawn == 16


def test_a_completion_that_was_cut_off_loses_one_point():
    """A limit of three tokens: "5" ended by itself, "55" too, "555" did not."""
    made = setting("dapo", task=arithmetic.make(1))
    ids = {character: i for i, character in enumerate([*made.task.alphabet, "end"])}
    limit, five, end = made.task.max_new_tokens, ids["5"], ids["end"]
    assert limit == 3
    tokens = np.array(
        [[ids["="], five, end, 0], [ids["="], five, five, end], [ids["="]] + [five] * 3]
    )
    mask = np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]], np.float32)
    rollout = sent(Rollout(tokens, mask, mask))
    batch = rollouts.ScoredRollout(made, ["1+1="], rollout, np.zeros((1, 3)), None)
    assert rollouts.cut_off_penalty(batch).tolist() == [[0, 0, -1]]


def recorded_pairs(monkeypatch, **settings):
    """What online DPO's stage gives to preference_step: (setting, tokens, mask, ref_logp)."""
    calls = []

    def record(state, *arrays, **options):
        assert options["roles"] == ("chosen", "rejected")
        calls.append(arrays)
        return state, {}

    monkeypatch.setattr(steps, "preference_step", record)
    made = setting("online_dpo", batch_size=256, num_generations=8, **settings)
    stage = train_online.online_dpo_stage(made)
    stage.train_step(stage.networks, np.random.default_rng(0), 0)
    (arrays,) = calls
    return made, *fetched(arrays)


@pytest.mark.parametrize("label_temperature", [0.0, 1.0])
def test_online_dpo_compares_two_completions_of_one_prompt(monkeypatch, label_temperature):
    """Without doubt the chosen one earns more each time; with doubt, σ(gap) of the time, which is
    0.72 on average; of 256 pairs 0.72 ± 0.03."""
    _, tokens, mask, _ = recorded_pairs(monkeypatch, label_temperature=label_temperature)
    (chosen, rejected), table = np.split(tokens, 2), bandit.reward_table()
    assert chosen.shape == rejected.shape == (256, 2)
    assert np.array_equal(chosen[:, 0], rejected[:, 0])
    assert len(np.unique(chosen[:, 0])) == 4  # all the bandit's prompts, not the first alone
    gap = table[tuple(chosen.T)] - table[tuple(rejected.T)]
    assert np.all(gap != 0)
    share = np.mean(gap > 0)
    assert share == 1 if label_temperature == 0 else 0.6 < share < 0.9
    assert mask.tolist() == [[1]] * 512


def test_online_dpo_takes_no_step_where_every_prompt_ties(monkeypatch):
    """Rewards that are all equal compare nothing."""
    task = bandit.make()._replace(reward=lambda prompts, *_: np.ones(len(prompts)))
    monkeypatch.setattr(steps, "preference_step", None)  # a call would fail
    made = setting("online_dpo", task=task, batch_size=4, num_generations=4)
    stage = train_online.online_dpo_stage(made)
    networks, metrics = stage.train_step(stage.networks, np.random.default_rng(0), 0)
    assert networks["policy"] is stage.networks["policy"]
    assert metrics["frac_reward_zero_std"] == 1
