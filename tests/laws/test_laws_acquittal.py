"""Wrong functions that a lenient reader would acquit, such as a right value with a wrong slope."""

from dataclasses import replace

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval
from judged_functions import OURS, find

from tinyalign.laws.catalogue.constants import MOVING
from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.general import BATCH, SLOPES
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.diagnosis import deviation
from tinyalign.laws.diagnosis.carried import carried_sentence
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.frameworks import Numpy
from tinyalign.laws.harness.judge import BROKEN, HOLDS, SILENT, Law, Verdict, judge, laws_for
from tinyalign.laws.harness.law import law
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import OutOfDomain


def examined(fn, name, examples=12, **conventions):
    setting = repeatable_settings(examples, shrink=False)
    return examine(fn, BY_NAME[name], conventions, setting=setting)


def softplus(x):
    return anp.logaddexp(0.0, x)


def log_softmax(x):
    x = x - getval(anp.max(x, axis=-1, keepdims=True))
    return x - anp.log(anp.sum(anp.exp(x), axis=-1, keepdims=True))


def value_loss(value, old_value, returns, clip=0.2):
    held = getval(old_value + anp.clip(value - old_value, -clip, clip))
    return 0.5 * anp.maximum((value - returns) ** 2, (held - returns) ** 2)


def entropy(logits):
    logp = log_softmax(logits)
    return -anp.sum(getval(anp.exp(logp)) * logp, axis=-1)


def exact_kl(logits, ref_logits):
    logp = log_softmax(logits)
    return anp.sum(getval(anp.exp(logp)) * (logp - log_softmax(ref_logits)), axis=-1)


def tpo(chosen_logp, rejected_logp, gold_nll, beta=0.1, alpha=1.0):
    return softplus(-beta * (chosen_logp - rejected_logp)) + alpha * getval(gold_nll)


def rrhf(avg_logp, reward, best_nll, weight=1.0):
    # the better answer is not pulled up
    gap = anp.maximum(0.0, avg_logp[:, :, None] - getval(avg_logp)[:, None, :])
    worse = reward[:, :, None] < reward[:, None, :]
    return anp.sum(gap * worse, axis=(1, 2)) + weight * best_nll


def plackett_luce(ranked_reward):
    below = [ranked_reward[:, -1]]
    for k in reversed(range(ranked_reward.shape[1] - 1)):
        below.insert(0, anp.logaddexp(ranked_reward[:, k], below[0]))
    return anp.sum(getval(anp.stack(below, axis=1)) - ranked_reward, axis=1)


def bradley_terry(chosen_reward, rejected_reward, margin=0.0, center=0.1):
    level = getval(chosen_reward + rejected_reward)
    return softplus(margin - chosen_reward + rejected_reward) + center * level**2


DETACHED = [value_loss, entropy, exact_kl, tpo, rrhf, plackett_luce, bradley_terry]


@pytest.mark.parametrize("fn", DETACHED, ids=lambda fn: fn.__name__)
def test_a_right_value_with_a_wrong_slope_is_found_and_said(fn):
    report = examined(fn, fn.__name__, 6)
    assert report.exit_code == 1 and SLOPES.name in {v.law.name for v in report.broken}
    assert "Its values are right and its slope" in report.diagnosis
    assert "Looks like" not in report.diagnosis


@pytest.mark.parametrize("fn", [value_loss, tpo, exact_kl], ids=lambda fn: fn.__name__)
def test_a_wrong_slope_is_found_in_float32(fn):
    subject = Subject(fn, BY_NAME[fn.__name__], dtype="float32")
    setting = repeatable_settings(12, shrink=False)
    assert judge(Law(SLOPES, subject.spec), subject, setting).status == BROKEN


