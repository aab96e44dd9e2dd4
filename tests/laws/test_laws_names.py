"""Arrays go by what their names say, never by their place against it."""

import numpy as np
import pytest

from tinyalign.laws import CannotCall
from tinyalign.laws.binding.roles import match_by_name
from tinyalign.laws.binding.signature import match
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.museum.reference_free import odds_ratio_log1p_exp
from tinyalign.laws.scan.judging import _with_subject
from tinyalign.losses import odds_ratio

PAIR = BY_NAME["dpo"].arrays
AVERAGES = BY_NAME["simpo"].arrays
TOKENS = BY_NAME["clipped_surrogate"].arrays


def examined(fn, name, **conventions):
    return examine(fn, BY_NAME[name], conventions, setting=repeatable_settings(6, shrink=False))


def surrogate(new, old, advantage, eps):
    ratio = np.exp(new - old)
    return -np.minimum(ratio * advantage, np.clip(ratio, 1 - eps, 1 + eps) * advantage)


def dpo(w, lose, ref_w, ref_l, beta):
    return np.logaddexp(0, -beta * (w - ref_w - lose + ref_l))


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        (TOKENS, "log_prob old_log_prob advantages"),
        (TOKENS, "logprobs old_logprobs advantages"),
        (TOKENS, "new_logprobs old_logprobs adv"),
        (TOKENS, "curr_logprobs prev_logprobs advantages"),
        (TOKENS, "action_log_probs old_action_log_probs advantages"),
        (PAIR, "policy_chosen_logps policy_rejected_logps reference_chosen_logps "
               "reference_rejected_logps"),
        (PAIR, "chosen_logps rejected_logps ref_chosen_logps ref_rejected_logps"),
        (PAIR, "pi_logps_w pi_logps_l ref_logps_w ref_logps_l"),
        (PAIR, "chosen reject reference_chosen reference_reject"),
        (AVERAGES, "reward_chosen reward_rejected"),
        (AVERAGES, "score_w score_l"),
        (AVERAGES, "winning_logps losing_logps"),
        (BY_NAME["bradley_terry"].arrays, "r_w r_l"),
        (BY_NAME["bradley_terry"].arrays, "chosen_logits rejected_logits"),
        (BY_NAME["rrhf"].arrays, "logps scores nll"),
        (BY_NAME["k1"].arrays, "log_probs log_probs_base"),
        (BY_NAME["gae"].arrays, "token_level_rewards values response_mask"),
        (BY_NAME["value_loss"].arrays, "vpreds old_values returns"),
    ],
)  # fmt: skip
def test_the_names_of_many_projects_in_any_order(arrays, names):
    want = dict(zip(arrays, names.split(), strict=True))
    assert match_by_name(arrays, names.split()) == want
    assert match_by_name(arrays, names.split()[::-1]) == want


def test_scores_beside_rewards_are_no_rewards():
    def rrhf(scores, rw_scores, sft_loss):
        gap = scores[:, :, None] - scores[:, None, :]
        worse = rw_scores[:, :, None] < rw_scores[:, None, :]
        return np.sum(np.maximum(0.0, gap) * worse, axis=(1, 2)) + sft_loss

    assert examined(rrhf, "rrhf").exit_code == 0


def test_old_before_new_is_no_bug():
    def verl_order(old_log_prob, log_prob, advantages, cliprange=0.2):
        return surrogate(log_prob, old_log_prob, advantages, cliprange)

    report = examined(verl_order, "clipped_surrogate")
    assert report.exit_code == 0
    assert "Matched by name: log_prob as logp, old_log_prob as old_logp." in report.notes

    def inverted(old_log_prob, log_prob, advantages, cliprange=0.2):
        return surrogate(old_log_prob, log_prob, advantages, cliprange)

    assert "ppo_ratio_inverted" in examined(inverted, "clipped_surrogate").diagnosis


def test_a_name_that_says_another_array_is_never_bound_by_place():
    def odd(old_logp_1, old_logp_2, advantage, eps=0.2):
        return surrogate(old_logp_1, old_logp_2, advantage, eps)

    with pytest.raises(CannotCall):
        match(odd, BY_NAME["clipped_surrogate"], "odd")


def test_where_names_say_nothing_the_order_that_is_right_is_said():
    report = examined(lambda a, b, c, d, beta: dpo(a, c, d, b, beta), "dpo")
    assert report.exit_code == 0
    assert any("this order makes it right: " in note for note in report.notes)


def test_where_the_other_order_is_a_known_bug_only_a_name_can_tell():
    with pytest.raises(CannotCall, match=r"b as chosen_logp|Name them as they are"):
        examined(lambda a, b, c, d, beta: dpo(b, a, d, c, beta), "dpo")
    with pytest.raises(CannotCall, match="ppo_ratio_inverted"):
        examined(lambda a, b, advantage, eps: surrogate(b, a, advantage, eps), "clipped_surrogate")


