"""Rules on the stages that a run goes through."""


def ppo_three_stages(stages):
    """PPO with a learned reward takes three stages."""
    learned, by_rule = stages["model"]["ppo"], stages["exact"]["ppo"]
    return (
        len(learned) == 3,
        f"{stages_sentence(learned)}; with a rule as reward {len(by_rule)}",
    )


def dpo_one_stage(stages):
    """DPO takes one stage."""
    run = stages["exact"]["dpo"]
    return len(run) == 1, stages_sentence(run)


def dpo_two_stages(stages):
    """DPO takes two stages."""
    run = stages["exact"]["dpo"]
    return len(run) == 2, stages_sentence(run)


def grpo_two_stages(stages):
    """GRPO takes two stages."""
    by_rule, learned = stages["exact"]["grpo"], stages["model"]["grpo"]
    return len(by_rule) == 2, f"{stages_sentence(by_rule)}; with a learned reward {len(learned)}"


def ppo_needs_judge(stages):
    """PPO needs a reward model even where a rule can score."""
    # With a rule as reward, a reward model would have to be trained in a stage of its own.
    run = stages["exact"]["ppo"]
    return "reward" in run, f"where a rule can score, PPO runs as {stages_in_order(run)}"


def only_ppo_judges(stages):
    """PPO needs a reward model and GRPO does not."""
    ppo, grpo = stages["exact"]["ppo"], stages["exact"]["grpo"]
    return (
        "reward" in ppo and "reward" not in grpo,
        f"with a rule as reward PPO runs as {stages_in_order(ppo)}, GRPO as "
        f"{stages_in_order(grpo)}: either can do without",
    )


def dpo_simpler(stages, networks):
    """DPO takes fewer stages and fewer networks than PPO with a reward model."""
    dpo = len(stages["exact"]["dpo"]), len(networks["exact"]["dpo"])
    ppo = len(stages["model"]["ppo"]), len(networks["model"]["ppo"])
    return (
        dpo[0] < ppo[0] and dpo[1] < ppo[1],
        f"DPO {dpo[0]} stages and {dpo[1]} networks, PPO with a reward model {ppo[0]} and {ppo[1]}",
    )


def stages_in_order(run):
    """The stages of a run in their order."""
    return " → ".join(run)


def stages_sentence(run):
    """How many stages a run has, and which."""
    return f"{len(run)}: {stages_in_order(run)}"


RULES = {
    "ppo_three_stages": (ppo_three_stages, ("stages",)),
    "dpo_one_stage": (dpo_one_stage, ("stages",)),
    "dpo_two_stages": (dpo_two_stages, ("stages",)),
    "grpo_two_stages": (grpo_two_stages, ("stages",)),
    "ppo_needs_judge": (ppo_needs_judge, ("stages",)),
    "only_ppo_judges": (only_ppo_judges, ("stages",)),
    "dpo_simpler": (dpo_simpler, ("stages", "networks")),
}
