"""Habits of real code that a check has to see through: open keywords, one precision, whole raises.

Each function here is our own; the habits are those of published trainers.
"""

import numpy as np
import pytest

from tinyalign.laws import CannotCall
from tinyalign.laws.binding.signature import match
from tinyalign.laws.catalogue.shaping import each_token_pays_its_log_ratio, shaping_ignores_padding
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.diagnosis.clamped import held_from_zero
from tinyalign.laws.diagnosis.deviation import ignored_number
from tinyalign.laws.diagnosis.one_reason import where_nan
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import Broken
from tinyalign.laws.reading.words import words_for


def examined(fn, name, examples=3, **conventions):
    setting = repeatable_settings(examples, shrink=False)
    return examine(fn, BY_NAME[name], conventions, setting=setting)


def odds(a):
    return a - np.log(-np.expm1(a))


def orpo(chosen_avg_logp, rejected_avg_logp, chosen_nll, lam):
    return chosen_nll + lam * np.logaddexp(0, odds(rejected_avg_logp) - odds(chosen_avg_logp))


def orpo_of_a_config(self, chosen, rejected, chosen_nll, **kwargs):
    return orpo(chosen, rejected, chosen_nll, self.beta)


def orpo_with_unread_keywords(chosen, rejected, chosen_nll, **kwargs):
    return orpo(chosen, rejected, chosen_nll, 0.1)


def orpo_with_read_keywords(chosen, rejected, chosen_nll, **kwargs):
    return orpo(chosen, rejected, chosen_nll, kwargs.get("lambda_orpo", 0.1))


def orpo_that_hands_them_on(chosen, rejected, chosen_nll, **kwargs):
    return orpo(chosen, rejected, chosen_nll, **kwargs)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (orpo_of_a_config, "Read from self: self.beta as lam."),
        (orpo_with_unread_keywords, "orpo_with_unread_keywords has no parameter for lam: taken as"),
        (orpo_with_read_keywords, ""),
        (orpo_that_hands_them_on, ""),
    ],
)
def test_open_keywords_take_only_what_is_read_there(loss, said):
    report = examined(loss, "orpo")
    assert report.exit_code == 0
    numbers = [n for n in report.notes if not n.startswith("Matched by name")]
    assert [n for n in numbers if not n.startswith(said or "-")] == []
    assert len(numbers) == bool(said)


def test_a_number_that_is_read_and_ignored_is_still_found():
    def loss(chosen, rejected, chosen_nll, **kwargs):
        kwargs.get("lam")
        return orpo(chosen, rejected, chosen_nll, 0.1)

    assert "lam is taken and changes nothing" in examined(loss, "orpo").diagnosis


def gae_of_single_rows(reward, value, mask, gamma, lam):
    if mask[:, 0]:
        raise IndexError("list index out of range")
    raise TypeError("expected an array as element 2")


def test_what_raises_on_ordinary_inputs_in_two_ways_is_broken_and_no_law_is_accused():
    report = examined(gae_of_single_rows, "gae")
    assert report.exit_code == 1
    assert [v.law.name for v in report.verdicts] == ["gives_an_answer"]
    assert "The truth value of an array" in report.diagnosis


def leave_one_out_in_single(reward):
    if reward.dtype != np.float32:
        raise RuntimeError("Double where Float is wanted")
    answers = reward.shape[1]
    others = np.eye(answers, dtype="float32") * -1 + 1
    return reward - reward @ others / max(answers - 1, 1)


def test_what_takes_float32_only_is_not_read_as_another_layout():
    report = examined(leave_one_out_in_single, "leave_one_out")
    assert report.exit_code == 0
    assert "takes float32 only" in report.notes[0]
    assert not any("layout=" in n for n in report.notes)


def k1(logp, ref_logp):
    return logp - ref_logp


def test_a_slope_that_is_that_of_its_values_is_called_no_detach():
    report = examined(k1, "k1", use="loss")
    assert report.exit_code == 1
    assert "detach" not in report.diagnosis
    assert report.diagnosis.startswith("Looks like: k1 as a loss term")


def ipo_by_moved_tokens(chosen, rejected, ref_chosen, ref_rejected, tau):
    def mean(ratio):
        return ratio / (ratio != 0)

    return (mean(chosen - ref_chosen) - mean(rejected - ref_rejected) - 1 / (2 * tau)) ** 2


def test_nan_at_the_reference_is_said_of_both_answers():
    said = where_nan(Subject(ipo_by_moved_tokens, BY_NAME["ipo"]))
    assert said == (
        "NaN wherever policy = reference (chosen_logp = ref_chosen_logp or "
        "rejected_logp = ref_rejected_logp)"
    )


