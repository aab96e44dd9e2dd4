"""The laws hold for right code, ours and independent, and say what is wrong with wrong code."""

import re

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import settings
from judged_functions import NOT_A_FUNCTION_OF_OURS, OURS, find, wrong

import tinyalign.laws
from tests.independent import loops, loops_of_variants, loops_over_time
from tinyalign.laws import METHODS, Broken, CannotCall, assert_lawful, laws_of
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, judge_all
from tinyalign.losses import (
    divergence,
    preference,
)

REWRITTEN = (loops, loops_over_time, loops_of_variants)


def broken(fn, method, examples, **how):
    conventions, shrink = how.pop("conventions", {}), how.pop("shrink", True)
    setting = repeatable_settings(examples, shrink)
    verdicts = judge_all(fn, method, conventions, setting=setting, **how)
    return {v.law.name: v.message for v in verdicts if v.status == BROKEN}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_our_own_function_holds_every_law(method):
    if method.name in NOT_A_FUNCTION_OF_OURS:
        pytest.skip("no function of this name and form in tinyalign")
    ours = {"detach": "inside", "packed": "yes", "padding": "nan"}
    assert not broken(find(OURS, method.name), method, 3, conventions=ours)


@pytest.mark.parametrize("name", ["dpo", "exo_pair", "orpo", "kto", "k3", "group_rank", "gae"])
def test_our_own_function_holds_every_law_in_float32(name):
    assert not broken(find(OURS, name), BY_NAME[name], 5, dtype="float32")


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_an_independent_rewriting_holds_every_law(method):
    fn = find(REWRITTEN, method.name)
    assert fn is not None, f"write {method.name} anew, with loops, in tests/independent/loops.py"
    assert not broken(fn, method, 2)


def test_every_public_name_of_the_design_has_laws():
    public = {
        name
        for module in OURS[:-1]
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "").startswith("tinyalign.losses")
        and value.__module__ not in ("tinyalign.losses.numerics", "tinyalign.losses.ratio")
        and not name.startswith("_") and name not in ("margin", "log_ratios")
    }  # fmt: skip
    public |= {"optimal_policy", "best_of_n", "rlhf_objective"}
    assert public <= {m.name for m in METHODS}


