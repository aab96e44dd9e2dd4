"""Which networks a method holds, how many bytes they are, and which stages come before it."""

import dataclasses

from tinyalign import methods
from tinyalign.engine.tree import size
from tinyalign.notes.claims import memory
from tinyalign.notes.claims.rules import Measure, Rule, as_they_are
from tinyalign.runs import plan
from tinyalign.runs.config import Config

ADDITION = Config(env="addition", digits=1, width=32, layers=1)


def job_of(name, reward="exact"):
    """The job of a method on addition, with what has to come before it."""
    online = methods.named(name).learns_from == "rewards"
    reward = reward if online else "exact"
    return plan.plan_run([name], dataclasses.replace(ADDITION, reward=reward))


def of_all(tell):
    """{reward: {method: what `tell` says of its job}}, the reward a rule or a learned one."""
    return {
        reward: {row.name: tell(job_of(row.name, reward)) for row in methods.METHODS}
        for reward in ("exact", "model")
    }


def networks():
    """{reward: {method: the networks it holds}}."""
    return of_all(lambda job: list(memory.networks(job)))


def bytes_held():
    """{reward: {method: bytes of weights and Adam's averages per weight of the policy}}."""
    return of_all(
        lambda job: round(sum(memory.ledger(job).values()) / size(job.initial_params["policy"]), 2)
    )


def stages():
    """{reward: {method: the stages of its run}}."""
    return of_all(lambda job: [phase.method.name for phase in job.stages])


def savings():
    """Share of PPO's bytes that GRPO does without, by what is counted and where rewards come from.

    mixed: the usual account of large models, 16 bytes per trained weight and 2 per frozen one.
    """
    rows = memory.conditions(ADDITION, activations=False)
    ours = {f"{row['counted']}; reward {row['reward']}": row["saving"] for row in rows}
    mixed = {"exact": 1 - (16 + 2) / (16 + 16 + 2), "model": 1 - (16 + 2 + 2) / (16 + 16 + 2 + 2)}
    return {"ours": ours, "mixed": mixed}


def peaks():
    """The same share at the fullest moment of a step, activations included."""
    rows = memory.conditions(Config())
    return {row["reward"]: row["saving"] for row in rows if row["counted"].startswith("everything")}


def held(method, reward="exact"):
    """weigh: the networks of one method, counted and in words."""

    def weigh(figures):
        names = figures[reward][method]
        return {"count": len(names), "names": ", ".join(names), "held": names}

    return weigh


def ranked(figures):
    """weigh: bytes per weight with a rule as reward, and who is highest and lowest."""
    untrained = ("reward", "best_of_n")  # a judge, and a policy that stays as it is
    policies = {name: b for name, b in figures["exact"].items() if name not in untrained}
    low, high = min(policies.values()), max(policies.values())
    frugal = [name for name, b in policies.items() if b < policies["dpo"]]
    return policies | {
        "low": low,
        "high": high,
        "frugal": len(frugal),
        "some": ", ".join(frugal[:4]),
        "next": max(b for name, b in policies.items() if name != "ppo"),
    }


def stage_counts(figures):
    """weigh: stages of PPO, DPO and GRPO, with a rule as reward (e) and with a learned one (m)."""
    runs = {
        f"{name}_{reward[0]}": figures[reward][name]
        for name in ("ppo", "dpo", "grpo")
        for reward in ("exact", "model")
    }
    words = {key: " → ".join(run) for key, run in runs.items()}
    return words | {f"n_{key}": len(run) for key, run in runs.items()}


def saved(figures):
    """weigh: the least and the most that GRPO saves of weights and optimizer state."""
    ours = {
        key: value for key, value in figures["ours"].items() if key.startswith("weights, adam;")
    }
    shares = list(ours.values())
    return {"low": min(shares), "high": max(shares), **figures["mixed"]}


