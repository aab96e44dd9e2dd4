"""Losses of policy gradients as people write them: what is read of them, and what is said."""

import contextlib
import inspect

import autograd.numpy as anp
import pytest

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.kl_term import without_a_reference
from tinyalign.laws.check.report import examine
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.diagnosis.one_reason import where_nan
from tinyalign.laws.diagnosis.wrong_arrays import ignored_array, swapped_arrays
from tinyalign.laws.forms.kl_term import KLTerm
from tinyalign.laws.forms.wrapper import unscript
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.reading.slopeless import says_no_gradient


def examined(fn, name, **how):
    return examine(fn, BY_NAME[name], {}, setting=repeatable_settings(5, shrink=False), **how)


def clipped(logp, old_logp, adv, eps=0.2):
    ratio = anp.exp(logp - old_logp)
    return -anp.minimum(ratio * adv, anp.clip(ratio, 1 - eps, 1 + eps) * adv)


class Scripted:
    """As torch.jit.script leaves a function: its arguments are hidden."""

    _torchdynamo_inline = staticmethod(clipped)

    def __call__(self, *given, **named):
        return clipped(*given, **named)


def test_a_scripted_function_has_the_arguments_of_its_source():
    loss = unscript(Scripted())
    assert list(inspect.signature(loss).parameters) == ["logp", "old_logp", "adv", "eps"]
    assert not examined(loss, "clipped_surrogate").broken
    assert unscript(clipped) is clipped


def test_a_wrong_slope_is_told_entry_by_entry():
    """Not along a direction, in which a reader who calls backward sees another number."""

    def half(logp, advantage):
        first = logp[:, :1]  # only the first token of a row keeps its gradient
        return -anp.concatenate([first, anp.array(_value(logp[:, 1:]))], axis=1) * advantage

    report = examined(half, "reinforce")
    (said,) = [v for v in report.broken if v.law.name == "slopes_are_those_of_the_value"]
    assert ", want [[" in said.message
    assert len(said.calls) == 1


def _value(array):
    return getattr(array, "_value", array)


def k1_without_a_slope(logp, ref_logp):
    return anp.array(_value(logp)) - anp.array(_value(ref_logp))


def k3_without_a_slope(logp, ref_logp):
    gap = anp.array(_value(ref_logp)) - anp.array(_value(logp))
    return anp.expm1(gap) - gap


def test_k1_for_a_reward_needs_no_slope():
    report = examined(k1_without_a_slope, "k1")
    assert not report.broken
    assert any("no slope is asked for" in note for note in report.notes)


def test_k3_that_lost_its_slope_is_broken():
    """Mostly it is a term of a loss: one that is none says no_grad around all of it."""
    assert [v.law.name for v in examined(k3_without_a_slope, "k3").broken] == ["closed_form_slope"]


def test_no_grad_around_all_of_it_is_meant(no_grad=contextlib.nullcontext):
    def looked_at(logp, ref_logp):
        with no_grad():
            return k3_without_a_slope(logp, ref_logp)

    assert not examined(looked_at, "k3").broken
    assert not says_no_gradient(k3_without_a_slope)


def flat_ppo(newlogprob, mb_logprobs, mb_advantages, clip_coef=0.2):
    (count,) = newlogprob.shape
    ratio = anp.exp(newlogprob - mb_logprobs)
    held = anp.clip(ratio, 1 - clip_coef, 1 + clip_coef)
    return anp.sum(anp.maximum(-mb_advantages * ratio, -mb_advantages * held)) / count


def flat_reinforce(logps, advantages):
    return -anp.dot(logps, advantages) / len(logps)


def flat_reinforce_by_columns(logps, advantages):
    (count,) = logps.shape
    return -anp.sum(logps[:, None] * advantages[None, :]) / count


@pytest.mark.parametrize(
    ("fn", "method", "right"),
    [
        (flat_ppo, "clipped_surrogate", True),
        (flat_reinforce, "reinforce", True),
        (flat_reinforce_by_columns, "reinforce", False),
    ],
)
def test_tokens_in_one_row(fn, method, right):
    report = examined(fn, method)
    assert any("tokens in one row (N,) (tokens=row)" in note for note in report.notes)
    assert bool(report.broken) != right


def test_a_critic_without_a_clip_needs_no_old_value():
    def squares(values, returns):
        return 0.5 * anp.mean((values - returns) ** 2)

    def half_of_them(values, returns):
        return 0.5 * anp.mean(anp.abs(values - returns) * anp.maximum(values - returns, 0))

    report = examined(squares, "value_loss")
    assert not report.broken
    assert report.notes[0] == "squares takes no old_value: no value is clipped."
    assert examined(half_of_them, "value_loss").broken


