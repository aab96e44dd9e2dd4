"""Arrays in other forms: labels, masks, logits, an advantage for each token, rewards in one row."""

import importlib.util
from types import SimpleNamespace

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.forms.flat_rewards import Flat
from tinyalign.laws.harness.draws import repeatable_settings


def examined(fn, name, **how):
    return examine(fn, BY_NAME[name], {}, setting=repeatable_settings(5, shrink=False), **how)


def taken(logits, ids):
    """log softmax(logits)[ids]"""
    top = anp.max(logits, -1, keepdims=True)
    logp = logits - top - anp.log(anp.sum(anp.exp(logits - top), -1, keepdims=True))
    return anp.sum(logp * np.eye(logits.shape[-1])[ids], -1)


def by_labels(logits, labels, average_log_prob=False):
    labels = labels[:, 1:].copy()
    counts = labels != -100
    labels[~counts] = 0
    return anp.sum(taken(logits[:, :-1], labels) * counts, -1)


def by_mask(logits, input_ids, attention_mask, loss_mask):
    assert np.all(attention_mask >= loss_mask) and loss_mask.shape == input_ids.shape
    return anp.sum(taken(logits[:, :-1], input_ids[:, 1:]) * loss_mask[:, 1:], -1)


def by_shorter_mask(logits, input_ids, completion_mask):
    return anp.sum(taken(logits[:, :-1], input_ids[:, 1:]) * completion_mask, -1)


def shifted_outside(shift_logits, shift_labels):
    counts = shift_labels != -100
    return anp.sum(taken(shift_logits, np.where(counts, shift_labels, 0)) * counts, -1)


def over_attention(logits, input_ids, attention_mask):
    return anp.sum(taken(logits[:, :-1], input_ids[:, 1:]) * attention_mask[:, 1:], -1)


def target_by_target(logits, token_ids, mask):
    return sum(
        mask[:, t] * taken(logits[:, t], token_ids[:, t + 1]) for t in range(token_ids.shape[1] - 1)
    )


def selective(logits, ids):
    return taken(logits, ids)


def gspo(log_prob, old_log_prob, advantages, mask, clip_low=3e-4, clip_high=4e-4):
    count = np.sum(mask, -1)
    s = anp.exp(anp.sum((log_prob - old_log_prob) * mask, -1) / count)[:, None]
    held = anp.clip(s, 1 - clip_low, 1 + clip_high)
    per_token = -anp.minimum(s * advantages, held * advantages)  # (N, T)
    return anp.mean(anp.sum(per_token * mask, -1) / count)


def sft(logits, labels):
    counts = labels[:, 1:] != -100
    ids = np.where(counts, labels[:, 1:], 0)
    return -anp.sum(taken(logits[:, :-1], ids) * counts) / counts.sum()


def ppo(logits, input_ids, old_logprobs, advantages, eps=0.2):
    ratio = anp.exp(taken(logits, input_ids) - old_logprobs)
    return -anp.minimum(ratio * advantages, anp.clip(ratio, 1 - eps, 1 + eps) * advantages)


def standardized(rewards, num_generations):
    group = rewards.reshape(-1, num_generations)
    centred = group - group.mean(1, keepdims=True)
    return (centred / (group.std(1, ddof=1, keepdims=True) + 1e-4)).reshape(-1)


RIGHT = [
    (by_labels, "sequence_logp", "labels are filled from ids and -100 where they do not count"),
    (by_mask, "sequence_logp", "input_ids, loss_mask, attention_mask are filled from ids"),
    (by_shorter_mask, "sequence_logp", "completion_mask are filled"),
    (shifted_outside, "sequence_logp", "aligned=yes"),
    (over_attention, "sequence_logp", "attention_mask with 1 on the completion alone"),
    (target_by_target, "sequence_logp", "a mask without the first token (mask_over=targets)"),
    (selective, "token_logp", "taking logits[t] for ids[t] (aligned=yes)"),
    (gspo, "sequence_clipped_surrogate", "an advantage for each token of a sequence"),
    (sft, "cross_entropy", "logp is given as logits and labels: logits[t] are for ids[t + 1]"),
    (ppo, "clipped_surrogate", "logp is given as logits and input_ids: logits[t] are for ids[t]"),
    (standardized, "group_standardize", "in one row, with num_generations for the number"),
]


@pytest.mark.parametrize(("fn", "method", "said"), RIGHT, ids=lambda v: getattr(v, "__name__", ""))
def test_a_right_function_in_another_form_holds_and_the_form_is_said(fn, method, said):
    report = examined(fn, method)
    assert report.exit_code == 0, [(v.law.name, v.message) for v in report.broken]
    assert said in " ".join(report.notes)


def mean_per_token(logits, labels):
    return by_labels(logits, labels) / (labels[:, 1:] != -100).sum(-1)


