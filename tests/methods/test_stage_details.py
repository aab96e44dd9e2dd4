"""What stages do at the edges: ties, groups of one, small batches, a learned reward, own files."""

import functools

import numpy as np
import pytest
from devices import fetched, sent
from optima import BANDIT, REWARD, judge
from optima import setting as on_bandit
from preparation import table
from recorder import ADDITION, ONE, USUAL, G, P, near, record, setting, take_one_step

from tinyalign.engine.backend import to_device
from tinyalign.losses import advantage, aggregate
from tinyalign.methods import labels, rollouts, samples, steps
from tinyalign.policy import Rollout
from tinyalign.runs.config import Config

__all__ = ["record"]  # a fixture
OFFLINE_STEPS = {
    "sft": "sft_step", "reward": "reward_model_step", "dpo": "preference_step",
    "kto": "unpaired_step", "nca": "ranked_step",
}  # fmt: skip
ONLINE_STEPS = {
    "raft": "sft_step", "online_dpo": "preference_step", "grpo": "policy_gradient_step",
    "ppo": "policy_gradient_step",
}  # fmt: skip


@pytest.mark.parametrize("name", OFFLINE_STEPS | ONLINE_STEPS)
def test_a_stage_logs_what_its_update_says(record, name):
    """Besides what an online method sees in its samples."""
    record((OFFLINE_STEPS | ONLINE_STEPS)[name], {"loss": 1.5})
    record("critic_step", {"value_loss": 2.5})
    _, metrics = take_one_step(setting(name, **USUAL)[0])
    assert metrics["loss"] == 1.5
    assert metrics.get("value_loss") == (2.5 if name == "ppo" else None)
    seen = {"reward", "reward_std", "frac_reward_zero_std", "completions/mean_length"}
    seen |= {"kl"} - ({"kl"} if name == "raft" else set())  # which reads no reference
    assert (seen <= set(metrics)) if name in ONLINE_STEPS else not (seen & set(metrics))


@pytest.mark.parametrize("name", OFFLINE_STEPS | ONLINE_STEPS)
def test_a_stage_takes_the_steps_of_its_config(name):
    made, scored = setting(name, **USUAL | {"num_pairs": 10, "steps": 17})
    stage = made.method.stage(made)
    assert stage.steps == 17 and stage.evaluate is None
    assert stage.samples == sum(len(texts) for _, texts, _ in scored)
    names = {"reward": {"reward_model"}, "ppo": {"policy", "critic"}}.get(name, {"policy"})
    assert set(stage.networks) == names
    assert all(int(network.adam.step) == 0 for network in stage.networks.values())
    trunk = fetched(stage.networks[min(names)].params)
    assert np.array_equal(trunk.get("trunk", trunk)["table"], fetched(made.initial_policy)["table"])


def test_a_learned_reward_stands_in_for_the_tasks_own(device):
    """A judge that says the opposite of the truth; the task is not asked at all. The scores come
    back from whatever device the judge is on."""
    made = on_bandit("grpo", batch_size=6, num_generations=5)
    opposite = judge(made, -1)
    made = made._replace(task=BANDIT._replace(reward=None), reward_model=opposite)
    batch = rollouts.sample_batch(made, made.initial_policy, np.random.default_rng(0))
    (prompt, arm), kept = fetched(batch.rollout.tokens).T, fetched(batch.rollout.mask)
    assert batch.reward.dtype == np.float32 and batch.reward.shape == (6, 5) and kept.all()
    near(batch.reward.ravel(), -REWARD[prompt, arm])
    stage = made.method.stage(made)
    assert stage.frozen["reward_model"] is opposite
    assert stage.frozen["reference"] is made.initial_policy


def test_networks_that_are_held_and_not_trained():
    """A reference where the loss or the reward reads one; a reward model only where it scores."""
    made, _ = setting("dpo")
    ppo, _ = setting("ppo")
    simpo, _ = setting("simpo")
    best, _ = setting("best_of_n")
    for inputs, held in ((made, {"reference"}), (ppo, {"reference"}), (simpo, set())):
        assert set(inputs.method.stage(inputs).frozen) == held
    scored = best._replace(reward_model=judge(on_bandit("grpo"), 1))
    assert set(best.method.stage(best).frozen) == set()
    assert set(scored.method.stage(scored).frozen) == {"reward_model"}


