"""Wrong versions of SimPO, ORPO, CPO, SLiC, TPO and KTO."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def softplus(x):
    return np.logaddexp(0, x)


def log_odds(a):
    return a - np.log(-np.expm1(a))


def simpo_gamma_times_beta(win, lose, *, beta, gamma):
    return softplus(-beta * (win - lose - gamma))


def simpo_gamma_added(win, lose, *, beta, gamma):
    return softplus(-(beta * (win - lose) + gamma))


def simpo_gamma_ignored(win, lose, *, beta, gamma):
    return softplus(-beta * (win - lose))


def simpo_naive_log_sigmoid(win, lose, *, beta, gamma):
    return -np.log(1 / (1 + np.exp(gamma - beta * (win - lose))))


def simpo_sums_where_means_are_meant(win, lose, *, beta, gamma):
    n_win, n_lose = 4, 6  # tokens of a typical pair
    return softplus(gamma - beta * (n_win * win - n_lose * lose))


def odds_ratio_is_a_log_ratio(win, lose, *, lam=1.0):
    return lam * softplus(-(win - lose))


def odds_ratio_log1p_exp(win, lose, *, lam=1.0):
    odds_win = win - np.log1p(-np.exp(win))
    odds_lose = lose - np.log1p(-np.exp(lose))
    return lam * softplus(odds_lose - odds_win)


def odds_ratio_fudge(win, lose, *, lam=1.0):
    odds_win = win - np.log(1.0001 - np.exp(win))
    odds_lose = lose - np.log(1.0001 - np.exp(lose))
    return lam * softplus(odds_lose - odds_win)


def odds_ratio_clamped(win, lose, *, lam=1.0):
    win, lose = np.minimum(win, -1e-3), np.minimum(lose, -1e-3)
    return lam * softplus(log_odds(lose) - log_odds(win))


def odds_ratio_sign_of_complement(win, lose, *, lam=1.0):
    odds_win = win + np.log(-np.expm1(win))
    odds_lose = lose + np.log(-np.expm1(lose))
    return lam * softplus(odds_lose - odds_win)


def odds_ratio_of_sums(win, lose, *, lam=1.0):
    return lam * softplus(log_odds(6 * lose) - log_odds(4 * win))  # sums over 6 and 4 tokens


def odds_ratio_slope_of_both_branches(win, lose, *, lam=1.0):
    import autograd.numpy as anp  # values and slopes, as in the original

    def log1mexp(a):
        near, far = anp.log(-anp.expm1(a)), anp.log1p(-anp.exp(a))
        return anp.where(a > -0.6931, near, far)

    return lam * anp.logaddexp(0, lose - log1mexp(lose) - win + log1mexp(win))


def orpo_drops_the_nll(win, lose, nll, *, lam):
    return lam * softplus(log_odds(lose) - log_odds(win))


def orpo_note_004(win, lose, nll, *, lam):
    nll = -4 * win  # the summed log-prob of a four-token answer, where a mean is meant
    odds_win = 4 * win - np.log1p(-np.exp(4 * win))
    odds_lose = 4 * lose - np.log1p(-np.exp(4 * lose))
    return nll + lam * softplus(odds_lose - odds_win)


def orpo_log1p_exp(win, lose, nll, *, lam):
    odds_win = win - np.log1p(-np.exp(win))
    odds_lose = lose - np.log1p(-np.exp(lose))
    return nll + lam * softplus(odds_lose - odds_win)


def orpo_lambda_on_the_nll(win, lose, nll, *, lam):
    return lam * nll + softplus(log_odds(lose) - log_odds(win))


def orpo_odds_term_subtracted(win, lose, nll, *, lam):
    return nll - lam * softplus(log_odds(lose) - log_odds(win))


def orpo_sign_of_complement(win, lose, nll, *, lam):
    return nll + odds_ratio_sign_of_complement(win, lose, lam=lam)


def cpo_nll_dropped(win, lose, nll, *, beta, alpha):
    return softplus(-beta * (win - lose))


def cpo_beta_on_chosen_only(win, lose, nll, *, beta, alpha):
    return softplus(-(beta * win - lose)) + alpha * nll


def cpo_alpha_on_the_preference(win, lose, nll, *, beta, alpha):
    return alpha * softplus(-beta * (win - lose)) + nll


def slic_not_floored(win, lose, nll, *, delta, lam):
    return delta - win + lose + lam * nll


def slic_takes_the_minimum(win, lose, nll, *, delta, lam):
    return np.minimum(0.0, delta - win + lose) + lam * nll


def slic_order_reversed(win, lose, nll, *, delta, lam):
    return np.maximum(0, delta + win - lose) + lam * nll


def slic_ratio_hinge(win, lose, nll, *, delta, lam):
    return np.maximum(0, 1 - (win - lose) / delta) + lam * nll


def slic_logistic(win, lose, nll, *, delta, lam):
    return softplus(delta - win + lose) + lam * nll


def slic_regulariser_sign(win, lose, nll, *, delta, lam):
    return np.maximum(0, delta - win + lose) - lam * nll


def tpo_scores_gold_against_win(win, lose, nll, *, beta, alpha):
    return softplus(-beta * (win - lose)) + softplus(-beta * (-nll - win)) + alpha * nll


def tpo_alpha_on_the_preference(win, lose, nll, *, beta, alpha):
    return alpha * softplus(-beta * (win - lose)) + nll


def tpo_learns_chosen_not_gold(win, lose, nll, *, beta, alpha):
    return softplus(-beta * (win - lose)) - alpha * win


def tpo_reward_without_beta(win, lose, nll, *, beta, alpha):
    return softplus(-(win - lose)) + alpha * nll


def tpo_l_gamma_inside_beta(win, lose, nll, *, beta, gamma, alpha):
    return softplus(-beta * (win - lose - gamma)) + alpha * nll


def tpo_l_gamma_sign(win, lose, nll, *, beta, gamma, alpha):
    return softplus(-(beta * (win - lose) + gamma)) + alpha * nll


def tpo_l_gold_counted_twice(win, lose, nll, *, beta, gamma, alpha):
    return softplus(gamma - beta * (win - lose)) + 2 * alpha * nll


E = Exhibit
EXHIBITS = [
    E(simpo_gamma_times_beta, "simpo", "γ is multiplied by β",
      "natolambert/rlhf-book documentation"),
    E(simpo_gamma_added, "simpo", "the margin's sign: γ helps instead of asking for more"),
    E(simpo_gamma_ignored, "simpo", "γ is accepted and ignored"),
    E(simpo_naive_log_sigmoid, "simpo", "log(sigmoid(z)) overflows to inf when far wrong",
      "huggingface/trl #2274 (there in DPO)"),
    E(simpo_sums_where_means_are_meant, "simpo", "sums of log-probs: long answers count for more",
      "ContextualAI/HALOs d8fd14f (length clamped to 1)"),
    E(odds_ratio_is_a_log_ratio, "odds_ratio", "a ratio of probabilities, not of odds"),
    E(odds_ratio_log1p_exp, "odds_ratio", "log1p(-exp(a)): infinite where p is near 1",
      "note 004 line 574; huggingface/trl #1491, before #4763"),
    E(odds_ratio_fudge, "odds_ratio", "log(1.0001 - p) to dodge the infinity: wrong near p = 1",
      "hpcaitech/ColossalAI #6407"),
    E(odds_ratio_clamped, "odds_ratio", "log-probs clamped at -0.001: no slope above",
      "axolotl-ai-cloud/axolotl #3910"),
    E(odds_ratio_sign_of_complement, "odds_ratio", "+log(1-p): p(1-p) instead of p/(1-p)"),
    E(odds_ratio_of_sums, "odds_ratio", "summed log-probs: odds of a whole text, all but 0",
      "note 004 line 569"),
    E(odds_ratio_slope_of_both_branches, "odds_ratio",
      "where() keeps one branch's value, but 0 · ∞ = nan comes back from the other's slope",
      "huggingface/trl 1.16 (experimental/orpo, log1mexp)"),
    E(orpo_drops_the_nll, "orpo", "the likelihood term is missing"),
    E(orpo_note_004, "orpo", "summed log-probs in the odds and in the NLL",
      "note 004 lines 569-578"),
    E(orpo_log1p_exp, "orpo", "log1p(-exp(a)): infinite where an answer is all but certain",
      "hiyouga/LLaMA-Factory ff6d4d1 dpo/trainer.py; huggingface/trl #3237"),
    E(orpo_lambda_on_the_nll, "orpo", "λ weighs the likelihood, not the odds"),
    E(orpo_odds_term_subtracted, "orpo", "the odds term is subtracted"),
    E(orpo_sign_of_complement, "orpo", "+log(1-p): p(1-p) instead of p/(1-p)"),
    E(cpo_nll_dropped, "cpo", "the likelihood term is missing"),
    E(cpo_beta_on_chosen_only, "cpo", "β scales one log-prob and not the other"),
    E(cpo_alpha_on_the_preference, "cpo", "α weighs the preference, not the likelihood"),
    E(slic_takes_the_minimum, "slic", "min for max: only pairs that are right enough count"),
    E(slic_not_floored, "slic", "no floor at 0: pushes for ever"),
    E(slic_order_reversed, "slic", "chosen and rejected swapped"),
    E(slic_ratio_hinge, "slic", "a hinge in units of δ: smaller by 1/δ"),
    E(slic_logistic, "slic", "a soft hinge: never 0"),
    E(slic_regulariser_sign, "slic", "the likelihood is pushed down"),
    E(tpo_scores_gold_against_win, "tpo", "gold is compared with chosen, which TPO never does",
      "note 000 line 22"),
    E(tpo_alpha_on_the_preference, "tpo", "α weighs the preference, not the gold likelihood"),
    E(tpo_learns_chosen_not_gold, "tpo", "the likelihood of chosen instead of gold"),
    E(tpo_reward_without_beta, "tpo", "β is missing: the reward is the bare log-prob",
      "note 000 line 21"),
    E(tpo_l_gamma_inside_beta, "tpo_l", "γ is multiplied by β"),
    E(tpo_l_gamma_sign, "tpo_l", "the margin's sign"),
    E(tpo_l_gold_counted_twice, "tpo_l", "the gold likelihood is added twice"),
]  # fmt: skip
