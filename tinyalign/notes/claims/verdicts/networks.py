"""The networks that a method keeps in memory."""

from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

KL_TERM = (
    "whether GRPO has a KL term, as in its paper, or none, as in Dr.GRPO, DAPO and TRL's default"
)


def grpo_no_critic(networks):
    """GRPO keeps no critic, whatever its reward comes from."""
    names = networks["model"]["grpo"]
    return judge_fact("critic" not in names, f"GRPO with a reward model holds {listed(names)}")


def ppo_no_reference(networks):
    """PPO keeps no reference besides the SFT model that its KL penalty is taken to."""
    names = networks["exact"]["ppo"]
    return judge_by_convention(
        ["reference" not in names, True],
        "whether the frozen SFT model that the KL penalty is taken to counts as a reference model",
        f"PPO with a KL penalty holds {listed(names)}",
    )


def dpo_reference(networks):
    """DPO keeps a reference."""
    names = networks["exact"]["dpo"]
    return judge_fact("reference" in names, f"DPO holds {listed(names)}")


def tpo_no_reference(networks):
    """TPO keeps no reference."""
    names = networks["exact"]["tpo"]
    return judge_fact("reference" not in names, f"TPO holds {listed(names)}")


def grpo_no_reference(networks):
    """GRPO keeps no reference: with a KL term, and without one as in Dr.GRPO."""
    tied, free = networks["exact"]["grpo"], networks["exact"]["dr_grpo"]
    return judge_by_convention(
        ["reference" not in names for names in (tied, free)],
        KL_TERM,
        f"GRPO with a KL term holds {listed(tied)}; Dr.GRPO, which has none, holds {listed(free)}",
    )


def ppo_models(networks, passes):
    """PPO keeps a policy, a critic and a reward model, and samples."""
    names, drawn = networks["model"]["ppo"], passes["ppo"]["drawn"]
    return judge_fact(
        {"policy", "critic", "reward model"} <= set(names) and drawn > 0,
        f"PPO with a reward model and a KL penalty holds {listed(names)}, and samples "
        f"{drawn:.0f} completions in a step",
    )


def grpo_models(networks, passes):
    """GRPO keeps a policy and a reward model and nothing else, and samples groups."""
    # With a KL term, and without one.
    tied, free = networks["model"]["grpo"], networks["model"]["dr_grpo"]
    group = passes["grpo"]["group"]
    return judge_by_convention(
        [set(names) == {"policy", "reward model"} and group > 1 for names in (tied, free)],
        KL_TERM,
        f"with a reward model, GRPO with a KL term holds {listed(tied)}; Dr.GRPO, which has none, "
        f"holds {listed(free)}; {group} completions of a prompt are sampled",
    )


def dpo_no_reward_model(networks):
    """DPO keeps no reward model."""
    names = networks["exact"]["dpo"]
    return judge_fact("reward model" not in names, f"DPO holds {listed(names)}")


def ppo_three_models(networks):
    """PPO with a reward model keeps three networks: all of them, or all but the reference."""
    return count_networks(networks["model"]["ppo"], 3, "PPO with a reward model")


def dpo_one_model(networks):
    """DPO keeps one network: all of them, or all but the reference."""
    return count_networks(networks["exact"]["dpo"], 1, "DPO")


def count_networks(names, claimed, who):
    """The Finding on a number of networks, which may or may not count the frozen reference."""
    trained_on = [name for name in names if name != "reference"]
    return judge_by_convention(
        [len(names) == claimed, len(trained_on) == claimed],
        "whether the frozen reference is counted",
        f"{who} holds {len(names)}: {listed(names)}",
    )


def listed(names):
    """Networks in words: "policy, critic and reference"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


PPO_CELL = (
    "**Highest cost** — requires: policy + critic + RM + rollouts; unstable and computationally "
    "heavy."
)
CLAIMS = (
    Claim(
        "grpo-no-critic", "000", 17, "Does it use Reinforcement Learning? · GRPO",
        "**Yes** — RL variant but **removes value network**.",
        "GRPO holds no critic.",
        grpo_no_critic, ("networks",),
    ),
    Claim(
        "ppo-no-reference", "000", 20, "Reference Model Needed? · PPO",
        "No explicit reference model (but KL penalty keeps policy near SFT).",
        "PPO holds no reference model.",
        ppo_no_reference, ("networks",),
    ),
    Claim(
        "dpo-reference", "000", 20, "Reference Model Needed? · DPO",
        "**Yes** — requires a frozen **reference policy** (e.g., the SFT model).",
        "DPO holds a frozen reference.",
        dpo_reference, ("networks",),
    ),
    Claim(
        "tpo-no-reference", "000", 20, "Reference Model Needed? · TPO",
        "**No** — completely removes reference model dependence.",
        "TPO holds no reference.",
        tpo_no_reference, ("networks",),
    ),
    Claim(
        "grpo-no-reference", "000", 20, "Reference Model Needed? · GRPO",
        "No reference model; only old-policy samples.",
        "GRPO holds no reference model.",
        grpo_no_reference, ("networks",),
    ),
    Claim(
        "ppo-models", "000", 23, "Complexity / Compute Cost · PPO", PPO_CELL,
        "PPO needs at least a policy, a critic, a reward model and samples.",
        ppo_models, ("networks", "passes"),
    ),
    Claim(
        "grpo-models", "000", 23, "Complexity / Compute Cost · GRPO",
        "**Lower than PPO** — removes critic, uses only policy + RM + group sampling.",
        "GRPO needs a policy, a reward model and samples, and nothing else.",
        grpo_models, ("networks", "passes"),
    ),
    Claim(
        "dpo-no-reward-model", "001", 39, "DPO · Key Features",
        "**No reward model**: Implicitly learns rewards through preference classification",
        "DPO holds no reward model.",
        dpo_no_reward_model, ("networks",),
    ),
    Claim(
        "ppo-three-models", "004", 47, "Complexity · PPO", "High (3 models)",
        "PPO holds three models.",
        ppo_three_models, ("networks",),
    ),
    Claim(
        "dpo-one-model", "004", 48, "Complexity · DPO", "Low (1 model)",
        "DPO holds one model.",
        dpo_one_model, ("networks",),
    ),
)  # fmt: skip
