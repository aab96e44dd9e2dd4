"""Which method earns the most, on one-digit addition.

A ranking counts only where every method's learning rate and strength were searched alike.
"""

from tinyalign.notes.claims.verdicts.differences import (
    TWENTIETH,
    judge_as_good,
    paired_difference,
)
from tinyalign.notes.claims.verdicts.finding import (
    CONTRADICTED,
    SUPPORTED,
    UNCLEAR,
    UNDECIDED,
    Claim,
    Finding,
    Interval,
)
from tinyalign.notes.claims.verdicts.steadiness import best_rewards

NEEDED = {"learning rate", "strength"}  # settings whose search makes a ranking


def grpo_best(*runs):
    """GRPO earns more than every other method of the notes' table."""
    return judge_best(GRPO_FIRST, runs)


def ppo_best(*runs):
    """PPO earns more than every other method of the notes' table."""
    return judge_best(PPO_FIRST, runs)


def dpo_competitive(dpo, ppo):
    """DPO earns as much as PPO."""
    gap = paired_difference(best_rewards(dpo), best_rewards(ppo))
    return hold_back(judge_as_good(gap, "reward, DPO against PPO"), (dpo, ppo))


def judge_best(names, runs):
    """The Finding on the claim that the first method earns more than each of the others."""
    gaps = reward_gaps(runs)
    better, worse = clear_gaps(gaps)
    verdict = SUPPORTED if len(better) == len(gaps) else CONTRADICTED if worse else UNDECIDED
    return hold_back(ranking(verdict, names, gaps), runs)


def grpo_effective(*runs):
    """GRPO earns more than PPO and DPO, the other methods of its note."""
    return judge_best(NOTE_001, runs)


def reward_gaps(runs):
    """Differences in reward between the first method and each other, all at their best rates."""
    first, *others = runs
    return [paired_difference(best_rewards(first), best_rewards(other)) for other in others]


def clear_gaps(gaps):
    """The gaps that clearly are above 0, and those clearly below, by what would matter."""
    better = [gap for gap in gaps if gap.above and gap.gap >= TWENTIETH]
    worse = [gap for gap in gaps if gap.below and gap.gap <= -TWENTIETH]
    return better, worse


def ranking(verdict, names, gaps):
    """A Finding with the rewards of all methods, and the interval of the nearest rival's gap."""
    # Whoever earns the most of the others decides.
    nearest = min(gaps, key=lambda gap: gap.gap)
    rewards = ", ".join(
        f"{name.upper()} {gap.second:.2f}" for name, gap in zip(names[1:], gaps, strict=True)
    )
    return Finding(
        verdict,
        f"reward of {names[0].upper()} {nearest.first:.2f}, clearly more than "
        f"{len(clear_gaps(gaps)[0])} of {len(gaps)}: {rewards}; difference to the best of them "
        f"{nearest.gap:+.3f}",
        f"{TWENTIETH:g}",
        Interval(nearest.low, nearest.high),
        UNCLEAR if verdict == UNDECIDED else "",
    )


def hold_back(finding, runs):
    """The Finding, undecided unless all settings that a ranking needs were searched."""
    missing = sorted(NEEDED - set.intersection(*(set(figures["searched"]) for figures in runs)))
    if not missing:
        return finding
    doubt = (
        f"the {' and '.join(missing)} of the methods was not searched, as the page "
        "docs/compare_addition.md does on a larger task"
    )
    return finding._replace(verdict=UNDECIDED, doubt=doubt)


def endings(names):
    """The measures of several methods."""
    return tuple(f"endings_{name}" for name in names)


NOTE_001 = ("grpo", "ppo", "dpo")
# The methods of the notes' table of results, with the one in front that is said to be best.
GRPO_FIRST = ("grpo", "ppo", "dpo", "ipo", "rrhf", "kto")
PPO_FIRST = ("ppo", "dpo", "ipo", "rrhf", "grpo", "kto")
CLAIMS = (
    Claim(
        "grpo-math", "001", 67, "GRPO · Key Features",
        "**Reasoning focused**: Particularly effective for mathematical/logical tasks",
        "On addition, GRPO earns more than PPO and DPO, the other two methods of the note.",
        grpo_effective, endings(NOTE_001),
    ),
    Claim(
        "dpo-competitive", "002", 46, "DPO · Pros", "Competitive performance with PPO.",
        "On addition, DPO earns no less than PPO.",
        dpo_competitive, endings(("dpo", "ppo")),
    ),
    Claim(
        "grpo-best", "004", 619, "Decision Tree", 'return "GRPO"  # Best for code/math',
        "On addition, GRPO earns more than each other method of the notes' table of results.",
        grpo_best, endings(GRPO_FIRST),
    ),
    Claim(
        "ppo-best", "004", 630, "Decision Tree", 'return "PPO"  # Still best if done right',
        "On addition, PPO earns more than each other method of the notes' table of results.",
        ppo_best, endings(PPO_FIRST),
    ),
)  # fmt: skip
