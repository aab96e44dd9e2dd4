"""Rules on the runs of `digits`: who earns more, who fails less, whose seeds are nearer."""

import numpy as np

from tinyalign.claims.measures.digits import RATES
from tinyalign.claims.rules import GAP, Rule, between, less, more, paired

NEAR = 0.05  # "competitive", "as good": within this much reward, of at most 1


def ends(*names):
    """The measures of several methods."""
    return tuple(f"endings_{name}" for name in names)


def best(figures):
    """Rewards of the seeds at the learning rate with the best mean."""
    return max((figures[str(rate)] for rate in RATES), key=np.mean)


def better(first, second):
    """weigh: rewards of two methods, each at its better learning rate."""
    return paired(best(first), best(second))


def failures(figures):
    """Share of each seed's runs, over the learning rates, that end below their start."""
    found = np.array([figures[str(rate)] for rate in RATES])
    return np.mean(found < np.array(figures["start"]), axis=0).tolist()


def swings(figures):
    """How far each seed's reward is from its learning rate's mean, over the rates."""
    found = np.array([figures[str(rate)] for rate in RATES])
    return np.mean(np.abs(found - found.mean(axis=1, keepdims=True)), axis=0).tolist()


def gained(figures):
    """Reward gained since the start, mean over seeds and learning rates."""
    found = np.array([figures[str(rate)] for rate in RATES])
    return float(np.mean(found - np.array(figures["start"])))


def steadiness(first, second):
    """weigh: shares of failed runs, and distances of seeds from their mean, of two methods."""
    swing = paired(swings(first), swings(second))
    fails = paired(failures(first), failures(second))
    gains = {"gain_first": gained(first), "gain_second": gained(second)}
    return fails | gains | {f"swing_{key}": value for key, value in swing.items()}


def steadier(weighed):
    """Fewer runs end below their start; where no more do, seeds that are nearer together count."""
    return weighed["high"] < 0 or (weighed["gap"] <= 0 and weighed["swing_high"] < 0)


def less_steady(weighed):
    """More runs end below their start, or seeds are further apart and no fewer do."""
    return weighed["low"] > 0 or (weighed["gap"] >= 0 and weighed["swing_low"] > 0)


def steadiest(first, *others):
    """weigh: how many of the others the first method is steadier than."""
    each = [steadiness(first, other) for other in others]
    return {
        "beaten": sum(map(steadier, each)),
        "beaten_by": sum(map(less_steady, each)),
        "others": len(others),
        "swing": each[0]["swing_first"],
        "fails": each[0]["first"],
    }


def top(*names):
    """weigh: the first method against each of the others, at their better rates."""

    def weigh(first, *others):
        each = [better(first, other) for other in others]
        told = [f"{n} {w['second']:.2f}" for n, w in zip(names[1:], each, strict=True)]
        beaten = sum(map(more, each))
        return {"first": each[0]["first"], "beaten": beaten, "others": len(each), "rest": told}

    return weigh


STEADY = (
    "runs that end below their start: {first:.0%} against {second:.0%}; distance of a seed from "
    "the mean: {swing_first:.3f} against {swing_second:.3f} (difference 95 %: {swing_low:+.3f} to "
    "{swing_high:+.3f}), on mean gains of {gain_first:+.2f} and {gain_second:+.2f}"
)
TOP = "reward {first:.2f}; clearly more than {beaten} of {others}: {rest}"
PREFERENCE = ("tpo", "dpo", "ipo", "kto", "rrhf", "orpo")
TABLE = ("ppo", "dpo", "ipo", "rrhf", "grpo", "kto")  # the methods of note 004's table


def against_all(name):
    """The rule of a method that is said to be the best of note 004's table."""
    names = (name, *(other for other in TABLE if other != name))
    return Rule(ends(*names), top(*names), lambda w: w["beaten"] == w["others"], TOP)


RULES = {
    "tpo_steadier_than_dpo": Rule(ends("tpo", "dpo"), steadiness, steadier, f"TPO, DPO: {STEADY}"),
    "dpo_steadier_than_ppo": Rule(ends("dpo", "ppo"), steadiness, steadier, f"DPO, PPO: {STEADY}"),
    "grpo_steadier_than_ppo": Rule(
        ends("grpo", "ppo"), steadiness, steadier, f"GRPO, PPO: {STEADY}"
    ),
    "ppo_less_steady": Rule(
        ends("ppo", "grpo"), steadiness, lambda w: w["low"] > 0,
        "runs that end below their start: PPO {first:.0%}, GRPO {second:.0%}, difference "
        "{gap:+.0%} (95 %: {low:+.0%} to {high:+.0%})",
    ),
    "tpo_steadiest": Rule(
        ends(*PREFERENCE), steadiest, lambda w: w["beaten"] == w["others"],
        "TPO is clearly steadier than {beaten} of {others} others and clearly less steady than "
        "{beaten_by}; {fails:.0%} of its runs fail, its seeds are {swing:.3f} from their mean",
    ),
    "grpo_best": against_all("grpo"),
    "ppo_best": against_all("ppo"),
    "dpo_competitive": Rule(
        ends("dpo", "ppo"), better, lambda w: w["low"] > -NEAR, f"reward of DPO against PPO: {GAP}"
    ),
    "clip_protects": Rule(
        ("clips",), between("0.2", "10.0"), more,
        f"reward with clip 0.2 against none: {GAP}",
    ),
    "objective_better": Rule(
        ("learned_rewards",), between("learned", "exact"), less,
        f"true reward of GRPO on the learned reward against the true one: {GAP}",
    ),
    "learned_helps": Rule(
        ("learned_rewards",), between("learned", "start"), more,
        f"true reward of GRPO on the learned reward against its start: {GAP}",
    ),
    "orpo_skips_sft": Rule(
        ("from_nothing",), between("orpo", "sft,dpo"), lambda w: w["low"] > -NEAR,
        f"reward of ORPO from nothing against SFT and then DPO: {GAP}",
    ),
}  # fmt: skip
