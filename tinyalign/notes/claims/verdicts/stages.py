"""The stages that a run goes through."""

from tinyalign.notes.claims.verdicts.differences import judge_as_good, paired_difference
from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

ROUNDING = 1e-9


def ppo_three_stages(stages):
    """PPO with a learned reward takes three stages."""
    run = stages["model"]["ppo"]
    return judge_fact(len(run) == 3, f"PPO with a learned reward takes {count_stages(run)}")


def dpo_one_stage(stages):
    """DPO takes one stage: with the stage that makes its reference, or without."""
    run = stages["exact"]["dpo"]
    return judge_by_convention(
        [len(run) == 1, len(run) - run.count("sft") == 1],
        "whether the SFT stage that makes DPO's reference is counted",
        f"DPO with its reference takes {count_stages(run)}",
    )


def grpo_two_stages(stages):
    """GRPO takes two stages: with a rule as reward, or with a learned one."""
    by_rule, learned = stages["exact"]["grpo"], stages["model"]["grpo"]
    return judge_by_convention(
        [len(by_rule) == 2, len(learned) == 2],
        "where the reward comes from: a rule, or a reward model with a stage of its own",
        f"GRPO with a rule takes {count_stages(by_rule)}; with a learned reward "
        f"{count_stages(learned)}",
    )


def stages_table(stages):
    """PPO with a learned reward takes three stages and DPO two."""
    ppo, dpo = stages["model"]["ppo"], stages["exact"]["dpo"]
    return judge_fact(
        (len(ppo), len(dpo)) == (3, 2), f"PPO takes {count_stages(ppo)}; DPO {count_stages(dpo)}"
    )


def reward_model_required(stages):
    """To learn from preferences PPO trains a reward model, and DPO does not."""
    ppo, dpo = stages["model"]["ppo"], stages["exact"]["dpo"]
    by_rule = stages["exact"]["ppo"]
    return judge_fact(
        "reward" in ppo and "reward" not in dpo,
        f"from preferences PPO takes {in_order(ppo)}, DPO {in_order(dpo)}; where a rule can score, "
        f"PPO takes {in_order(by_rule)}",
    )


def grpo_no_judge(stages):
    """GRPO with a rule does without the reward model of PPO: of RLHF's PPO, or of PPO itself."""
    grpo, rlhf, ppo = stages["exact"]["grpo"], stages["model"]["ppo"], stages["exact"]["ppo"]
    return judge_by_convention(
        ["reward" in other and "reward" not in grpo for other in (rlhf, ppo)],
        "whether PPO means the pipeline of RLHF, which learns its reward, or the algorithm, which "
        "takes any reward",
        f"where a rule can score, GRPO takes {in_order(grpo)} and PPO {in_order(ppo)}; RLHF's PPO "
        f"takes {in_order(rlhf)}",
    )


def dpo_joint(stages, dpo_reads):
    """One stage of DPO after SFT has the optimum of PPO's two: reward and KL together."""
    dpo, ppo = (
        [stage for stage in run if stage != "sft"]
        for run in (stages["exact"]["dpo"], stages["model"]["ppo"])
    )
    slope = dpo_reads["rlhf_slope"]
    return judge_fact(
        len(dpo) == 1 < len(ppo) and slope < ROUNDING,
        f"after SFT, DPO has the stage {in_order(dpo)} and PPO {in_order(ppo)}; where reward minus "
        f"KL is greatest, the slope of DPO's loss over all pairs is {slope:.1g}",
    )


def dpo_simpler(stages, networks, passes):
    """DPO takes fewer stages, networks and samples than PPO with a reward model."""
    fewer, parts = fewer_parts(stages, networks)
    drawn = passes["dpo"]["drawn"], passes["ppo"]["drawn"]
    return judge_fact(
        fewer and drawn[0] == 0 < drawn[1],
        f"{parts}; while it learns DPO samples {drawn[0]:.0f} completions, PPO {drawn[1]:.0f} in "
        "each step; how much simpler is “much”, the note does not say",
    )


