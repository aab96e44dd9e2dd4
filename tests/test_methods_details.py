"""Rows of methods, the numbers they log, and steps: what they say, in words of their own."""

import json

import numpy as np
import pytest
from here import fetched, here, sent
from preparation import log_softmax
from sweeping import run

from tinyalign import losses, methods
from tinyalign.losses import aggregate, divergence
from tinyalign.methods import metrics, steps
from tinyalign.methods.method import Method, step_size
from tinyalign.models import tabular
from tinyalign.runs import plan
from tinyalign.runs.config import Config
from tinyalign.runs.files import read_metrics

TINY = {"steps": 2, "num_pairs": 20, "batch_size": 4, "num_generations": 3, "eval_size": 8}
each_row = pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)


@pytest.mark.usefixtures("plain_curves")
def test_the_table_of_metrics_lists_what_runs_log_and_nothing_else(tmp_path):
    """Between them: a supervised stage, a judge, a critic, thumbs, a file, several attempts."""
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"prompt": str(i), "chosen": "a", "rejected": "b"} for i in range(30)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    seen = set()
    for i, (names, env) in enumerate(
        [("sft,reward,ppo", "bandit"), ("kto,dpo", "bandit"), ("raft", "programs"), ("dpo", None)]
    ):
        where = {"env": env} if env else {"data": pairs}
        run(tmp_path / str(i), names, model="tabular", warm_start_accuracy=0.0, **where, **TINY)
        seen |= {key for row in read_metrics(tmp_path / str(i)) for key in row}
    keys = [metric.key for metric in metrics.METRICS]
    assert len(keys) == len(set(keys)) and set(keys) == seen
    assert all(" " in m.meaning and " " not in m.trl for m in metrics.METRICS)


def test_a_method_without_a_kl_has_a_beta_of_zero():
    """And every other policy gradient has one above 0."""
    for row in methods.ONLINE:
        (*_, stage) = plan.plan_run([row.name], Config(env="bandit")).stages
        assert stage.method is row
        if row.surrogate:
            assert (stage.config.beta == 0) == (row.kl_placement is None)


def test_a_method_that_samples_for_each_prompt_draws_as_many_as_the_others():
    """Best of n is compared at the same n; PPO's critic takes the place of a group."""
    for row in methods.METHODS:
        (*_, stage) = plan.plan_run([row.name], Config(env="bandit")).stages
        wanted = {"sft": None, "ppo": 1}.get(row.name, 8)
        assert stage.config.num_generations == wanted, row.name
        single = [] if row.compares else [row.name]
        assert single == ([row.name] if row.name in ("sft", "ppo") else [])


NO_REFERENCE = {
    "sft", "reward", "best_of_n", "simpo", "cpo", "orpo", "slic", "tpo", "tpo_l", "rrhf",
    "dr_grpo", "dapo", "cispo", "raft",
}  # fmt: skip


@each_row
def test_the_networks_of_a_method(row):
    """Which train and which are frozen; a learned reward adds one only where rewards are read."""
    trained = "reward_model" if row.name == "reward" else "policy"
    expected = {trained: row.name != "best_of_n"}
    if row.name == "ppo":
        expected["critic"] = True
    if row.name not in NO_REFERENCE:
        expected["reference"] = False
    assert row.networks() == expected
    if row in methods.ONLINE or row.name == "best_of_n":
        expected["reward_model"] = False
    assert row.networks(learned_reward=True) == expected
    assert row.reads_reference == (row.name not in NO_REFERENCE)
    assert row.imitates == (row.name == "sft")
    assert row.samples_while_learning == (row in methods.ONLINE)


@each_row
def test_passes_over_a_rollout_are_counted(row):
    """Three passes in five parts are fifteen updates for a method that cuts its rollouts up."""
    config = Config(num_iterations=3, num_minibatches=5)
    cut_up = row in methods.ONLINE and row.name not in ("raft", "online_dpo")
    assert row.updates_per_rollout(config) == (15 if cut_up else 1)


def test_samples_without_a_ratio_are_read_once():
    """Nothing would correct for their being of an older policy: all rows in one update."""
    for row in methods.ONLINE:
        (*_, stage) = plan.plan_run([row.name], Config(env="bandit")).stages
        updates = row.updates_per_rollout(stage.config)
        picked = row.name in ("raft", "online_dpo")
        assert (updates == 1) == (picked or row.loss is losses.reinforce), row.name


