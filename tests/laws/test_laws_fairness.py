"""Right functions that a strict reader would accuse: single precision, epsilons, conventions."""

import re

import numpy as np
import pytest
from hypothesis import settings

from tinyalign.laws import assert_lawful, laws_of
from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue import pair
from tinyalign.laws.catalogue.formulas import FORMULAS, formula_of
from tinyalign.laws.catalogue.table import BY_NAME, METHODS
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import judge_all
from tinyalign.laws.harness.law import assert_close, assert_different
from tinyalign.laws.outcomes import Broken

# a probability of 0, nobody else: right functions may divide by them
EDGES = {
    "best_of_n": {"impossible_stays_impossible"},
    "leave_one_out_by_prompt": {"alone_gets_a_number"},
    "standardize_by_prompt": {"alone_gets_a_number"},
}


def examined(fn, name, **conventions):
    return examine(fn, BY_NAME[name], conventions, setting=repeatable_settings(8, shrink=False))


def sentences(report):
    return " ".join([report.reduced, *report.notes, report.diagnosis])


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_of_a_method_holds_its_laws(name):
    verdicts = judge_all(FORMULAS[name], BY_NAME[name], setting=repeatable_settings(4))
    broken = {v.law.name for v in verdicts if v.status == "broken"}
    assert broken <= EDGES.get(name, set())


def test_every_method_but_a_random_one_has_a_formula():
    assert {m.name for m in METHODS} - set(FORMULAS) == {"rejection_sample"}


def test_a_method_without_a_formula_is_told_where_to_add_one():
    with pytest.raises(CannotCall, match=r"no formula: .*Add it to PAIRS in tinyalign/laws/"):
        formula_of("rejection_sample")


def test_a_mean_over_nothing_is_told_and_judged_only_where_it_may_come():
    def plain(x, mask):
        return np.mean(np.sum(x * mask, 1) / np.sum(mask, 1))

    report = examined(plain, "sequence_mean")
    assert report.exit_code == 0
    assert "A row without tokens gives NaN" in sentences(report)
    assert examined(plain, "sequence_mean", empty_rows="some").exit_code == 1
    assert "without tokens" not in sentences(examined(FORMULAS["token_mean"], "token_mean"))


# precision


def k3_in_single(logp, ref_logp):
    gap = np.float32(ref_logp) - np.float32(logp)
    return np.exp(gap) - gap - 1


def centred_in_single_and_back(reward):
    r = np.array(reward, np.float32)
    return (r - r.mean(axis=1, keepdims=True)).astype(float)


def refuses_float64(value, old_value, returns, clip=0.2):
    assert value.dtype == np.float32
    held = old_value + np.clip(value - old_value, -clip, clip)
    return np.float32(0.5) * np.maximum((value - returns) ** 2, (held - returns) ** 2)


@pytest.mark.parametrize(
    ("fn", "name"),
    [(k3_in_single, "k3"), (centred_in_single_and_back, "group_center"),
     (refuses_float64, "value_loss")],
)  # fmt: skip
def test_a_function_that_computes_in_float32_is_judged_in_it(fn, name):
    report = examined(fn, name)
    assert report.exit_code == 0
    assert re.search("computes in float32|takes float32 only", sentences(report))


def test_a_bug_in_float32_is_still_a_bug():
    def upside_down(logp, ref_logp):
        gap = np.float32(logp) - np.float32(ref_logp)
        return np.exp(gap) - gap - 1

    assert examined(upside_down, "k3").exit_code == 1


def test_an_epsilon_is_named_and_breaks_nothing():
    def masked_mean(x, mask):
        return np.mean(np.sum(x * mask, axis=1) / (np.sum(mask, axis=1) + 1e-8))

    report = examined(masked_mean, "sequence_mean")
    assert report.exit_code == 0
    assert "masked_mean adds about 1e-08 to the count that it divides by" in sentences(report)


def test_an_epsilon_that_shows_is_a_bug():
    def masked_mean(x, mask):
        return np.mean(np.sum(x * mask, axis=1) / (np.sum(mask, axis=1) + 1e-3))

    assert examined(masked_mean, "sequence_mean").exit_code == 1


# conventions


def dual_clip(logp, old_logp, advantage, eps=0.2):
    ratio = np.exp(logp - old_logp)
    loss = -np.minimum(ratio * advantage, np.clip(ratio, 1 - eps, 1 + eps) * advantage)
    return np.where(advantage < 0, np.minimum(loss, -3.0 * advantage), loss)


def both_sides(logp, old_logp, advantage, eps=0.2):
    return -np.clip(np.exp(logp - old_logp), 1 - eps, 1 + eps) * advantage * logp


