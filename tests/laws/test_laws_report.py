"""What a check says beyond the verdicts: other conventions, the nearest bug, code to paste."""

import time

import numpy as np
import pytest
from hypothesis import settings
from judged_functions import wrong

from tinyalign.laws import CannotCall
from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.losses import preference


def examined(fn, name, conventions=None, shrink=False, **how):
    setting = repeatable_settings(6, shrink=shrink)
    return examine(fn, BY_NAME[name], conventions or {}, setting=setting, **how)


def test_a_mean_over_the_batch_is_recognised():
    def mean(w, r, rw, rr, beta=0.1):
        return np.logaddexp(0, -beta * (w - rw - r + rr)).mean()

    assert examined(mean, "dpo", {"reduction": "mean"}).exit_code == 0
    report = examined(mean, "dpo")
    assert report.exit_code == 0
    assert report.reduced == "mean returns a mean over the batch: judged with reduction=mean."
    declared = examined(mean, "dpo", {"reduction": "sum"})
    assert declared.exit_code == 1 and "where a sum over the batch was" in declared.reduced


def test_another_method_is_recognised():
    report = examined(preference.sppo, "ipo")
    assert report.notes[-1].startswith("This is sppo;")


def test_a_fixed_ddof_and_eps_are_recognised():
    def population(reward):
        centred = reward - reward.mean(axis=1, keepdims=True)
        return centred / (reward.std(axis=1, keepdims=True) + 1e-8)

    assert "eps=1e-08 and ddof=0" in examined(population, "group_standardize").notes[-1]


def test_gamma_as_a_ratio_is_recognised():
    def ratio(w, r, *, beta, gamma):
        return np.logaddexp(0, -beta * (w - r - gamma))

    assert examined(ratio, "simpo", {"gamma_means": "ratio"}).exit_code == 0
    assert "gamma_means=ratio" in examined(ratio, "simpo").notes[-1]


def test_a_fixed_beta_is_declared():
    def fixed(w, r, rw, rr):
        return np.logaddexp(0, -0.25 * (w - rw - r + rr))

    assert examined(fixed, "dpo", {"beta": 0.25}).exit_code == 0
    report = examined(fixed, "dpo")
    assert report.exit_code == 0
    assert "This is beta=0.25; the default is beta=0.1" in report.notes[-1]
    assert examined(fixed, "dpo", {"beta": 0.5}).exit_code == 1


def test_the_counterexample_is_small_and_can_be_pasted():
    report = examined(wrong, "dpo", shrink=True)
    code = report.examples["log2_at_reference"].replace("from yours import wrong", "")
    assert "[0.0, 0.0" not in code and code.count("wrong(") == 1  # one row, one call is enough
    scope = {"wrong": wrong}
    exec(code, scope)  # nothing but the calls and comments


def ppo(logp, old_logp, advantage, epsilon=0.2):
    ratio = np.exp(logp - old_logp)
    held = np.clip(ratio, 1 - epsilon, 1 + epsilon)
    return -np.minimum(ratio * advantage, held * advantage)


def test_one_parameter_that_stands_for_two_numbers_is_judged_where_they_are_equal():
    """And np.clip, which would hide autograd's boxes from autograd, costs no false alarm."""
    report = examined(ppo, "clipped_surrogate")
    assert report.exit_code == 0
    assert report.notes == [
        "epsilon stands for clip_low and clip_high: judged where they are equal."
    ]
    silent = [v.law.name for v in report.verdicts if "stands for two" in v.message]
    assert silent == ["clip_high_touches_good_tokens_only"]


def test_a_bug_behind_one_parameter_for_two_is_named():
    def optimist(logp, old_logp, advantage, epsilon=0.2):
        ratio = np.exp(logp - old_logp)
        held = np.clip(ratio, 1 - epsilon, 1 + epsilon)
        return -np.maximum(ratio * advantage, held * advantage)

    report = examined(optimist, "clipped_surrogate")
    assert report.exit_code == 1 and "museum ppo_max)" in report.diagnosis


def pair_bug(loss, reduce):
    def fn(w, r, rw, rr, *, beta):
        return reduce(loss(w - rw, r - rr, w - r, beta))

    return fn


BUGS = {
    "dpo_without_reference": lambda a, b, policy, beta: np.logaddexp(0, -beta * policy),
    "dpo_labels_swapped": lambda a, b, policy, beta: np.logaddexp(0, beta * (a - b)),
    "dpo_sigmoid_without_log": lambda a, b, policy, beta: -1 / (1 + np.exp(-beta * (a - b))),
}