@pytest.mark.slow
def test_code_for_a_holder_has_what_was_guessed_of_it():
    def loss(self, chosen, rejected, ref_chosen, ref_rejected):
        d = self.scale_eps + chosen - rejected - ref_chosen + ref_rejected
        return np.log1p(np.exp(-self.beta * d))

    report = examined(loss, "dpo")
    assert "self=SimpleNamespace(scale_eps=0.0, beta=" in "".join(report.examples.values())


def normalized_per_row(values, mask, eps=1e-8):
    count = np.maximum(np.sum(mask, axis=1, keepdims=True), 1)
    centred = (values - np.sum(values * mask, axis=1, keepdims=True) / count) * mask
    return centred / np.sqrt(np.maximum(np.sum(centred**2, axis=1, keepdims=True) / count, eps))


def test_a_floor_that_never_bites_is_no_ignored_number():
    subject = Subject(normalized_per_row, BY_NAME["whiten"], {"ddof": 0})
    assert ignored_number(subject, []) == ""


def test_one_number_for_a_row_is_not_judged_token_by_token():
    def loss(logp, old_logp, advantage, mask):
        return np.mean(logp)

    judged = Subject(loss, BY_NAME["gspo_token"], {"reduction": "mean"})
    with pytest.raises(CannotCall, match=r"one number for a row of tokens.*sequence_clipped"):
        judged(*[np.ones((2, 3))] * 4, clip_low=3e-4, clip_high=4e-4)


def shaped_with_kl_in_the_padding(score, logp, ref_logp, mask, beta):
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    return last * score[:, None] - beta * (logp - ref_logp)


def test_what_stands_in_the_padding_is_not_held_against_the_real_tokens():
    loss = Subject(shaped_with_kl_in_the_padding, BY_NAME["kl_shaped_reward"])
    x = np.ones(1), np.array([[-1.0, -2.0]]), np.array([[-2.0, -4.0]]), np.array([[1.0, 0.0]])
    each_token_pays_its_log_ratio(loss, x, {"beta": 0.1})
    with pytest.raises(Broken):
        shaping_ignores_padding(loss, x, {"beta": 0.1})


def kl(logp, ref_logp, kind="k1"):
    d = logp - ref_logp
    if kind == "k1":
        return d
    if kind in ("mse", "k2"):
        return d**2 / 2
    return np.expm1(-d) + d if kind == "low_var_kl" else None


def kl_of_a_required_word(logp, ref_logp, estimator):
    return kl(logp, ref_logp, estimator) if estimator != "low_var_kl" else kl(logp, ref_logp, "k2")


def kl_of_a_config(logp, ref_logp, config):
    if config.kl_type == "k3":
        return kl(logp, ref_logp, "low_var_kl")
    return kl(logp, ref_logp)


@pytest.mark.parametrize(
    ("fn", "method", "status", "said"),
    [
        (kl, "k1", 0, ""),
        (kl, "k2", 0, "kind is set to 'mse', the word for k2."),
        (kl, "k3", 0, "kind is set to 'low_var_kl', the word for k3."),
        (kl_of_a_required_word, "k3", 1, "estimator is set to 'low_var_kl', the word for k3."),
        (kl_of_a_config, "k3", 0, "config.kl_type is set to 'k3', the word for k3."),
    ],
)
def test_the_word_that_names_the_method_is_given_and_said(fn, method, status, said):
    report = examined(fn, method)
    assert report.exit_code == status
    assert [n for n in report.notes if "the word for" in n] == [said] * bool(said)
    if status:
        assert "estimator='low_var_kl')" in "".join(report.examples.values())


def dpo_of_a_trainer(self, batch, policy_chosen, policy_rejected, ref_chosen, ref_rejected, *args):
    d = policy_chosen - policy_rejected - ref_chosen + ref_rejected
    return np.logaddexp(0, -self.beta * d), d


def dpo_without_reference(chosen, rejected, ref_chosen, ref_rejected, beta):
    return np.logaddexp(0, -beta * (chosen - rejected))


def test_what_is_never_read_is_given_none_unless_it_is_an_array_of_the_method():
    binding = match(dpo_of_a_trainer, BY_NAME["dpo"], "loss")
    assert (binding.unread, binding.numbers) == (["batch"], {"beta": "self.beta"})
    assert binding.arrays["chosen_logp"] == "policy_chosen"
    ignored = match(dpo_without_reference, BY_NAME["dpo"], "loss")
    assert (ignored.unread, ignored.arrays["ref_chosen_logp"]) == ([], "ref_chosen")


