"""Rules on what a group of K completions tells, and on who scores it."""


def two_silent(signal, gradients):
    """A group of two gives no learning signal."""
    # "No signal" means that all groups are silent, or that their gradients cancel.
    share, half = signal["0.2"]["2"], signal["0.5"]["2"]
    mean, leave_one_out = gradients["mean"]["2"], gradients["leave_one_out"]["2"]
    return (
        mean == 0 or share == 0,
        f"at K = 2, {share:.0%} of groups speak (p = 0.2; {half:.0%} at 0.5); their expected "
        f"gradient is {mean:.0%} of the true one, {leave_one_out:.0%} leave-one-out",
    )


def four_limited(signal):
    """Groups of four give some signal, but less than groups of sixteen."""
    four, sixteen = signal["0.2"]["4"], signal["0.2"]["16"]
    return (
        0 < four < sixteen,
        f"groups with any signal at p = 0.2: {four:.0%} at K = 4, {sixteen:.0%} at K = 16",
    )


def eight_clearer(signal):
    """Groups of eight give more signal than groups of four."""
    four, eight = signal["0.2"]["4"], signal["0.2"]["8"]
    return (
        eight > four,
        f"groups with any signal at p = 0.2: {four:.0%} at K = 4, {eight:.0%} at K = 8",
    )


def group_steadies(precision):
    """The group's mean as baseline makes the gradient less noisy."""
    # A constant added to all rewards is where a baseline matters most.
    none, group = precision["none, offset 1"], precision["group, offset 1"]
    bare, bare_group = precision["none, offset 0"], precision["group, offset 0"]
    return (
        group < none,
        f"one group's gradient, standard deviation by mean: {none:.2f} without a baseline, "
        f"{group:.2f} with the group's (rewards 1 and 2); {bare:.2f} and {bare_group:.2f} (0 and "
        "1)",
    )


def near_zero(scorers):
    """A scorer that knows nothing gives advantages near zero."""
    # The claim would need a coin to give less spread than a perfect scorer.
    perfect, coin = scorers["perfect"]["spread"], scorers["coin"]["spread"]
    solved = scorers["perfect, p 0.99"]["spread"]
    return (
        coin < perfect,
        f"spread of the advantages: perfect scorer {perfect:.2f}, a coin in its place {coin:.2f}, "
        f"perfect scorer of a policy that is 99 % right {solved:.2f}",
    )


def spans_both_signs(scorers):
    """Advantages of both signs show that a scorer is good: a coin gives fewer of them."""
    perfect, coin = 1 - scorers["perfect"]["silent"], 1 - scorers["coin"]["silent"]
    return (
        coin < perfect,
        f"groups whose advantages have both signs: perfect scorer {perfect:.1%}, a coin {coin:.1%}",
    )


def ranks_divide_by_zero(guards):
    """Standardised ranks can divide by zero."""
    return (
        guards["least_rank_spread"] == 0,
        f"least spread of the note's ranks over all {guards['groups']} groups: "
        f"{guards['least_rank_spread']:.3f}, four equal rewards included",
    )


def guard_better(guards):
    """A guard against a small spread does better than an epsilon."""
    # Better means that the guard acts at all, or that the results differ by more than rounding.
    return (
        guards["guarded"] > 0 or guards["apart"] > 1e-6,
        f"the guard on ranks acts in {guards['guarded']} of {guards['groups']} groups; on rewards "
        f"themselves guard and epsilon differ by at most {guards['apart']:.0e}",
    )


def ranks_are_grpo(guards):
    """Ranking rewards is the same as standardising them."""
    # On two values ranks and rewards are the same up to scale, so graded rewards decide.
    return (
        guards["graded_apart"] < 1e-6,
        f"rank and standardised advantage differ by at most {guards['rank_apart']:.0e} on rewards "
        f"of 0 and 1, by {guards['graded_apart']:.2f} on 0, 1, 2, 9",
    )


def old_average(old_groups):
    """Older groups enter the baseline of a group."""
    moved = old_groups["moved"]
    return moved > 0, f"advantages move by {moved:.0f} when older groups change"


def triples_cost(annotation):
    """A triple is harder to get from a group than a pair."""
    pair, triple = annotation["pair"], annotation["triple"]
    return triple < pair, f"{pair:.1%} of prompts give a pair, {triple:.1%} a triple"


def vote(majority):
    """The majority of three verdicts is wrong less often than one verdict."""
    once, thrice = majority["0.2"]["once"], majority["0.2"]["thrice"]
    return (
        thrice < once,
        f"wrong verdicts: {once:.1%} asked once, {thrice:.1%} by the majority of three",
    )


RULES = {
    "two_silent": (two_silent, ("signal", "gradients")),
    "four_limited": (four_limited, ("signal",)),
    "eight_clearer": (eight_clearer, ("signal",)),
    "group_steadies": (group_steadies, ("precision",)),
    "near_zero": (near_zero, ("scorers",)),
    "spans_both_signs": (spans_both_signs, ("scorers",)),
    "ranks_divide_by_zero": (ranks_divide_by_zero, ("guards",)),
    "guard_better": (guard_better, ("guards",)),
    "ranks_are_grpo": (ranks_are_grpo, ("guards",)),
    "old_average": (old_average, ("old_groups",)),
    "triples_cost": (triples_cost, ("annotation",)),
    "vote": (vote, ("majority",)),
}
