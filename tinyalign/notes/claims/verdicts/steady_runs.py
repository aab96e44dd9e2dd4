"""Which methods' runs are steadier, on one-digit addition."""

from tinyalign.notes.claims.verdicts.differences import difference, judge_more
from tinyalign.notes.claims.verdicts.finding import (
    CONTRADICTED,
    SUPPORTED,
    UNCLEAR,
    UNDECIDED,
    Claim,
    Finding,
    Interval,
)
from tinyalign.notes.claims.verdicts.steadiness import (
    MATTERS,
    SURE,
    compare_both_ways,
    deciding_interval,
    judge_steadier,
    steadiness,
    steadiness_sentence,
)


def tpo_steadier(tpo, dpo):
    """TPO is steadier than DPO."""
    return judge_steadier(tpo, dpo, "TPO, DPO")


def dpo_steadier(dpo, ppo):
    """DPO is steadier than PPO."""
    return judge_steadier(dpo, ppo, "DPO, PPO")


def grpo_steadier(grpo, ppo):
    """GRPO is steadier than PPO."""
    return judge_steadier(grpo, ppo, "GRPO, PPO")


def dpo_steady_and_cheap(dpo, ppo, passes):
    """DPO is steadier than PPO and takes fewer passes for a completion."""
    finding = judge_steadier(dpo, ppo, "DPO, PPO")
    each = passes["dpo"]["each"], passes["ppo"]["each"]
    if each[0] >= each[1]:
        finding = finding._replace(verdict=CONTRADICTED, interval=None, doubt="")
    words = f"passes for a completion: DPO {each[0]:g}, PPO {each[1]:g}; stability of "
    return finding._replace(sentence=words + finding.sentence)


def ppo_fails_by_its_critic(ppo, grpo):
    """More runs of PPO than of GRPO, which has no critic, end below their start."""
    # Here only failures count, not the distance of seeds from their median.
    failed = steadiness(ppo, grpo).failed
    verdict = SUPPORTED if failed.above else CONTRADICTED if failed.below else UNDECIDED
    return Finding(
        verdict,
        f"at 1, 10 and 30 times the recipe's learning rate {failed.first:.0%} of PPO's runs end "
        f"below their start, and {failed.second:.0%} of GRPO's, which has no critic",
        "any clear difference",
        Interval(failed.low, failed.high, level=SURE, digits="+.0%"),
        "PPO's runs do fail; whether its critic is why cannot be told"
        if verdict == UNDECIDED
        else "",
    )


def tpo_steadiest(tpo, *others):
    """TPO is steadier than every other method that learns from preferences."""
    pairs = [compare_both_ways(tpo, other) for other in others]
    # TPO is the steadier of two where both directions are -1: over all rates, and at the best.
    beaten, beaten_by = (
        [pair for pair, best in pairs if pair.direction == best.direction == direction]
        for direction in (-1, 1)
    )
    over_rates = sum(pair.direction == -1 for pair, _ in pairs)
    unclear = [pair for pair, _ in pairs if pair not in beaten and pair not in beaten_by]
    verdict = CONTRADICTED if beaten_by else UNDECIDED if unclear else SUPPORTED
    shown = (beaten_by or unclear or beaten)[0]
    rival = RIVALS[[pair for pair, _ in pairs].index(shown)]
    return Finding(
        verdict,
        f"of {len(others)} others ({', '.join(RIVALS)}) TPO is clearly steadier than "
        f"{over_rates} over three learning rates, and than {len(beaten) or 'none'} if each also "
        f"has its best rate; clearly less steady than {len(beaten_by) or 'none'}; {len(unclear)} "
        f"are in doubt; TPO, {rival}: {steadiness_sentence(shown)}",
        MATTERS,
        deciding_interval(shown),
        UNCLEAR if verdict == UNDECIDED else "",
    )


def clip_protects(clips):
    """The clip keeps PPO from failing at a high learning rate."""
    return clip_matters(clips, "", "reward of PPO")


