"""Rules on what a loss reads and what it ignores."""


def gold_over_win(tpo_orders):
    """TPO's loss orders the gold answer above the chosen one."""
    return (
        tpo_orders["apart"] > 0,
        f"TPO's slope in the chosen answer is {tpo_orders['gold_above']:.4f} with gold far above "
        f"it and {tpo_orders['gold_below']:.4f} with gold far below",
    )


def reward_is_logp(tpo_reward):
    """TPO's implicit reward is the log-probability itself, without beta."""
    # The gradient of log σ(reward difference) at equal answers is half the reward's slope.
    slope, expected = tpo_reward["slope"], tpo_reward["if_reward_were_logp"]
    return (
        abs(slope - expected) < 1e-6,
        f"slope in log π at equal answers: {slope:.3f}; {expected} if that were it",
    )


def rrhf_absolute(rrhf_reads):
    """RRHF's loss depends on the sizes of scores."""
    # Both lists of scores have the same order.
    small, large = rrhf_reads["small"], rrhf_reads["large"]
    return (
        small != large,
        f"loss {small:.2f} on scores 1, 2, 3 and {large:.2f} on −50, 0.1, 1000",
    )


def rrhf_listwise(rrhf_reads):
    """RRHF's loss on a list is more than the sum over its pairs."""
    # A listwise loss would be more than its pairs taken one at a time.
    whole, pairs = rrhf_reads["small"], rrhf_reads["sum_of_pairs"]
    return abs(whole - pairs) > 1e-9, f"on a list {whole:.2f}, as a sum over its pairs {pairs:.2f}"


def infonca_subsumes(infonca_reads):
    """InfoNCA is DPO on two answers, and has RLHF's optimum."""
    from_dpo, slope = infonca_reads["from_dpo"], infonca_reads["rlhf_slope"]
    return (
        from_dpo < 1e-9 and slope < 1e-9,
        f"InfoNCA differs from DPO by {from_dpo:.0e} for two answers; its slope at RLHF's optimum "
        f"is {slope:.0e}",
    )


def infonca_real_valued(infonca_reads):
    """InfoNCA reads the sizes of rewards."""
    moved = infonca_reads["by_values"]
    return (
        moved > 1e-3,
        f"its loss moves by {moved:.2f} when rewards 3, 2, 1 become 9, 2, 1; pairs stay",
    )


def infonca_no_rewards(infonca_reads):
    """InfoNCA ignores the sizes of rewards."""
    moved = infonca_reads["by_values"]
    return moved < 1e-9, f"its loss moves by {moved:.2f} when rewards 3, 2, 1 become 9, 2, 1"


def dpo_has_kl(dpo_reads):
    """DPO's loss contains a KL: it changes when only the KL does."""
    return (
        dpo_reads["loss_moved"] > 1e-9,
        f"DPO's loss moves by {dpo_reads['loss_moved']:.0f} when an answer in no pair moves the KL "
        f"by {dpo_reads['kl_moved']:.2f} nats",
    )


def dpo_whole_answers(dpo_reads):
    """DPO treats all tokens of a completion alike."""
    apart = dpo_reads["token_slopes_apart"]
    return apart < 1e-12, f"slopes of a completion's tokens differ by {apart:.0f}"


def ipo_l2(ipo_reads):
    """IPO penalises each log-ratio, not only their difference."""
    # Only the two log-ratios grow; their difference stays 5 nats.
    near, far = ipo_reads["near"], ipo_reads["far"]
    return far > near, f"log-ratios of 5 and 0 cost {near:.0f}, of 1005 and 1000 {far:.0f}"


def only_kto(thumbs_losses):
    """No loss but KTO's judges each answer by itself."""
    # Where the answers interact, a loss needs them in pairs.
    bco, apo_zero, dpo = (thumbs_losses[name] for name in ("bco", "apo_zero", "dpo"))
    return (
        bco > 1e-9,
        f"interaction of a pair's answers: BCO {bco:.0e}, APO-zero {apo_zero:.0e}, DPO {dpo:.2f}; "
        "without it no pairs are needed",
    )


RULES = {
    "gold_over_win": (gold_over_win, ("tpo_orders",)),
    "reward_is_logp": (reward_is_logp, ("tpo_reward",)),
    "rrhf_absolute": (rrhf_absolute, ("rrhf_reads",)),
    "rrhf_listwise": (rrhf_listwise, ("rrhf_reads",)),
    "infonca_subsumes": (infonca_subsumes, ("infonca_reads",)),
    "infonca_real_valued": (infonca_real_valued, ("infonca_reads",)),
    "infonca_no_rewards": (infonca_no_rewards, ("infonca_reads",)),
    "dpo_has_kl": (dpo_has_kl, ("dpo_reads",)),
    "dpo_whole_answers": (dpo_whole_answers, ("dpo_reads",)),
    "ipo_l2": (ipo_l2, ("ipo_reads",)),
    "only_kto": (only_kto, ("thumbs_losses",)),
}
