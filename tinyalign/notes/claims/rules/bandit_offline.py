"""Rules on methods that learn from comparisons or thumbs on small bandits."""

from tinyalign.notes.claims.rules.differences import difference, paired_difference, sentence

NEAR = 0.05  # "almost as well": within this much expected reward, of rewards with deviation 1


def weights_cure(unbalanced):
    """KTO's weights undo the harm of rare thumbs up."""
    # A collapsed policy has a largest probability near 1.
    gap = difference(unbalanced, "weighed", "plain")
    return (
        gap.below,
        f"one thumb up in nine, weighed 9 against 1: largest probability, {sentence(gap)}",
    )


def kto_near_dpo(thumbs):
    """KTO on a quarter of the completions is almost as good as DPO on all."""
    # As good, within a margin: the interval may contain 0 but not a loss of NEAR.
    gap = difference(thumbs, "kto, a quarter", "dpo")
    return (
        gap.low > -NEAR,
        f"KTO on a quarter of the completions against DPO on all, expected reward: {sentence(gap)}",
    )


def kto_less_data(thumbs):
    """KTO learns more than DPO from little data."""
    gap = difference(thumbs, "kto, a quarter", "dpo, a quarter")
    return (
        gap.above,
        f"KTO against DPO on the same 100 completions, expected reward: {sentence(gap)}",
    )


def thumbs_suffice(thumbs):
    """KTO learns from thumbs alone."""
    gap = difference(thumbs, "kto", "start")
    return gap.above, f"KTO on 400 thumbs against its start, expected reward: {sentence(gap)}"


def dpo_needs_quality(wrong_pairs):
    """Wrong labels cost DPO reward."""
    gap = difference(wrong_pairs, "dpo, noise 0.3", "dpo, noise 0.0")
    return (
        gap.below,
        f"DPO with three labels in ten wrong against none, expected reward: {sentence(gap)}",
    )


def ipo_better(wrong_pairs):
    """IPO earns more than DPO on the same pairs."""
    gap = difference(wrong_pairs, "ipo, noise 0.0", "dpo, noise 0.0")
    return gap.above, f"IPO against DPO on the same pairs, expected reward: {sentence(gap)}"


def ipo_robust(wrong_pairs):
    """Wrong labels cost IPO less reward than DPO."""
    gap = paired_difference(
        loss_from_noise(wrong_pairs, "ipo"), loss_from_noise(wrong_pairs, "dpo")
    )
    return (
        gap.below,
        "expected reward lost when three labels in ten are wrong, IPO against DPO: "
        f"{sentence(gap)}",
    )


def dpo_wastes_candidates(candidates):
    """All candidates teach more than one pair of them."""
    gap = difference(candidates, "infonca", "dpo")
    return (
        gap.above,
        "InfoNCA on all eight candidates against DPO on a pair of them, expected reward: "
        f"{sentence(gap)}",
    )


def loss_from_noise(wrong_pairs, name):
    """Expected reward that a method loses when three labels in ten are wrong: one number a seed."""
    clean, noisy = (wrong_pairs[f"{name}, noise {noise}"] for noise in (0.0, 0.3))
    return [before - after for before, after in zip(clean, noisy, strict=True)]


RULES = {
    "weights_cure": (weights_cure, ("unbalanced",)),
    "kto_near_dpo": (kto_near_dpo, ("thumbs",)),
    "kto_less_data": (kto_less_data, ("thumbs",)),
    "thumbs_suffice": (thumbs_suffice, ("thumbs",)),
    "dpo_needs_quality": (dpo_needs_quality, ("wrong_pairs",)),
    "ipo_better": (ipo_better, ("wrong_pairs",)),
    "ipo_robust": (ipo_robust, ("wrong_pairs",)),
    "dpo_wastes_candidates": (dpo_wastes_candidates, ("candidates",)),
}
