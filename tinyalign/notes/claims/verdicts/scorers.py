"""What the quality of the scorer does to GRPO, and what pushing a proxy too hard does."""

from tinyalign.notes.claims.verdicts.differences import (
    difference,
    judge_less,
    judge_more,
    paired_difference,
)
from tinyalign.notes.claims.verdicts.finding import UNDECIDED, Claim, judge_fact


def scorer_limits(noisy_scorer):
    """A scorer that errs limits what is learned."""
    # The same steps and samples; only the scorer differs.
    gap = difference(noisy_scorer, "once", "never wrong")
    return judge_less(gap, "probability of the best answer, one verdict in five wrong against none")


def objective_better(learned_rewards):
    """The true reward teaches more than a learned one."""
    gap = difference(learned_rewards, "exact", "learned")
    start = sum(learned_rewards["start"]) / len(learned_rewards["start"])
    return judge_more(
        gap,
        f"true reward of GRPO on addition (start {start:.3f}), trained on it against one that is "
        "learned from 1000 pairs",
    )


def length_scorer(overoptimisation):
    """A reward that grows with length gets longer answers, and people like them less."""
    pushed, start = overoptimisation["beta 0.02"], overoptimisation["best of 1"]
    proxy, gold = pushed["proxy"] - start["proxy"], pushed["gold"] - start["gold"]
    return judge_fact(
        proxy > 0 > gold,
        f"pushed hard, a reward that grows with length changes by {proxy:+.1f}, people's by "
        f"{gold:+.1f}",
    )


def kl_needed(overoptimisation):
    """With too small a weight of the KL, people's reward falls."""
    tight, loose = overoptimisation["beta 0.2"]["gold"], overoptimisation["beta 0.02"]["gold"]
    return judge_fact(
        loose < tight,
        f"people's reward at the proxy's optimum: {tight:.2f} with a KL weight of 0.2, {loose:.2f} "
        "with 0.02",
    )


def kl_needed_by_all(overoptimisation):
    """Pushing a proxy too hard loses people's reward without a gradient too."""
    # The best of one sample is the start: nothing is optimised.
    start, four, many = (overoptimisation[f"best of {n}"]["gold"] for n in (1, 4, 1024))
    loose = overoptimisation["beta 0.02"]["gold"]
    return judge_fact(
        many < four and loose < start,
        f"people's reward: {start:.2f} at the start; best of 4 {four:.2f}, best of 1024 "
        f"{many:.2f}; {loose:.2f} at the optimum that all methods with a KL weight of 0.02 share",
    )


def majority_vote(majority):
    """The majority of three verdicts is wrong less often than one verdict."""
    once, thrice = majority["0.2"]["once"], majority["0.2"]["thrice"]
    return judge_fact(
        thrice <= once - 0.05,
        f"wrong verdicts, where errors are independent: {once:.1%} asked once, {thrice:.1%} by the "
        "majority of three",
        "0.05 of the verdicts",
    )


def majority_steadies(noisy_scorer):
    """The majority of three verdicts brings seeds nearer to their mean than one verdict."""
    finding = judge_distances(noisy_scorer, ())
    seeds = range(len(noisy_scorer["once"]))
    # One unlucky seed must not decide.
    if any(judge_distances(noisy_scorer, (s,)).verdict != finding.verdict for s in seeds):
        return finding._replace(verdict=UNDECIDED)
    return finding


def judge_distances(noisy_scorer, left_out):
    """The Finding on distances of seeds from their mean, with some seeds left out."""
    once, thrice = (
        [value for seed, value in enumerate(noisy_scorer[key]) if seed not in left_out]
        for key in ("once", "thrice")
    )
    gap = paired_difference(distances(thrice), distances(once))
    return judge_less(gap, "distance of a seed from the mean, asked three times against once", 0.01)


def distances(values):
    """How far each seed is from the mean of all seeds."""
    mean = sum(values) / len(values)
    return [abs(value - mean) for value in values]


def majority_helps(noisy_scorer):
    """The majority of three verdicts teaches more than one verdict."""
    gap = difference(noisy_scorer, "thrice", "once")
    perfect = sum(noisy_scorer["never wrong"]) / len(noisy_scorer["never wrong"])
    return judge_more(
        gap,
        f"probability of the best answer (with a scorer that is never wrong {perfect:.3f}), asked "
        "three times against once",
    )


WEEK_2 = (
    "**Week 2**: Scoring function was too noisy. Added ensembling: score each sample 3 times, take "
    "majority vote. More stable."
)
NOTES, GOTCHA = "My Implementation Notes", "Gotcha #2: Scoring Function Quality"
STUDY = "Scaling Laws for Reward Model Overoptimization"
CLAIMS = (
    Claim(
        "scorer-limits", "004", 699, GOTCHA,
        "# GRPO is only as good as your scoring function",
        "GRPO learns less from a scorer that errs.",
        scorer_limits, ("noisy_scorer",),
    ),
    Claim(
        "length-scorer", "004", 703, GOTCHA, "return len(response)  # Longer = better? No!",
        "Pushed hard, a reward of length loses what people like.",
        length_scorer, ("overoptimisation",),
    ),
    Claim(
        "learned-reward", "004", 714, GOTCHA, "For subjective tasks, use reward model.",
        "Where no program can score, a learned reward is the one to train on.",
        why="no task here is subjective: a program scores them all",
    ),
    Claim(
        "objective-metrics", "004", 797, "Key Takeaways",
        "**GRPO shines with objective metrics** - math, code, factuality",
        "GRPO learns more from a reward that is computed than from one that is learned.",
        objective_better, ("learned_rewards",),
    ),
    Claim(
        "kl-penalties", "004", 850, STUDY, "- Why we need KL penalties",
        "Where the reward is a proxy, a weaker KL penalty loses what people like.",
        kl_needed, ("overoptimisation",),
    ),
    Claim(
        "overoptimisation-everywhere", "004", 851, STUDY, "- Applies to all methods",
        "Over-optimisation does not need reinforcement learning: best-of-n has it as well.",
        kl_needed_by_all, ("overoptimisation",),
    ),
    Claim(
        "majority-vote", "004", 859, NOTES, WEEK_2,
        "The majority of three verdicts is wrong less often than one verdict.",
        majority_vote, ("majority",),
    ),
    Claim(
        "majority-more-stable", "004", 859, NOTES, WEEK_2,
        "With the majority of three, seeds end nearer together.",
        majority_steadies, ("noisy_scorer",),
    ),
    Claim(
        "majority-helps", "004", 859, NOTES, WEEK_2,
        "One noisy verdict costs GRPO success, and the majority of three wins some of it back.",
        majority_helps, ("noisy_scorer",),
    ),
)  # fmt: skip