def test_numbers_go_by_the_names_of_many_projects():
    def loss(logp, old_logp, advantage, clip_ratio_low, clip_ratio_high, clip_ratio_c):
        plain = np.exp(logp - old_logp)
        held = np.clip(plain, 1 - clip_ratio_low, 1 + clip_ratio_high)
        clipped = -np.minimum(plain * advantage, held * advantage)
        return np.where(advantage < 0, np.minimum(clipped, -clip_ratio_c * advantage), clipped)

    report = examined(loss, "clipped_surrogate")
    assert report.exit_code == 0 and report.notes == []


@pytest.mark.parametrize(
    ("method", "parameters", "numbers"),
    [
        ("sapo", "logp old_logp advantage tau_pos tau_neg", "tau_positive tau_negative"),
        ("sapo", "logp old_logp advantage sapo_temperature_pos sapo_temperature_neg",
         "tau_positive tau_negative"),
        ("dppo", "logp old_logp advantage clip_ratio", "delta"),
        ("clipped_surrogate", "logp old_logp advantage epsilon delta", "clip_low clip_dual"),
        ("exo_pair", f"{' '.join(PAIR)} beta label_smoothing", "beta eps"),
        ("conservative_simpo", "chosen_avg_logp rejected_avg_logp beta gamma label_smoothing",
         "beta gamma flip"),
        ("f_dpo_alpha", f"{' '.join(PAIR)} beta f_alpha_divergence_coef", "beta alpha"),
        ("truncated_rollout_weight", "old_logp rollout_logp rollout_is_threshold", "cap"),
        ("micro_batch_mean", "x mask num_items_in_batch", "tokens"),
        ("fixed_length_mean", "x mask max_completion_length", "length"),
        ("clamped_k3", "logp ref_logp input_clamp_value output_clamp_value",
         "log_ratio_limit limit"),
    ],
)  # fmt: skip
def test_numbers_of_the_variants_have_other_names_too(method, parameters, numbers):
    names, spec = parameters.split(), BY_NAME[method]
    fn = eval(f"lambda {', '.join(names)}: 0.0")
    found = match(fn, spec, method).numbers
    ours = numbers.split()
    assert {n: found[n] for n in ours} == dict(zip(ours, names[-len(ours) :], strict=True))


def test_a_predicted_value_beside_the_old_values_needs_no_third():
    def value_loss(vpreds, returns, old_values, clip=0.2):
        return vpreds

    found = match(value_loss, BY_NAME["value_loss"], "value_loss").arrays
    assert found == {"value": "vpreds", "old_value": "old_values", "returns": "returns"}


def test_a_weight_of_the_odds_ratio_is_a_number_of_it():
    def weighted(chosen_logps, rejected_logps, beta=0.1):
        return beta * odds_ratio(chosen_logps, rejected_logps)

    def overflows(chosen_logps, rejected_logps, beta=0.1):
        return odds_ratio_log1p_exp(chosen_logps, rejected_logps, lam=beta)

    assert examined(weighted, "odds_ratio").exit_code == 0
    assert examined(odds_ratio, "odds_ratio").exit_code == 0
    report = examined(overflows, "odds_ratio")
    assert "right_at_the_extremes" in {v.law.name for v in report.broken}
    assert "odds_ratio_log1p_exp" in report.diagnosis


def test_a_sentence_that_begins_with_an_array_has_its_subject():
    assert (
        _with_subject("in logp has slope [0.], want [1.]") == "Its slope in logp is [0.], want [1.]"
    )
    assert _with_subject("gives 2, want 1") == "It gives 2, want 1"


def test_a_batch_that_may_be_left_out_asks_for_no_array():
    def dpo_or_sft(chosen, rejected, ref_chosen, ref_rejected, beta=0.1, sft=False, output=None):
        if sft:
            return output["nll_loss"]
        return np.logaddexp(0, -beta * (chosen - rejected - ref_chosen + ref_rejected))

    assert examined(dpo_or_sft, "dpo").exit_code == 0


def test_a_ratio_is_never_taken_for_a_log_probability():
    def cispo(ratio, advantages, per_token_logps, clip_high=0.2):
        return -np.minimum(ratio, 1 + clip_high) * advantages * per_token_logps

    with pytest.raises(CannotCall, match="also needs ratio"):
        match(cispo, BY_NAME["truncated_importance"], "cispo", ("old_logp",))


def test_an_input_that_is_asserted_not_to_be_taken_breaks_no_law():
    def k1(logp, ref_logp):
        assert logp.shape[0] > 1
        return logp - ref_logp

    assert examined(k1, "k1").exit_code == 0