def unnormalised(logits, input_ids, old_logprobs, advantages, eps=0.2):
    """logits taken for log-probabilities."""
    logp = anp.sum(logits * np.eye(2)[input_ids], -1)
    ratio = anp.exp(logp - old_logprobs)
    return -anp.minimum(ratio * advantages, anp.clip(ratio, 1 - eps, 1 + eps) * advantages)


def over_all_tokens(logits, labels):
    return sft(logits, labels) * (labels[:, 1:] != -100).mean()


def mask_of_the_token_before(logits, input_ids, attention_mask):
    return anp.sum(taken(logits[:, :-1], input_ids[:, 1:]) * attention_mask[:, :-1], -1)


def read_at_the_same_place(logits, input_ids):
    return taken(logits, input_ids)[:, 1:]


def without_shift(logits, labels):
    return shifted_outside(logits, labels)


def frozen_normaliser(logits, labels):
    ids = np.where(labels == -100, 0, labels)[:, 1:]
    picked = anp.sum(logits[:, :-1] * np.eye(logits.shape[-1])[ids], -1)
    norm = np.log(np.sum(np.exp(getval(logits[:, :-1])), -1))
    counts = labels[:, 1:] != -100
    return anp.sum((norm - picked) * counts) / counts.sum()


def test_a_normaliser_without_a_gradient_shows():
    report = examined(frozen_normaliser, "cross_entropy")
    assert [v.law.name for v in report.broken][-1] == "slopes_are_those_of_the_value"
    assert "its slope in logits is not" in report.diagnosis


def sft_of_outputs(model_outputs, labels, vocab_size):
    assert model_outputs.logits.shape[-1] == vocab_size
    return sft(model_outputs.logits, labels)


def distance(student_outputs, teacher_outputs):
    student, teacher = student_outputs.logits, teacher_outputs.logits
    logq = teacher - np.log(np.sum(np.exp(teacher), -1, keepdims=True))
    logp = student - anp.log(anp.sum(anp.exp(student), -1, keepdims=True))
    return anp.sum(np.exp(logq) * (logq - logp), -1)


@pytest.mark.parametrize(
    ("fn", "method"), [(sft_of_outputs, "cross_entropy"), (distance, "forward_kl")]
)
def test_logits_are_put_into_what_a_model_returns(fn, method):
    assert examined(fn, method).exit_code == 0


def simpo_of_sums(chosen_logps, rejected_logps, chosen_lengths, rejected_lengths, beta, gamma):
    gap = chosen_logps / chosen_lengths - rejected_logps / rejected_lengths
    return np.logaddexp(0, gamma - beta * gap)


def one_length_for_both(logps_w, logps_l, len_w, len_l, beta, gamma):
    return np.logaddexp(0, gamma - beta * (logps_w - logps_l) / len_w)


def labels_not_read(scores, labels):
    return list_mle(scores, -anp.arange(1.0 * len(scores[0])) + 0 * labels)


def list_mle(scores, labels):
    ranked = np.take_along_axis(scores, np.argsort(-labels, 1), 1)
    tails = [np.logaddexp.reduce(ranked[:, k:], axis=1) for k in range(ranked.shape[1])]
    return np.stack(tails, 1).sum(1) - ranked.sum(1)


def worst_first(scores, labels):
    return list_mle(scores, -labels)


@pytest.mark.parametrize(
    ("fn", "method", "status"),
    [
        (simpo_of_sums, "simpo", 0),
        (one_length_for_both, "simpo", 1),
        (list_mle, "plackett_luce", 0),
        (labels_not_read, "plackett_luce", 1),
        (worst_first, "plackett_luce", 1),
    ],
)
def test_what_follows_from_our_arrays_is_filled_in(fn, method, status):
    assert examined(fn, method).exit_code == status


def test_a_shift_that_the_caller_may_have_done_is_asked_about():
    with pytest.raises(CannotCall, match="a forgotten shift if not"):
        examined(without_shift, "sequence_logp")
    for aligned, status in (("yes", 0), ("no", 1)):
        setting = repeatable_settings(5, shrink=False)
        report = examine(
            without_shift, BY_NAME["sequence_logp"], {"aligned": aligned}, setting=setting
        )
        assert report.exit_code == status
    assert "score ids[:, 1:] with logits[:, :-1]" in report.diagnosis


def test_logits_for_what_the_model_has_read_are_a_forgotten_shift():
    def forgetful(logits, input_ids):
        return taken(logits, input_ids)

    report = examined(forgetful, "token_logp")
    assert report.exit_code == 1
    assert "score ids[:, 1:] with logits[:, :-1]" in report.diagnosis


