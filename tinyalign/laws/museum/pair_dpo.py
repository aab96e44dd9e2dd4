"""Wrong DPOs, and wrong versions of the losses that bend it."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def dpo_without_reference(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -beta * (win - lose))


def dpo_reference_is_live_policy(win, lose, ref_win, ref_lose, *, beta):
    ref_win, ref_lose = win, lose  # ref_model = ref_model or model
    return np.logaddexp(0, -beta * ((win - ref_win) - (lose - ref_lose)))


def dpo_reference_added(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -beta * ((win + ref_win) - (lose + ref_lose)))


def dpo_labels_swapped(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, beta * ((win - ref_win) - (lose - ref_lose)))


def dpo_summed_over_the_batch(win, lose, ref_win, ref_lose, *, beta):
    return np.sum(np.logaddexp(0, -beta * ((win - ref_win) - (lose - ref_lose))))


def dpo_sigmoid_without_log(win, lose, ref_win, ref_lose, *, beta):
    return -1 / (1 + np.exp(-beta * ((win - ref_win) - (lose - ref_lose))))


def dpo_beta_outside(win, lose, ref_win, ref_lose, *, beta):
    return beta * np.logaddexp(0, -((win - ref_win) - (lose - ref_lose)))


def dpo_beta_on_the_policy_only(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -(beta * (win - lose) - (ref_win - ref_lose)))


def dpo_beta_divides(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -((win - ref_win) - (lose - ref_lose)) / beta)


def dpo_naive_log_sigmoid(win, lose, ref_win, ref_lose, *, beta):
    margin = beta * ((win - ref_win) - (lose - ref_lose))
    return -np.log(1 / (1 + np.exp(-margin)))


def dpo_log_with_an_epsilon(win, lose, ref_win, ref_lose, *, beta):
    margin = beta * ((win - ref_win) - (lose - ref_lose))
    return -np.log(1 / (1 + np.exp(-margin)) + 1e-6)


def dpo_margin_clamped(win, lose, ref_win, ref_lose, *, beta):
    margin = np.clip(beta * ((win - ref_win) - (lose - ref_lose)), -10, 10)
    return np.logaddexp(0, -margin)


def dpo_averaged_log_ratios(win, lose, ref_win, ref_lose, *, beta):
    n_w, n_l = 4, 6  # tokens of a typical pair
    return np.logaddexp(0, -beta * ((win - ref_win) / n_w - (lose - ref_lose) / n_l))


def dpo_batch_mean_of_rejected(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -beta * ((win - ref_win) - np.mean(lose - ref_lose)))


def dpo_outer_difference(win, lose, ref_win, ref_lose, *, beta):
    chosen, rejected = (win - ref_win)[:, None], lose - ref_lose  # (B, 1) against (B,)
    return np.mean(np.logaddexp(0, -beta * (chosen - rejected)), axis=1)


def dpo_probabilities_not_logs(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(
        0, -beta * ((np.exp(win) - np.exp(ref_win)) - (np.exp(lose) - np.exp(ref_lose)))
    )


def dpo_overwrites_its_input(win, lose, ref_win, ref_lose, *, beta):
    win -= ref_win
    lose -= ref_lose
    return np.logaddexp(0, -beta * (win - lose))


def cdpo_smoothing_sign(win, lose, ref_win, ref_lose, *, beta, flip):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return (1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)


def cdpo_smoothing_ignored(win, lose, ref_win, ref_lose, *, beta, flip):
    return np.logaddexp(0, -beta * ((win - ref_win) - (lose - ref_lose)))


def cdpo_weights_swapped(win, lose, ref_win, ref_lose, *, beta, flip):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return flip * np.logaddexp(0, -z) + (1 - flip) * np.logaddexp(0, z)


def robust_dpo_not_rescaled(win, lose, ref_win, ref_lose, *, beta, flip):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return (1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)


def robust_dpo_is_cdpo(win, lose, ref_win, ref_lose, *, beta, flip):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return (1 - flip) * np.logaddexp(0, -z) + flip * np.logaddexp(0, z)


def robust_dpo_accepts_half(win, lose, ref_win, ref_lose, *, beta, flip):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return ((1 - flip) * np.logaddexp(0, -z) - flip * np.logaddexp(0, z)) / max(1 - 2 * flip, 1e-6)


def hinge_is_sigmoid(win, lose, ref_win, ref_lose, *, beta):
    return np.logaddexp(0, -beta * ((win - ref_win) - (lose - ref_lose)))


def hinge_not_floored(win, lose, ref_win, ref_lose, *, beta):
    return 1 - beta * ((win - ref_win) - (lose - ref_lose))


def hinge_margin_is_beta(win, lose, ref_win, ref_lose, *, beta):
    return np.maximum(0, beta - ((win - ref_win) - (lose - ref_lose)))


def hinge_squared(win, lose, ref_win, ref_lose, *, beta):
    return np.maximum(0, 1 - beta * ((win - ref_win) - (lose - ref_lose))) ** 2


def dpop_penalty_outside(win, lose, ref_win, ref_lose, *, beta, lam):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    return np.logaddexp(0, -z) + beta * lam * np.maximum(0, ref_win - win)


def dpop_penalises_the_rise(win, lose, ref_win, ref_lose, *, beta, lam):
    return np.logaddexp(
        0, -beta * ((win - ref_win) - (lose - ref_lose) - lam * np.maximum(0, win - ref_win))
    )


def dpop_penalty_on_rejected(win, lose, ref_win, ref_lose, *, beta, lam):
    return np.logaddexp(
        0, -beta * ((win - ref_win) - (lose - ref_lose) - lam * np.maximum(0, ref_lose - lose))
    )


def dpop_penalty_without_beta(win, lose, ref_win, ref_lose, *, beta, lam):
    return np.logaddexp(
        0, -beta * ((win - ref_win) - (lose - ref_lose)) + lam * np.maximum(0, ref_win - win)
    )


def exo_forward_kl(win, lose, ref_win, ref_lose, *, beta, eps):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    log_p, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    return (1 - eps) * (np.log(1 - eps) - log_p) + eps * (np.log(eps) - log_q)


def exo_labels_swapped(win, lose, ref_win, ref_lose, *, beta, eps):
    z = beta * ((win - ref_win) - (lose - ref_lose))
    log_p, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    return np.exp(log_p) * (log_p - np.log(eps)) + np.exp(log_q) * (log_q - np.log(1 - eps))


E = Exhibit
EXHIBITS = [
    E(dpo_without_reference, "dpo", "the reference was dropped: nothing ties the policy down"),
    E(dpo_reference_is_live_policy, "dpo", "the reference is the live policy: stuck at log 2",
      "note 004 line 139; huggingface/trl #2046, #1340"),
    E(dpo_reference_added, "dpo", "reference sign flipped: log-probs added, not subtracted"),
    E(dpo_labels_swapped, "dpo", "chosen and rejected swapped: it learns what was disliked"),
    E(dpo_summed_over_the_batch, "dpo", "summed over the batch, then averaged again outside",
      "ContextualAI/HALOs 8e5c7ba"),
    E(dpo_sigmoid_without_log, "dpo", "-sigmoid instead of -log sigmoid: no push when far wrong"),
    E(dpo_beta_outside, "dpo", "beta multiplies the loss, not the margin"),
    E(dpo_beta_on_the_policy_only, "dpo", "beta scales the policy's gap but not the reference's"),
    E(dpo_beta_divides, "dpo", "beta divides, as a temperature would"),
    E(dpo_naive_log_sigmoid, "dpo", "log(sigmoid(x)) written out: inf for a pair far wrong",
      "huggingface/trl #2274"),
    E(dpo_log_with_an_epsilon, "dpo", "epsilon inside the log: no push when far wrong"),
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
