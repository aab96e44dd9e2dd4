"""Bytes that a method keeps in memory while it trains, and GRPO's share of PPO's.

The bytes follow from shapes alone: nothing is trained. A trained network has its weights, Adam's
two running means and, during a step, its gradients. A frozen network has only its weights.
"""

import dataclasses

from tinyalign import policy
from tinyalign.engine.tree import nbytes
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

PARTS = ("weights", "adam", "gradients")
COPIES = {"weights": 1, "adam": 2, "gradients": 1}  # of a trained network's parameters


def bytes_by_network(run_plan, *, stage=-1, parts=("weights", "adam")):
    """{network: its bytes} for each network that a stage of a plan keeps in memory.

    run_plan  plan.RunPlan
    stage     index of the stage in the plan
    parts     some of PARTS, the parts to count
    """
    sizes = networks(run_plan, stage)
    return {
        name: size * sum(COPIES[part] for part in parts if trained or part == "weights")
        for name, (size, trained) in sizes.items()
    }


def networks(run_plan, stage=-1):
    """The networks of a stage: {network: (bytes of its weights, whether it is trained)}."""
    of_stage = run_plan.stages[stage].method.networks(
        learned_reward=run_plan.config.reward == "model",
        beta=run_plan.stages[stage].config.beta or 0.0,
    )
    start = run_plan.initial_params["policy"]
    size = dict.fromkeys(("policy", "reference"), nbytes(start))
    size |= dict.fromkeys(
        ("critic", "reward_model"), nbytes(policy.scalar_init(run_plan.model, start))
    )
    return {name.replace("_", " "): (size[name], trained) for name, trained in of_stage.items()}


def saving(more, less):
    """Share of the bytes of `more` that `less` saves; both are {network: bytes}."""
    return 1 - sum(less.values()) / sum(more.values())


def compare_memory(config=None, *, activations=True):
    """GRPO's memory beside PPO's, for several ways to count: a list of dicts.

    config       Config of both methods, or None: the default
    activations  whether to measure a step's peak too, on 256 completions
    returns      counted, reward (exact or model), ppo and grpo in bytes, saving (0 … 1)
    """
    config = config or Config()
    rows = []
    for reward in ("exact", "model"):
        ppo, grpo = (make_plan(name, dataclasses.replace(config, reward=reward)) for name in SAME)
        # Weights alone, then with Adam's means, then with gradients.
        for i in range(1, len(PARTS) + 1):
            ledgers = [bytes_by_network(run_plan, parts=PARTS[:i]) for run_plan in (ppo, grpo)]
            rows.append(comparison_row(", ".join(PARTS[:i]), reward, *ledgers))
        if activations:  # a step's peak has its gradients in it
            peaks = [{"peak": cost.measure(run_plan).peak} for run_plan in (ppo, grpo)]
            rows.append(comparison_row("everything at a step's peak", reward, *peaks))
    return rows


# The same 256 completions a step, in the same minibatches, both with a KL to a reference.
PASSES = {"num_iterations": 2, "num_minibatches": 2, "beta": 0.01}
SAME = {
    "ppo": {"batch_size": 256, "num_generations": 1, **PASSES},
    "grpo": {"batch_size": 32, "num_generations": 8, **PASSES},
}


def make_plan(name, config):
    """The plan of PPO or GRPO with its settings in SAME, without the stages before it."""
    run_plan = plan.plan_run([name], dataclasses.replace(config, **SAME[name]))
    return run_plan._replace(stages=run_plan.stages[-1:])


def comparison_row(counted, reward, ppo, grpo):
    """One dict in the result of `compare_memory`."""
    return {
        "counted": counted,
        "reward": reward,
        "ppo": sum(ppo.values()),
        "grpo": sum(grpo.values()),
        "saving": saving(ppo, grpo),
    }
