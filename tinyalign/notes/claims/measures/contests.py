"""Rules on the runs of `digits`: who earns more, who fails less, whose seeds are nearer."""

import numpy as np

from tinyalign.notes.claims.measures.digits import RATES
from tinyalign.notes.claims.measures.effort import share_of_ppo
from tinyalign.notes.claims.rules import ALIKE, GAP, Rule, between, less, more, paired

SURE = 0.99  # two things are asked of every two methods, and runs at high rates are chaotic
FINEST = 1e-3  # distances below it are rounding, and a logarithm has to be taken
NEAR = 0.05  # "competitive", "as good": within this much reward, of at most 1


def ends(*names):
    """The measures of several methods."""
    return tuple(f"endings_{name}" for name in names)


def rewards(figures):
    """Where the runs ended: (rates, seeds)."""
    return np.array([figures[str(rate)] for rate in RATES])


def best(figures):
    """Rewards of the seeds at the learning rate with the best mean."""
    return max((figures[str(rate)] for rate in RATES), key=np.mean)


def better(first, second):
    """weigh: rewards of two methods, each at its better learning rate."""
    return paired(best(first), best(second))


def failures(figures):
    """Share of each seed's runs, over the learning rates, that end below their start."""
    found = rewards(figures)
    return np.mean(found < np.array(figures["start"]), axis=0).tolist()


def swings(figures):
    """How far each seed's reward is from its learning rate's median, over the rates."""
    found = rewards(figures)
    return np.mean(np.abs(found - np.median(found, axis=1, keepdims=True)), axis=0)


def gained(figures):
    """Reward gained since the start, mean over seeds and learning rates."""
    found = rewards(figures)
    return float(np.mean(found - np.array(figures["start"])))


def spread(first, second):
    """How many times as far one method's seeds are from their median as the other's.

    Of logarithms, so that one run in chaos moves the ratio and its interval by little.
    """
    logs = [np.log(np.maximum(swings(figures), FINEST)).tolist() for figures in (first, second)]
    found = paired(*logs, level=SURE)
    return {f"times_{key}": float(np.exp(found[key])) for key in ("gap", "low", "high")}


def steadiness(first, second):
    """weigh: shares of failed runs, and distances of seeds from their median, of two methods.

    told  −1 where the first is steadier, 1 where it is less steady, whichever seed is left out;
          else 0
    """
    weighed = compared(first, second)
    weighed |= {"gain_first": gained(first), "gain_second": gained(second)}
    told = clearly(weighed)
    for seed in range(len(first["start"]) if told else 0):
        fewer = [without(seed, figures) for figures in (first, second)]
        told *= told == clearly(compared(*fewer))
    weighed |= {"swing": float(np.mean(swings(first))), "either": "" if told else ALIKE}
    return weighed | {"told": told}


def compared(first, second):
    """Shares of failed runs and distances of seeds, each with the interval of its difference."""
    return paired(failures(first), failures(second), level=SURE) | spread(first, second)


def without(seed, figures):
    """The figures of all seeds but one."""
    return {key: [*values[:seed], *values[seed + 1 :]] for key, values in figures.items()}


def clearly(weighed):
    """−1 where clearly fewer runs fail, or none clearly more and seeds are clearly nearer; 1, 0."""
    fewer, more_fail = weighed["high"] < 0, weighed["low"] > 0
    nearer, further = weighed["times_high"] < 1, weighed["times_low"] > 1
    return int(more_fail or (further and not fewer)) - int(fewer or (nearer and not more_fail))


def steadier(weighed):
    """Fewer of the first method's runs fail or its seeds are nearer, and no one seed decides it."""
    return weighed["told"] < 0


def less_steady(weighed):
    """The other way round."""
    return weighed["told"] > 0


def steadiest(first, *others):
    """weigh: how many of the others the first method is steadier than."""
    each = [steadiness(first, other) for other in others]
    return {
        "beaten": sum(map(steadier, each)),
        "beaten_by": sum(map(less_steady, each)),
        "others": len(others),
        "unclear": sum(bool(one["either"]) for one in each),
        "swing": each[0]["swing"],
        "fails": each[0]["first"],
    }


def top(*names):
    """weigh: the first method against each of the others, at their better rates."""

    def weigh(first, *others):
        each = [better(first, other) for other in others]
        told = [f"{n} {w['second']:.2f}" for n, w in zip(names[1:], each, strict=True)]
        counts = {"beaten": sum(map(more, each)), "beaten_by": sum(map(less, each))}
        unclear = [n for n, w in zip(names[1:], each, strict=True) if w["apart"]]
        words = f"; cannot be told apart from {', '.join(unclear)}" if unclear else ""
        first = {"first": each[0]["first"], "others": len(each), "rest": told, "unclear": words}
        return first | counts

    return weigh


STEADY = (
    "runs that end below their start: {first:.0%} against {second:.0%} (difference 99 %: "
    "{low:+.0%} to {high:+.0%}); seeds are {times_gap:.2f} times as far from their median (99 %: "
    "{times_low:.2f} to {times_high:.2f}), on mean gains of {gain_first:+.2f} and "
    "{gain_second:+.2f}{either}"
)
TOP = "reward {first:.2f}; clearly more than {beaten} of {others}: {rest}{unclear}"
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
        "{gap:+.0%} (99 %: {low:+.0%} to {high:+.0%}){apart}",
    ),
    "tpo_steadiest": Rule(
        ends(*PREFERENCE), steadiest, lambda w: w["beaten"] == w["others"],
        "TPO is clearly steadier than {beaten} of {others} others and clearly less steady than "
        "{beaten_by}, {unclear} cannot be told apart from it; {fails:.0%} of its runs fail, its "
        "seeds are {swing:.3f} from their median",
    ),
    "dpo_steady_and_cheap": Rule(
        (*ends("dpo", "ppo"), "passes"),
        lambda first, second, p: steadiness(first, second) | share_of_ppo("dpo")(p),
        lambda w: steadier(w) and w["share"] < 1,
        f"{{share:.0%}} of PPO's passes. DPO, PPO: {STEADY}",
    ),
    "grpo_best": against_all("grpo"),
    "grpo_effective": against_all("grpo")._replace(
        holds=lambda w: w["beaten"] > w["others"] / 2 and w["beaten_by"] == 0
    ),
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
