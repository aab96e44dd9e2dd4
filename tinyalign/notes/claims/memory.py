"""What a method holds in memory while it trains, to the byte; when GRPO takes 40 % less than PPO.

The ledger is made from shapes alone: nothing is trained. A network in training has its weights,
Adam's two running means and, while a step lasts, its gradients; a frozen one has its weights.
"""

import dataclasses

from tinyalign import policy
from tinyalign.engine.tree import nbytes
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

PARTS = ("weights", "adam", "gradients")
COPIES = {"weights": 1, "adam": 2, "gradients": 1}  # of a trained network's parameters


def ledger(job, *, stage=-1, parts=("weights", "adam")):
    """Bytes of every network that a stage of a job holds: {network: bytes}, the trained ones first.

    job    plan.RunPlan
    stage  place of the stage in the job
    parts  what is counted: some of PARTS
    """
    held = networks(job, stage)
    return {
        name: size * sum(COPIES[part] for part in parts if trained or part == "weights")
        for name, (size, trained) in held.items()
    }


def networks(job, stage=-1):
    """The networks of a stage: {network: (bytes of its weights, whether it is trained)}."""
    held = job.stages[stage].method.networks(learned_reward=job.config.reward == "model")
    start = job.initial_params["policy"]
    size = dict.fromkeys(("policy", "reference"), nbytes(start))
    size |= dict.fromkeys(("critic", "reward_model"), nbytes(policy.scalar_init(job.model, start)))
    return {name.replace("_", " "): (size[name], trained) for name, trained in held.items()}


def saving(more, less):
    """Share of the bytes of ledger `more` that ledger `less` does without."""
    return 1 - sum(less.values()) / sum(more.values())


def conditions(config=None, *, activations=True):
    """GRPO's memory against PPO's, by what is counted: a list of dicts.

    config       Config shared by both, or None: the default
    activations  whether to measure what a step takes besides, on 256 completions each
    returns      counted, reward (exact or model), ppo and grpo in bytes, saving (0 … 1)
    """
    config = config or Config()
    rows = []
    for reward in ("exact", "model"):
        ppo, grpo = (lone(name, dataclasses.replace(config, reward=reward)) for name in SAME)
        for i in range(1, len(PARTS) + 1):
            ledgers = [ledger(job, parts=PARTS[:i]) for job in (ppo, grpo)]
            rows.append(compared(", ".join(PARTS[:i]), reward, *ledgers))
        if activations:  # a step's peak has its gradients in it
            peaks = [{"peak": cost.measure(job).peak} for job in (ppo, grpo)]
            rows.append(compared("everything at a step's peak", reward, *peaks))
    return rows


# The same 256 completions a step, in the same minibatches.
SAME = {
    "ppo": {"batch_size": 256, "num_generations": 1},
    "grpo": {"batch_size": 32, "num_generations": 8},
}


def lone(name, config):
    """The job of one method of SAME, by itself."""
    job = plan.plan_run([name], dataclasses.replace(config, **SAME[name]))
    return job._replace(stages=job.stages[-1:])


def compared(counted, reward, ppo, grpo):
    """One row of `conditions`."""
    return {
        "counted": counted,
        "reward": reward,
        "ppo": sum(ppo.values()),
        "grpo": sum(grpo.values()),
        "saving": saving(ppo, grpo),
    }
