"""Advantages within a group, and what they say about the scorer."""

from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

ROUNDING = 1e-6


def ranks_are_grpo(guards):
    """Ranking rewards is the same as standardising them, as GRPO's paper does."""
    # On two values ranks and rewards are the same up to scale, so graded rewards decide.
    return judge_fact(
        guards["graded_apart"] < ROUNDING,
        "ranked advantages differ from the paper's, standardised rewards, by "
        f"{guards['graded_apart']:.2f} on rewards 0, 1, 2, 9, where nothing ties; on rewards of 0 "
        f"and 1 by at most {guards['rank_apart']:.1g} where ties share a rank, and by up to "
        f"{guards['position_apart']:.2f} where ties are ranked by position, as in the note's code",
        "more than rounding",
    )


def ranks_divide_by_zero(guards):
    """Standardised ranks can divide by zero: ranks by position, or shared ranks."""
    position, shared = guards["least_rank_spread"], guards["least_shared_spread"]
    return judge_by_convention(
        [position < ROUNDING, shared < ROUNDING],
        "whether equal rewards get different ranks, as in the note's code, or share one",
        f"least standard deviation of ranks over all {guards['groups']} groups of four: "
        f"{position:.3f} where equal rewards are ranked by position, {shared:.3f} where they share "
        "a rank",
    )


def guard_better(guards):
    """A guard against a small spread does better than an epsilon: of rewards, or of ranks."""
    rewards, ranks, shared = (guards["noise"][k] for k in ("rewards", "ranks", "shared ranks"))
    return judge_by_convention(
        [case["guarded"] < 0.05 < case["epsilon"] for case in (rewards, ranks)],
        "whether the standard deviation is that of the rewards, or of the ranks as in the note's "
        "code",
        f"on rewards 1, 1.0001, 1, 1, whose standard deviation is {rewards['spread']:.1g}, epsilon "
        f"gives advantages up to {rewards['epsilon']:.2f} and the guard {rewards['guarded']:.0f}; "
        f"the standard deviation of their ranks is {ranks['spread']:.3f} by position, as in the "
        f"note's code, and {shared['spread']:.2f} where equal rewards share a rank, and the guard "
        f"on ranks gives advantages up to {ranks['guarded']:.2f} and {shared['guarded']:.2f}; on "
        f"rewards of 0 and 1 epsilon and guard differ by at most {guards['apart']:.1g}",
    )


def near_zero(scorers):
    """A scorer that tells nothing apart gives advantages near zero."""
    perfect, coin = scorers["perfect"]["spread"], scorers["coin"]["spread"]
    same, solved = scorers["always yes"]["spread"], scorers["perfect, p 0.99"]["spread"]
    # A scorer "discriminates" where its scores differ, or where they tell right from wrong.
    return judge_by_convention(
        [same < 0.05 < perfect, coin < 0.05 < perfect],
        "whether a scorer is discriminative when its scores differ, or when they tell right from "
        "wrong",
        f"spread of the advantages: perfect scorer {perfect:.2f}, a scorer that always says yes "
        f"{same:.2f}, a coin {coin:.2f}, a perfect scorer where 99 % of the answers are right "
        f"{solved:.2f}",
    )


def spans_both_signs(scorers):
    """Groups without advantages of both signs are those from which nothing is learned."""
    perfect, coin, same = (1 - scorers[k]["silent"] for k in ("perfect", "coin", "always yes"))
    return judge_fact(
        same == 0 < perfect,
        f"groups whose advantages have both signs: perfect scorer {perfect:.1%}, a scorer that "
        f"always says yes {same:.1%}; a coin has {coin:.1%}, so the check says nothing of being "
        "right",
    )


NOTES = "My Implementation Notes"
CLAIMS = (
    Claim(
        "grpo-ranks", "004", 88, "GRPO · The Math", "GRPO uses a **ranking-based advantage**:",
        "Ranks, under some rule for ties, give the advantages of GRPO's published formula.",
        ranks_are_grpo, ("guards",),
    ),
    Claim(
        "std-near-zero", "004", 723, "Gotcha #3: Advantage Computation",
        "# Problem: std ≈ 0 when all responses similar → NaN!",
        "Where all answers are scored alike, standardised ranks divide by zero.",
        ranks_divide_by_zero, ("guards",),
    ),
    Claim(
        "guard-even-better", "004", 730, "Gotcha #3: Advantage Computation · Even better:",
        "if std < 0.01:  # All responses very similar",
        "Where rewards differ by noise alone, the guard keeps silent and epsilon does not.",
        guard_better, ("guards",),
    ),
    Claim(
        "advantages-near-zero", "004", 863, NOTES,
        "**Debugging tip**: Print advantage distribution. If it's all near zero, your scoring "
        "function isn't discriminative enough.",
        "A scorer that is not discriminative shows as advantages near zero.",
        near_zero, ("scorers",),
    ),
    Claim(
        "advantages-both-signs", "004", 871, f"{NOTES} · Want to see:",
        "# - Advantages span negative to positive",
        "Groups without advantages of both signs are those that teach nothing.",
        spans_both_signs, ("scorers",),
    ),
)  # fmt: skip