@pytest.mark.parametrize("name, step", [("raft", "sft_step"), ("online_dpo", "preference_step")])
def test_no_step_is_taken_where_every_prompt_ties(record, name, step):
    calls = record(step)
    made, _ = setting(name, **USUAL)
    level = made.task._replace(reward=lambda prompts, *_: np.ones(len(prompts)))
    networks, metrics = take_one_step(made._replace(task=level))
    assert calls == [] and int(networks["policy"].adam.step) == 0
    assert metrics["reward"] == metrics["frac_reward_zero_std"] == 1


def batch_of(reward, made=None):
    """A ScoredRollout of these rewards (P, G): one token each, log 2 likelier than the start's."""
    reward = np.array(reward, np.float32)
    size = reward.size
    mask, logp = np.ones((size, 1), np.float32), np.full((size, 1), -1, np.float32)
    rollout = sent(Rollout(np.zeros((size, 2), int), mask, logp))
    ref_logp = sent(logp - np.float32(np.log(2)))
    return rollouts.ScoredRollout(made, ["?"] * len(reward), rollout, reward, ref_logp, size)


@pytest.mark.parametrize(
    "reward, spread, level",
    [
        ([[0, 2], [5, 5], [1, 5]], (np.sqrt(2) + 0 + np.sqrt(8)) / 3, 1 / 3),
        ([[0, 3, 6]], 3, 0),
        ([[1], [3]], np.sqrt(2), 1),  # a group of one has no spread: over the batch
        ([[4]], 0, 1),
    ],
)
def test_the_spread_of_rewards_is_that_within_a_group(reward, spread, level):
    """Sample standard deviations, their mean over prompts. k3 of a ratio of 1/2 is log 2 − 1/2."""
    found = rollouts.rollout_metrics(batch_of(reward))
    assert float(found["reward_std"]) == pytest.approx(spread)
    assert float(found["frac_reward_zero_std"]) == pytest.approx(level)
    assert float(found["reward"]) == pytest.approx(np.mean(reward))
    assert float(found["kl"]) == pytest.approx(np.log(2) - 0.5, rel=1e-5)
    assert float(found["completions/mean_length"]) == 1
    assert found["completions_sampled"] == np.size(reward)


def test_batches_of_different_width_become_one():
    """Padded on the right with zeros; rows, prompts and rewards one batch after the other."""
    narrow = batch_of([[1, 2]])
    wide = batch_of([[3, 4], [5, 6]])
    three = np.ones((4, 3), np.float32)
    rollout = sent(Rollout(np.full((4, 4), 7), three, 3 * three))
    wide = wide._replace(rollout=rollout, ref_logp=sent(5 * three), prompts=["a", "b"])
    both = rollouts.concatenate([narrow, wide, narrow])
    tokens, mask, logp = fetched(tuple(both.rollout))
    assert tokens.tolist() == [[0] * 4] * 2 + [[7] * 4] * 4 + [[0] * 4] * 2
    assert mask.tolist() == [[1, 0, 0]] * 2 + [[1] * 3] * 4 + [[1, 0, 0]] * 2
    assert logp.tolist() == [[-1, 0, 0]] * 2 + [[3] * 3] * 4 + [[-1, 0, 0]] * 2
    first = -1 - np.log(2)
    near(fetched(both.ref_logp), [[first, 0, 0]] * 2 + [[5] * 3] * 4 + [[first, 0, 0]] * 2)
    assert both.prompts == ["?", "a", "b", "?"] and both.drawn == 2 + 4 + 2
    assert both.reward.tolist() == [[1, 2], [3, 4], [5, 6], [1, 2]]


def experience_of(advantage):
    """Rows of two tokens whose first token is their number; a completion has one token."""
    rows = np.arange(len(advantage))[:, None]
    zeros = np.zeros((len(rows), 1), np.float32)
    tokens = np.concatenate([rows, rows], axis=1)
    return steps.Experience(*sent((tokens, zeros + 1, zeros)), None, to_device(advantage))


@pytest.mark.parametrize("size, parts, lengths", [(7, 3, [3, 2, 2]), (4, 10, [1] * 4), (5, 1, [5])])
def test_each_pass_cuts_its_own_shuffle(size, parts, lengths):
    """Into num_minibatches parts, or as many as there are prompts; a prompt is never torn apart."""
    made, _ = setting("grpo", num_generations=2, num_iterations=3, num_minibatches=parts)
    drawn = experience_of(np.ones((2 * size, 1), np.float32))
    found = list(rollouts.minibatches(made, drawn, np.random.default_rng(0)))
    assert [len(part.rows) for part in found] == [2 * length for length in 3 * lengths]
    assert [part.log for part in found] == [False] * (len(found) - 1) + [True]
    assert {part.share for part in found} == {1.0}
    for part in found:
        assert fetched(part.experience.tokens)[:, 0].tolist() == part.rows.tolist()
        assert (part.rows[::2] % 2 == 0).all() and (part.rows[1::2] == part.rows[::2] + 1).all()
    whole = np.concatenate([part.rows for part in found]).reshape(3, 2 * size)
    assert np.sort(whole, axis=1).tolist() == [list(range(2 * size))] * 3
    assert len({tuple(row) for row in whole.tolist()}) == 3