@pytest.mark.parametrize("spec", METHODS, ids=lambda m: m.name)
def test_a_law_is_known_by_its_name(spec):
    """Names and short ids are unique within a table; a name is words, as a function's is."""
    names, refs = [s.name for s in spec.laws], [s.ref for s in spec.laws]
    assert len(set(names)) == len(names) and len(set(refs)) == len(refs)
    assert all(re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", name) for name in names), names


@pytest.mark.parametrize("law", laws_of("dpo"), ids=repr)
def test_laws_of_gives_pytest_parameters(law):
    quick = settings(max_examples=5)
    with_profile = settings.get_current_profile_name()
    assert law.name and law.sentence
    settings.register_profile("five", quick)
    settings.load_profile("five")
    try:
        law(preference.dpo)
    finally:
        settings.load_profile(with_profile)


def test_assert_lawful_names_the_law_and_the_values():
    sentence = "wrong breaks log2_at_reference: policy = reference costs log 2"
    with pytest.raises(AssertionError, match=sentence) as e:
        assert_lawful(wrong, "dpo")
    calls = str(e.value).split("\n\n", 1)[1]
    assert "wrong(array(" in calls
    exec(calls.replace(f"from {wrong.__module__} import wrong", ""), {"wrong": wrong})


@pytest.mark.parametrize(("method", "kind"), [("dpo", Broken), ("gae", CannotCall)])
def test_pytest_shows_the_line_of_the_test_and_none_of_ours(method, kind):
    with pytest.raises(kind) as raised:
        assert_lawful(wrong, method)
    shown = raised.traceback.filter(raised)
    assert [entry.path.name for entry in shown] == ["test_laws.py"]


def test_assert_lawful_is_no_success_where_nothing_was_judged(monkeypatch):
    """No law applies to IPO without its number under that convention; foo is no convention.

    Of its laws three are asked: each takes a second to find that it applies nowhere.
    """
    some = tinyalign.laws.laws_for(find_spec("ipo"))[:3]
    monkeypatch.setattr(tinyalign.laws, "laws_for", lambda method: some)

    def zero(chosen, rejected, ref_chosen, ref_rejected):
        return 0 * (chosen + rejected + ref_chosen + ref_rejected)

    with pytest.raises(CannotCall, match="no law of ipo applies"):
        assert_lawful(zero, "ipo", tau_means="target")
    with pytest.raises(CannotCall, match="dpo has no convention 'foo'"):
        assert_lawful(preference.dpo, "dpo", foo=1)


def test_assert_lawful_reads_a_mean_as_check_does(few_examples):
    """And a class, of which no object was made, is refused and not accused."""

    class Loss:
        sign = -1

        def __call__(self, chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
            margin = chosen - rejected + self.sign * (ref_chosen - ref_rejected)
            return np.mean(np.logaddexp(0, -beta * margin)), {"margin": margin}

    assert_lawful(Loss(), "dpo")
    wrong = Loss()
    wrong.sign = 1
    with pytest.raises(Broken, match="log2_at_reference"):
        assert_lawful(wrong, "dpo")
    with pytest.raises(Broken, match="breaks batch_is_its_rows"):
        assert_lawful(Loss(), "dpo", reduction="none")
    with pytest.raises(CannotCall, match=r"Loss is a class: give an object of it, Loss\(…\)"):
        assert_lawful(Loss, "dpo")


@pytest.mark.slow
def test_a_reading_under_which_nothing_is_judged_is_no_reading():
    """DPO without beta and the wrong way round is not called IPO; the museum knows it."""

    def swapped(chosen, rejected, ref_chosen, ref_rejected):
        return np.logaddexp(0, 0.1 * (chosen - ref_chosen - rejected + ref_rejected))

    setting = repeatable_settings(12, shrink=False)
    report = examine(swapped, find_spec("dpo"), {}, setting=setting)
    assert report.exit_code == 1
    assert not any("This is" in note for note in report.notes)
    assert "swapped" in report.diagnosis


def test_verdicts_do_not_depend_on_chance():
    setting = repeatable_settings(5, shrink=False)
    first, second = (judge_all(wrong, BY_NAME["dpo"], setting=setting) for _ in range(2))
    assert [repr(v.inputs) for v in first] == [repr(v.inputs) for v in second]


def test_the_use_of_a_kl_estimator_decides():
    for name, use, right in (
        ("k1", "loss", False),
        ("k1", "reward", True),
        ("k2", "loss", True),
        ("k3", "loss", False),  # it is the forward KL's slope
        ("k3", "reward", False),
    ):
        how = {"conventions": {"use": use}, "shrink": False}
        found = broken(getattr(divergence, name), BY_NAME[name], 10, **how)
        assert (not found) is right, (name, use)


def both_branches(win, lose):
    """Right values, but 0 · ∞ = nan in the slope: the exhibit's formula, reduced by its caller."""
    near, far = anp.log(-anp.expm1(win)), anp.log1p(-anp.exp(win))
    odds = win - anp.where(win > -0.6931, near, far)
    return anp.logaddexp(0, lose - anp.log(-anp.expm1(lose)) - odds)


def objective(win, lose):
    return -anp.mean(both_branches(win, lose))


@pytest.mark.parametrize("conventions", [{}, {"reduction": "mean", "sign": "objective"}], ids=str)
def test_a_nan_that_only_the_gradient_has_is_seen_through_conventions(conventions):
    fn = objective if conventions else both_branches
    found = broken(fn, BY_NAME["odds_ratio"], 20, conventions=conventions)
    assert list(found) == ["slopes_right_near_certainty"]
    message = found["slopes_right_near_certainty"]
    assert message.startswith("in chosen_avg_logp has slope [nan], want [-0.")


def test_without_autodiff_slopes_near_certainty_are_judged_by_small_steps():
    def plain(win, lose):
        win, lose = (np.asarray(a, dtype=float) for a in (win, lose))  # refuses autograd's boxes
        return np.logaddexp(0, lose - np.log(-np.expm1(lose)) - win + np.log(-np.expm1(win)))

    def without_slope_above(win, lose):
        return plain(np.minimum(win, -2e-3), lose) - (np.minimum(0, -2e-3 - win)) * odds(lose)

    def odds(lose):
        return 0.9 * np.exp(lose) / -np.expm1(lose)

    assert not broken(plain, BY_NAME["odds_ratio"], 20)
    assert "slopes_right_near_certainty" in broken(without_slope_above, BY_NAME["odds_ratio"], 20)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_no_false_alarm(method):
    """HYPOTHESIS_PROFILE=thorough tries 2,000 inputs per law; the default profile 50."""
    fn = find(OURS, method.name) or find(REWRITTEN, method.name)
    assert not broken(fn, method, settings().max_examples)