WRONG = [
    (mask_of_the_token_before, "sequence_logp"),
    (read_at_the_same_place, "token_logp"),
    (mean_per_token, "sequence_logp"),
    pytest.param(unnormalised, "clipped_surrogate", marks=pytest.mark.slow),
    (over_all_tokens, "cross_entropy"),
]


@pytest.mark.parametrize(("fn", "method"), WRONG, ids=lambda v: getattr(v, "__name__", ""))
def test_a_wrong_function_in_another_form_is_broken_and_its_call_can_be_pasted(fn, method):
    report = examined(fn, method)
    assert report.exit_code == 1
    code = report.examples[report.broken[0].law.name]
    with np.errstate(all="ignore"):
        exec(code.replace(f"from yours import {fn.__name__}", ""), {fn.__name__: fn})


def test_an_index_goes_in_as_a_tensor_where_plain_numbers_are_refused():
    def fn(rewards, index):
        return rewards - index.count(0)  # a list has it, and no array

    lists = SimpleNamespace(send=lambda array, dtype: array.tolist())
    flat = Flat(fn, "index", None, lists)
    assert flat(np.zeros((2, 3))).tolist() == [[-3] * 3] * 2


@pytest.mark.peers
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_counterexample_can_be_pasted_in_the_framework_that_was_judged(framework):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"no {framework}")
    report = examined(lambda logp, ref_logp: 2 * (logp - ref_logp), "k1", framework=framework)
    code = report.examples[report.broken[0].law.name]
    seen = []
    lines = code.replace("<lambda>", "fn").replace("from yours import fn", "")
    exec(lines, {"fn": lambda *a: seen.extend(a)})
    assert seen and all(framework in type(a).__module__ for a in seen)
    assert all("float64" in str(a.dtype) for a in seen)


def one_group(rewards):
    return rewards - rewards.mean()


def one_list(rewards):
    """It cannot take several prompts."""
    (answers,) = rewards.shape
    return rewards - rewards.sum() / answers


def one_column(rewards):
    answers, one = rewards.shape
    if one != 1:
        raise ValueError("want (answers, 1)")
    return rewards - rewards.sum() / answers


def test_rewards_of_one_prompt_are_one_form():
    for fn, layout in ((one_list, "one_prompt"), (one_column, "one_column")):
        report = examined(fn, "group_center")
        assert report.exit_code == 0 and f"(layout={layout})" in " ".join(report.notes)


def test_a_function_that_mixes_prompts_is_told_when_it_is_right():
    report = examined(one_group, "group_center")
    said = " ".join(report.notes)
    assert report.exit_code == 1 and "Given several prompts at once it mixes them" in said
    declared = examine(
        one_group, BY_NAME["group_center"], {"layout": "one_prompt"},
        setting=repeatable_settings(5),
    )  # fmt: skip
    assert declared.exit_code == 0


def test_an_object_that_arrays_are_read_from_is_a_batch():
    def loss(rollout_data, eps=0.2):
        ratio = np.exp(rollout_data.logprobs - rollout_data.old_logprobs)
        held = np.clip(ratio, 1 - eps, 1 + eps)
        return -np.minimum(ratio * rollout_data.advantages, held * rollout_data.advantages)

    assert examined(loss, "clipped_surrogate").exit_code == 0


class Surrogate:
    """As trainers write it: the log-probs, a batch of the rest, and a KL term that is added."""

    def __init__(self, clip_eps, kl_weight, estimator):
        self.clip_eps, self.kl_weight, self.estimator = clip_eps, kl_weight, estimator

    def forward(self, log_probs, experience):
        ratio = anp.exp(log_probs - experience.action_log_probs)
        held = anp.clip(ratio, 1 - self.clip_eps, 1 + self.clip_eps)
        loss = -anp.minimum(ratio * experience.advantages, held * experience.advantages)
        if self.kl_weight:
            loss = loss + self.kl_weight * self.estimator(log_probs, experience.log_probs_ref)
        mask = experience.action_mask
        return anp.mean(anp.sum(loss * mask, -1) / anp.sum(mask, -1))


def test_log_probs_beside_a_batch_are_the_policys_and_its_kl_term_is_left_out():
    report = examined(Surrogate.forward, "clipped_surrogate")
    said = " ".join(report.notes)
    assert report.exit_code == 0, [(v.law.name, v.message) for v in report.broken]
    assert "log_probs_ref is filled with the policy's own" in said
    assert "self.kl_weight is taken as 0, so no KL term is judged" in said
    assert "Read from self: clip_eps as clip_low" in said or "self.clip_eps as clip_low" in said


def batch_of_labels(logits, batch):
    labels = batch["labels"][:, 1:]
    counts = labels != -100
    logp = taken(logits[:, :-1], np.where(counts, labels, 0))
    return -anp.sum(logp * counts) / counts.sum()


def over_the_whole_batch(logits, batch):
    labels = batch["labels"][:, 1:]
    counts = labels != -100
    return -anp.mean(taken(logits[:, :-1], np.where(counts, labels, 0)) * counts)


