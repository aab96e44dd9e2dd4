"""Wrong versions of IPO, SPPO, APO, BCO and the pair form of NCA."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def ipo_two_squares(win, lose, ref_win, ref_lose, *, tau):
    chosen_ratio = win - ref_win
    rejected_ratio = lose - ref_lose
    return (chosen_ratio - 1 / (2 * tau)) ** 2 + (rejected_ratio + 1 / (2 * tau)) ** 2


def ipo_target_one_over_tau(win, lose, ref_win, ref_lose, *, tau):
    return ((win - ref_win) - (lose - ref_lose) - 1 / tau) ** 2


def ipo_squared_hinge(win, lose, ref_win, ref_lose, *, tau):
    return np.maximum(0, 1 / (2 * tau) - ((win - ref_win) - (lose - ref_lose))) ** 2


def ipo_tau_scales_the_gap(win, lose, ref_win, ref_lose, *, tau):
    return (tau * ((win - ref_win) - (lose - ref_lose)) - 0.5) ** 2


def ipo_is_sigmoid_dpo(win, lose, ref_win, ref_lose, *, tau):
    return softplus(-tau * ((win - ref_win) - (lose - ref_lose)))


def ipo_without_reference(win, lose, ref_win, ref_lose, *, tau):
    return (win - lose - 1 / (2 * tau)) ** 2


def ipo_labels_swapped(win, lose, ref_win, ref_lose, *, tau):
    return ((lose - ref_lose) - (win - ref_win) - 1 / (2 * tau)) ** 2


def ipo_absolute_error(win, lose, ref_win, ref_lose, *, tau):
    return np.abs((win - ref_win) - (lose - ref_lose) - 1 / (2 * tau))


def sppo_target_without_beta(win, lose, ref_win, ref_lose, *, beta):
    return (win - ref_win - 0.5) ** 2 + (lose - ref_lose + 0.5) ** 2


def sppo_is_ipo(win, lose, ref_win, ref_lose, *, beta):
    return ((win - ref_win) - (lose - ref_lose) - 1 / (2 * beta)) ** 2


def sppo_rejected_pulled_up(win, lose, ref_win, ref_lose, *, beta):
    return (win - ref_win - 1 / (2 * beta)) ** 2 + (lose - ref_lose - 1 / (2 * beta)) ** 2


def sppo_ignores_rejected(win, lose, ref_win, ref_lose, *, beta):
    return (win - ref_win - 1 / (2 * beta)) ** 2 + 1 / (4 * beta**2)


def apo_zero_pushes_rejected_up(win, lose, ref_win, ref_lose, *, beta):
    return 1 - sigmoid(beta * (win - ref_win)) + sigmoid(-beta * (lose - ref_lose))


def apo_zero_with_logs(win, lose, ref_win, ref_lose, *, beta):
    return softplus(-beta * (win - ref_win)) + softplus(beta * (lose - ref_lose))


def apo_zero_in_the_margin(win, lose, ref_win, ref_lose, *, beta):
    return 2 * sigmoid(-beta * ((win - ref_win) - (lose - ref_lose)) / 2)


def apo_down_chosen_sign(win, lose, ref_win, ref_lose, *, beta):
    chosen, rejected = win - ref_win, lose - ref_lose
    return sigmoid(-beta * chosen) + sigmoid(-beta * (chosen - rejected))


def apo_down_is_apo_zero(win, lose, ref_win, ref_lose, *, beta):
    return sigmoid(-beta * (win - ref_win)) + sigmoid(beta * (lose - ref_lose))


def apo_down_beta_missing_once(win, lose, ref_win, ref_lose, *, beta):
    chosen, rejected = win - ref_win, lose - ref_lose
    return sigmoid(chosen) + sigmoid(-beta * (chosen - rejected))


def bco_as_printed_is_dpo(win, lose, ref_win, ref_lose, *, beta, delta):
    return softplus(-(beta * (win - ref_win) - beta * (lose - ref_lose) - 0 * delta))


def bco_delta_ignored(win, lose, ref_win, ref_lose, *, beta, delta):
    return softplus(-beta * (win - ref_win)) + softplus(beta * (lose - ref_lose))


def bco_delta_times_beta(win, lose, ref_win, ref_lose, *, beta, delta):
    return softplus(-beta * (win - ref_win - delta)) + softplus(beta * (lose - ref_lose - delta))


def bco_delta_wrong_side(win, lose, ref_win, ref_lose, *, beta, delta):
    return softplus(-beta * (win - ref_win) + delta) + softplus(beta * (lose - ref_lose) + delta)


def bco_averaged_terms(win, lose, ref_win, ref_lose, *, beta, delta):
    both = softplus(delta - beta * (win - ref_win)) + softplus(beta * (lose - ref_lose) - delta)
    return both / 2


def nca_pair_without_chosen_noise(win, lose, ref_win, ref_lose, *, beta):
    return softplus(-beta * (win - ref_win)) + softplus(beta * (lose - ref_lose)) / 2


def nca_pair_noise_not_halved(win, lose, ref_win, ref_lose, *, beta):
    chosen, rejected = beta * (win - ref_win), beta * (lose - ref_lose)
    return softplus(-chosen) + softplus(chosen) + softplus(rejected)


E = Exhibit
NOTE = "note 004 line 475"
EXHIBITS = [
    E(ipo_two_squares, "ipo", "one target per answer: this is SPPO with hard labels",
      f"{NOTE} (equals huggingface/trl sppo_hard)"),
    E(ipo_target_one_over_tau, "ipo", "the target is 1/τ, twice too far"),
    E(ipo_squared_hinge, "ipo", "a squared hinge: overshooting is free", "note 004 line 463"),
    E(ipo_tau_scales_the_gap, "ipo", "τ times the gap against ½: right minimum, wrong scale"),
    E(ipo_is_sigmoid_dpo, "ipo", 'loss_type is ignored: "ipo" silently trains sigmoid DPO',
      "modelscope/ms-swift #10167"),
    E(ipo_without_reference, "ipo", "the reference was dropped"),
    E(ipo_labels_swapped, "ipo", "chosen and rejected swapped"),
    E(ipo_absolute_error, "ipo", "absolute error where a square is meant"),
    E(sppo_target_without_beta, "sppo", "targets ±½: the factor 1/β is missing",
      "huggingface/trl #1612, fixed in #1615"),
    E(sppo_is_ipo, "sppo", "one square of the margin: this is IPO"),
    E(sppo_rejected_pulled_up, "sppo", "the rejected answer has the chosen answer's target"),
    E(sppo_ignores_rejected, "sppo", "only the chosen answer is trained"),
    E(apo_zero_pushes_rejected_up, "apo_zero", "the sign of the rejected term"),
    E(apo_zero_with_logs, "apo_zero", "log-sigmoids: this is BCO with δ = 0"),
    E(apo_zero_in_the_margin, "apo_zero", "a sigmoid of the margin: no longer anchored"),
    E(apo_down_chosen_sign, "apo_down", "the chosen answer is pushed up, not down"),
    E(apo_down_is_apo_zero, "apo_down", "APO-zero under APO-down's name"),
    E(apo_down_beta_missing_once, "apo_down", "β is missing in the first term"),
    E(bco_as_printed_is_dpo, "bco", "the printed formula is DPO's",
      "huggingface/trl documentation, paper index"),
    E(bco_delta_ignored, "bco", "δ is accepted and ignored", "huggingface/trl #7265, #5079"),
    E(bco_delta_times_beta, "bco", "δ is multiplied by β"),
    E(bco_delta_wrong_side, "bco", "δ is subtracted from the rejected reward with the wrong sign"),
    E(bco_averaged_terms, "bco", "the two terms are averaged, not added"),
    E(nca_pair_without_chosen_noise, "nca_pair", "the noise term of the chosen answer is missing"),
    E(nca_pair_noise_not_halved, "nca_pair", "the noise terms are summed, not averaged"),
]  # fmt: skip
