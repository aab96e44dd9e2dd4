"""Rows of the methods that learn from a fixed set of examples."""

from autograd.tracer import getval

from tinyalign import optimum
from tinyalign.losses import preference, ranking, supervised
from tinyalign.methods import comparisons, stages
from tinyalign.methods.method import Method


def ipo_average(
    chosen_avg_logp, rejected_avg_logp, ref_chosen_avg_logp, ref_rejected_avg_logp, *, tau
):
    """IPO on means per token: ((h_w − h_l) − 1/(2τ))², h = log π − log π_ref per token.

    Optimum: as `ipo`, where all answers have one length; else no closed form.
    Source: Azar et al. 2023, arXiv:2310.12036.
    Differs: as TRL trains it; the paper's equation has sums.
    """
    return preference.ipo(
        chosen_avg_logp, rejected_avg_logp, ref_chosen_avg_logp, ref_rejected_avg_logp, tau=tau
    )


def bco(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta):
    """BCO: −log σ(β·h_w − δ) − log σ(δ − β·h_l), δ = ½·(mean of β·h_w + mean of β·h_l).

    Optimum: as `anchored.bco` for the δ it ends with.
    Source: Jung et al. 2024, arXiv:2404.04656.
    Differs: the mean is over the batch, where the paper's runs over the past as well.
    """
    rises = chosen_logp - ref_chosen_logp, rejected_logp - ref_rejected_logp
    delta = sum(getval(rise).mean() for rise in rises) * (beta / 2)  # not fetched from a GPU
    return preference.bco(
        chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=beta, delta=delta
    )


def pairs(name, title, paper, loss, **other):
    """A row that learns from pairs by the stage that all such losses share."""
    return Method(name, title, paper, "pairs", stages.preference, loss, **other)


GOLD = ("gold", "chosen", "rejected")

OFFLINE = (
    Method(
        "sft", "Supervised fine-tuning", "Ouyang et al. 2022, arXiv:2203.02155",
        "demonstrations", stages.supervised, supervised.cross_entropy, tie=None,
    ),
    Method(
        "reward", "Bradley–Terry reward model", "Stiennon et al. 2020, arXiv:2009.01325",
        "pairs", stages.reward_model, supervised.bradley_terry, tie=None,
        cannot="it trains a judge, not a policy",
    ),
    Method(
        "best_of_n", "Best-of-n sampling", "Beirami et al. 2024, arXiv:2401.01879",
        "rewards", comparisons.best_of_n, optimum.best_of_n, tie=None,
        defaults={"num_generations": 8, "steps": 1},
    ),
    pairs(
        "rso", "Statistical rejection sampling, then the hinge loss",
        "Liu et al. 2023, arXiv:2309.06657", preference.hinge,
        defaults={"beta": 1.0}, choose=comparisons.accepted_pairs,
    ),
    pairs(
        "dpo", "Direct Preference Optimization", "Rafailov et al. 2023, arXiv:2305.18290",
        preference.dpo, defaults={"beta": 1.0},
    ),
    pairs(
        "cdpo", "Conservative DPO", "Mitchell 2023, ericmitchell.ai/cdpo.pdf",
        preference.cdpo, defaults={"beta": 1.0},
    ),
    pairs(
        "robust_dpo", "Provably robust DPO", "Chowdhury et al. 2024, arXiv:2403.00409",
        preference.robust_dpo, defaults={"beta": 1.0},
    ),
    pairs(
        "ipo", "Identity Preference Optimization, sums", "Azar et al. 2023, arXiv:2310.12036",
        preference.ipo, defaults={"beta": 0.2}, tie="tau",
    ),
    pairs(
        "ipo_average", "Identity Preference Optimization, token averages",
        "Azar et al. 2023, arXiv:2310.12036", ipo_average, defaults={"beta": 1.0}, tie="tau",
    ),
    pairs(
        "hinge", "Hinge loss on DPO's margin", "Liu et al. 2023, arXiv:2309.06657",
        preference.hinge, defaults={"beta": 1.0},
    ),
    pairs(
        "simpo", "Simple Preference Optimization", "Meng et al. 2024, arXiv:2405.14734",
        preference.simpo, defaults={"beta": 10.0},
    ),
    pairs(
        "cpo", "Contrastive Preference Optimization", "Xu et al. 2024, arXiv:2401.08417",
        preference.cpo, defaults={"beta": 0.5},
    ),
    pairs(
        "orpo", "Odds Ratio Preference Optimization", "Hong et al. 2024, arXiv:2403.07691",
        preference.orpo, defaults={"beta": 0.5}, tie="lam",
    ),
    pairs(
        "slic", "Sequence Likelihood Calibration", "Zhao et al. 2023, arXiv:2305.10425",
        preference.slic, defaults={"beta": 1.0}, tie="delta",
    ),
    pairs(
        "exo", "Efficient Exact Optimization, pairs", "Ji et al. 2024, arXiv:2402.00856",
        preference.exo_pair, defaults={"beta": 3.0},
    ),
    pairs(
        "bco", "Binary Classifier Optimization", "Jung et al. 2024, arXiv:2404.04656",
        bco, defaults={"beta": 1.0},
    ),
    pairs(
        "apo_zero", "Anchored Preference Optimization, zero",
        "D'Oosterlinck et al. 2024, arXiv:2408.06266", preference.apo_zero, defaults={"beta": 1.0},
    ),
    pairs(
        "apo_down", "Anchored Preference Optimization, down",
        "D'Oosterlinck et al. 2024, arXiv:2408.06266", preference.apo_down, defaults={"beta": 1.0},
        cannot="lowers right answers too: made for a policy better than its data",
    ),
    pairs(
        "sppo", "Self-Play Preference Optimization, hard labels",
        "Wu et al. 2024, arXiv:2405.00675", preference.sppo, defaults={"beta": 0.3},
    ),
    pairs(
        "dpop", "DPO-Positive", "Pal et al. 2024, arXiv:2402.13228",
        preference.dpop, defaults={"beta": 1.0},
    ),
    Method(
        "kto", "Kahneman–Tversky Optimization", "Ethayarajh et al. 2024, arXiv:2402.01306",
        "thumbs", comparisons.unpaired, preference.kto, defaults={"beta": 3.0},
    ),
    Method(
        "tpo", "Triple Preference Optimization", "Saeidi et al. 2024, arXiv:2405.16681",
        "triples", stages.preference, preference.tpo, defaults={"beta": 0.5}, roles=GOLD,
    ),
    Method(
        "tpo_l", "Triple Preference Optimization, length-normalised",
        "Saeidi et al. 2024, arXiv:2405.16681",
        "triples", stages.preference, preference.tpo_l, defaults={"beta": 2.0}, roles=GOLD,
    ),
    Method(
        "rrhf", "Rank Responses to align with Human Feedback", "Yuan et al. 2023, arXiv:2304.05302",
        "rankings", comparisons.ranked, ranking.rrhf, tie=None,
    ),
    Method(
        "infonca", "InfoNCA, the notes' generalized rejection sampling",
        "Chen et al. 2024, arXiv:2402.05369",
        "rankings", comparisons.ranked, ranking.infonca, defaults={"beta": 1.0},
        fixed={"alpha": 0.2},
    ),
    Method(
        "nca", "Noise Contrastive Alignment", "Chen et al. 2024, arXiv:2402.05369",
        "rankings", comparisons.ranked, ranking.nca, defaults={"beta": 1.0}, fixed={"alpha": 0.2},
    ),
)  # fmt: skip