def test_a_batch_of_labels_beside_logits():
    report = examined(batch_of_labels, "cross_entropy")
    assert report.exit_code == 0, [(v.law.name, v.message) for v in report.broken]
    assert "logp is given as logits and labels" in " ".join(report.notes)
    wrong = examined(over_the_whole_batch, "cross_entropy")
    assert wrong.exit_code == 1
    code = wrong.examples[wrong.broken[0].law.name]
    assert "batch=dict(labels=array(" in code and "over_the_whole_batch(logits=array(" in code


def _surrogate(logp, old_logp, advantages, clip=0.2):
    ratio = np.exp(logp - old_logp)
    return -np.minimum(ratio * advantages, np.clip(ratio, 1 - clip, 1 + clip) * advantages)


def test_one_advantage_for_a_whole_answer_is_read_and_said():
    def loss(logp, old_logp, advantages, clip=0.2):
        return _surrogate(logp, old_logp, advantages[:, None], clip)

    report = examined(loss, "clipped_surrogate")
    assert report.exit_code == 0
    assert "It is read as taking one advantage a sequence (advantage_per=sequence)." in report.notes


def test_a_mean_over_rows_of_sums_over_tokens_is_read_and_said():
    def loss(logp, old_logp, advantages, clip=0.2):
        return _surrogate(logp, old_logp, advantages, clip).sum(axis=1).mean()

    report = examined(loss, "clipped_surrogate")
    assert report.exit_code == 0
    assert "judged with reduction=mean_of_sums" in report.reduced


def test_both_together_and_a_wrong_one_is_still_wrong():
    def right(logprobs, rewards):
        return -(logprobs.sum(axis=1) * rewards).mean()

    def wrong(logprobs, rewards):
        return -(logprobs.sum(axis=1) * rewards**2).mean()

    assert examined(right, "reinforce").exit_code == 0
    report = examined(wrong, "reinforce")
    assert report.exit_code == 1
    assert "batch_is_its_rows" not in [v.law.name for v in report.broken]


def test_tokens_outside_the_mask_count_neither_by_their_values_nor_by_their_number():
    def of_tokens(logp, old_logp, advantages, mask, clip=0.2):
        return np.sum(_surrogate(logp, old_logp, advantages, clip) * mask) / np.sum(mask)

    def of_rows(logp, old_logp, advantages, mask=None, clip=0.2):
        mask = np.ones_like(logp) if mask is None else mask
        sums = np.sum(_surrogate(logp, old_logp, advantages, clip) * mask, axis=1)
        return np.mean(sums / np.sum(mask, axis=1))

    def without(logp, old_logp, advantages, mask, clip=0.2):
        return np.mean(_surrogate(logp, old_logp, advantages, clip))

    def by_the_width(logp, old_logp, advantages, mask, clip=0.2):
        return np.mean(_surrogate(logp, old_logp, advantages, clip) * mask)

    for right in (of_tokens, of_rows):
        assert examined(right, "clipped_surrogate").exit_code == 0
    for wrong in (without, by_the_width):
        report = examined(wrong, "clipped_surrogate")
        assert [v.law.name for v in report.broken] == ["padding_changes_nothing"]
        assert "multiply by mask before adding up" in report.diagnosis


def test_a_mask_that_has_to_be_boolean_is_given_so_and_said():
    def loss(logp, old_logp, advantages, mask, clip=0.2):
        return np.mean(_surrogate(logp, old_logp, advantages, clip)[mask])

    report = examined(loss, "clipped_surrogate")
    assert report.exit_code == 0
    assert any(note.startswith("mask is filled with True") for note in report.notes)


def test_a_surrogate_without_old_log_probs_is_judged_at_ratio_one():
    """exp(logp - its own value) has the slope of the ratio; without the detach it has none."""

    def right(logp, advantages, mask):
        ratio = anp.exp(logp - getval(logp))
        return -anp.sum(ratio * advantages[:, None] * mask) / anp.sum(mask)

    def wrong(logp, advantages, mask):
        return -anp.sum(anp.exp(logp - logp) * advantages[:, None] * mask) / anp.sum(mask)

    report = examined(right, "clipped_surrogate")
    assert report.exit_code == 0
    assert any("takes no old_logp: taken as the policy's own" in note for note in report.notes)
    assert examined(wrong, "clipped_surrogate").exit_code == 1


def test_a_surrogate_without_old_log_probs_may_be_reinforce():
    def grpo(logp, advantages):
        return -(logp * advantages).mean()

    report = examined(grpo, "clipped_surrogate")
    assert report.exit_code == 0 and report.spec.name == "reinforce"
    assert any("judged as reinforce, not as clipped_surrogate" in note for note in report.notes)
