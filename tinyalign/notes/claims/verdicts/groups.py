"""What a group of K completions tells, and what its size costs."""

from tinyalign.notes.claims.verdicts.differences import difference, judge_less, judge_more
from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

SHARE = "0.05 of the groups"


def grpo_old_rollouts(old_groups, networks):
    """The baseline is the group's own mean, and there is no critic."""
    moved, names = old_groups["moved"], networks["exact"]["grpo"]
    # Either "old" means the policy before the update, or groups of earlier steps.
    return judge_by_convention(
        ["critic" not in names and moved == 0, moved > 0],
        "whether “old” means the policy just before the update, which draws the group, or groups "
        "of earlier steps",
        f"GRPO holds {' and '.join(names)}; advantages move by {moved:.0f} when earlier groups "
        "change",
    )


def group_baseline_variance(precision):
    """The group's mean as baseline makes the gradient less noisy."""
    # A constant added to all rewards is where a baseline matters most.
    none, group = precision["none, offset 1"], precision["group, offset 1"]
    bare, bare_group = precision["none, offset 0"], precision["group, offset 0"]
    return judge_fact(
        group < none and bare_group < bare,
        "one group's gradient, standard deviation by mean, without a baseline and with the group's "
        f"mean: {none:.2f} and {group:.2f} on rewards 1 and 2, {bare:.2f} and {bare_group:.2f} on "
        "0 and 1",
    )


def four_limited(signal):
    """Groups of four give some signal, but less than groups of sixteen."""
    four, sixteen = signal["0.2"]["4"], signal["0.2"]["16"]
    return judge_fact(
        0 < four <= sixteen - 0.05,
        f"groups with any signal where one answer in five is right: {four:.0%} at K = 4, "
        f"{sixteen:.0%} at K = 16",
        SHARE,
    )


def eight_clearer(signal):
    """Groups of eight give more signal than groups of four."""
    four, eight = signal["0.2"]["4"], signal["0.2"]["8"]
    return judge_fact(
        eight >= four + 0.05,
        f"groups with any signal where one answer in five is right: {four:.0%} at K = 4, "
        f"{eight:.0%} at K = 8",
        SHARE,
    )


def two_silent(signal, gradients):
    """A group of two gives no learning signal."""
    # "No signal" means that all groups are silent, or that their gradients cancel.
    share, half = signal["0.2"]["2"], signal["0.5"]["2"]
    mean = gradients["mean"]["2"]
    return judge_fact(
        mean == 0 or share == 0,
        f"at K = 2, {share:.0%} of the groups have a signal where one answer in five is right and "
        f"{half:.0%} where half are; the expected gradient is {mean:.2f} times the true one; what "
        "K = 2 learns stands in the row k8-much-better",
    )


def sixteen_better(group_sizes):
    """Groups of sixteen learn faster than groups of four."""
    gap = difference(group_sizes, "prompts 16", "prompts 4")
    return judge_more(gap, "probability of the best answer, same prompts, K = 16 against 4")


def sixteen_slower(group_passes):
    """Groups of sixteen take four times as long as groups of four."""
    ratio = group_passes["16"] / group_passes["4"]
    return judge_fact(
        3.5 < ratio < 4.5,
        f"a step with K = 16 takes {ratio:.2f} times the passes of one with K = 4",
        "half a time",
    )


def eight_better(group_sizes):
    """Groups of eight learn faster than groups of two."""
    gap = difference(group_sizes, "prompts 8", "prompts 2")
    as_many = sum(group_sizes["completions 2"]) / len(group_sizes["completions 2"])
    return judge_more(
        gap,
        "probability of the best of eight answers (0.125 at the start; K = 2 with as many "
        f"completions as K = 8: {as_many:.3f}), same prompts, K = 8 against 2",
    )


def more_samples(reach):
    """GRPO draws more completions than PPO to reach a goal."""
    gap = difference(reach, "grpo", "ppo")
    return judge_more(
        gap, "completions to reach 0.9, GRPO against PPO", 64, " completions, one step", ",.0f"
    )


def fewer_passes(reach, passes):
    """GRPO takes fewer passes through networks than PPO to reach a goal."""
    # Completions to reach the goal, times the passes that one completion takes.
    thousands = {
        name: [passes[name]["each"] * count / 1000 for count in reach[name]]
        for name in ("grpo", "ppo")
    }
    gap = difference(thousands, "grpo", "ppo")
    what = "thousands of passes to reach 0.9, GRPO against PPO"
    return judge_less(gap, what, gap.second / 10, " thousand passes, a tenth of PPO's", ".2f")


WEEK_1 = "**Week 1**: Tried GRPO with K=2 (too small), no signal. Bumped to K=8, much better."
K16 = "# K=16: better but 4x slower"
GOTCHA, NOTES = "Gotcha #1: Sample Efficiency", "My Implementation Notes"
CLAIMS = (
    Claim(
        "grpo-old-rollouts", "000", 19, "Baseline / Advantage Estimation · GRPO",
        "Uses **group-average reward** from old rollouts as the baseline (no critic).",
        "The baseline is the mean reward of old samples, and there is no critic.",
        grpo_old_rollouts, ("old_groups", "networks"),
    ),
    Claim(
        "group-baseline-variance", "000", 24, "Stability · GRPO",
        "More stable than PPO since no critic; group baseline reduces high-variance updates.",
        "The group's mean as a baseline makes the gradient of a group less noisy.",
        group_baseline_variance, ("precision",),
    ),
    Claim(
        "grpo-many-samples", "004", 687, GOTCHA, "# K=4: okay but limited signal",
        "Groups of four have a signal, and less often than groups of sixteen.",
        four_limited, ("signal",),
    ),
    Claim(
        "k16-better", "004", 688, GOTCHA, K16,
        "With the same prompts, groups of sixteen learn more than groups of four.",
        sixteen_better, ("group_sizes",),
    ),
    Claim(
        "k16-slower", "004", 688, GOTCHA, K16,
        "With the same prompts, a step with K = 16 takes four times the passes of one with K = 4.",
        sixteen_slower, ("group_passes",),
    ),
    Claim(
        "group-of-eight", "004", 787, "Hands-On Exercise · Hints",
        "# - Use group_size=8 for code (more samples = better signal)",
        "Groups of eight have a signal more often than groups of four.",
        eight_clearer, ("signal",),
    ),
    Claim(
        "k2-no-signal", "004", 857, NOTES, WEEK_1,
        "Groups of two teach nothing.",
        two_silent, ("signal", "gradients"),
    ),
    Claim(
        "k8-much-better", "004", 857, NOTES, WEEK_1,
        "With the same prompts, groups of eight learn more than groups of two.",
        eight_better, ("group_sizes",),
    ),
)  # fmt: skip
SAMPLE_CLAIMS = (
    Claim(
        "grpo-less-compute-to-goal", "000", 25, "Main Motivation · GRPO",
        "Fix PPO’s critic instability + reduce compute by replacing critic with multiple old "
        "rollouts.",
        "To reach the same success, GRPO takes fewer passes than PPO.",
        fewer_passes, ("reach", "passes"),
    ),
    Claim(
        "grpo-sampling-cost", "000", 27, "Key Limitation · GRPO",
        "Requires generating **multiple rollouts** per prompt; higher sampling cost.",
        "To reach the same success, GRPO draws more completions than PPO.",
        more_samples, ("reach",),
    ),
)  # fmt: skip