def fewer_parts(stages, networks):
    """Whether DPO has fewer stages and networks than PPO with a reward model; the sentence."""
    dpo = len(stages["exact"]["dpo"]), len(networks["exact"]["dpo"])
    ppo = len(stages["model"]["ppo"]), len(networks["model"]["ppo"])
    return (
        dpo[0] < ppo[0] and dpo[1] < ppo[1],
        f"DPO {dpo[0]} stages and {dpo[1]} networks, PPO with a reward model {ppo[0]} and {ppo[1]}",
    )


def orpo_no_sft(from_nothing):
    """ORPO alone is as good as SFT and then DPO."""
    gap = paired_difference(from_nothing["orpo"], from_nothing["sft,dpo"])
    start, alone = (sum(from_nothing[key]) / len(from_nothing[key]) for key in ("untrained", "sft"))
    return judge_as_good(
        gap,
        f"reward (untrained {start:.3f}, after SFT alone {alone:.3f}), ORPO against SFT and then "
        "DPO",
    )


def in_order(run):
    """The stages of a run in their order."""
    return " → ".join(run)


def count_stages(run):
    """How many stages a run has, and which."""
    return f"{len(run)} stages, {in_order(run)}"


HEADER = "Method | Equation Focus | Stages | Memory | Best For"
CLAIMS = (
    Claim(
        "ppo-three-stages", "001", 17, "PPO · Key Features",
        "**Three-stage process**: Supervised fine-tuning → Reward model training → RL optimization",
        "PPO with a learned reward takes three stages.",
        ppo_three_stages, ("stages",),
    ),
    Claim(
        "dpo-single-stage", "001", 38, "DPO · Key Features",
        "**Single-stage process**: Direct optimization on preference data",
        "DPO takes one stage.",
        dpo_one_stage, ("stages",),
    ),
    Claim(
        "dpo-simpler", "001", 41, "DPO · Key Features",
        "**Simplicity**: Much simpler pipeline than PPO",
        "DPO's pipeline has fewer stages and networks than PPO's, and no sampling.",
        dpo_simpler, ("stages", "networks", "passes"),
    ),
    Claim(
        "dpo-one-stage", "001", 76, HEADER,
        "| **DPO** | Direct preference classification | 1 | Lowest | Simple alignment, resource "
        "constraints |",
        "DPO takes one stage.",
        dpo_one_stage, ("stages",),
    ),
    Claim(
        "grpo-two-stages", "001", 77, HEADER,
        "| **GRPO** | Group-relative advantages | 2 | Medium | Mathematical reasoning, "
        "efficiency |",
        "GRPO takes two stages.",
        grpo_two_stages, ("stages",),
    ),
    Claim(
        "dpo-single-stage-training", "003", 36, "Direct Preference Optimization",
        "**Single-Stage Training**: Jointly optimizes for reward and KL constraint",
        "After SFT, one stage of DPO aims at reward and KL together, where PPO takes two stages.",
        dpo_joint, ("stages", "dpo_reads"),
    ),
    Claim(
        "stages-two", "003", 62, "Aspect | PPO | DPO",
        "|Stages         |3 (SFT, RM, RL)|2 (SFT, DPO)|",
        "PPO with a learned reward takes three stages, and DPO two.",
        stages_table, ("stages",),
    ),
    Claim(
        "reward-model-required", "003", 63, "Aspect | PPO | DPO",
        "|Reward Model   |Required       |Not required|",
        "To learn from preferences PPO trains a reward model, and DPO does not.",
        reward_model_required, ("stages",),
    ),
    Claim(
        "grpo-no-judge", "004", 84, "GRPO · The Algorithm (Intuition)",
        "**Key difference from PPO**: No separate reward model! Use direct metrics when available.",
        "GRPO with a direct metric needs no reward model, and PPO does.",
        grpo_no_judge, ("stages",),
    ),
    Claim(
        "orpo-no-sft", "004", 566, "GRPO's Relatives · ORPO",
        "Advantage: Don't need separate SFT step!",
        "From an untrained policy, ORPO ends no worse than SFT and then DPO.",
        orpo_no_sft, ("from_nothing",),
    ),
)  # fmt: skip
