"""Methods that learn from comparisons or thumbs, by the amount and the quality of their data."""

from tinyalign.notes.claims.verdicts.differences import (
    difference,
    judge_as_good,
    judge_less,
    judge_more,
    leaves_out,
    paired_difference,
)
from tinyalign.notes.claims.verdicts.finding import (
    CONVENTION,
    SUPPORTED,
    UNDECIDED,
    Claim,
    judge_fact,
)
from tinyalign.notes.claims.verdicts.known_answers import ipo_holds_back

HOW_MANY_PAIRS = "whether DPO gets one pair of a prompt's candidates, or many"
ROBUST_TO = (
    "whether robust means robust to labels that never doubt, as the note explains it in lines 465 "
    "and 799, or to wrong labels"
)


def triples_cost(annotation):
    """A triple is harder to get from a group than a pair."""
    pair, triple = annotation["pair"], annotation["triple"]
    return judge_fact(
        triple <= pair - 0.05,
        f"a triple has three judged answers and a pair two; of eight completions of a prompt, "
        f"{pair:.1%} give a pair and {triple:.1%} a triple",
        "0.05 of the prompts",
    )


def dpo_needs_quality(wrong_pairs):
    """Wrong labels cost DPO reward."""
    gap = difference(wrong_pairs, "dpo, noise 0.3", "dpo, noise 0.0")
    return judge_less(gap, "expected reward of DPO, three labels in ten wrong against none")


def dpo_wastes_candidates(candidates):
    """A loss on all candidates teaches more than DPO: on a pair of them, or on many pairs."""
    one, many = (difference(candidates, "rrhf", dpo) for dpo in ("dpo", "dpo, 28 pairs"))
    by_size = difference(candidates, "infonca", "dpo, 28 pairs")
    what = (
        f"expected reward (DPO on 28 labelled pairs of them: {many.second:.3f}; InfoNCA, which "
        f"reads their rewards and not only their order: {by_size.first:.3f}, "
        f"difference to DPO on 28 pairs {by_size.gap:+.3f}, {by_size.interval}), RRHF on the order "
        "of all eight against DPO on a pair of them"
    )
    on_one, on_many = (judge_more(gap, what) for gap in (one, many))
    if on_one.verdict == on_many.verdict:
        return on_one
    # DPO can be given more pairs of the same candidates.
    return on_one._replace(verdict=CONVENTION, doubt="", convention=HOW_MANY_PAIRS)


def thumbs_suffice(thumbs):
    """KTO learns from thumbs alone."""
    dpo = sum(thumbs["dpo"]) / len(thumbs["dpo"])
    return judge_more(
        difference(thumbs, "kto", "start"),
        f"expected reward (DPO on pairs of the same 400 completions: {dpo:.3f}), KTO on 400 thumbs "
        "against its start",
    )


def ipo_better(wrong_pairs):
    """IPO earns more than DPO on the same pairs."""
    gap = difference(wrong_pairs, "ipo, noise 0.0", "dpo, noise 0.0")
    return judge_more(gap, "expected reward on the same 200 pairs, IPO against DPO")


def ipo_robust(wrong_pairs, overconfidence):
    """IPO is more robust than DPO: to labels that never doubt, or to wrong labels."""
    gap = paired_difference(*(loss_from_noise(wrong_pairs, name) for name in ("ipo", "dpo")))
    never_doubt = ipo_holds_back(overconfidence)
    wrong = judge_less(
        gap,
        f"{never_doubt.sentence}; expected reward lost to three wrong labels in ten, IPO against "
        "DPO",
    )
    holds = [finding.verdict == SUPPORTED for finding in (never_doubt, wrong)]
    # An interval that leaves out every difference that would matter leaves out this advantage too.
    decided = wrong.verdict != UNDECIDED or leaves_out(gap)
    if not decided or holds[0] == holds[1]:
        return wrong
    return wrong._replace(verdict=CONVENTION, doubt="", convention=ROBUST_TO)


def loss_from_noise(wrong_pairs, name):
    """Expected reward that a method loses when three labels in ten are wrong: one number a seed."""
    clean, noisy = (wrong_pairs[f"{name}, noise {noise}"] for noise in (0.0, 0.3))
    return [before - after for before, after in zip(clean, noisy, strict=True)]


def kto_less_data(thumbs):
    """KTO learns more than DPO from little data."""
    gap = difference(thumbs, "kto, a quarter", "dpo, a quarter")
    return judge_more(
        gap, "expected reward from the same 100 completions (100 thumbs, 50 pairs), KTO against DPO"
    )


def kto_near_dpo(thumbs):
    """KTO on a quarter of the completions is almost as good as DPO on all."""
    gap = difference(thumbs, "kto, a quarter", "dpo")
    as_many = sum(thumbs["kto"]) / len(thumbs["kto"])
    return judge_as_good(
        gap,
        f"expected reward (KTO on all 400 completions {as_many:.3f}), KTO on 100 completions "
        "against DPO on 400",
    )


CLAIMS = (
    Claim(
        "tpo-annotation", "000", 27, "Key Limitation · TPO",
        "Needs triple data; more annotation cost; slightly more complex pipeline.",
        "A triple needs more judged answers than a pair.",
        triples_cost, ("annotation",),
    ),
    Claim(
        "dpo-needs-quality", "001", 107, "Choose DPO When", "Possess high-quality preference data",
        "DPO learns less where labels are wrong.",
        dpo_needs_quality, ("wrong_pairs",),
    ),
    Claim(
        "dpo-wastes-candidates", "004", 16, "Why This Matters · DPO",
        "Doesn't leverage **multiple candidate samples** well",
        "From the same eight candidates, a loss that compares all of them by their order alone "
        "learns more than DPO.",
        dpo_wastes_candidates, ("candidates",),
    ),
    Claim(
        "thumbs-enough", "004", 497, "GRPO's Relatives · KTO",
        "**Key insight**: Don't need pairwise comparisons! Just thumbs up/down is enough.",
        "KTO learns from single thumbs.",
        thumbs_suffice, ("thumbs",),
    ),
    Claim(
        "ipo-better", "004", 614, "Decision Tree · IPO",
        'elif you_have == "paired_preferences" and you_want == "better_performance":',
        "From the same pairs, IPO earns more than DPO.",
        ipo_better, ("wrong_pairs",),
    ),
    Claim(
        "ipo-robust", "004", 615, "Decision Tree", 'return "IPO"  # More robust than DPO',
        "IPO is more robust than DPO, to labels that never doubt or to wrong ones.",
        ipo_robust, ("wrong_pairs", "overconfidence"),
    ),
    Claim(
        "kto-less-data", "004", 798, "Key Takeaways",
        "**KTO needs less data** - binary feedback vs pairwise",
        "From the same few completions, KTO learns more than DPO.",
        kto_less_data, ("thumbs",),
    ),
    Claim(
        "kto-almost-dpo", "004", 861, "My Implementation Notes",
        "**Week 3**: KTO surprised me - works almost as well as DPO with way less data!",
        "On a quarter of the completions, KTO is about as good as DPO on all.",
        kto_near_dpo, ("thumbs",),
    ),
)  # fmt: skip