REDUCTIONS = {
    "token": aggregate.token_mean,
    "sequence": aggregate.sequence_mean,
    "fixed length": functools.partial(aggregate.fixed_length_mean, length=9),
}


@pytest.mark.parametrize("reduce", REDUCTIONS.values(), ids=REDUCTIONS)
def test_leaving_out_prompts_without_an_advantage_changes_no_mean(reduce):
    """Their terms are 0: the mean over the others, times the share, is the mean over all."""
    rng = np.random.default_rng(0)
    mask = (np.arange(4) < rng.integers(1, 5, (8, 1))).astype(np.float64)  # lengths differ
    terms, kept = rng.standard_normal((8, 4)), np.array([3, 1])
    terms[[0, 1, 4, 5]] = 0.0  # prompts 0 and 2
    share = rollouts.share_of_mean(reduce, mask, np.array([3, 0, 1, 2]), kept, 2)
    rows = rollouts.rows_of(kept, 2)
    assert rows.tolist() == [6, 7, 2, 3] and 0 < share < 1
    near(share * reduce(terms[rows], mask[rows]), reduce(terms, mask))


def test_a_prompt_without_an_advantage_is_left_out_of_a_step():
    """Where all are, one is kept: a step of gradient 0 still moves along Adam's mean."""
    made, _ = setting("grpo", num_generations=2, num_iterations=1, num_minibatches=1)
    advantage = np.array([0, 0, 1, -1, 0, 0], np.float32)[:, None]
    for scale, prompts in ((1, [1]), (0, [0, 1, 2])):
        drawn = experience_of(scale * advantage)
        options = {"reduce": aggregate.sequence_mean}
        (part,) = rollouts.minibatches(made, drawn, np.random.default_rng(0), **options)
        assert part.share == pytest.approx(1 / 3)
        assert len(part.rows) == 2 and part.rows[0] // 2 in prompts


@pytest.mark.parametrize("beta, entropy_coef", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1)])
def test_leaving_out_prompts_changes_no_gradient(monkeypatch, beta, entropy_coef):
    """GRPO on rewards that often tie, against the same step on all rows: a KL or a bonus for
    entropy needs every prompt, and without both those without an advantage are left out."""
    typed = {"beta": beta, "entropy_coef": entropy_coef, "batch_size": 20}
    made, _ = setting("grpo", **USUAL | ONE | typed)
    whole, rows = rollouts.minibatches, []

    def without_update(network, loss_and_grad, step_size):
        value, _, gradients = loss_and_grad
        return network, {"loss": value, "gradient": gradients["table"]}

    def everything(inputs, experience, rng, reduce):
        return whole(inputs, experience, rng)

    def counted(*arguments, **options):
        for part in whole(*arguments, **options):
            rows.append(len(part.rows))
            yield part

    monkeypatch.setattr(steps, "update", without_update)
    monkeypatch.setattr(rollouts, "minibatches", counted)
    _, found = take_one_step(made)
    monkeypatch.setattr(rollouts, "minibatches", everything)
    _, wanted = take_one_step(made)
    assert rows[0] > 0 and (rows[0] == 20 * G) == (beta + entropy_coef > 0)
    near(fetched(found["loss"]), fetched(wanted["loss"]))
    near(fetched(found["gradient"]), fetched(wanted["gradient"]))


def test_a_ranking_step_reads_whole_rankings(record):
    """--batch_size counts rankings, each of G completions."""
    calls = record("ranked_step")
    for size in (1, 3):
        take_one_step(setting("rrhf", **USUAL | {"batch_size": size})[0])
    assert [call.arrays[0].shape[:2] for call in calls] == [(1, G), (3, G)]


def test_the_weights_of_kto_leave_a_step_in_float32():
    """Three liked to one disliked, and the other way round: the rarer kind counts more."""
    made, _ = setting("kto", batch_size=6)
    stage = made.method.stage(made)
    networks, metrics = stage.train_step(stage.networks, np.random.default_rng(0), 0)
    assert {np.asarray(value).dtype for value in fetched(metrics).values()} == {
        np.dtype(np.float32)
    }
    assert fetched(networks["policy"].params)["table"].dtype == np.float32