@pytest.mark.parametrize("name", ["dpo", "ipo", "orpo", "infonca", "clipped_surrogate"])
def test_no_right_function_breaks_that_law_in_float32(name):
    subject = Subject(find(OURS, name), BY_NAME[name], dtype="float32")
    setting = repeatable_settings(12, shrink=False)
    assert judge(Law(SLOPES, BY_NAME[name]), subject, setting).status != BROKEN


def test_a_wrong_slope_in_float32_is_called_a_detach():
    def tpo(chosen_logp, rejected_logp, gold_nll, beta=0.1, alpha=1.0):
        gap = chosen_logp.astype("float32") - rejected_logp.astype("float32")
        return softplus(-beta * gap) + alpha * getval(gold_nll).astype("float32")

    assert "its slope in gold_nll is not" in examined(tpo, "tpo").diagnosis


def test_a_kink_at_the_reference_is_named():
    def dpo(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        z = beta * (chosen - rejected - ref_chosen + ref_rejected)
        return anp.log1p(anp.exp(-anp.abs(z))) + anp.where(z < 0, -z, 0.0)

    subject = Subject(dpo, BY_NAME["dpo"])
    broken = [Verdict(laws_for(subject.spec)[0], BROKEN, "has slope [0.], want [-1.5]")]
    said = deviation.wrong_slope(subject, broken)
    assert said.endswith("an abs, a maximum or a where that has a kink there.")


def test_a_law_that_no_input_fits_is_silent():
    def never(loss, x, p):
        raise OutOfDomain("no form")

    subject = Subject(FORMULAS["dpo"], BY_NAME["dpo"])
    said = judge(Law(law(never, "X", "never_tried", "nothing"), subject.spec), subject)
    assert said.status == SILENT


def test_a_gradient_into_a_constant_is_said():
    def kto(logp, ref_logp, desirable, z0, beta=0.1):
        v = beta * (logp - getval(ref_logp) - z0)
        return 1 - 1 / (1 + anp.exp(anp.where(desirable, -v, v)))

    def all_detached(logp, ref_logp, desirable, z0, beta=0.1):
        return kto(logp, ref_logp, desirable, getval(z0), beta)

    said = carried_sentence(Subject(kto, BY_NAME["kto"]))
    assert said.startswith("A gradient flows into z0: pass z0 detached (")
    assert carried_sentence(Subject(all_detached, BY_NAME["kto"])) == ""


def test_callers_of_ordinary_losses_pass_data_and_are_told_nothing():
    def reinforce(logp, advantage):
        return -logp * advantage

    assert carried_sentence(Subject(reinforce, BY_NAME["reinforce"])) == ""


def test_a_weight_that_carries_a_gradient_is_to_be_detached():
    def weight(train_logp, vllm_logp, cap=2.0):
        return anp.minimum(anp.exp(train_logp - vllm_logp), cap)

    said = carried_sentence(Subject(weight, BY_NAME["truncated_rollout_weight"]))
    assert said == (
        "A gradient flows through the result into train_logp and vllm_logp: detach the result "
        "before the loss."
    )


@pytest.mark.parametrize(
    ("slope", "says"), [("[0]", "a detach, a no_grad, an item"), ("[-0.1]", "a part of it")]
)
def test_only_a_slope_of_0_is_called_detached(slope, says):
    def cut(chosen, rejected, ref_chosen, ref_rejected, beta):
        gap = getval(chosen) - rejected - ref_chosen + ref_rejected
        return softplus(-beta * gap)

    subject = Subject(cut, BY_NAME["dpo"])
    broken = [Verdict(laws_for(subject.spec)[0], BROKEN, f"has slope {slope}, want [-0.05]")]
    assert f"look for {says}" in deviation.wrong_slope(subject, broken)


def test_a_number_without_effect_is_named():
    def bradley_terry(chosen_reward, rejected_reward, margin=0.0, center=0.0):
        return (
            softplus(rejected_reward - chosen_reward)
            + center * (chosen_reward + rejected_reward) ** 2
        )

    said = deviation.ignored_number(Subject(bradley_terry, BY_NAME["bradley_terry"]), [])
    assert said == "margin is taken and changes nothing: the method's value depends on it."


@pytest.mark.parametrize("name", MOVING)
def test_no_right_function_breaks_that_law(name):
    """Nor at kinks, where the two sides differ."""
    fn = right_value_loss if name == "value_loss" else FORMULAS[name]
    subject = Subject(fn, BY_NAME[name])
    law = Law(SLOPES, BY_NAME[name])
    # two thousand examples are tried by test_no_false_alarm
    assert judge(law, subject, repeatable_settings(12, shrink=False)).status != BROKEN


def right_value_loss(value, old_value, returns, clip):
    held = old_value + anp.clip(value - old_value, -clip, clip)
    return 0.5 * anp.maximum((value - returns) ** 2, (held - returns) ** 2)


def test_another_estimator_is_not_k1():
    """Its slope is 1, and its value k3's."""

    def mixed(logp, ref_logp):
        gap = getval(ref_logp - logp)
        return anp.exp(gap) - gap - 1 + logp - getval(logp)

    report = examined(mixed, "k1")
    assert "the_log_ratio_itself" in {v.law.name for v in report.broken}


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.maximum(x.mean(), 0.0) * x,
        lambda x: np.minimum(x, 0.7) + 0 * x,
        lambda x: np.exp(x),
        lambda x: np.add(x, x),
    ],
)
def test_no_ufunc_of_plain_numpy_is_half_differentiated(call):
    assert Numpy().grad(call, [np.ones(2)], 0, "float64") is None