@pytest.mark.parametrize(
    ("exhibit", "reduction"), list(zip(BUGS, ("mean", "sum", "mean"), strict=True))
)
def test_a_bug_behind_an_undeclared_reduction_is_named_too(exhibit, reduction):
    fn = pair_bug(BUGS[exhibit], getattr(np, reduction))
    report = examined(fn, "dpo")
    assert report.exit_code == 1
    assert report.reduced.startswith(f"fn returns a {reduction} over the batch: judged")
    assert f"museum {exhibit})" in report.diagnosis
    declared = examined(fn, "dpo", {"reduction": reduction})
    assert declared.reduced == "" and declared.diagnosis == report.diagnosis
    assert {v.law.name for v in report.broken} == {v.law.name for v in declared.broken}


@pytest.mark.parametrize(
    ("reduce", "declared", "said"),
    [
        (lambda x: x, "mean", "fn returns one number per example, where a mean over the batch was"),
        (
            np.max,
            "none",
            "fn returns one number, neither a mean nor a sum of its examples",
        ),
    ],
)
def test_other_reductions_than_the_declared_one_are_told(reduce, declared, said):
    report = examined(pair_bug(BUGS["dpo_labels_swapped"], reduce), "dpo", {"reduction": declared})
    assert report.exit_code == 1 and report.reduced.startswith(said)
    assert "swap_adds_scaled_margin" in {v.law.name for v in report.broken}
    assert "museum dpo_labels_swapped)" in report.diagnosis


def test_a_mean_in_single_precision_is_told_from_no_mean():
    """float32's rounding, as of a mean taken by a dot product, is no other reduction."""

    def fn(chosen, rejected, ref_chosen, ref_rejected, *, beta):
        z = beta * (chosen - ref_chosen - rejected + ref_rejected)
        return np.logaddexp(np.float32(0), -z) @ np.full(len(z), 1 / len(z), np.float32)

    report = examined(fn, "dpo", dtype="float32")
    assert report.reduced.startswith("fn returns a mean over the batch: judged")
    assert report.exit_code == 0
    assert [v.law.name for v in examined(fn, "dpo", {"reduction": "none"}).broken] == [BATCH.name]


def test_a_slow_loss_is_judged_by_its_numbers():
    """Calls that take longer than Hypothesis allows where nobody says otherwise break no law.
    The profile of these tests allows any time, so another one is loaded."""
    called = []

    def slow(w, r, rw, rr, beta=0.1):
        called.append(len(w))
        time.sleep(0.3 if len(called) % 150 == 0 else 0.0)
        return np.logaddexp(0, -beta * (w - rw - r + rr))

    settings.register_profile("impatient", deadline=200)
    active = settings.get_current_profile_name()
    try:
        settings.load_profile("impatient")
        assert examined(slow, "dpo").exit_code == 0
    finally:
        settings.load_profile(active)
    assert len(called) >= 150


def zero_over_zero(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    margin = chosen - rejected - ref_chosen + ref_rejected
    return np.logaddexp(0, -beta * margin) * margin / margin


def one_by_one(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return np.logaddexp(0, -beta * ((chosen - ref_chosen)[:, None] - (rejected - ref_rejected)))


def never(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    if chosen > rejected:
        return 1.0


def half_of_the_bad(logp, old_logp, advantage, eps=0.2):
    return np.where(advantage < 0, 0.5, 1.0) * ppo(logp, old_logp, advantage, eps)


@pytest.mark.parametrize(
    ("fn", "method", "said"),
    [
        (zero_over_zero, "dpo", "NaN wherever policy = reference: "),
        (one_by_one, "dpo", "It gives a table (B, B) for B examples"),
        (never, "dpo", "It gives a NoneType, want numbers"),
        (half_of_the_bad, "clipped_surrogate", "wrong wherever advantage < 0"),
    ],
)
def test_laws_that_fail_for_one_reason_are_one_sentence(fn, method, said):
    report = examined(fn, method)
    assert report.exit_code == 1 and said in report.diagnosis
    assert "museum" not in report.diagnosis


def test_what_may_be_a_wrong_call_is_no_broken_law():
    """It raises too, but so does a right one that wants another framework or other shapes."""

    def for_torch(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        return chosen.clamp(max=0)

    def for_tokens(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
        return chosen[:, 0]

    for fn in (for_torch, for_tokens):
        with pytest.raises(CannotCall, match="on every input tried"):
            examined(fn, "dpo")
