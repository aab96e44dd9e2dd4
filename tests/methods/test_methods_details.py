"""Rows of methods and the table of metrics: what they say, in words of their own."""

import numpy as np
import pytest
from devices import here

from tinyalign import losses, methods
from tinyalign.methods.method import Method, step_size
from tinyalign.runs import plan
from tinyalign.runs.config import Config

TINY = {"steps": 2, "num_pairs": 20, "batch_size": 4, "num_generations": 3, "eval_size": 8}
each_row = pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)


def test_a_method_without_a_kl_has_a_beta_of_zero():
    """And every other policy gradient has one above 0."""
    for row in methods.ONLINE:
        (*_, stage) = plan.plan_run([row.name], Config(env="bandit")).stages
        assert stage.method is row
        if row.surrogate:
            assert (stage.config.beta == 0) == (row.kl_placement is None)


FIXED_FEEDBACK = ("pairs", "triples", "thumbs", "rankings")


def test_a_method_that_samples_for_each_prompt_draws_as_many_as_the_others():
    """Best of n is compared at the same n; PPO's critic takes the place of a group. Feedback on
    fixed completions is on four of a prompt."""
    for row in methods.METHODS:
        (*_, stage) = plan.plan_run([row.name], Config(env="bandit")).stages
        usual = 4 if row.recipe in FIXED_FEEDBACK else 8
        wanted = {"sft": None, "dft": None, "ppo": 1}.get(row.name, usual)
        assert stage.config.num_generations == wanted, row.name
        single = [] if row.compares else [row.name]
        assert single == ([row.name] if row.name in ("sft", "dft", "ppo") else [])


NO_REFERENCE = {
    "sft", "reward", "best_of_n", "simpo", "cpo", "orpo", "slic", "tpo", "tpo_l", "rrhf",
    "dr_grpo", "dapo", "cispo", "raft", "dft", "sapo", "dppo", "maxrl",
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
    # A KL of weight 0 needs none; a loss that reads the reference needs it anyway.
    needs = row.name not in NO_REFERENCE and row.kl_placement is None
    assert row.reads_reference_with(beta=0.0) == needs == ("reference" in row.networks(beta=0.0))
    assert row.imitates == (row.name in ("sft", "dft"))
    assert row.samples_while_learning == (row in methods.ONLINE)


@each_row
def test_passes_over_a_rollout_are_counted(row):
    """Three passes in five parts are fifteen updates for a method that cuts its rollouts up."""
    config = Config(num_iterations=3, num_minibatches=5, batch_size=8)
    cut_up = row in methods.ONLINE and row.name not in ("raft", "online_dpo")
    assert row.updates_per_rollout(config) == (15 if cut_up else 1)
    few = Config(num_iterations=3, num_minibatches=5, batch_size=2)  # prompts: two minibatches
    assert row.updates_per_rollout(few) == (6 if cut_up else 1)


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
        row = methods.find(name)
        loss = row.bind_loss(config)
        assert loss.func is row.loss and loss.keywords == bound
    assert methods.find("nca").loss_kwargs == {"alpha": 0.2}  # binding writes to no row


def test_a_row_that_says_little_is_a_method_that_learns_from_given_pairs():
    def loss(chosen_logp, rejected_logp, ref_chosen_logp):
        return 0

    row = Method("x", "X", "Y 2024", "pairs", None, (), loss, "preference", "pairs")
    assert row.networks() == {"policy": True, "reference": False} and row.compares
    assert row.roles == ("chosen", "rejected")
    assert row.bind_loss(Config(beta=2.0)).keywords == {"beta": 2.0}
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


def test_averages_per_token_enter_ipo_average():
    """((h_w − h_l) − 1/(2τ))² of the four means."""
    found = here(methods.find("ipo_average").loss)(
        np.array([-1.0]), np.array([-2.0]), np.array([-1.5]), np.array([-1.75]), tau=0.4
    )
    np.testing.assert_allclose(found, [(0.75 - 1.25) ** 2])