def whitened_gae_without_its_mask(reward, value, mask, gamma, lam):
    advantage, last, after = np.zeros_like(value), 0.0, 0.0
    for t in reversed(range(value.shape[1])):
        last = reward[:, t] + gamma * after - value[:, t] + gamma * lam * last
        advantage[:, t], after = last, value[:, t]
    count = np.sum(mask)
    mean = np.sum(advantage * mask) / count
    deviation = np.sqrt(np.sum((advantage - mean) ** 2 * mask) / count + 1e-8)
    return (advantage - mean) / deviation * mask, advantage + value


@pytest.mark.slow
def test_whitening_after_a_wrong_advantage_is_not_held_against_it():
    report = examined(whitened_gae_without_its_mask, "gae", examples=10)
    assert report.broken
    assert "rows_are_separate" not in [v.law.name for v in report.broken]
    assert any(n.startswith("It whitens its advantages") for n in report.notes)
    assert report.diagnosis.startswith("What stands in the padding enters")


def mean_logprob(logits, labels, selection_mask=None):
    picked = np.take_along_axis(
        logits[:, :-1] - np.log(np.sum(np.exp(logits[:, :-1]), axis=-1, keepdims=True)),
        labels[:, 1:, None],
        axis=-1,
    )[..., 0]
    mask = selection_mask[:, 1:]
    return np.sum(picked * mask, axis=1) / np.sum(mask, axis=1)


@pytest.mark.slow
def test_a_selection_mask_says_which_tokens_count_in_place_of_labels():
    report = examined(mean_logprob, "sequence_logp")
    assert "logits, labels, selection_mask are filled from ids." in report.notes
    assert "Looks like: a mean per token where the sum is meant" in report.diagnosis


def test_what_a_critic_is_to_predict_is_the_return():
    def loss(value, old_value, target_value, value_eps_clip):
        moved = old_value + np.clip(value - old_value, -value_eps_clip, value_eps_clip)
        return np.maximum((value - target_value) ** 2, (moved - target_value) ** 2) / 2

    binding = match(loss, BY_NAME["value_loss"], "loss")
    assert binding.arrays["returns"] == "target_value"
    assert binding.numbers == {"clip": "value_eps_clip"}
    assert not binding.by_position


def orpo_away_from_zero(chosen, rejected, chosen_nll, lam):
    return orpo(np.minimum(chosen, -1e-6), np.minimum(rejected, -1e-6), chosen_nll, lam)


def test_log_probs_that_are_held_away_from_zero_are_named():
    said = held_from_zero(Subject(orpo_away_from_zero, BY_NAME["orpo"]), [])
    assert said.startswith("chosen and rejected are clamped at -1e-06: nearer to 0 the value")
    assert held_from_zero(Subject(orpo, BY_NAME["orpo"]), []) == ""


def test_what_may_be_left_out_is_no_array_by_its_place():
    def whiten(xs, shift_mean=True, group=None):
        return xs

    with pytest.raises(CannotCall, match="also needs mask"):
        match(whiten, BY_NAME["whiten"], "whiten")


def pair_of_a_gate(chosen, rejected, gate="relu"):
    return chosen if gate == "sigmoid" else rejected


def pair_of_a_kind(chosen, rejected, kind):
    return chosen if kind == "sigmoid" else rejected if kind == "hinge" else None


def test_the_plain_word_is_one_among_names_of_losses():
    assert words_for(pair_of_a_gate, "simpo") == {}
    assert words_for(pair_of_a_kind, "simpo") == {"kind": "sigmoid"}
    assert words_for(pair_of_a_kind, "hinge") == {"kind": "hinge"}


def ranking_of_one_prompt(scores, rewards, idxs):
    wrong = ((rewards[None] > rewards[:, None]) & (scores[None] < scores[:, None]))[0]
    return -np.sum((scores[None] - scores[:, None])[wrong])


def test_what_is_guessed_by_its_place_and_raises_mostly_is_not_judged():
    with pytest.raises(CannotCall, match=r"raises IndexError.*on many inputs"):
        examined(ranking_of_one_prompt, "rrhf")


def k3_cut_off(logp, ref_logp):
    d = ref_logp - logp
    return np.minimum(np.exp(np.clip(d, -20, 20)) - 1 - d, 10)


def test_a_clamp_leaves_out_nothing_that_was_declared():
    assert examined(k3_cut_off, "k3").broken
    assert examined(k3_cut_off, "k3", use="loss").broken
    assert not examined(k3_cut_off, "clamped_k3").broken
