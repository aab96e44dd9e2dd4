"""The networks that each method keeps in memory, their bytes, and the stages of its run."""

import dataclasses

from tinyalign import methods
from tinyalign.engine.tree import size
from tinyalign.notes.claims import memory
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.runs import plan
from tinyalign.runs.config import Config

# A beta above 0, so that methods that can do without their KL are counted with the reference.
ADDITION = Config(env="addition", digits=1, width=32, layers=1, beta=0.1)


def make_plan(name, reward="exact"):
    """The plan of a method on addition, with the stages before it."""
    # Only methods that learn from rewards can use a reward model.
    if methods.find(name).learns_from != "rewards":
        reward = "exact"
    return plan.plan_run([name], dataclasses.replace(ADDITION, reward=reward))


def for_every_method(describe):
    """{reward: {method: `describe` of its run_plan}}, the reward computed by a rule or learned."""
    return {
        reward: {row.name: describe(make_plan(row.name, reward)) for row in methods.METHODS}
        for reward in ("exact", "model")
    }


def networks():
    """{reward: {method: the networks it holds}}."""
    return for_every_method(lambda run_plan: list(memory.networks(run_plan)))


def bytes_held():
    """{reward: {method: bytes of weights and Adam's averages per weight of the policy}}."""
    return for_every_method(
        lambda run_plan: round(
            sum(memory.bytes_by_network(run_plan).values())
            / size(run_plan.initial_params["policy"]),
            2,
        )
    )


def stages():
    """{reward: {method: the stages of its run}}."""
    return for_every_method(
        lambda run_plan: [stage_plan.method.name for stage_plan in run_plan.stages]
    )


def savings():
    """Share of PPO's bytes that GRPO saves, by what is counted and by the source of rewards.

    ours   weights in single precision, as here
    mixed  mixed precision, as in large models: 16 bytes per trained weight, 2 per frozen one
    """
    rows = memory.compare_memory(ADDITION, activations=False)
    ours = {f"{row['counted']}; reward {row['reward']}": row["saving"] for row in rows}
    # PPO trains policy and critic; GRPO only the policy. Both keep a reference.
    mixed = {"exact": 1 - (16 + 2) / (16 + 16 + 2), "model": 1 - (16 + 2 + 2) / (16 + 16 + 2 + 2)}
    return {"ours": ours, "mixed": mixed}


def peaks():
    """The same share at the peak of a step, activations included."""
    rows = memory.compare_memory(Config())
    return {row["reward"]: row["saving"] for row in rows if row["counted"].startswith("everything")}


MEASURES = {
    "networks": Measure(networks, "every method on addition; derived from its row"),
    "bytes_held": Measure(bytes_held, "addition, transformer of width 32; from shapes alone"),
    "stages": Measure(stages, "addition; the job that tinyalign run lays out"),
    "savings": Measure(savings, "PPO and GRPO on addition, single precision; from shapes alone"),
    "peaks": Measure(
        peaks, "PPO and GRPO, 256 completions a step, traced allocations", exact=False
    ),
}
