"""What a step logs and reads, on distributions that are easy to work out by hand."""

import numpy as np
import pytest
from devices import fetched, here, sent
from preparation import log_softmax

from tinyalign import losses, methods
from tinyalign.losses import aggregate, divergence
from tinyalign.methods import metrics, steps
from tinyalign.models import tabular

TINY = {"steps": 2, "num_pairs": 20, "batch_size": 4, "num_generations": 3, "eval_size": 8}
each_row = pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)


NAMES = ("chosen_logp", "rejected_logp", "ref_chosen_logp", "ref_rejected_logp")


def test_implied_rewards_are_beta_times_how_much_a_completion_rose():
    """Of three pairs: +2 and −1, −1 and +1, +3 and +3, a tie, which counts as wrong."""
    columns = np.array([[-1.0, -9, -2], [-7, -4, -1], [-3, -8, -5], [-6, -5, -4]], np.float32)
    found = here(metrics).preference_metrics(dict(zip(NAMES, columns, strict=True)), 0.5)
    expected = {
        "rewards/chosen": 0.5 * (2 - 1 + 3) / 3, "rewards/rejected": 0.5 * (-1 + 1 + 3) / 3,
        "rewards/margins": 0.5 * (3 - 2 + 0) / 3, "rewards/accuracies": 1 / 3,
        "logps/chosen": -4, "logps/rejected": -4,
    }  # fmt: skip
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)
    assert found["rewards/accuracies"].dtype == np.float32


@pytest.mark.parametrize(
    "liked, chosen, rejected",
    [
        ([1, 0, 1, 0], 3.0, 5.0),
        ([1, 1, 1, 0], 3.0, 7.0),
        ([1] * 4, 4.0, None),
        ([0] * 4, None, 4.0),
    ],
)
def test_kto_logs_the_mean_reward_of_either_class(liked, chosen, rejected):
    """NaN where a batch has none of a class."""
    reward = np.array([2.0, 3, 4, 7], np.float32)
    found = here(metrics).unpaired_metrics(reward, np.array(liked, np.float32))
    chosen, rejected = (np.nan if mean is None else mean for mean in (chosen, rejected))
    np.testing.assert_allclose(float(found["rewards/chosen"]), chosen)
    np.testing.assert_allclose(float(found["rewards/rejected"]), rejected)
    np.testing.assert_allclose(float(found["rewards/margins"]), chosen - rejected)


def uniform(size=4):
    """A table of zeros: every token has the probability 1/size after every other."""
    return {"table": sent(np.zeros((size, size), np.float32))}


def test_a_judge_that_cannot_tell_is_never_right():
    """Equal scores are no right order; margin 0, loss log 2."""
    params = {
        "trunk": uniform(),
        "head": sent({"w": np.zeros((16, 1), np.float32), "b": np.ones(1, np.float32)}),
    }
    tokens = np.array([[0, 1], [0, 2], [0, 3], [0, 0]])
    step = here(steps).reward_model_step
    size = steps.StepSize(0.1)
    _, found = step(
        steps.init_train_state(params),
        tokens,
        np.ones((4, 1), np.float32),
        model=tabular,
        step_size=size,
    )
    assert found["accuracy"] == found["margin"] == 0
    assert float(found["loss"]) == pytest.approx(np.log(2))


def policy_gradient(old_logp, advantage, mask, **changed):
    """Metrics of a step of a uniform policy over four tokens on rows of two tokens."""
    mask = np.array(mask, np.float32)
    old = np.log(np.array(old_logp, np.float32))
    drawn = steps.Experience(
        np.zeros((len(mask), 3), int), mask, old, old, np.array(advantage, np.float32)
    )
    surrogate = methods.find("grpo").surrogate
    settings = dict(
        surrogate=surrogate, clip=0.2, reduce=aggregate.token_mean, kl=divergence.k1, beta=0.0,
        entropy_coef=0.0, temperature=1.0, model=tabular, step_size=steps.StepSize(0.1),
    )  # fmt: skip
    _, found = here(steps).policy_gradient_step(
        steps.init_train_state(uniform()), sent(drawn), **settings | changed
    )
    return {name: float(value) for name, value in found.items()}


def test_the_share_of_clipped_tokens():
    """Ratios 1/4 to the old 1/8, 1/4, 1/2 are 2, 1, 1/2. A clip binds a better answer from above
    and a worse one from below; masked tokens do not count."""
    old = [[1 / 8, 1 / 4], [1 / 2, 1 / 8], [1 / 2, 1 / 4]]
    better, worse = np.full((3, 1), 1.0), np.full((3, 1), -1.0)
    assert policy_gradient(old, better, np.ones((3, 2)))["clip_ratio"] == pytest.approx(2 / 6)
    assert policy_gradient(old, worse, np.ones((3, 2)))["clip_ratio"] == pytest.approx(2 / 6)
    masked = policy_gradient(old, better, [[1, 1], [1, 0], [0, 0]])
    assert masked["clip_ratio"] == pytest.approx(1 / 3)
    wide = policy_gradient(old, better, np.ones((3, 2)), clip=9.0)
    assert wide["clip_ratio"] == 0
    assert masked["approx_kl"] == pytest.approx((-np.log(2) + 0 + np.log(2)) / 3)
    assert masked["entropy"] == pytest.approx(np.log(4))