def no_constant(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
    s = np.tanh(beta * (chosen_logp - ref_chosen_logp) / 2) / 2
    return np.tanh(beta * (rejected_logp - ref_rejected_logp) / 2) / 2 - s


def ranking_weighed(avg_logp, reward, best_nll, weight=1.0):
    return weight * FORMULAS["rrhf"](avg_logp, reward, 0 * best_nll, 0.0) + best_nll


def epsilon_beside(x, mask):
    count = np.sum(mask)
    mean = np.sum(x * mask) / count
    return (x - mean) * mask / (np.sqrt(np.sum((x - mean) ** 2 * mask) / count) + 1e-5)


def whitened_gae(reward, value, mask, gamma=1.0, lam=0.95):
    advantage, returns = FORMULAS["gae"](reward, value, mask, gamma, lam)
    mean = np.sum(advantage * mask) / np.sum(mask)
    spread = np.sum((advantage - mean) ** 2 * mask) / np.sum(mask)
    return np.stack([(advantage - mean) / np.sqrt(spread + 1e-8), returns])


def answers_first(reward):
    return reward - reward.mean(axis=0, keepdims=True)


CONVENTIONS = [
    (dual_clip, "clipped_surrogate", "clip_dual=3"),
    (both_sides, "truncated_importance", "clip_low=clip_high"),
    (no_constant, "apo_zero", "offset=-1"),
    (ranking_weighed, "rrhf", "weighs=ranking"),
    (epsilon_beside, "whiten", "eps_place=outside ddof=0"),
    (whitened_gae, "gae", "whitened=yes"),
    (answers_first, "group_center", "layout=group_first"),
]


@pytest.mark.parametrize(
    ("fn", "name", "typed"), CONVENTIONS, ids=lambda v: getattr(v, "__name__", v)
)
def test_a_known_convention_is_read_and_said(fn, name, typed):
    report = examined(fn, name)
    assert report.exit_code == 0, sentences(report)
    assert set(typed.split()) <= set(re.split("[ .]", sentences(report).split("--convention ")[-1]))


def test_a_reading_that_is_a_known_bug_where_it_is_not_meant_is_said_to_be_one():
    def no_half(value, old_value, returns, clip):
        return 2 * FORMULAS["value_loss"](value, old_value, returns, clip)

    report = examined(no_half, "value_loss")
    assert report.exit_code == 0
    assert "If it is not meant: the ½ is missing" in sentences(report)


def test_what_was_declared_is_what_it_has_to_be():
    assert examined(dual_clip, "clipped_surrogate", clip_dual=2.0).exit_code == 1
    assert examined(no_constant, "apo_zero", offset=0.0).exit_code == 1
    assert examined(no_constant, "apo_zero", offset=-1.0).exit_code == 0


def test_a_constant_is_no_excuse_for_an_estimator():
    report = examined(lambda logp, ref: np.exp(ref - logp) - (ref - logp), "k3")
    assert report.exit_code == 1 and "k3_without_minus_one" in report.diagnosis


@pytest.mark.parametrize("reduce", [np.mean, np.sum])
def test_a_reduction_is_said_in_one_line_and_judged(reduce):
    report = examined(lambda logp, advantage: reduce(-advantage * logp), "reinforce")
    assert report.exit_code == 0 and "judged with reduction=" in report.reduced


# readings that turn a sign are no excuse


def test_a_turned_direction_is_a_warning_with_the_exhibit():
    report = examined(lambda logp, ref_logp: ref_logp - logp, "k1")
    assert report.exit_code == 1
    assert "right only for tokens sampled from the reference" in sentences(report)
    assert "k1_reference_minus_policy" in report.diagnosis


def test_a_turned_sign_is_a_warning():
    def objective(logp, old_logp, advantage, eps=0.2):
        ratio = np.exp(logp - old_logp)
        return np.minimum(ratio * advantage, np.clip(ratio, 1 - eps, 1 + eps) * advantage)

    report = examined(objective, "clipped_surrogate")
    assert report.exit_code == 1 and "it unlearns: change the sign" in sentences(report)
    assert examined(objective, "clipped_surrogate", sign="objective").exit_code == 0


# numbers, differences, time


def test_numbers_are_printed_to_the_digit_where_they_differ():
    with pytest.raises(Broken, match=re.escape("gives [1.00000002], want [1.]")):
        assert_close(np.array([1.00000002]), np.array([1.0]))


def test_small_differences_near_saturation_are_differences():
    assert_different(np.array([2e-9, 3e-9]), np.array([1e-9, 1e-9]))
    assert_different(np.array([9.4e-14, 1.3e-14]), np.array([8.1e-14, 1.2e-14]))
    with pytest.raises(Broken, match="both times"):
        assert_different(np.array([0.5, 0.5 + 1e-9]), np.array([0.5, 0.5]))


def test_a_loss_with_beta_on_the_policy_alone_reads_its_reference():
    """Far from its zero it is saturated, and still has two values."""

    def loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        return np.logaddexp(0, -(beta * (chosen - rejected) - (ref_chosen - ref_rejected)))

    x = np.zeros(2), np.zeros(2), np.array([-33.0, -35.0]), np.array([0.0, 0.0])
    assert loss(*(x[k] for k in (2, 3, 2, 3))).max() < 1e-12
    pair.reads_the_reference(loss, x, {"beta": 0.1})
    with pytest.raises(Broken, match="both times"):
        pair.reads_the_reference(
            lambda w, rejected, *_, beta: loss(w, rejected, 0, 0), x, {"beta": 1}
        )


def test_a_slow_first_call_decides_nothing():
    """A deadline that the active profile sets is none of the laws' business."""
    import time

    seen = []

    def compiles_first(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        if not seen:
            time.sleep(0.3)
        seen.append(1)
        return np.logaddexp(0, -beta * (chosen - ref_chosen - rejected + ref_rejected))

    settings.register_profile("hasty", deadline=100, max_examples=5)
    active = settings.get_current_profile_name()
    try:
        settings.load_profile("hasty")
        assert laws_of("dpo")[0](compiles_first)
        seen.clear()
        assert_lawful(compiles_first, "dpo")
    finally:
        settings.load_profile(active)


def test_chance_is_named_first():
    rng = np.random.default_rng(0)

    def with_dropout(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        z = beta * (chosen - ref_chosen - rejected + ref_rejected)
        return np.logaddexp(0, -z * (rng.random(len(z)) > 0.1))

    report = examined(with_dropout, "dpo")
    assert [v.law.name for v in report.verdicts] == ["answers_are_repeatable"]
    assert report.diagnosis.startswith("with_dropout gives different answers for the same input")