def clip_keeps(clips):
    """The clip keeps what the policy could do before PPO."""
    return clip_matters(
        clips, "kept ", "reward of PPO on the problems that were solved at the start"
    )


def clip_matters(clips, part, reward):
    """PPO with the clip ends higher than without it.

    part    "" or "kept ", before the names of figures of measures.digits.clips
    reward  which reward these figures are, in words
    """
    start = sum(clips[f"{part}start"]) / len(clips[f"{part}start"])
    return judge_more(
        difference(clips, f"{part}0.2", f"{part}10.0"),
        f"{reward} after four passes over each batch at a high rate (start {start:.3f}), clip 0.2 "
        "against none",
    )


RIVALS = "IPO", "DPO", "KTO", "RRHF", "ORPO"
TPO_CELL = "**Moderate** — uses triples; no reference model; more stable than DPO."
DPO_CELL = "More stable than PPO but still sensitive to quality of reference model."
CLAIMS = (
    Claim(
        "tpo-steadier-than-dpo", "000", 23, "Complexity / Compute Cost · TPO", TPO_CELL,
        "Fewer of TPO's runs fail than of DPO's, or TPO's seeds end nearer together.",
        tpo_steadier, ("endings_tpo", "endings_dpo"),
    ),
    Claim(
        "ppo-unstable", "000", 24, "Stability · PPO",
        "Can be unstable due to critic errors, value estimation noise, reward hacking.",
        "PPO's runs can fail, and do so more often than those of GRPO, which has no critic.",
        ppo_fails_by_its_critic, ("endings_ppo", "endings_grpo"),
    ),
    Claim(
        "dpo-steadier-than-ppo", "000", 24, "Stability · DPO", DPO_CELL,
        "Fewer of DPO's runs fail than of PPO's, or DPO's seeds end nearer together.",
        dpo_steadier, ("endings_dpo", "endings_ppo"),
    ),
    Claim(
        "tpo-most-stable", "000", 24, "Stability · TPO",
        "**Most stable** among preference methods: gold term prevents drift; no ref-model "
        "artifacts.",
        "TPO is steadier than each of five other preference methods.",
        tpo_steadiest,
        tuple(f"endings_{name.lower()}" for name in ("TPO", *RIVALS)),
    ),
    Claim(
        "grpo-steadier-than-ppo", "000", 24, "Stability · GRPO",
        "More stable than PPO since no critic; group baseline reduces high-variance updates.",
        "Fewer of GRPO's runs fail than of PPO's, or GRPO's seeds end nearer together.",
        grpo_steadier, ("endings_grpo", "endings_ppo"),
    ),
    Claim(
        "clip-prevents-destruction", "001", 20, "PPO · Key Features",
        "**Stability**: Clipping prevents destructive policy updates",
        "With many passes over each batch, PPO with the clip ends higher than PPO without it.",
        clip_protects, ("clips",),
    ),
    Claim(
        "clip-forgetting", "003", 18, "Proximal Policy Optimization",
        "**Clipped Objective**: Limits policy updates to prevent catastrophic forgetting",
        "What the policy could do before PPO is kept better with the clip than without it.",
        clip_keeps, ("clips",),
    ),
    Claim(
        "dpo-stable-efficient", "003", 37, "Direct Preference Optimization",
        "More stable and computationally efficient than PPO",
        "DPO is steadier than PPO, and takes fewer passes for a completion.",
        dpo_steady_and_cheap, ("endings_dpo", "endings_ppo", "passes"),
    ),
    Claim(
        "stability-table", "003", 64, "Aspect | PPO | DPO",
        "|Stability      |Less stable    |More stable |",
        "Fewer of DPO's runs fail than of PPO's, or DPO's seeds end nearer together.",
        dpo_steadier, ("endings_dpo", "endings_ppo"),
    ),
)  # fmt: skip
