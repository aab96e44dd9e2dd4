"""Wrong DPOs, and wrong versions of the losses that bend it."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def dpo_without_reference(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * (w - l))


def dpo_reference_is_live_policy(w, l, ref_w, ref_l, *, beta):
    ref_w, ref_l = w, l  # ref_model = ref_model or model
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l)))


def dpo_reference_added(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * ((w + ref_w) - (l + ref_l)))


def dpo_one_reference_for_both(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_w)))


def dpo_labels_swapped(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, beta * ((w - ref_w) - (l - ref_l)))


def dpo_summed_over_the_batch(w, l, ref_w, ref_l, *, beta):
    return np.sum(np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l))))


def dpo_sigmoid_without_log(w, l, ref_w, ref_l, *, beta):
    return -1 / (1 + np.exp(-beta * ((w - ref_w) - (l - ref_l))))


def dpo_beta_outside(w, l, ref_w, ref_l, *, beta):
    return beta * np.logaddexp(0, -((w - ref_w) - (l - ref_l)))


def dpo_beta_on_the_policy_only(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -(beta * (w - l) - (ref_w - ref_l)))


def dpo_beta_divides(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -((w - ref_w) - (l - ref_l)) / beta)


def dpo_naive_log_sigmoid(w, l, ref_w, ref_l, *, beta):
    margin = beta * ((w - ref_w) - (l - ref_l))
    return -np.log(1 / (1 + np.exp(-margin)))


def dpo_log_with_an_epsilon(w, l, ref_w, ref_l, *, beta):
    margin = beta * ((w - ref_w) - (l - ref_l))
    return -np.log(1 / (1 + np.exp(-margin)) + 1e-6)


def dpo_margin_clamped(w, l, ref_w, ref_l, *, beta):
    margin = np.clip(beta * ((w - ref_w) - (l - ref_l)), -10, 10)
    return np.logaddexp(0, -margin)


def dpo_averaged_log_ratios(w, l, ref_w, ref_l, *, beta):
    n_w, n_l = 4, 6  # tokens of a typical pair
    return np.logaddexp(0, -beta * ((w - ref_w) / n_w - (l - ref_l) / n_l))


def dpo_batch_mean_of_rejected(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * ((w - ref_w) - np.mean(l - ref_l)))


def dpo_outer_difference(w, l, ref_w, ref_l, *, beta):
    chosen, rejected = (w - ref_w)[:, None], l - ref_l  # (B, 1) against (B,)
    return np.mean(np.logaddexp(0, -beta * (chosen - rejected)), axis=1)


def dpo_probabilities_not_logs(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * ((np.exp(w) - np.exp(ref_w)) - (np.exp(l) - np.exp(ref_l))))


def dpo_overwrites_its_input(w, l, ref_w, ref_l, *, beta):
    w -= ref_w
    l -= ref_l
    return np.logaddexp(0, -beta * (w - l))


def cdpo_smoothing_sign(w, l, ref_w, ref_l, *, beta, flip):
    z = beta * ((w - ref_w) - (l - ref_l))
    return (1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)


def cdpo_smoothing_ignored(w, l, ref_w, ref_l, *, beta, flip):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l)))


def cdpo_weights_swapped(w, l, ref_w, ref_l, *, beta, flip):
    z = beta * ((w - ref_w) - (l - ref_l))
    return flip * np.logaddexp(0, -z) + (1 - flip) * np.logaddexp(0, z)


def robust_dpo_not_rescaled(w, l, ref_w, ref_l, *, beta, flip):
    z = beta * ((w - ref_w) - (l - ref_l))
    return (1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)


def robust_dpo_is_cdpo(w, l, ref_w, ref_l, *, beta, flip):
    z = beta * ((w - ref_w) - (l - ref_l))
    return (1 - flip) * np.logaddexp(0, -z) + flip * np.logaddexp(0, z)


def robust_dpo_accepts_half(w, l, ref_w, ref_l, *, beta, flip):
    z = beta * ((w - ref_w) - (l - ref_l))
    return ((1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)) / max(1 - 2 * flip, 1e-6)


def hinge_is_sigmoid(w, l, ref_w, ref_l, *, beta):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l)))


def hinge_not_floored(w, l, ref_w, ref_l, *, beta):
    return 1 - beta * ((w - ref_w) - (l - ref_l))


def hinge_margin_is_beta(w, l, ref_w, ref_l, *, beta):
    return np.maximum(0, beta - ((w - ref_w) - (l - ref_l)))


def hinge_squared(w, l, ref_w, ref_l, *, beta):
    return np.maximum(0, 1 - beta * ((w - ref_w) - (l - ref_l))) ** 2


def dpop_penalty_outside(w, l, ref_w, ref_l, *, beta, lam):
    z = beta * ((w - ref_w) - (l - ref_l))
    return np.logaddexp(0, -z) + beta * lam * np.maximum(0, ref_w - w)


def dpop_penalises_the_rise(w, l, ref_w, ref_l, *, beta, lam):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l) - lam * np.maximum(0, w - ref_w)))


def dpop_penalty_on_rejected(w, l, ref_w, ref_l, *, beta, lam):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l) - lam * np.maximum(0, ref_l - l)))


def dpop_penalty_without_beta(w, l, ref_w, ref_l, *, beta, lam):
    return np.logaddexp(0, -beta * ((w - ref_w) - (l - ref_l)) + lam * np.maximum(0, ref_w - w))


def exo_forward_kl(w, l, ref_w, ref_l, *, beta, eps):
    z = beta * ((w - ref_w) - (l - ref_l))
    win, lose = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    return (1 - eps) * (np.log(1 - eps) - win) + eps * (np.log(eps) - lose)


def exo_labels_swapped(w, l, ref_w, ref_l, *, beta, eps):
    z = beta * ((w - ref_w) - (l - ref_l))
    win, lose = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    return np.exp(win) * (win - np.log(eps)) + np.exp(lose) * (lose - np.log(1 - eps))


E = Exhibit
EXHIBITS = [
    E(dpo_without_reference, "dpo", "the reference was dropped: nothing ties the policy down"),
    E(dpo_reference_is_live_policy, "dpo", "the reference is the live policy: stuck at log 2",
      "note 004 line 139; huggingface/trl #2046, #1340"),
    E(dpo_reference_added, "dpo", "reference sign flipped: log-probs added, not subtracted"),
    E(dpo_one_reference_for_both, "dpo", "the chosen answer's reference is used for both"),
    E(dpo_labels_swapped, "dpo", "chosen and rejected swapped: it learns what was disliked"),
    E(dpo_summed_over_the_batch, "dpo", "summed over the batch, then averaged again outside",
      "ContextualAI/HALOs 8e5c7ba"),
    E(dpo_sigmoid_without_log, "dpo", "-sigmoid instead of -log sigmoid: no push when far wrong"),
    E(dpo_beta_outside, "dpo", "beta multiplies the loss, not the margin"),
    E(dpo_beta_on_the_policy_only, "dpo", "beta scales the policy's gap but not the reference's"),
    E(dpo_beta_divides, "dpo", "beta divides, as a temperature would"),
    E(dpo_naive_log_sigmoid, "dpo", "log(sigmoid(x)) written out: inf for a pair far wrong",
      "huggingface/trl #2274"),
    E(dpo_log_with_an_epsilon, "dpo", "an epsilon inside the log: the push vanishes when far wrong"),
    E(dpo_margin_clamped, "dpo", "the margin clamped to ±10: no slope outside"),
    E(dpo_averaged_log_ratios, "dpo", "log-probs averaged per token where sums are meant",
      "rasbt/LLMs-from-scratch ch07/04"),
    E(dpo_batch_mean_of_rejected, "dpo", "one margin against the batch's mean rejected answer"),
    E(dpo_outer_difference, "dpo", "(B,1) minus (B,) broadcasts to (B,B): every pair with every"),
    E(dpo_probabilities_not_logs, "dpo", "probabilities where log-probabilities are meant"),
    E(dpo_overwrites_its_input, "dpo", "in-place subtraction: the caller's log-probs are gone",
      "McGill-NLP/nano-aha-moment utils.py (labels overwritten through a view)"),
    E(cdpo_smoothing_sign, "cdpo", "label smoothing with the sign of robust DPO, not rescaled"),
    E(cdpo_smoothing_ignored, "cdpo", "label_smoothing accepted and ignored",
      "huggingface/trl 1.16.0 (sigmoid loss)"),
    E(cdpo_weights_swapped, "cdpo", "flip weighs the given label, 1-flip the flipped one"),
    E(robust_dpo_not_rescaled, "robust_dpo", "the factor 1/(1-2ε) is missing"),
    E(robust_dpo_is_cdpo, "robust_dpo", "plus for minus: conservative DPO under robust DPO's name"),
    E(robust_dpo_accepts_half, "robust_dpo", "1-2ε clamped: coin-flip labels accepted"),
    E(hinge_is_sigmoid, "hinge", "loss_type is ignored: hinge silently trains sigmoid DPO",
      "modelscope/ms-swift #10167"),
    E(hinge_not_floored, "hinge", "no floor at 0: pushes for ever"),
    E(hinge_margin_is_beta, "hinge", "beta is used as the margin, not as the slope"),
    E(hinge_squared, "hinge", "the hinge is squared"),
    E(dpop_penalty_outside, "dpop", "the penalty is added outside the sigmoid"),
    E(dpop_penalises_the_rise, "dpop", "max(0, logp - ref): punishes what it should protect"),
    E(dpop_penalty_on_rejected, "dpop", "the penalty looks at the rejected answer"),
    E(dpop_penalty_without_beta, "dpop", "the penalty is not multiplied by beta"),
    E(exo_forward_kl, "exo_pair", "the forward KL: cross-entropy's direction, not EXO's"),
    E(exo_labels_swapped, "exo_pair", "the smoothed label points at the rejected answer"),
]  # fmt: skip