def test_completions_that_are_exchanged_keep_their_prompts():
    """Rows "12|345" and "1|6": each prompt with the other's completion."""
    tokens = np.array([[1, 2, 3, 4, 5], [1, 6, 0, 0, 0]])
    mask = np.array([[0, 1, 1, 1], [1, 0, 0, 0]], np.float32)
    tokens, mask = samples.mismatched_completions(tokens, mask, np.array([1, 0]))
    assert tokens.tolist() == [[1, 2, 6, 0], [1, 3, 4, 5]]
    assert mask.tolist() == [[0, 1, 0], [1, 1, 1]]


def test_group_standardize_is_asked_for_one_advantage_a_completion():
    """(P, G) rewards come out as one column, group after group."""
    made, _ = setting("grpo")
    found = made.method.advantages["standardize"](batch_of([[0, 2], [5, 1]]))
    near(found, advantage.group_standardize(np.array([[0.0, 2.0], [5.0, 1.0]])).reshape(4, 1))


def test_a_rollout_is_scored_under_the_start_at_its_own_temperature():
    made, _ = setting("grpo", **USUAL)
    batch = rollouts.sample_batch(made, table(made, 2), np.random.default_rng(0))
    assert batch.beta == USUAL["beta"] and batch.drawn == P * G and batch.greedy_reward is None
    assert batch.reward.shape == (P, G) and len(batch.prompts) == P
    assert set(batch.prompts) <= set(ADDITION.train)
    assert steps.StepSize(0.1).max_grad_norm == Config().max_grad_norm  # what is not typed


@pytest.mark.parametrize("name", ["grpo", "raft", "online_dpo", "ppo", "remax"])
def test_a_rollout_draws_a_group_for_each_prompt_and_what_the_row_says_besides(name):
    made, scored = setting(name, **USUAL)
    _, metrics = take_one_step(made)
    drawn = sum(len(texts) for _, texts, _ in scored)
    assert metrics["completions_sampled"] == drawn == P * (G + made.method.extra_samples)


LABELS = {name: getattr(labels, f"label_{name}") for name in
          ("pairs", "accepted_pairs", "triples", "thumbs", "rankings")}  # fmt: skip


def labels(name, **settings):
    """What an annotator says of 60 prompts with rewards 0, 3 and 1, prompt by prompt."""
    config = Config(**{"label_temperature": 0.0, "beta": 1e9, **settings})
    found = LABELS[name](np.array(60 * [[0.0, 3.0, 1.0]]), np.random.default_rng(0), config)
    said = np.stack([np.asarray(column) for column in found[1:]], axis=-1)
    said = said.reshape(len(set(found.prompt)), -1)
    return {tuple(row) for row in said.astype(int).tolist()}


def test_an_annotator_without_doubt_and_noise_goes_by_the_rewards():
    assert labels("pairs") == {(1, 0), (1, 2), (2, 0)}
    assert labels("accepted_pairs") == {(1, 0)}
    assert labels("triples") == {(1, 2, 0)}
    assert labels("thumbs") == {(0, 0, 1, 1, 2, 0)}  # above the mean or not
    assert labels("rankings") == {(1, 2, 0)}


def test_an_annotator_who_is_always_wrong_says_the_opposite():
    """The gold completion is nobody's opinion, and a wrong ranking is any order at all."""
    wrong = {"label_noise": 1.0}
    assert labels("pairs", **wrong) == {(0, 1), (2, 1), (0, 2)}
    assert labels("accepted_pairs", **wrong) == {(0, 1)}
    assert labels("triples", **wrong) == {(1, 0, 2)}
    assert labels("thumbs", **wrong) == {(0, 1, 1, 0, 2, 1)}
    assert len(labels("rankings", **wrong)) == 6


def test_an_annotator_in_boundless_doubt_says_anything():
    doubt = {"label_temperature": 1e9}
    assert len(labels("pairs", **doubt)) == 6 and len(labels("thumbs", **doubt)) == 8


def test_only_what_a_small_beta_accepts_is_compared():
    """The best is accepted for certain, one that is 2 worse with probability e^(−2/β)."""
    assert labels("accepted_pairs", beta=1.0) == {(1, 0), (1, 2)}


def test_a_stage_without_a_kl_holds_no_reference():
    """GRPO at beta 0; with a KL it holds the start."""
    for beta, held in ((0.0, set()), (0.1, {"reference"})):
        made, _ = setting("grpo", **USUAL | {"beta": beta})
        assert set(made.method.stage(made).frozen) == held
