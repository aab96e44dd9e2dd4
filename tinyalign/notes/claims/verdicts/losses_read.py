"""What a loss reads, and what it ignores."""

from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

ROUNDING = 1e-9


def reward_is_logp(tpo_reward):
    """TPO's implicit reward is log π times its beta, and no reference is in it."""
    slope, count, gold = (tpo_reward[key] for key in ("slope", "references", "gold_slope"))
    return judge_fact(
        slope > 0 and count == 0 and gold > 0,
        f"TPO's loss reads {count} log-probabilities of a reference, and falls by {slope:.3f} for "
        "a nat of log π: its reward is β·log π, here with β = 0.01, which ranks answers as log π; "
        f"the loss grows by {gold:g} for a nat of gold's NLL",
    )


def gold_over_win(tpo_orders, displacement):
    """TPO orders gold above win above lose: by a term of its loss, or where training ends."""
    end = displacement["tpo"]
    gold, win, lose = (end[name] for name in ("gold", "chosen", "rejected"))
    return judge_by_convention(
        [tpo_orders["apart"] > 0, gold > win > lose],
        "whether “enforce” means a term of the loss, or the order in which training ends",
        f"the loss's slope in win is {tpo_orders['gold_above']:.4f} with gold far above it and "
        f"{tpo_orders['gold_below']:.4f} with gold far below; training from equal answers ends "
        f"with gold {gold:+.2f}, win {win:+.2f}, lose {lose:+.2f} nats",
    )


def dpo_whole_answers(dpo_reads):
    """DPO treats all tokens of a completion alike."""
    apart = dpo_reads["token_slopes_apart"]
    return judge_fact(
        apart < ROUNDING, f"the slopes of DPO's loss in a completion's tokens differ by {apart:.0f}"
    )


def dpo_has_kl(dpo_reads):
    """DPO's loss contains a KL: it changes when only the KL does."""
    return judge_fact(
        dpo_reads["loss_moved"] > ROUNDING,
        f"DPO's loss moves by {dpo_reads['loss_moved']:.0f} when an answer in no pair moves the KL "
        f"to the reference by {dpo_reads['kl_moved']:.2f} nats; only the reference within the loss "
        "holds the policy near",
    )


def dpo_raises_chosen(dpo_reads, displacement):
    """DPO raises the chosen answer's log-probability: by its slope, or in the end."""
    slope, chosen = dpo_reads["chosen_slope"], displacement["dpo"]["chosen"]
    rejected = displacement["dpo"]["rejected"]
    return judge_by_convention(
        [slope < 0, chosen > 0],
        "whether “encourages” speaks of the slope of the loss, or of the log-probability after "
        "training",
        f"the slope of DPO's loss in the chosen log-probability is {slope:.2f}; trained on a pair "
        f"of like answers, chosen changes by {chosen:+.1f} and rejected by {rejected:+.1f} nats",
    )


def infonca_subsumes(infonca_reads):
    """InfoNCA is DPO on two answers, and has RLHF's optimum."""
    from_dpo, slope = infonca_reads["from_dpo"], infonca_reads["rlhf_slope"]
    return judge_fact(
        from_dpo < ROUNDING and slope < ROUNDING,
        "no published method has the note's name, and InfoNCA is the nearest to its description: "
        f"it differs from DPO by {from_dpo:.1g} on two answers, and its slope at the optimum of "
        f"reward minus KL is {slope:.1g}",
    )


def infonca_real_valued(infonca_reads):
    """InfoNCA reads the sizes of rewards."""
    moved = infonca_reads["by_values"]
    return judge_fact(
        moved > ROUNDING,
        "no published method has the note's name; the loss of InfoNCA, the nearest, moves by "
        f"{moved:.2f} when rewards 3, 2, 1 become 9, 2, 1; pairs stay the same",
    )


def infonca_flexible(infonca_reads):
    """InfoNCA learns from preferred pairs, without a reward model."""
    from_dpo, moved = infonca_reads["from_dpo"], infonca_reads["by_values"]
    return judge_fact(
        from_dpo < ROUNDING,
        "no published method has the note's name; InfoNCA, the nearest, differs from DPO by "
        f"{from_dpo:.1g} on a preferred pair; with more answers the sizes of their rewards count "
        f"(its loss moves by {moved:.2f}), and people or a model may give them",
    )


def rrhf_absolute(rrhf_reads):
    """RRHF reads absolute scores: their sizes, or the order that they give."""
    # Both lists of scores have the same order.
    small, large = rrhf_reads["small"], rrhf_reads["large"]
    return judge_by_convention(
        [abs(small - large) > ROUNDING, small > 0],
        "whether the advice asks for absolute scores as such, or for scores that give an order",
        f"RRHF's loss is {small:.2f} on scores 1, 2, 3 and {large:.2f} on −50, 0.1, 1000: only "
        "their order enters",
    )


def rrhf_listwise(rrhf_reads):
    """RRHF's loss on a list is more than the sum over its pairs, or a loss on a list at all."""
    whole, pairs = rrhf_reads["small"], rrhf_reads["sum_of_pairs"]
    return judge_by_convention(
        [abs(whole - pairs) > ROUNDING, whole > 0],
        "whether a sum over all pairs of a list is called listwise",
        f"RRHF's loss on a list is {whole:.2f}, and the sum over the pairs of the list {pairs:.2f}",
    )


