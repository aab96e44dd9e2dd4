"""Rows of the methods that learn from a fixed set of examples."""

from functools import partial

from autograd.tracer import getval

from tinyalign import optimum
from tinyalign.losses import f_dpo, preference, ranking, self_weighted, supervised
from tinyalign.methods import labels, one_letter, steps, train_offline
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


# A row of the methods that learn from pairs, by the stage that all such losses share.
pairs = partial(
    Method,
    learns_from="pairs",
    stage=train_offline.preference_stage,
    steps=(steps.preference_step,),
    label=labels.label_pairs,
    recipe="pairs",
    family="pairs",
)
other_feedback = partial(Method, family="triples, thumbs, rankings")
triples = partial(
    other_feedback,
    learns_from="triples",
    recipe="triples",
    stage=train_offline.preference_stage,
    steps=(steps.preference_step,),
    label=labels.label_triples,
    roles=("gold", "chosen", "rejected"),
)
rankings = partial(
    other_feedback,
    learns_from="rankings",
    recipe="rankings",
    roles=(),
    stage=train_offline.ranked_stage,
    steps=(steps.ranked_step,),
    label=labels.label_rankings,
)

OFFLINE = (
    Method(
        "sft", "Supervised fine-tuning", "Ouyang et al. 2022, arXiv:2203.02155",
        learns_from="demonstrations", stage=train_offline.supervised_stage, steps=(steps.sft_step,),
        loss=supervised.cross_entropy, recipe="supervised", family="demonstrations",
        beta_sets=None, compares=False,
    ),
    Method(
        "dft", "Dynamic Fine-Tuning", "Wu et al. 2025, arXiv:2508.05629",
        learns_from="demonstrations", stage=train_offline.supervised_stage, steps=(steps.sft_step,),
        loss=self_weighted.dft, recipe="supervised", family="demonstrations",
        beta_sets=None, compares=False,
    ),
    Method(
        "reward", "Bradley–Terry reward model", "Stiennon et al. 2020, arXiv:2009.01325",
        learns_from="pairs", stage=train_offline.reward_model_stage,
        steps=(steps.reward_model_step,), label=labels.label_pairs,
        loss=supervised.bradley_terry, recipe="reward_model", family="pairs, a judge",
        beta_sets=None, trains="reward_model",
        caveat="it trains a judge, not a policy",
    ),
    Method(
        "best_of_n", "Best-of-n sampling", "Beirami et al. 2024, arXiv:2401.01879",
        learns_from="rewards", stage=train_offline.best_of_n_stage, steps=(),
        loss=optimum.best_of_n,
        recipe="policy_gradient", family="rewards, samples picked", beta_sets=None, trains="",
        defaults={"num_generations": 8, "steps": 1},
    ),
    pairs(
        "rso", "Statistical rejection sampling, then the hinge loss",
        "Liu et al. 2023, arXiv:2309.06657", loss=preference.hinge,
        defaults={"beta": 1.0}, label=labels.label_accepted_pairs,
    ),
    pairs(
        "dpo", "Direct Preference Optimization", "Rafailov et al. 2023, arXiv:2305.18290",
        loss=preference.dpo, defaults={"beta": 1.0}, optimum=one_letter.optimum_of_annotator,
    ),
    pairs(
        "cdpo", "Conservative DPO", "Mitchell 2023, ericmitchell.ai/cdpo.pdf",
        loss=preference.cdpo, defaults={"beta": 1.0},
    ),
    pairs(
        "robust_dpo", "Provably robust DPO", "Chowdhury et al. 2024, arXiv:2403.00409",
        loss=preference.robust_dpo, defaults={"beta": 1.0},
    ),
    pairs(
        "wpo", "Weighted Preference Optimization, weights not aligned",
        "Zhou et al. 2024, arXiv:2406.11827", loss=self_weighted.wpo, defaults={"beta": 1.0},
    ),
    pairs(
        "f_dpo_js", "DPO with the Jensen–Shannon divergence",
        "Wang et al. 2023, arXiv:2309.16240", loss=f_dpo.f_dpo_js, defaults={"beta": 3.0},
    ),
    pairs(
        "ipo", "Identity Preference Optimization, sums", "Azar et al. 2023, arXiv:2310.12036",
        loss=preference.ipo, defaults={"beta": 0.2}, beta_sets="tau",
    ),
    pairs(
        "ipo_average", "Identity Preference Optimization, token averages",
        "Azar et al. 2023, arXiv:2310.12036", loss=ipo_average, defaults={"beta": 1.0},
        beta_sets="tau",
    ),
    pairs(
        "hinge", "Hinge loss on DPO's margin", "Liu et al. 2023, arXiv:2309.06657",
        loss=preference.hinge, defaults={"beta": 1.0},
    ),
    pairs(
        "simpo", "Simple Preference Optimization", "Meng et al. 2024, arXiv:2405.14734",
        loss=preference.simpo, defaults={"beta": 10.0},
    ),
    pairs(
        "cpo", "Contrastive Preference Optimization", "Xu et al. 2024, arXiv:2401.08417",
        loss=preference.cpo, defaults={"beta": 0.5},
    ),
    pairs(
        "orpo", "Odds Ratio Preference Optimization", "Hong et al. 2024, arXiv:2403.07691",
        loss=preference.orpo, defaults={"beta": 0.5}, beta_sets="lam",
    ),
    pairs(
        "slic", "Sequence Likelihood Calibration", "Zhao et al. 2023, arXiv:2305.10425",
        loss=preference.slic, defaults={"beta": 1.0}, beta_sets="delta",
    ),
    pairs(
        "exo", "Efficient Exact Optimization, pairs", "Ji et al. 2024, arXiv:2402.00856",
        loss=preference.exo_pair, defaults={"beta": 3.0},
    ),
    pairs(
        "bco", "Binary Classifier Optimization", "Jung et al. 2024, arXiv:2404.04656",
        loss=bco, defaults={"beta": 1.0},
    ),
    pairs(
        "apo_zero", "Anchored Preference Optimization, zero",
        "D'Oosterlinck et al. 2024, arXiv:2408.06266", loss=preference.apo_zero,
        defaults={"beta": 1.0},
    ),
    pairs(
        "apo_down", "Anchored Preference Optimization, down",
        "D'Oosterlinck et al. 2024, arXiv:2408.06266", loss=preference.apo_down,
        defaults={"beta": 1.0},
        caveat="lowers chosen completions too: made for a policy better than its data",
    ),
    pairs(
        "sppo", "Self-Play Preference Optimization, hard labels",
        "Wu et al. 2024, arXiv:2405.00675", loss=preference.sppo, defaults={"beta": 0.3},
    ),
    pairs(
        "dpop", "DPO-Positive", "Pal et al. 2024, arXiv:2402.13228",
        loss=preference.dpop, defaults={"beta": 1.0},
    ),
    other_feedback(
        "kto", "Kahneman–Tversky Optimization", "Ethayarajh et al. 2024, arXiv:2402.01306",
        learns_from="thumbs", recipe="thumbs", roles=("completion",),
        stage=train_offline.unpaired_stage, steps=(steps.unpaired_step,),
        label=labels.label_thumbs, loss=preference.kto,
        defaults={"beta": 3.0},
    ),
    triples(
        "tpo", "Triple Preference Optimization", "Saeidi et al. 2024, arXiv:2405.16681",
        loss=preference.tpo, defaults={"beta": 0.5},
    ),
    triples(
        "tpo_l", "Triple Preference Optimization, length-normalised",
        "Saeidi et al. 2024, arXiv:2405.16681",
        loss=preference.tpo_l, defaults={"beta": 2.0},
    ),
    rankings(
        "rrhf", "Rank Responses to align with Human Feedback", "Yuan et al. 2023, arXiv:2304.05302",
        loss=ranking.rrhf, beta_sets=None,
    ),
    rankings(
        "infonca", "InfoNCA, the notes' generalized rejection sampling",
        "Chen et al. 2024, arXiv:2402.05369",
        loss=ranking.infonca, defaults={"beta": 1.0}, loss_kwargs={"alpha": 0.2},
        optimum=partial(one_letter.optimum_of_soft_ranking, alpha=0.2),
    ),
    rankings(
        "nca", "Noise Contrastive Alignment", "Chen et al. 2024, arXiv:2402.05369",
        loss=ranking.nca, defaults={"beta": 1.0}, loss_kwargs={"alpha": 0.2},
    ),
)  # fmt: skip
