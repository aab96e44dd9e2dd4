"""Wrong versions of KTO, of reward models and of losses over rankings."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def kto_note_004(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    kl = logp - ref
    up = -sigmoid(beta * np.where(kl >= 0, kl, weight_desirable * kl))
    down = -sigmoid(-beta * np.where(kl < 0, kl, weight_undesirable * kl))
    return np.where(desirable, up, down)


def kto_ignores_z0(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - ref))
    return np.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def kto_weights_swapped(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - ref - z0))
    return np.where(desirable, weight_undesirable * (1 - s), weight_desirable * s)


def kto_labels_swapped(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - ref - z0))
    return np.where(desirable, weight_desirable * s, weight_undesirable * (1 - s))


def kto_with_a_log(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    z = beta * (logp - ref - z0)
    return np.where(desirable, weight_desirable * softplus(-z), weight_undesirable * softplus(z))


def kto_beta_on_the_ratio_only(
    logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable
):
    s = sigmoid(beta * (logp - ref) - z0)
    return np.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def kto_undesirable_sign(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - ref - z0))
    return np.where(desirable, weight_desirable, weight_undesirable) * (1 - s)


def kto_without_reference(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - z0))
    return np.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def kto_own_z0_not_clamped(
    logp, ref_logp, kl_logp, ref_kl_logp, desirable, *, beta, weight_desirable, weight_undesirable
):
    z0 = np.mean(kl_logp - ref_kl_logp)
    s = sigmoid(beta * (logp - ref_logp - z0))
    return np.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def kto_own_z0_not_detached(
    logp, ref_logp, kl_logp, ref_kl_logp, desirable, *, beta, weight_desirable, weight_undesirable
):
    import autograd.numpy as anp  # the right value, but z0 must be a constant; here it is not

    z0 = anp.maximum(0, anp.mean(kl_logp - ref_kl_logp))
    s = 0.5 + 0.5 * anp.tanh(beta * (logp - ref_logp - z0) / 2)
    return anp.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def kto_z0_not_clamped(logp, ref):
    return np.mean(logp - ref)


def kto_z0_clamped_per_pair(logp, ref):
    return np.mean(np.maximum(0, logp - ref))


def kto_z0_direction(logp, ref):
    return np.maximum(0, np.mean(ref - logp))


def kto_z0_not_detached(logp, ref):
    import autograd.numpy as anp  # the right value, but it must be a constant; here it is not

    return anp.maximum(0, anp.mean(logp - ref))


def kto_z0_summed(logp, ref):
    return np.maximum(0, np.sum(logp - ref))


def rm_sign_flipped(chosen, rejected, *, margin, center):
    return softplus(chosen - rejected + margin) + center * (chosen + rejected) ** 2


def rm_sigmoid_without_log(chosen, rejected, *, margin, center):
    return -sigmoid(chosen - rejected - margin) + center * (chosen + rejected) ** 2


def rm_margin_added(chosen, rejected, *, margin, center):
    return softplus(-(chosen - rejected + margin)) + center * (chosen + rejected) ** 2


def rm_centers_the_difference(chosen, rejected, *, margin, center):
    return softplus(-(chosen - rejected - margin)) + center * (chosen - rejected) ** 2


def rm_naive_log_exp(chosen, rejected, *, margin, center):
    return np.log(1 + np.exp(rejected - chosen + margin)) + center * (chosen + rejected) ** 2


def rm_sum_of_rewards(chosen, rejected, *, margin, center):
    return softplus(-(chosen + rejected - margin)) + center * (chosen + rejected) ** 2


def rm_hinge(chosen, rejected, *, margin, center):
    return np.maximum(0.0, margin + rejected - chosen) + center * (chosen + rejected) ** 2


def plackett_luce_whole_denominator(reward):
    return -np.sum(log_softmax(reward)[:, :-1], axis=1)


def plackett_luce_worst_first(reward):
    reward = reward[:, ::-1]
    suffix = np.logaddexp.accumulate(reward[:, ::-1], axis=1)[:, ::-1]
    return np.sum(suffix - reward, axis=1)


def plackett_luce_chosen_left_out(reward):
    suffix = np.logaddexp.accumulate(reward[:, ::-1], axis=1)[:, ::-1]
    return np.sum(suffix[:, 1:] - reward[:, :-1], axis=1)


def plackett_luce_mean_over_places(reward):
    suffix = np.logaddexp.accumulate(reward[:, ::-1], axis=1)[:, ::-1]
    return np.sum(suffix - reward, axis=1) / (reward.shape[1] - 1)


def plackett_luce_top_choice_only(reward):
    return -log_softmax(reward)[:, 0]


def plackett_luce_sum_of_pairs(reward):
    gap = reward[:, :, None] - reward[:, None, :]
    earlier = np.triu(np.ones(gap.shape[1:]), 1)
    return np.sum(softplus(-gap) * earlier, axis=(1, 2))


E = Exhibit
EXHIBITS = [
    E(kto_note_004, "kto", "no reference point, λ inside the sigmoid, -σ for λ - λσ",
      "note 004 lines 514-525"),
    E(kto_ignores_z0, "kto", "the reference point is ignored"),
    E(kto_weights_swapped, "kto", "the two weights are swapped"),
    E(kto_labels_swapped, "kto", "the labels are swapped: it pushes up what got a thumb down"),
    E(kto_with_a_log, "kto", "log σ: logistic regression, not prospect theory"),
    E(kto_beta_on_the_ratio_only, "kto", "β scales the log-ratio but not z0"),
    E(kto_undesirable_sign, "kto", "thumbs down are pushed up as well"),
    E(kto_without_reference, "kto", "the reference was dropped"),
    E(kto_own_z0_not_clamped, "kto", "z0 is worked out inside and not clamped at 0"),
    E(kto_own_z0_not_detached, "kto", "z0 is worked out inside, and the gradient flows through it"),
    E(kto_z0_not_clamped, "kto_z0", "z0 is not clamped at 0", "huggingface/trl #1380, #1402"),
    E(kto_z0_clamped_per_pair, "kto_z0", "clamped before the mean: too large"),
    E(kto_z0_direction, "kto_z0", "reference minus policy"),
    E(kto_z0_not_detached, "kto_z0", "the gradient flows through z0: it pulls on unrelated texts"),
    E(kto_z0_summed, "kto_z0", "summed over the batch, not averaged"),
    E(rm_sign_flipped, "bradley_terry", "it prefers what was rejected"),
    E(rm_sigmoid_without_log, "bradley_terry", "-sigmoid, not -log sigmoid"),
    E(rm_margin_added, "bradley_terry", "the margin's sign: it asks for less, not more"),
    E(rm_centers_the_difference, "bradley_terry", "centres the difference, not the sum"),
    E(rm_naive_log_exp, "bradley_terry", "log(1+exp(x)): inf for a pair far wrong",
      "OpenRLHF/OpenRLHF models/loss.py LogExpLoss"),
    E(rm_sum_of_rewards, "bradley_terry", "the sum of the rewards where the difference is meant"),
    E(plackett_luce_whole_denominator, "plackett_luce",
      "answers already ranked stay in the denominator"),
    E(plackett_luce_worst_first, "plackett_luce", "reads the ranking from the worst"),
    E(plackett_luce_top_choice_only, "plackett_luce", "only the first choice is scored"),
    E(rm_hinge, "bradley_terry", "a hinge where a log-sigmoid is meant"),
    E(plackett_luce_chosen_left_out, "plackett_luce", "the chosen one is not in the denominator"),
    E(plackett_luce_mean_over_places, "plackett_luce", "averaged over the places, not summed"),
    E(plackett_luce_sum_of_pairs, "plackett_luce", "a sum of pairwise losses, not a ranking model"),
]  # fmt: skip