NEAR = 0.05  # "~40 %": within five points
HELD = "holds {names}"
MEASURES = {
    "networks": Measure(networks, "every method on addition; derived from its row"),
    "bytes_held": Measure(bytes_held, "addition, transformer of width 32; from shapes alone"),
    "stages": Measure(stages, "addition; the job that tinyalign run lays out"),
    "savings": Measure(savings, "PPO and GRPO on addition, single precision; from shapes alone"),
    "peaks": Measure(
        peaks, "PPO and GRPO, 256 completions a step, traced allocations", exact=False
    ),
}
RULES = {
    "ppo_no_reference": Rule(
        ("networks",), held("ppo"), lambda w: "reference" not in w["held"], f"PPO {HELD}"
    ),
    "dpo_reference": Rule(
        ("networks",), held("dpo"), lambda w: "reference" in w["held"], f"DPO {HELD}"
    ),
    "tpo_no_reference": Rule(
        ("networks",), held("tpo"), lambda w: "reference" not in w["held"], f"TPO {HELD}"
    ),
    "grpo_no_reference": Rule(
        ("networks",), held("grpo"), lambda w: "reference" not in w["held"], f"GRPO {HELD}"
    ),
    "ppo_three": Rule(
        ("networks",), held("ppo", "model"), lambda w: w["count"] == 3,
        "with a reward model, {count}: {names}",
    ),
    "ppo_list": Rule(
        ("networks",), held("ppo", "model"),
        lambda w: set(w["held"]) == {"policy", "critic", "reward model"},
        "with a reward model it holds {names}",
    ),
    "grpo_list": Rule(
        ("networks",), held("grpo", "model"),
        lambda w: set(w["held"]) == {"policy", "reward model"},
        "with a reward model it holds {names}",
    ),
    "dpo_one": Rule(("networks",), held("dpo"), lambda w: w["count"] == 1, "{count}: {names}"),
    "dpo_no_judge": Rule(
        ("networks",), held("dpo"), lambda w: not {"reward model", "critic"} & set(w["held"]),
        f"DPO {HELD}",
    ),
    "grpo_no_critic": Rule(
        ("networks",), held("grpo", "model"), lambda w: "critic" not in w["held"], f"GRPO {HELD}"
    ),
    "forty_percent": Rule(
        ("savings",), saved,
        lambda w: abs(w["low"] - 0.4) <= NEAR and abs(w["high"] - 0.4) <= NEAR,
        "of weights and Adam's averages GRPO saves {low:.1%} (reward learned) to {high:.1%} "
        "(a rule) here; counted as 16 bytes per trained and 2 per frozen weight, {model:.1%} to "
        "{exact:.1%}",
    ),
    "forty_at_peak": Rule(
        ("peaks",), as_they_are, lambda w: all(abs(share - 0.4) <= NEAR for share in w.values()),
        "at a step's peak, activations included, GRPO saves {exact:.1%} (a rule as reward) and "
        "{model:.1%} (a learned one) on the same 256 completions",
    ),
    "ppo_most_bytes": Rule(
        ("bytes_held",), ranked, lambda w: w["ppo"] == w["high"] > w["next"],
        "PPO {ppo:.1f} bytes per weight of the policy, the next {next:.1f}",
    ),
    "dpo_least_bytes": Rule(
        ("bytes_held",), ranked, lambda w: w["dpo"] <= min(w["grpo"], w["ppo"]),
        "DPO {dpo:.1f}, GRPO {grpo:.1f}, PPO {ppo:.1f} bytes per weight; {frugal} methods that the "
        "table leaves out hold less, {some} … {low:.1f}",
    ),
    "grpo_between": Rule(
        ("bytes_held",), ranked, lambda w: w["dpo"] < w["grpo"] < w["ppo"],
        "DPO {dpo:.1f}, GRPO {grpo:.1f}, PPO {ppo:.1f} bytes per weight of the policy",
    ),
    "grpo_frugal": Rule(
        ("bytes_held",), ranked, lambda w: w["grpo"] == w["low"],
        "GRPO {grpo:.1f} bytes per weight; Dr.GRPO, without its reference, {dr_grpo:.1f}",
    ),
    "ppo_three_stages": Rule(
        ("stages",), stage_counts, lambda w: w["n_ppo_m"] == 3,
        "{n_ppo_m}: {ppo_m}; with a rule as reward {n_ppo_e}",
    ),
    "dpo_one_stage": Rule(
        ("stages",), stage_counts, lambda w: w["n_dpo_e"] == 1, "{n_dpo_e}: {dpo_e}"
    ),
    "dpo_two_stages": Rule(
        ("stages",), stage_counts, lambda w: w["n_dpo_e"] == 2, "{n_dpo_e}: {dpo_e}"
    ),
    "grpo_two_stages": Rule(
        ("stages",), stage_counts, lambda w: w["n_grpo_e"] == 2,
        "{n_grpo_e}: {grpo_e}; with a learned reward {n_grpo_m}",
    ),
    "ppo_needs_judge": Rule(
        ("stages",), stage_counts, lambda w: "reward" in w["ppo_e"].split(" → "),
        "where a rule can score, PPO runs as {ppo_e}",
    ),
    "only_ppo_judges": Rule(
        ("stages",), stage_counts,
        lambda w: "reward" in w["ppo_e"].split(" → ") and "reward" not in w["grpo_e"].split(" → "),
        "with a rule as reward PPO runs as {ppo_e}, GRPO as {grpo_e}: either can do without",
    ),
    "dpo_simpler": Rule(
        ("stages", "networks"),
        lambda s, n: {"stages": (len(s["exact"]["dpo"]), len(s["model"]["ppo"])),
                      "held": (len(n["exact"]["dpo"]), len(n["model"]["ppo"]))},
        lambda w: w["stages"][0] < w["stages"][1] and w["held"][0] < w["held"][1],
        "DPO {stages[0]} stages and {held[0]} networks, PPO with a reward model {stages[1]} and "
        "{held[1]}",
    ),
}  # fmt: skip
