"""Tests are tested: plant a known bug in place of a loss and require the named laws to fail.

Most of these bugs were found in public code or in the community notes. The laws are the ordinary
tests, loaded a second time so that they can run with fewer examples and without shrinking.
"""

import importlib.util
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import Phase, settings

from tinyalign import losses, optimum
from tinyalign.losses.numerics import log_odds, log_sigmoid, log_softmax, sigmoid, softmax

TESTS = Path(__file__).parents[1]
QUICK = settings(
    max_examples=30, phases=[Phase.generate], derandomize=True, database=None, deadline=None
)


def _load(subject):
    (path,) = TESTS.rglob(f"test_{subject}.py")
    spec = importlib.util.spec_from_file_location(f"laws_{subject}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for test in vars(module).values():
        if hasattr(test, "is_hypothesis_test"):
            QUICK(test)
    return module


LAWS = {}


def law(subject, test, arguments):
    if subject not in LAWS:
        LAWS[subject] = _load(subject)
    getattr(LAWS[subject], f"test_{test}")(**arguments)


def margin(win, lose, ref_w, ref_l):
    return win - ref_w - lose + ref_l


def same(x):
    return x


def k_mean(reward):
    return np.mean(reward, axis=1, keepdims=True)


def double_argsort(reward):
    rank = np.argsort(np.argsort(reward, axis=1), axis=1)
    return (rank - k_mean(rank)) / np.std(rank, axis=1, keepdims=True)


def unclipped(logp, old, a, *, clip_low=0.2, clip_high=0.2):
    return -anp.exp(logp - old) * a


def both_clips(pick, logp, old, a, low, high):
    ratio = anp.exp(logp - old)
    return -pick(ratio * a, anp.clip(ratio, 1 - low, 1 + high) * a)


def leaky_gae(reward, value, mask, *, gamma=1.0, lam=0.95):
    ones = np.ones_like(mask)
    return losses.gae(reward, value, ones, gamma=gamma, lam=lam)


PREFERENCE, FREE, UNPAIRED = "losses_preference", "losses_reference_free", "losses_unpaired"
RANKING, SUPERVISED, KL = "losses_ranking", "losses_supervised", "losses_divergence"
ADVANTAGE, POLICY, AGGREGATE = "losses_advantage", "losses_policy_gradient", "losses_aggregate"
at_reference = (PREFERENCE, "value_and_slopes_at_the_reference_tell_the_losses_apart")
dpo_optimum = (PREFERENCE, "dpo_has_its_population_optimum_at_the_tilted_reference")
swap = (PREFERENCE, "swapping_chosen_and_rejected_in_dpo_adds_the_scaled_margin")
pull = (PREFERENCE, "dpo_pulls_with_the_probability_of_being_wrong")

# what it is: (function, the bug, the laws that must notice)
MUTANTS = {
    "cross-entropy divided by N·T, padding included": (
        "cross_entropy",
        lambda logp, mask: -anp.sum(logp * mask) / mask.size,
        [(SUPERVISED, "a_uniform_policy_costs_log_v")],
    ),
    "cross-entropy without its mask": (
        "cross_entropy",
        lambda logp, mask: -anp.mean(logp),
        [(SUPERVISED, "cross_entropy_is_a_mean_over_all_tokens")],
    ),
    "cross-entropy as a mean of sequence means (TRL #2615)": (
        "cross_entropy",
        lambda logp, mask: -anp.mean(anp.sum(logp * mask, axis=1) / np.sum(mask, axis=1)),
        [(SUPERVISED, "micro_batches_combine_by_their_token_counts")],
    ),
    "reward model with its sign flipped": (
        "bradley_terry",
        lambda w, v, *, margin=0.0, center=0.0: -log_sigmoid(v - w - margin),
        [(SUPERVISED, "reward_model_slopes")],
    ),
    "reward model with σ for log σ": (
        "bradley_terry",
        lambda w, v, *, margin=0.0, center=0.0: -sigmoid(w - v - margin),
        [(SUPERVISED, "a_reward_model_reads_differences")],
    ),
    "reward model with its margin added": (
        "bradley_terry",
        lambda w, v, *, margin=0.0, center=0.0: -log_sigmoid(w - v + margin),
        [(SUPERVISED, "a_margin_is_a_handicap")],
    ),
    "Plackett–Luce that keeps the ranked answers in the draw": (
        "plackett_luce",
        lambda r: -anp.sum(log_softmax(r)[:, :-1], axis=1),
        [(SUPERVISED, "the_probabilities_of_all_orders_sum_to_one")],
    ),
    "DPO without its reference": (
        "dpo",
        lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * (w - v)),
        [(*at_reference, {"name": "dpo"}), swap, (*dpo_optimum, {"name": "dpo"})],
    ),
    "DPO with the live policy as reference (note 004)": (
        "dpo",
        lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * margin(w, v, w, v)),
        [swap, pull],
    ),
    "DPO with σ for log σ": (
        "dpo",
        lambda w, v, rw, rv, *, beta=0.1: -sigmoid(beta * margin(w, v, rw, rv)),
        [swap, (*at_reference, {"name": "dpo"})],
    ),
    "DPO with β outside log σ": (
        "dpo",
        lambda w, v, rw, rv, *, beta=0.1: -beta * log_sigmoid(margin(w, v, rw, rv)),
        [pull, (*at_reference, {"name": "dpo"})],
    ),
    "DPO with the reference added": (
        "dpo",
        lambda w, v, rw, rv, *, beta=0.1: -log_sigmoid(beta * margin(w, v, -rw, -rv)),
        [swap, (*dpo_optimum, {"name": "dpo"})],
    ),
    "cDPO with its smoothing sign flipped": (
        "cdpo",
        lambda *four, beta=0.1, flip=0.1: (
            -(1 - flip) * log_sigmoid(beta * margin(*four))
            + flip * log_sigmoid(-beta * margin(*four))
        ),
        [(PREFERENCE, "cdpo_stops_where_confidence_matches_the_noise")],
    ),
    "robust DPO without 1/(1 − 2ε)": (
        "robust_dpo",
        lambda *four, beta=0.1, flip=0.1: (
            -(1 - flip) * log_sigmoid(beta * margin(*four))
            + flip * log_sigmoid(-beta * margin(*four))
        ),
        [(PREFERENCE, "robust_dpo_is_unbiased_under_flipped_labels")],
    ),
    "IPO as two squares (note 004)": (
        "ipo",
        lambda w, v, rw, rv, *, tau=0.1: (
            anp.square(w - rw - 1 / (2 * tau)) + anp.square(v - rv + 1 / (2 * tau))
        ),
        [
            (PREFERENCE, "ipo_is_a_parabola_about_half_over_tau"),
            (PREFERENCE, "a_constant_per_prompt_cancels", {"name": "ipo"}),
        ],
    ),
    "IPO with target 1/τ": (
        "ipo",
        lambda *four, tau=0.1: anp.square(margin(*four) - 1 / tau),
        [(PREFERENCE, "ipo_has_its_population_optimum_at_the_mean_preference")],
    ),
    "IPO as a squared hinge (note 004's words)": (
        "ipo",
        lambda *four, tau=0.1: anp.square(anp.maximum(1 / (2 * tau) - margin(*four), 0.0)),
        [(PREFERENCE, "ipo_is_a_parabola_about_half_over_tau")],
    ),
    "EXO with the forward KL": (
        "exo_pair",
        lambda *four, beta=0.1, eps=1e-3: losses.cdpo(*four, beta=beta, flip=eps),
        [(PREFERENCE, "exo_pair_is_a_reverse_kl")],
    ),
    "BCO as TRL's paper index prints it, which is DPO": (
        "bco",
        lambda *four, beta=0.1, delta=0.0: losses.dpo(*four, beta=beta),
        [(PREFERENCE, "bco_bounds_dpo_from_above_and_its_terms_separate")],
    ),
    "APO-down with the sign of the chosen flipped": (
        "apo_down",
        lambda w, v, rw, rv, *, beta=0.1: (
            sigmoid(-beta * (w - rw)) + sigmoid(-beta * margin(w, v, rw, rv))
        ),
        [(*at_reference, {"name": "apo_down"})],
    ),
    "SPPO without 1/β (TRL #1612)": (
        "sppo",
        lambda w, v, rw, rv, *, beta=0.1: anp.square(w - rw - 0.5) + anp.square(v - rv + 0.5),
        [(*at_reference, {"name": "sppo"})],
    ),
    "DPOP with its penalty outside the sigmoid": (
        "dpop",
        lambda w, v, rw, rv, *, beta=0.3, lam=50.0: (
            losses.dpo(w, v, rw, rv, beta=beta) + lam * anp.maximum(rw - w, 0.0)
        ),
        [(PREFERENCE, "dpop_penalises_inside_the_sigmoid")],
    ),
    "KTO as note 004 has it: no z₀, −σ": (
        "kto",
        lambda logp, ref, up, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0: (
            -sigmoid(beta * anp.where(up, weight_desirable, -weight_undesirable) * (logp - ref))
        ),
        [
            (UNPAIRED, "kto_moves_with_its_reference_point"),
            (UNPAIRED, "the_two_classes_of_kto_add_up_to_one"),
        ],
    ),
    "KTO with its weights swapped": (
        "kto",
        lambda logp, ref, up, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0: (
            anp.where(
                up,
                weight_undesirable * sigmoid(-beta * (logp - ref - z0)),
                weight_desirable * sigmoid(beta * (logp - ref - z0)),
            )
        ),
        [(UNPAIRED, "kto_is_a_weighted_sigmoid_without_logarithm")],
    ),
    "z₀ that is not clamped": (
        "kto_z0",
        lambda logp, ref: anp.mean(logp - ref),
        [(UNPAIRED, "the_reference_point_is_a_clamped_mean")],
    ),
    "ORPO with log-ratios for log-odds": (
        "odds_ratio",
        lambda w, v: -log_sigmoid(w - v),
        [(FREE, "the_odds_ratio_term_is_logistic_in_the_log_odds")],
    ),
    "ORPO with log(1.0001 − e^a) (ColossalAI #6407)": (
        "odds_ratio",
        lambda w, v: (
            -log_sigmoid(w - anp.log(1.0001 - anp.exp(w)) - v + anp.log(1.0001 - anp.exp(v)))
        ),
        [(FREE, "the_odds_ratio_near_certainty")],
    ),
    "ORPO that drops the likelihood": (
        "orpo",
        lambda w, v, nll, *, lam=0.1: lam * -log_sigmoid(log_odds(w) - log_odds(v)),
        [(FREE, "orpo_adds_the_likelihood_of_the_chosen_answer")],
    ),
    "SimPO with γ multiplied by β": (
        "simpo",
        lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v - gamma)),
        [(FREE, "simpo_is_log_2_exactly_at_its_target_margin")],
    ),
    "TPO that scores gold against win": (
        "tpo",
        lambda w, v, nll, *, beta=0.01, alpha=1.0: (
            -log_sigmoid(beta * (w - v)) - log_sigmoid(beta * (-nll - w)) + alpha * nll
        ),
        [
            (FREE, "tpo_compares_win_with_lose_and_nothing_with_gold"),
            (
                FREE,
                "the_likelihood_enters_through_its_weight_alone",
                {"name": "tpo", "weight": "alpha"},
            ),
        ],
    ),
    "TPO-L with γ inside β": (
        "tpo_l",
        lambda w, v, nll, *, beta=2.0, gamma=0.5, alpha=1.0: (
            -log_sigmoid(beta * (w - v - gamma)) + alpha * nll
        ),
        [(FREE, "the_margin_of_tpo_l_is_not_multiplied_by_beta")],
    ),
    "RRHF with log σ and a normaliser (note 004)": (
        "rrhf",
        lambda p, r, nll, *, weight=1.0: (
            anp.sum(
                anp.where(
                    r[:, :, None] < r[:, None, :], -log_sigmoid(p[:, None, :] - p[:, :, None]), 0.0
                ),
                axis=(1, 2),
            )
            / (p.shape[1] * (p.shape[1] - 1))
        ),
        [(RANKING, "rrhf_of_a_reversed_triple_is_four")],
    ),
    "RRHF with the order reversed": (
        "rrhf",
        lambda p, r, nll, *, weight=1.0: anp.sum(
            anp.where(
                r[:, :, None] > r[:, None, :], anp.maximum(p[:, :, None] - p[:, None, :], 0.0), 0.0
            ),
            axis=(1, 2),
        ),
        [(RANKING, "rrhf_is_a_sum_of_hinges_over_misordered_pairs")],
    ),
    "RRHF that counts ties": (
        "rrhf",
        lambda p, r, nll, *, weight=1.0: anp.sum(
            anp.where(
                r[:, :, None] <= r[:, None, :], anp.maximum(p[:, :, None] - p[:, None, :], 0.0), 0.0
            ),
            axis=(1, 2),
        ),
        [(RANKING, "rrhf_reads_only_the_order_of_the_rewards")],
    ),
    "InfoNCA with α multiplied": (
        "infonca",
        lambda h, r, *, beta=0.01, alpha=1.0: (
            -anp.sum(softmax(r * alpha) * log_softmax(beta * h), axis=1)
        ),
        [(RANKING, "infonca_has_its_optimum_on_every_subset_of_candidates")],
    ),
    "NCA with its second term summed": (
        "nca",
        lambda h, r, *, beta=0.01, alpha=1.0: (
            -anp.sum(softmax(r / alpha) * log_sigmoid(beta * h) + log_sigmoid(-beta * h), axis=1)
        ),
        [(RANKING, "nca_pins_every_log_ratio")],
    ),
    "acceptance by σ(r/β)": (
        "rejection_sample",
        lambda r, *, beta, rng, max_reward=None: rng.random(r.shape) < sigmoid(r / beta),
        [(RANKING, "rejection_sampling_draws_from_the_tilted_reference")],
    ),
    "k1 with its sign flipped (rlhf-book)": (
        "k1",
        lambda logp, ref: ref - logp,
        [(KL, "k1_and_k3_are_exactly_kl_in_expectation")],
    ),
    "k1 clamped at 0 (alpaca_farm)": (
        "k1",
        lambda logp, ref: anp.maximum(logp - ref, 0.0),
        [(KL, "k1_and_k3_are_exactly_kl_in_expectation")],
    ),
    "k2 without its ½": (
        "k2",
        lambda logp, ref: anp.square(logp - ref),
        [(KL, "as_losses_the_estimators_follow_three_different_gradients")],
    ),
    "k3 upside down (rlhf-book)": (
        "k3",
        lambda logp, ref: anp.expm1(logp - ref) - (logp - ref),
        [(KL, "k1_and_k3_are_exactly_kl_in_expectation")],
    ),
    "k3 without −1": (
        "k3",
        lambda logp, ref: anp.exp(ref - logp) - (ref - logp),
        [(KL, "all_estimators_vanish_at_equality_and_agree_nearby")],
    ),
    "GAE that reads padding (ROLL #447)": (
        "gae",
        leaky_gae,
        [(ADVANTAGE, "gae_is_the_explicit_double_sum_and_never_reads_padding")],
    ),
    "returns that are the rewards (rlhf-book PR #216)": (
        "gae",
        lambda reward, value, mask, **kw: (losses.gae(reward, value, mask, **kw)[0], reward),
        [(ADVANTAGE, "returns_satisfy_their_recursion")],
    ),
    "the score on the last column (TRL #3750)": (
        "kl_shaped_reward",
        lambda score, logp, ref, mask, *, beta: (
            -beta * np.where(mask > 0, logp - ref, 0) + score[:, None] * np.eye(mask.shape[1])[-1]
        ),
        [(ADVANTAGE, "the_score_finds_the_last_token_of_any_mask")],
    ),
    "the KL as a bonus": (
        "kl_shaped_reward",
        lambda score, logp, ref, mask, *, beta: losses.kl_shaped_reward(
            score, ref, logp, mask, beta=beta
        ),
        [(ADVANTAGE, "shaped_rewards_add_up_to_the_score_minus_the_kl")],
    ),
    "an inverted KL controller": (
        "adaptive_beta",
        lambda beta, kl, *, target, n, horizon: (
            beta * (1 - np.clip(kl / target - 1, -0.2, 0.2) * n / horizon)
        ),
        [(ADVANTAGE, "the_controller_moves_beta_towards_its_target")],
    ),
    "GRPO normalised over the batch (TRL #3992)": (
        "group_standardize",
        lambda r, *, eps=1e-4, ddof=1: (r - k_mean(r)) / (np.std(r, ddof=ddof) + eps),
        [(ADVANTAGE, "standardising_divides_by_std_plus_eps")],
    ),
    "GRPO with ddof 0 always": (
        "group_standardize",
        lambda r, *, eps=1e-4, ddof=1: (r - k_mean(r)) / (np.std(r, axis=1, keepdims=True) + eps),
        [(ADVANTAGE, "standardising_divides_by_std_plus_eps")],
    ),
    "no baseline at all": (
        "group_center",
        same,
        [(ADVANTAGE, "centred_rewards_are_the_rewards_minus_their_mean")],
    ),
    "ranks by argsort of argsort (note 004)": (
        "group_rank",
        double_argsort,
        [(ADVANTAGE, "tied_ranks_are_averaged")],
    ),
    "leave-one-out that keeps the own sample": (
        "leave_one_out",
        lambda r: r - k_mean(r),
        [
            (
                ADVANTAGE,
                "leave_one_out_is_unbiased_and_the_mean_baseline_is_not",
                {"size": 2},
            )
        ],
    ),
    "PPO with max for min": (
        "clipped_surrogate",
        lambda logp, old, a, *, clip_low=0.2, clip_high=0.2: both_clips(
            anp.maximum, logp, old, a, clip_low, clip_high
        ),
        [(POLICY, "the_clip_in_all_four_quadrants"), (POLICY, "clipping_can_only_raise_the_loss")],
    ),
    "PPO without the clip": (
        "clipped_surrogate",
        unclipped,
        [(POLICY, "the_clip_in_all_four_quadrants")],
    ),
    "PPO with 1 + Δ for e^Δ": (
        "clipped_surrogate",
        lambda logp, old, a, *, clip_low=0.2, clip_high=0.2: both_clips(
            anp.minimum, anp.log(1 + logp - old + 9), np.log(9.0), a, clip_low, clip_high
        ),
        [(POLICY, "the_clip_in_all_four_quadrants")],
    ),
    "PPO with its ratio inverted": (
        "clipped_surrogate",
        lambda logp, old, a, *, clip_low=0.2, clip_high=0.2: both_clips(
            anp.minimum, -logp, -old, a, clip_low, clip_high
        ),
        [(POLICY, "the_clip_in_all_four_quadrants")],
    ),
    "PPO with old = current (TRL #2703)": (
        "clipped_surrogate",
        lambda logp, old, a, *, clip_low=0.2, clip_high=0.2: -a + 0 * logp,
        [(POLICY, "at_ratio_one_the_clipped_surrogate_is_reinforce")],
    ),
    "GSPO with a summed log-ratio": (
        "sequence_clipped_surrogate",
        lambda logp, old, a, mask, *, clip_low=3e-4, clip_high=4e-4: both_clips(
            anp.minimum, anp.sum((logp - old) * mask, axis=1), 0.0, a[:, 0], clip_low, clip_high
        ),
        [(POLICY, "one_sequence_ratio_is_the_geometric_mean_of_the_token_ratios")],
    ),
    "CISPO capped at ε_high, not 1 + ε_high": (
        "truncated_importance",
        lambda logp, old, a, *, clip_high: losses.truncated_importance(
            logp, old, a, clip_high=max(clip_high - 1, 0)
        ),
        [(POLICY, "truncated_importance_never_drops_a_token")],
    ),
    "value clip with min": (
        "value_loss",
        lambda v, old, r, *, clip=0.2: (
            0.5 * anp.minimum((v - r) ** 2, (old + anp.clip(v - old, -clip, clip) - r) ** 2)
        ),
        [(POLICY, "the_clipped_value_loss_bounds_half_the_squared_error")],
    ),
    "entropy with its sign flipped": (
        "entropy",
        lambda z: anp.sum(softmax(z) * log_softmax(z), axis=-1),
        [(POLICY, "entropy_of_equal_logits_and_of_one_hot")],
    ),
    "overlong penalty without a floor": (
        "overlong_penalty",
        lambda n, *, max_length, buffer: np.minimum((max_length - buffer - n) / buffer, 0.0),
        [(POLICY, "the_overlong_penalty_is_zero_then_linear_then_minus_one")],
    ),
    "fixed-length mean by the padded width (verl)": (
        "fixed_length_mean",
        lambda x, mask, *, length: anp.sum(anp.where(mask > 0, x, 0.0)) / mask.shape[1],
        [(AGGREGATE, "token_weights_show_who_counts")],
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_noticed(name, monkeypatch):
    """The laws pass on the library (the other tests) and each named one fails on the mutant."""
    function, mutant, laws = MUTANTS[name]
    original = getattr(losses, function)

    def planted(*args, **kwargs):
        with monkeypatch.context() as inner:  # a mutant may be written with the right function
            inner.setattr(losses, function, original)
            return mutant(*args, **kwargs)

    planted.__name__ = function
    monkeypatch.setattr(losses, function, planted)
    for subject, test, *arguments in laws:
        with pytest.raises(AssertionError):
            law(subject, test, arguments[0] if arguments else {})


OPTIMUM_MUTANTS = {
    "π* with β multiplied": (
        "optimal_policy",
        lambda p, r, *, beta: p * np.exp(r * beta) / np.sum(p * np.exp(r * beta)),
        "the_rlhf_optimum_has_zero_gradient_and_the_value_beta_log_z",
    ),
    "π* that forgets the reference": (
        "optimal_policy",
        lambda p, r, *, beta: np.exp(r / beta) / np.sum(np.exp(r / beta)),
        "the_rlhf_optimum_has_zero_gradient_and_the_value_beta_log_z",
    ),
    "best-of-n as a tilted reference": (
        "best_of_n",
        lambda p, r, n: p * np.exp(r * np.log(n)) / np.sum(p * np.exp(r * np.log(n))),
        "best_of_n_stays_within_its_bounds",
    ),
    "best-of-n with all of a tie to every member": (
        "best_of_n",
        lambda p, r, n: np.array([sum(p[r <= x]) ** n - sum(p[r < x]) ** n for x in r]),
        "best_of_n_composes",
    ),
}


@pytest.mark.parametrize("name", OPTIMUM_MUTANTS)
def test_a_wrong_optimum_is_noticed(name, monkeypatch):
    """As above, for the closed forms."""
    function, mutant, test = OPTIMUM_MUTANTS[name]
    monkeypatch.setattr(optimum, function, mutant)
    with pytest.raises(AssertionError):
        law("optimum", test, {})