def test_a_kl_and_an_entropy_bonus_enter_with_their_weights():
    """A uniform policy has entropy log 4; k1 to a reference of 1/8 is log 2."""
    plain = policy_gradient([[1 / 8, 1 / 8]], [[0.0]], [[1, 1]])
    assert plain["loss"] == plain["policy_loss"] == 0
    kept = policy_gradient([[1 / 8, 1 / 8]], [[0.0]], [[1, 1]], beta=0.5, entropy_coef=0.25)
    assert kept["loss"] == pytest.approx(0.5 * np.log(2) - 0.25 * np.log(4))
    assert kept["policy_loss"] == 0


@pytest.mark.parametrize("temperature", [None, 1.0, 2.0])
def test_a_preference_step_compares_at_the_temperature_it_is_told(temperature):
    """1 unless told. The reference is far away, so that the loss is no round number."""
    logits = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    tokens, mask = np.array([[0, 1, 2], [3, 2, 1]]), np.array([[1, 1], [0, 1]], np.float32)
    told = {} if temperature is None else {"temperature": temperature}
    _, found = here(steps).preference_step(
        steps.init_train_state(sent({"table": logits})), tokens, mask, np.zeros((2, 2), np.float32),
        roles=("chosen", "rejected"), loss=losses.dpo, beta=1.0, model=tabular,
        step_size=steps.StepSize(0.1), **told,
    )  # fmt: skip
    logp = log_softmax(logits.astype(float) / (temperature or 1.0))
    chosen, rejected = logp[0, 1] + logp[1, 2], logp[2, 1]
    assert float(found["logps/chosen"]) == pytest.approx(chosen, rel=1e-5)
    assert float(found["logps/rejected"]) == pytest.approx(rejected, rel=1e-5)


def test_rankings_read_sums_means_and_the_likelihood_of_the_best():
    """Two prompts, three completions of one or two tokens each, under a random table."""
    logits = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    tokens = np.random.default_rng(2).integers(4, size=(2, 3, 3))
    mask = np.array([[[1, 1], [0, 1], [1, 1]], [[0, 1], [1, 1], [1, 1]]], np.float32)
    ref_logp = -np.random.default_rng(3).random((2, 3, 2)).astype(np.float32)
    reward = np.array([[0, 2, 1], [3, -1, 3]], np.float32)
    seen = {}

    def loss(avg_logp, log_ratio, reward, best_nll):
        seen.update(avg=avg_logp, ratio=log_ratio, reward=reward, best=best_nll)
        return -avg_logp.mean(axis=1)

    steps.ranked_step(
        steps.init_train_state(sent({"table": logits})), *sent((tokens, mask, ref_logp, reward)),
        loss=loss, model=tabular, step_size=steps.StepSize(0.1),
    )  # fmt: skip
    seen = {name: fetched(getattr(value, "_value", value)) for name, value in seen.items()}
    logp = log_softmax(logits.astype(float))[tokens[..., :-1], tokens[..., 1:]] * mask
    average = logp.sum(axis=2) / mask.sum(axis=2)
    np.testing.assert_allclose(seen["avg"], average, rtol=1e-5)
    np.testing.assert_allclose(seen["ratio"], (logp - ref_logp * mask).sum(axis=2), rtol=1e-4)
    np.testing.assert_array_equal(seen["reward"], reward)
    best = [-average[0, 1], -(average[1, 0] + average[1, 2]) / 2]
    np.testing.assert_allclose(seen["best"], best, rtol=1e-5)


@pytest.mark.parametrize("clip, left", [(0.1, 0.9), (0.3, 0.7), (5.0, 0.0)])
def test_a_value_that_moved_further_than_the_clip_is_still_wrong(clip, left):
    """1 now, 0 when the samples were drawn, and 1 right: half the square of what is left."""
    head = {"w": np.zeros((16, 1), np.float32), "b": np.ones(1, np.float32)}
    one = np.ones((2, 2), np.float32)
    _, found = here(steps).critic_step(
        steps.init_train_state({"trunk": uniform(), "head": sent(head)}), np.zeros((2, 3), int),
        one, 0 * one, one, clip=clip, model=tabular, step_size=steps.StepSize(0.1),
    )  # fmt: skip
    assert float(found["value_loss"]) == pytest.approx(left**2 / 2)
