"""Rules on runs of one-digit addition: two methods from the same starts, or all of a table."""

from tinyalign.notes.claims.rules.compute import share_of_ppo
from tinyalign.notes.claims.rules.differences import difference, paired_difference, sentence
from tinyalign.notes.claims.rules.steadiness import best_rewards, steadiness, steadiness_sentence

NEAR = 0.05  # "competitive", "as good": within this much reward, of at most 1


def tpo_steadier_than_dpo(tpo, dpo):
    """TPO is steadier than DPO."""
    pair = steadiness(tpo, dpo)
    return pair.direction < 0, f"TPO, DPO: {steadiness_sentence(pair)}"


def dpo_steadier_than_ppo(dpo, ppo):
    """DPO is steadier than PPO."""
    pair = steadiness(dpo, ppo)
    return pair.direction < 0, f"DPO, PPO: {steadiness_sentence(pair)}"


def grpo_steadier_than_ppo(grpo, ppo):
    """GRPO is steadier than PPO."""
    pair = steadiness(grpo, ppo)
    return pair.direction < 0, f"GRPO, PPO: {steadiness_sentence(pair)}"


def ppo_less_steady(ppo, grpo):
    """More runs of PPO than of GRPO end below their start."""
    # Here only failures count, not the distance of seeds from their median.
    failed = steadiness(ppo, grpo).failed
    return (
        failed.above,
        f"runs that end below their start: PPO {failed.first:.0%}, GRPO {failed.second:.0%}, "
        f"difference {failed.gap:+.0%} (99 %: {failed.low:+.0%} to {failed.high:+.0%})"
        f"{failed.doubt}",
    )


def tpo_steadiest(tpo, *others):
    """TPO is steadier than every other method that learns from preferences."""
    pairs = [steadiness(tpo, other) for other in others]
    # A direction of -1 means that TPO is clearly the steadier of the two.
    beaten, beaten_by, unclear = (
        sum(one.direction == direction for one in pairs) for direction in (-1, 1, 0)
    )
    return (
        beaten == len(others),
        f"TPO is clearly steadier than {beaten} of {len(others)} others and clearly less steady "
        f"than {beaten_by}, {unclear} cannot be told apart from it; "
        f"{pairs[0].failed.first:.0%} of its runs fail, its seeds are {pairs[0].swing:.3f} "
        "from their median",
    )


def dpo_steady_and_cheap(dpo, ppo, passes):
    """DPO is steadier than PPO and takes fewer passes."""
    pair, share = steadiness(dpo, ppo), share_of_ppo(passes, "dpo")
    return (
        pair.direction < 0 and share < 1,
        f"{share:.0%} of PPO's passes. DPO, PPO: {steadiness_sentence(pair)}",
    )


def grpo_best(*runs):
    """GRPO earns more than every other method of the notes' table."""
    gaps = reward_gaps(*runs)
    return wins(gaps) == len(gaps), ranking_sentence(gaps, GRPO_FIRST[1:])


def grpo_effective(*runs):
    """GRPO earns more than most methods of the notes' table and less than none."""
    # "Effective" is read as: better than most, worse than none.
    gaps = reward_gaps(*runs)
    return (
        wins(gaps) > len(gaps) / 2 and not any(gap.below for gap in gaps),
        ranking_sentence(gaps, GRPO_FIRST[1:]),
    )


def ppo_best(*runs):
    """PPO earns more than every other method of the notes' table."""
    gaps = reward_gaps(*runs)
    return wins(gaps) == len(gaps), ranking_sentence(gaps, PPO_FIRST[1:])


def dpo_competitive(dpo, ppo):
    """DPO earns as much as PPO."""
    gap = paired_difference(best_rewards(dpo), best_rewards(ppo))
    return gap.low > -NEAR, f"reward of DPO against PPO: {sentence(gap)}"


def clip_protects(clips):
    """The clip keeps GRPO from failing at a high learning rate."""
    gap = difference(clips, "0.2", "10.0")
    return gap.above, f"reward with clip 0.2 against none: {sentence(gap)}"


def objective_better(learned_rewards):
    """The true reward teaches more than a learned one."""
    gap = difference(learned_rewards, "learned", "exact")
    return (
        gap.below,
        f"true reward of GRPO on the learned reward against the true one: {sentence(gap)}",
    )


def learned_helps(learned_rewards):
    """A learned reward teaches something."""
    gap = difference(learned_rewards, "learned", "start")
    return (
        gap.above,
        f"true reward of GRPO on the learned reward against its start: {sentence(gap)}",
    )


def orpo_skips_sft(from_nothing):
    """ORPO alone is as good as SFT and then DPO."""
    gap = difference(from_nothing, "orpo", "sft,dpo")
    return gap.low > -NEAR, f"reward of ORPO from nothing against SFT and then DPO: {sentence(gap)}"


def reward_gaps(first, *others):
    """Differences in reward between one method and each other, all at their best rates."""
    return [paired_difference(best_rewards(first), best_rewards(other)) for other in others]


def wins(gaps):
    """How many of the others the first method clearly beats."""
    return sum(gap.above for gap in gaps)


def ranking_sentence(gaps, names):
    """The first method's reward beside those of the others, and whom it cannot be told from."""
    rewards = ", ".join(f"{name} {gap.second:.2f}" for name, gap in zip(names, gaps, strict=True))
    unclear = [name for name, gap in zip(names, gaps, strict=True) if gap.doubt]
    doubt = f"; cannot be told apart from {', '.join(unclear)}" if unclear else ""
    return (
        f"reward {gaps[0].first:.2f}; clearly more than {wins(gaps)} of {len(gaps)}: "
        f"{rewards}{doubt}"
    )


def endings(*names):
    """The measures of several methods."""
    return tuple(f"endings_{name}" for name in names)


PREFERENCE = ("tpo", "dpo", "ipo", "kto", "rrhf", "orpo")
# The methods of the notes' table of results, with the one in front that is said to be best.
GRPO_FIRST = ("grpo", "ppo", "dpo", "ipo", "rrhf", "kto")
PPO_FIRST = ("ppo", "dpo", "ipo", "rrhf", "grpo", "kto")
RULES = {
    "tpo_steadier_than_dpo": (tpo_steadier_than_dpo, endings("tpo", "dpo")),
    "dpo_steadier_than_ppo": (dpo_steadier_than_ppo, endings("dpo", "ppo")),
    "grpo_steadier_than_ppo": (grpo_steadier_than_ppo, endings("grpo", "ppo")),
    "ppo_less_steady": (ppo_less_steady, endings("ppo", "grpo")),
    "tpo_steadiest": (tpo_steadiest, endings(*PREFERENCE)),
    "dpo_steady_and_cheap": (dpo_steady_and_cheap, (*endings("dpo", "ppo"), "passes")),
    "grpo_best": (grpo_best, endings(*GRPO_FIRST)),
    "grpo_effective": (grpo_effective, endings(*GRPO_FIRST)),
    "ppo_best": (ppo_best, endings(*PPO_FIRST)),
    "dpo_competitive": (dpo_competitive, endings("dpo", "ppo")),
    "clip_protects": (clip_protects, ("clips",)),
    "objective_better": (objective_better, ("learned_rewards",)),
    "learned_helps": (learned_helps, ("learned_rewards",)),
    "orpo_skips_sft": (orpo_skips_sft, ("from_nothing",)),
}