def test_clips_are_those_of_the_papers():
    """The largest ratio at which a token of a better answer still counts."""
    widest = {"ppo": 1.2, "grpo": 1.2, "dapo": 1.28, "gspo": 1 + 4e-4, "cispo": 5.0}
    for name, wanted in widest.items():
        (*_, stage) = plan.plan_run([name], Config(env="bandit")).stages
        clip, one = stage.config.epsilon, np.ones((1, 1))
        loss = here(stage.method.surrogate)(-one, -one - np.log(50.0), one, one, clip)
        np.testing.assert_allclose(-loss if name != "cispo" else loss, [[wanted]], rtol=1e-9)


def test_beta_is_the_keyword_that_the_row_says():
    config = Config(beta=0.37)
    for name, bound in {
        "dpo": {"beta": 0.37}, "ipo": {"tau": 0.37}, "ipo_average": {"tau": 0.37},
        "orpo": {"lam": 0.37}, "slic": {"delta": 0.37}, "sft": {}, "rrhf": {},
        "nca": {"alpha": 0.2, "beta": 0.37}, "infonca": {"alpha": 0.2, "beta": 0.37},
    }.items():  # fmt: skip
        assert methods.named(name).bind_loss(config) == bound
    assert methods.named("nca").loss_kwargs == {"alpha": 0.2}  # binding writes to no row


def test_a_row_that_says_little_is_a_method_that_learns_from_given_pairs():
    def loss(chosen_logp, rejected_logp, ref_chosen_logp):
        return 0

    row = Method("x", "X", "Y 2024", "pairs", None, loss, "preference", "pairs")
    assert row.networks() == {"policy": True, "reference": False} and row.compares
    assert row.roles == ("chosen", "rejected") and row.bind_loss(Config(beta=2.0)) == {"beta": 2.0}
    assert (row.extra_samples, row.updates_per_rollout(Config(num_iterations=3))) == (0, 1)
    assert not (row.samples_while_learning or row.critic or row.imitates or row.caveat)
    assert row.kl_estimators == {"k1": losses.k1, "k2": losses.k2, "k3": losses.k3}
    assert row.defaults == row.loss_kwargs == row.advantages == {}


@pytest.mark.parametrize(
    "warm_up, total, rates",
    [
        (0, 4, [1, 3 / 4, 2 / 4, 1 / 4]),
        (1, 3, [1, 1, 1 / 2]),
        (3, 3, [1 / 3, 2 / 3, 1]),
        (4, 2, [1 / 4, 2 / 4]),
        (2, 6, [1 / 2, 1, 1, 3 / 4, 2 / 4, 1 / 4]),
    ],
)
def test_a_schedule_goes_up_and_down(warm_up, total, rates):
    """Linear up to the peak, linear down to 0 after the last step; with no room for either too."""
    config = Config(learning_rate=2.0, warmup_steps=warm_up, steps=total, max_grad_norm=0.7)
    found = [step_size(config, step) for step in range(total)]
    assert [size.learning_rate for size in found] == pytest.approx([2 * rate for rate in rates])
    assert {size.max_grad_norm for size in found} == {0.7}


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
    surrogate = methods.named("grpo").surrogate
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
        seen.update(fetched(dict(avg=avg_logp, ratio=log_ratio, reward=reward, best=best_nll)))
        return -avg_logp.mean(axis=1)

    steps.ranked_step(
        steps.init_train_state(sent({"table": logits})), *sent((tokens, mask, ref_logp, reward)),
        loss=loss, model=tabular, step_size=steps.StepSize(0.1),
    )  # fmt: skip
    seen = {name: np.asarray(getattr(value, "_value", value)) for name, value in seen.items()}
    logp = log_softmax(logits.astype(float))[tokens[..., :-1], tokens[..., 1:]] * mask
    average = logp.sum(axis=2) / mask.sum(axis=2)
    np.testing.assert_allclose(seen["avg"], average, rtol=1e-5)
    np.testing.assert_allclose(seen["ratio"], (logp - ref_logp * mask).sum(axis=2), rtol=1e-4)
    np.testing.assert_array_equal(seen["reward"], reward)
    best = [-average[0, 1], -(average[1, 0] + average[1, 2]) / 2]
    np.testing.assert_allclose(seen["best"], best, rtol=1e-5)


def test_averages_per_token_enter_ipo_average():
    """((h_w − h_l) − 1/(2τ))² of the four means."""
    found = here(methods.named("ipo_average").loss)(
        np.array([-1.0]), np.array([-2.0]), np.array([-1.5]), np.array([-1.75]), tau=0.4
    )
    np.testing.assert_allclose(found, [(0.75 - 1.25) ** 2])
