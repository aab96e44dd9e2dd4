"""Every method learns addition from the same half-trained policy, or says why it cannot.

Short budgets, so that the whole zoo is tried; the table is printed with -s. Full budgets are in
test_learning.py. Choices were made on seeds 100 and 101; these seeds were not looked at.
"""

import pytest

from tinyalign import methods
from tinyalign.runs import files, plan, train
from tinyalign.runs.config import Config
from tinyalign.runs.recipes import LEARNED_BETA
from toy_envs import bandit

STEPS = {
    "best_of_n": 1, "sft": 40, "reinforce": 40, "rloo": 40, "remax": 200, "cispo": 30,
    "sapo": 60, "dppo": 60, "maxrl": 60, "gdpo": 60,
}  # fmt: skip
# One greedy completion is a poor baseline for a policy that is right half of the time: ReMax first
# loses accuracy, and gains after some hundred rollouts.
# It takes 1 label in 10 for wrong. Where none is it overshoots: from 49 % it gains 2 points only.
NOISE = {"robust_dpo": 0.1}
OFFLINE, ONLINE = 80, 15  # steps of the others; an online one takes four gradient steps a rollout
# The recipes' rates are for longer runs, and their warm-up is a share of these few steps.
GENTLE = {"warmup_steps": 10, "learning_rate": 3e-4, "num_generations": 8}
WARMUP = {"reinforce": 20, "rloo": 20, "remax": 20}


def trained(folder, names, stop=False, **settings):
    """Summaries of the stages of a run, on addition unless env says otherwise."""
    job = plan.plan_run(names.split(","), Config(eval_every=10**6, **settings))
    return train.run(plan.as_warm_start(job) if stop else job, folder)


@pytest.mark.slow
def test_every_method_improves_held_out_accuracy_or_says_why_not(tmp_path, seed=0):
    """From 30–60 % on problems never seen: at least 3 points up, or down where it says so.

    On one seed: docs/compare_addition.md has ten.
    """
    start = tmp_path / "start"
    (before,) = (s["eval_accuracy"] for s in trained(start, "sft", stop=True, seed=seed))
    assert 0.3 <= before <= 0.6
    failures = []
    print(f"\nseed {seed}, start {before:.3f}\nmethod         learns from      accuracy   KL, nats")
    for row in methods.METHODS:
        if row.name == "reward":
            continue  # a judge; what it judges well enough for is tested below
        steps = STEPS.get(row.name, ONLINE if row in methods.ONLINE else OFFLINE)
        settings = {"seed": seed, "init_from": start, "steps": steps, "num_pairs": 2000}
        settings["label_noise"] = NOISE.get(row.name, 0.0)
        if row.label:
            settings |= GENTLE
        elif row in methods.ONLINE and row.name not in ("sapo", "dppo", "maxrl", "gdpo"):
            settings["warmup_steps"] = WARMUP.get(row.name, 10)
        (after,) = trained(tmp_path / row.name, row.name, **settings)
        accuracy = after["eval_accuracy"]
        figures = f"{accuracy:10.3f} {after['eval_kl']:10.2f}"
        print(f"{row.name:14} {row.learns_from:14} {figures}  {row.caveat}")
        if (accuracy >= before + 0.03) == bool(row.caveat):
            failures.append((row.name, accuracy))
    assert failures == []


@pytest.mark.slow
def test_sft_then_a_reward_model_then_ppo(tmp_path):
    """The learned reward tells right from wrong in 4 of 5 pairs, and PPO on it gains 10 points;
    with beta = 0.01, enough for an exact reward, it loses 10: that is over-optimisation."""
    settings = {"reward": "model", "seed": 0, "steps": 40, "init_from": tmp_path / "judged"}
    before, judge = trained(tmp_path / "judged", "sft,reward", seed=0)
    assert 0.3 <= before["eval_accuracy"] <= 0.6
    assert judge["eval_accuracy"] >= 0.8
    (near,) = trained(tmp_path / "near", "ppo", **settings)
    (far,) = trained(tmp_path / "far", "ppo", **settings, beta=0.01)
    print(*(s["eval_accuracy"] for s in (before, near, far)))
    assert near["eval_accuracy"] >= before["eval_accuracy"] + 0.10
    assert far["eval_accuracy"] <= before["eval_accuracy"] - 0.10


@pytest.mark.slow
@pytest.mark.parametrize("online", ["ppo", "grpo"])
def test_a_learned_reward_raises_the_bandits_true_one(tmp_path, online):
    """The uniform policy earns the mean of the table; PPO and GRPO on a judge earn most of what
    can be earned, though they never see the reward."""
    settings = {"env": "bandit", "budget": "samples:131072", "reward": "model", "beta": 0.01}
    last = trained(tmp_path, f"reward,{online}", **settings)[-1]
    table = bandit.reward_table()
    best, uniform = table.max(axis=1).mean(), table.mean()
    assert last["eval_reward"] > uniform + 0.8 * (best - uniform)


@pytest.mark.parametrize("online", ["ppo", "grpo"])
@pytest.mark.parametrize("doubt, wanted", [(None, 1.0), (2.0, 0.5), (0.0, None)])
def test_the_tie_to_the_reference_is_in_the_units_of_the_learned_reward(online, doubt, wanted):
    """Scores are rewards divided by the judge's doubt; without doubt they have no unit."""
    config = Config(env="bandit", reward="model", label_temperature=doubt)
    filled = plan.plan_run(["reward", online], config).stages[-1].config.beta
    usual = LEARNED_BETA[methods.find(online).kl_placement]
    assert filled == (usual if wanted is None else wanted)


@pytest.mark.slow
def test_sft_then_dpo_then_grpo(tmp_path):
    """Each stage improves on the one it starts from."""
    first, second, third = trained(tmp_path, "sft,dpo,grpo", seed=0)
    assert second["eval_accuracy"] >= first["eval_accuracy"] + 0.05
    assert third["eval_accuracy"] >= second["eval_accuracy"] + 0.05


@pytest.mark.slow
def test_grpo_learns_to_write_programs(tmp_path):
    """One attempt on a task never seen: solved in 2 of 10 tries at most after SFT, in 8 after."""
    trained(tmp_path, "sft,grpo", env="programs", seed=0, steps=40, warm_start_accuracy=0.3)
    before, after = evaluations(tmp_path)
    print(before, after)
    assert before["eval_pass@1"] <= 0.2
    assert after["eval_pass@1"] >= 0.8
    assert after["eval_pass@8"] >= before["eval_pass@8"] + 0.2


@pytest.mark.slow
def test_grpo_hacks_a_proxy(tmp_path):
    """The reward that is trained on grows fourfold, and nobody likes the answers any more."""
    settings = {"env": "hackable", "seed": 0, "batch_size": 32, "beta": 0.0}
    trained(tmp_path, "sft,grpo", steps=25, **settings)
    before, after = evaluations(tmp_path)
    print(before, after)
    assert after["eval_reward"] >= 4 * before["eval_reward"]
    assert after["eval_accuracy"] <= 0.1


def evaluations(folder):
    """The last evaluation of each of two stages."""
    return [row for row in files.read_metrics(folder) if "eval_accuracy" in row]