def test_plain_operators_are_differentiated():
    assert Numpy().grad(lambda x: 2.0 * x * np.ones(2), [np.ones(2)], 0, "float64").tolist() == [
        2,
        2,
    ]


def test_finite_is_not_enough_far_out():
    def made_finite(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        with np.errstate(all="ignore"):
            odds = np.exp(beta * (chosen - ref_chosen - rejected + ref_rejected))
            return np.nan_to_num(-np.log(odds / (1 + odds)), nan=0.0, posinf=50.0, neginf=0.0)

    report = examined(made_finite, "dpo")
    assert {v.law.name for v in report.broken} == {"right_far_out"}


def test_a_bug_of_large_groups_is_seen():
    def first_six(reward):
        return reward - np.mean(reward[:, :6], axis=1, keepdims=True)

    assert examined(first_six, "group_center", 60).exit_code == 1


def test_a_law_about_a_term_that_is_not_there_does_not_hold():
    def reward_loss(chosen, rejected):
        return softplus(rejected - chosen)

    said = {v.law.name: v.status for v in examined(reward_loss, "bradley_terry").verdicts}
    assert said["margin_is_subtracted"] == said["centering_costs_the_squared_sum"] == SILENT
    assert said["bradley_terry_slopes"] == HOLDS


def test_what_no_law_finds_is_not_acquitted_with_other_values():
    def without_reference(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
        return beta * (chosen_logp - rejected_logp)

    lax = replace(BY_NAME["dpo"], laws=[BATCH])
    report = examine(without_reference, lax, {}, setting=repeatable_settings(3))
    assert (report.broken, report.exit_code) == ([], 2)
    assert report.undecided == "Yet some of its values are not those of dpo."


def test_a_mean_through_which_one_example_alone_learns_is_broken():
    def forgetful(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
        margins = chosen_logp - ref_chosen_logp - (rejected_logp - ref_rejected_logp)
        total = 0.0
        for row in range(len(margins)):
            total = getval(total) + softplus(-beta * margins[row])
        return total / len(margins)

    report = examined(forgetful, "dpo")
    assert [v.law.name for v in report.broken] == [SLOPES.name]
    # of two equal examples the first has none
    assert "slope [ 0." in report.broken[0].message
    assert len(report.broken[0].calls[0][0][0]) == 2