def test_a_clamp_is_broken_and_said_to_be_deliberate_elsewhere():
    def clamped_k3(logp, ref_logp):
        gap = anp.clip(ref_logp - logp, -20, 20)
        return anp.clip(anp.exp(gap) - gap - 1, -10, 10)

    report = examined(clamped_k3, "k3")
    assert report.broken and "deliberate, as in verl and NeMo-RL (10)" in report.diagnosis
    assert not examined(clamped_k3, "clamped_k3").broken


def test_one_number_tells_no_tokens():
    def of_tokens(logps, old_logps, advantages, mask):
        count = anp.sum(mask, axis=1, keepdims=True)
        s = anp.exp(anp.sum((logps - old_logps) * mask, axis=1, keepdims=True) / count)
        return -anp.mean(anp.sum(s * advantages * mask, axis=1) / count[:, 0])

    with pytest.raises(CannotCall, match="gspo_token is judged token by token"):
        examined(of_tokens, "gspo_token")


def inverted_weight(old_logp, rollout_logp, cap=2.0):
    return anp.minimum(anp.exp(rollout_logp - old_logp), cap)


def on_policy(logp, old_logp, advantage, clip_low=0.2, clip_high=0.2):
    return -advantage * anp.exp(0 * (logp - old_logp))


def large_entropy(logits):
    weight = anp.exp(logits)
    share = weight / anp.sum(weight, axis=-1, keepdims=True)
    return -anp.sum(share * anp.log(share), axis=-1)


def test_a_wrong_array_is_named():
    weight = Subject(inverted_weight, BY_NAME["truncated_rollout_weight"])
    assert "right with old_logp and rollout_logp exchanged" in swapped_arrays(weight, [])
    assert not ignored_array(weight, [])
    ratio = Subject(on_policy, BY_NAME["clipped_surrogate"])
    assert "logp and old_logp are taken and change nothing" in ignored_array(ratio, [])
    assert not swapped_arrays(ratio, [])


def test_an_overflow_is_named():
    said = where_nan(Subject(large_entropy, BY_NAME["entropy"]))
    assert said.startswith("NaN where logits is large: an exponential overflows")


def test_a_detached_weight_looks_like_one_that_is_not():
    def inverted(old_logp, rollout_logp, cap=2.0):
        return anp.array(_value(inverted_weight(old_logp, rollout_logp, cap)))

    said = looks_like(Subject(inverted, BY_NAME["truncated_rollout_weight"]), [])
    assert "rollout over trainer" in said


def test_the_values_beside_a_prediction_are_the_old_ones():
    def critic(vpreds, returns, values, response_mask, cliprange_value=0.2):
        held = anp.clip(vpreds, values - cliprange_value, values + cliprange_value)
        worse = anp.maximum((vpreds - returns) ** 2, (held - returns) ** 2)
        return 0.5 * anp.sum(worse * response_mask) / anp.sum(response_mask)

    binding = Subject(critic, BY_NAME["value_loss"]).caller.binding
    assert binding.arrays == {"value": "vpreds", "old_value": "values", "returns": "returns"}


def test_a_kl_to_the_old_policy_is_no_kl_to_the_reference():
    def loss(logps, old_logps, ref_logps, advantages, beta=0.04):
        gap = old_logps - logps
        return -anp.exp(-gap) * advantages + beta * (anp.exp(gap) - gap - 1)

    twin = KLTerm(Subject(loss, BY_NAME["clipped_surrogate"]))
    said = without_a_reference(Subject(twin, BY_NAME["k3"], {"reduction": "none"}))
    assert said == "Its KL term does not depend on ref_logps: take the difference to ref_logps."


def cispo(logp, old_logp, advantage, cap):
    weight = anp.array(_value(anp.minimum(_value(anp.exp(logp - old_logp)), cap)))
    return -weight * advantage * logp


def test_a_default_says_whether_the_number_is_the_cap_itself():
    def meant(logp, old_logp, advantage, epsilon_high=5.0):
        return cispo(logp, old_logp, advantage, epsilon_high)

    def forgotten(logp, old_logp, advantage, epsilon_high=0.28):
        return cispo(logp, old_logp, advantage, epsilon_high)

    assert not examined(meant, "truncated_importance").broken
    assert examined(forgotten, "truncated_importance").broken
