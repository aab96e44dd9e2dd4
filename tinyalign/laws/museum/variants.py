"""Wrong f-DPO, WPO and its weight, label smoothing."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


def js_is_plain_dpo(win, lose, ref_win, ref_lose, *, beta):
    return -log_sigmoid(beta * (win - ref_win - lose + ref_lose))


def js_without_reference(win, lose, ref_win, ref_lose, *, beta):
    return -log_sigmoid(beta * (log_sigmoid(win) - log_sigmoid(lose)))


def js_sign(win, lose, ref_win, ref_lose, *, beta):
    return -log_sigmoid(beta * (log_sigmoid(ref_win - win) - log_sigmoid(ref_lose - lose)))


def js_of_the_margin(win, lose, ref_win, ref_lose, *, beta):
    return -log_sigmoid(beta * (np.log(2.0) + log_sigmoid(win - ref_win - lose + ref_lose)))


def js_naive_logarithm(win, lose, ref_win, ref_lose, *, beta):
    u, v = np.exp(win - ref_win), np.exp(lose - ref_lose)
    return -log_sigmoid(beta * (np.log(2 * u / (1 + u)) - np.log(2 * v / (1 + v))))


def alpha_forgets_to_divide(win, lose, ref_win, ref_lose, *, beta, alpha):
    gap = np.exp(-alpha * (lose - ref_lose)) - np.exp(-alpha * (win - ref_win))
    return -log_sigmoid(beta * gap)


def alpha_exponent_sign(win, lose, ref_win, ref_lose, *, beta, alpha):
    gap = np.exp(alpha * (win - ref_win)) - np.exp(alpha * (lose - ref_lose))
    return -log_sigmoid(beta * gap / alpha)


def alpha_is_always_forward_kl(win, lose, ref_win, ref_lose, *, beta, alpha):
    return -log_sigmoid(beta * (np.exp(ref_lose - lose) - np.exp(ref_win - win)))


def alpha_swaps_the_pair(win, lose, ref_win, ref_lose, *, beta, alpha):
    gap = np.exp(-alpha * (win - ref_win)) - np.exp(-alpha * (lose - ref_lose))
    return -log_sigmoid(beta * gap / alpha)


def alpha_reads_no_reference(win, lose, ref_win, ref_lose, *, beta, alpha):
    gap = np.exp(-alpha * (lose - win)) - 1.0
    return -log_sigmoid(beta * gap / alpha)


def dpo(win, lose, ref_win, ref_lose, beta):
    return -log_sigmoid(beta * (win - ref_win - lose + ref_lose))


def wpo_not_capped(win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta):
    return np.exp(chosen_log_weight + rejected_log_weight) * dpo(win, lose, ref_win, ref_lose, beta)


def wpo_adds_the_weights(
    win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta
):
    return np.minimum((np.exp(chosen_log_weight) + np.exp(rejected_log_weight)) / 2, 1.0) * dpo(
        win, lose, ref_win, ref_lose, beta
    )


def wpo_weighs_the_chosen_only(
    win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta
):
    return np.exp(np.minimum(chosen_log_weight, 0.0)) * dpo(win, lose, ref_win, ref_lose, beta)


def wpo_weight_in_the_margin(
    win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta
):
    return dpo(
        win,
        lose,
        ref_win,
        ref_lose,
        beta * np.exp(np.minimum(chosen_log_weight + rejected_log_weight, 0.0)),
    )


def wpo_weights_are_logarithms(
    win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta
):
    return np.minimum(chosen_log_weight * rejected_log_weight, 1.0) * dpo(
        win, lose, ref_win, ref_lose, beta
    )


def wpo_caps_each(win, lose, ref_win, ref_lose, chosen_log_weight, rejected_log_weight, *, beta):
    both = np.minimum(chosen_log_weight, 0.0) + np.minimum(rejected_log_weight, 0.0)
    return np.exp(both) * dpo(win, lose, ref_win, ref_lose, beta)


def log_softmax(x):
    x = x - np.max(x, axis=-1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def log_weight_not_aligned(logp, logits, mask):
    return np.sum(logp * mask, axis=1) / np.sum(mask, axis=1)


def log_weight_greedy(logp, logits, mask):
    own = np.max(log_softmax(logits), axis=-1)
    return np.sum((logp - own) * mask, axis=1) / np.sum(mask, axis=1)


def log_weight_summed(logp, logits, mask):
    own = np.log(np.sum(np.exp(2 * log_softmax(logits)), axis=-1))
    return np.sum((logp - own) * mask, axis=1)


def log_weight_of_raw_logits(logp, logits, mask):
    own = np.log(np.sum(np.exp(2 * logits), axis=-1))
    return np.sum((logp - own) * mask, axis=1) / np.sum(mask, axis=1)


def log_weight_forgets_the_mask(logp, logits, mask):
    own = np.log(np.sum(np.exp(2 * log_softmax(logits)), axis=-1))
    return np.mean(logp - own, axis=1)


def log_weight_naive_softmax(logp, logits, mask):
    p = np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)
    own = np.log(np.sum(p**2, axis=-1))
    return np.sum((logp - own) * mask, axis=1) / np.sum(mask, axis=1)


def smooth(z, flip):
    return -(1 - flip) * log_sigmoid(z) - flip * log_sigmoid(-z)


def simpo_smoothing_ignored(win, lose, *, beta, gamma, flip):
    return -log_sigmoid(beta * (win - lose) - gamma)


def simpo_smoothing_sign(win, lose, *, beta, gamma, flip):
    z = beta * (win - lose) - gamma
    return -(1 - flip) * log_sigmoid(z) + flip * log_sigmoid(-z)


def simpo_flips_the_margin_too(win, lose, *, beta, gamma, flip):
    gap = beta * (win - lose)
    return -(1 - flip) * log_sigmoid(gap - gamma) - flip * log_sigmoid(-gap - gamma)


def simpo_smooths_the_target(win, lose, *, beta, gamma, flip):
    return -log_sigmoid((1 - 2 * flip) * (beta * (win - lose) - gamma))


def simpo_smoothing_adds_the_margin(win, lose, *, beta, gamma, flip):
    return smooth(beta * (win - lose) + gamma, flip)


def cpo_smoothing_without_likelihood(win, lose, nll, *, beta, alpha, flip):
    return smooth(beta * (win - lose), flip)


def cpo_smoothing_ignored(win, lose, nll, *, beta, alpha, flip):
    return -log_sigmoid(beta * (win - lose)) + alpha * nll


def cpo_smoothing_sign(win, lose, nll, *, beta, alpha, flip):
    z = beta * (win - lose)
    return -(1 - flip) * log_sigmoid(z) + flip * log_sigmoid(-z) + alpha * nll


def cpo_smooths_the_likelihood(win, lose, nll, *, beta, alpha, flip):
    return smooth(beta * (win - lose), flip) + (1 - flip) * alpha * nll


def cpo_smoothing_squared(win, lose, nll, *, beta, alpha, flip):
    return smooth(beta * (win - lose), flip**2) + alpha * nll


E = Exhibit
JS, ALPHA, WEIGHT = "f_dpo_js", "f_dpo_alpha", "wpo_log_weight"
SIMPO, CPO = "conservative_simpo", "conservative_cpo"
EXHIBITS = [
    E(js_is_plain_dpo, JS, "log u where log(2u/(1+u)) is meant"),
    E(js_without_reference, JS, "probabilities where ratios are meant"),
    E(js_sign, JS, "the ratio upside down: rejected up"),
    E(js_of_the_margin, JS, "f' of the difference, not the difference of f'"),
    E(js_naive_logarithm, JS, "u itself is computed: inf and nan far out"),
    E(alpha_forgets_to_divide, ALPHA, "1/α is missing"),
    E(alpha_exponent_sign, ALPHA, "the exponent's sign: α for -α"),
    E(alpha_is_always_forward_kl, ALPHA, "α is not read: the forward KL"),
    E(alpha_swaps_the_pair, ALPHA, "chosen and rejected swapped: it unlearns"),
    E(alpha_reads_no_reference, ALPHA, "the other answer in place of the reference"),
    E(wpo_not_capped, "wpo", "the weight is not capped at 1"),
    E(wpo_adds_the_weights, "wpo", "the mean of both weights, not their product"),
    E(wpo_weighs_the_chosen_only, "wpo", "only the chosen answer's weight"),
    E(wpo_weight_in_the_margin, "wpo", "the weight scales the margin, not the loss"),
    E(wpo_weights_are_logarithms, "wpo", "log-weights multiplied as if they were weights"),
    E(wpo_caps_each, "wpo", "each weight capped, not their product"),
    E(log_weight_not_aligned, WEIGHT, "not aligned: the mean log-prob alone"),
    E(log_weight_greedy, WEIGHT, "measured from the likeliest token, the paper's other alignment"),
    E(log_weight_summed, WEIGHT, "a sum over tokens, not a mean"),
    E(log_weight_of_raw_logits, WEIGHT, "logits used as log-probabilities"),
    E(log_weight_forgets_the_mask, WEIGHT, "padding enters the mean"),
    E(log_weight_naive_softmax, WEIGHT, "a softmax that overflows"),
    E(simpo_smoothing_ignored, SIMPO, "label smoothing is not read"),
    E(simpo_smoothing_sign, SIMPO, "the sign of the smoothing term"),
    E(simpo_flips_the_margin_too, SIMPO, "a swapped pair with the margin left as it was"),
    E(simpo_smooths_the_target, SIMPO, "the argument is shrunk, not the label"),
    E(simpo_smoothing_adds_the_margin, SIMPO, "the margin is added"),
    E(cpo_smoothing_without_likelihood, CPO, "the likelihood term is missing"),
    E(cpo_smoothing_ignored, CPO, "label smoothing is not read"),
    E(cpo_smoothing_sign, CPO, "the sign of the smoothing term"),
    E(cpo_smooths_the_likelihood, CPO, "the likelihood is smoothed too"),
    E(cpo_smoothing_squared, CPO, "ε applied twice"),
]  # fmt: skip