def ipo_l2(ipo_reads):
    """IPO has a squared penalty: on the difference of two log-ratios, or on each of them."""
    # "far": only the two log-ratios grow; "apart": their difference, by 10 nats.
    near, far, apart = ipo_reads["near"], ipo_reads["far"], ipo_reads["apart"]
    return judge_by_convention(
        [apart > near + ROUNDING, far > near + ROUNDING],
        "whether L2 regularization is a square around a target, or of each log-ratio itself",
        f"log-ratios of 5 and 0 cost {near:.0f}, those of 1005 and 1000 {far:.0f}, those of 15 and "
        f"0 {apart:.0f}: IPO squares how far their difference is from its target",
    )


def only_kto(thumbs_losses):
    """No loss but KTO's judges each answer by itself: of the notes' losses, or of all."""
    # Where the answers interact, a loss needs them in pairs.
    bco, apo_zero, dpo, ipo = (thumbs_losses[k] for k in ("bco", "apo_zero", "dpo", "ipo"))
    return judge_by_convention(
        [min(dpo, ipo) > ROUNDING, min(bco, apo_zero) > ROUNDING],
        "whether KTO is the only option among the methods of the note, or among all that are "
        "published",
        "a loss learns from single thumbs where the two answers of a pair do not interact; "
        f"interaction: DPO {dpo:.2f} and IPO {ipo:.0f}, which the note has; BCO {bco:.1g} and "
        f"APO-zero {apo_zero:.1g}, which it does not have",
    )


RESAMPLING, TREE = "GRPO – Generalized Rejection Sampling · Pros", "Decision Tree"
CLAIMS = (
    Claim(
        "tpo-reward", "000", 21, "How Reward is Interpreted · TPO",
        "Reward = **log πθ(y | x)** (direct model confidence); adds **gold NLL** as anchor.",
        "TPO's implicit reward is log π, with no reference, and gold's NLL is a term of the loss.",
        reward_is_logp, ("tpo_reward",),
    ),
    Claim(
        "tpo-orders-gold", "000", 22, "Optimization Goal · TPO",
        "Enforce gold ≻ win ≻ lose ordering; stabilize with gold term; no KL to ref.",
        "TPO enforces that gold is likelier than win, and win likelier than lose.",
        gold_over_win, ("tpo_orders", "displacement"),
    ),
    Claim(
        "dpo-sequence-level", "000", 27, "Key Limitation · DPO",
        "Dependence on reference model; sequence-level only; may inherit SFT biases.",
        "All tokens of a completion get the same weight in DPO.",
        dpo_whole_answers, ("dpo_reads",),
    ),
    Claim(
        "dpo-raises-chosen", "002", 36, "DPO · How it works",
        "Minimizes a loss function that encourages the model to assign higher log-probability to "
        "the preferred outputs.",
        "DPO's loss encourages a higher log-probability of the preferred answer.",
        dpo_raises_chosen, ("dpo_reads", "displacement"),
    ),
    Claim(
        "dpo-kl-term", "002", 37, "DPO · How it works",
        "Includes a KL regularization term to maintain closeness to the base model.",
        "DPO's loss has a term that grows with the KL to the reference.",
        dpo_has_kl, ("dpo_reads",),
    ),
    Claim(
        "grpo-subsumes-dpo", "002", 66, RESAMPLING,
        "General framework—subsumes DPO and approaches PPO.",
        "If InfoNCA is meant: it is DPO for two answers, and shares the optimum of PPO with a KL.",
        infonca_subsumes, ("infonca_reads",),
    ),
    Claim(
        "grpo-real-valued", "002", 67, RESAMPLING,
        "More flexible for multi-signal or real-valued feedback.",
        "If InfoNCA is meant: it uses how much better an answer is, which DPO cannot.",
        infonca_real_valued, ("infonca_reads",),
    ),
    Claim(
        "grpo-flexible-input", "002", 81, "Needs Reward Model? · GRPO", "❌ (flexible input)",
        "If InfoNCA is meant: it can learn from preferred pairs, without a reward model.",
        infonca_flexible, ("infonca_reads",),
    ),
    Claim(
        "rrhf-absolute-scores", "004", 444, "GRPO's Relatives · RRHF",
        "**When to use**: When you have reliable absolute scores (e.g., unit test pass rate).",
        "RRHF is for those who have reliable absolute scores.",
        rrhf_absolute, ("rrhf_reads",),
    ),
    Claim(
        "ipo-l2", "004", 452, "GRPO's Relatives · IPO",
        "**Key idea**: DPO's implicit regularization might be too weak. Use explicit L2 "
        "regularization.",
        "IPO penalises large log-ratios by their squares.",
        ipo_l2, ("ipo_reads",),
    ),
    Claim(
        "kto-only-option", "004", 624, TREE, 'return "KTO"  # Only option!',
        "No other method learns from single thumbs.",
        only_kto, ("thumbs_losses",),
    ),
    Claim(
        "rrhf-listwise", "004", 800, "Key Takeaways",
        "**RRHF uses ranking** - listwise loss for multiple responses",
        "RRHF's loss is listwise.",
        rrhf_listwise, ("rrhf_reads",),
    ),
)  # fmt: skip
