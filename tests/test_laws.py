"""The laws hold for right code, ours and independent, and say what is wrong with wrong code."""

import ast
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import settings

import tinyalign.laws
from tests.independent import loops, loops_over_time
from tinyalign import optimum
from tinyalign.laws import METHODS, assert_lawful, laws_of
from tinyalign.laws.judge import BROKEN, judge_all, repeatable
from tinyalign.laws.report import examine
from tinyalign.losses import (
    advantage,
    aggregate,
    divergence,
    policy_gradient,
    preference,
    ranking,
    supervised,
)

OURS = (preference, supervised, ranking, divergence, advantage, policy_gradient, aggregate, optimum)
NOT_A_FUNCTION_OF_OURS = {"nca_pair", "token_logp", "sequence_logp"}  # other people's, or models


DPO = next(m for m in METHODS if m.name == "dpo")


def named(modules, name):
    return next((getattr(m, name) for m in modules if hasattr(m, name)), None)


def named_method(name):
    return next(m for m in METHODS if m.name == name)


def broken(fn, method, examples, **how):
    conventions = how.pop("conventions", {})
    verdicts = judge_all(fn, method, conventions, setting=repeatable(examples), **how)
    return {v.law.name: v.message for v in verdicts if v.status == BROKEN}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_our_own_function_holds_every_law(method):
    if method.name in NOT_A_FUNCTION_OF_OURS:
        pytest.skip("no function of this name and form in tinyalign")
    assert not broken(named(OURS, method.name), method, 3, conventions={"detach": "inside"})


@pytest.mark.parametrize("name", ["dpo", "exo_pair", "orpo", "kto", "k3", "group_rank", "gae"])
def test_our_own_function_holds_every_law_in_float32(name):
    assert not broken(named(OURS, name), named_method(name), 5, dtype="float32")


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_an_independent_rewriting_holds_every_law(method):
    fn = named((loops, loops_over_time), method.name)
    assert fn is not None
    assert not broken(fn, method, 2)


def test_every_public_name_of_the_design_has_laws():
    public = {
        name
        for module in OURS[:-1]
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "").startswith("tinyalign.losses")
        and not name.startswith("_") and name not in ("margin", "log_ratios")
    }  # fmt: skip
    public |= {"optimal_policy", "best_of_n", "rlhf_objective"}
    assert public <= {m.name for m in METHODS}


@pytest.mark.parametrize("law", laws_of("dpo"), ids=repr)
def test_laws_of_gives_pytest_parameters(law):
    quick = settings(max_examples=5)
    with_profile = settings._current_profile
    assert law.name and law.sentence
    settings.register_profile("five", quick)
    settings.load_profile("five")
    try:
        law(preference.dpo)
    finally:
        settings.load_profile(with_profile)


def test_assert_lawful_names_the_law_and_the_values():
    with pytest.raises(AssertionError, match=r"wrong breaks D1: policy = reference costs log 2"):
        assert_lawful(wrong, "dpo")


def wrong(chosen, rejected, ref_chosen, ref_rejected, *, beta):
    return np.logaddexp(0, -beta * (chosen + ref_chosen - rejected - ref_rejected))


def test_laws_import_numpy_and_hypothesis_and_nothing_of_tinyalign():
    for path in Path(tinyalign.laws.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.startswith("tinyalign")
                assert name.startswith("tinyalign.laws") if ours else True, (path, name)
                third = name.split(".")[0] in ("torch", "jax", "autograd", "rich", "tyro")
                exhibit = path.parent.name == "museum" and name.startswith("autograd")
                screen = path.name in ("printed.py", "gallery.py")
                assert not third or exhibit or screen, (path, name)


def test_files_and_functions_stay_short():
    for path in Path(tinyalign.laws.__file__).parent.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path


def examined(fn, name, conventions=None, **how):
    return examine(fn, named_method(name), conventions or {}, setting=repeatable(6), **how)


def test_a_mean_over_the_batch_is_recognised():
    def mean(w, r, rw, rr, beta=0.1):
        return np.logaddexp(0, -beta * (w - rw - r + rr)).mean()

    assert examined(mean, "dpo", {"reduction": "mean"}).exit_code == 0
    report = examined(mean, "dpo")
    assert report.exit_code == 1
    assert "This is a mean over the batch (reduction=mean)" in report.notes[-1]


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
    assert "no parameter for beta" in examined(fixed, "dpo").notes[0]


def test_the_counterexample_is_small_and_can_be_pasted():
    report = examined(wrong, "dpo")
    code = report.examples["D1"].replace("from yours import wrong", "")
    assert "[0.0, 0.0" not in code and code.count("wrong(") == 1  # one row, one call is enough
    scope = {"wrong": wrong}
    exec(code, scope)  # nothing but the calls and comments


def test_verdicts_do_not_depend_on_chance():
    first, second = (judge_all(wrong, DPO, setting=repeatable(5, shrink=False)) for _ in range(2))
    assert [repr(v.inputs) for v in first] == [repr(v.inputs) for v in second]


def test_the_use_of_a_kl_estimator_decides():
    for name, use, right in (
        ("k1", "loss", False),
        ("k1", "reward", True),
        ("k2", "loss", True),
        ("k3", "loss", False),  # it is the forward KL's slope
        ("k3", "reward", False),
    ):
        found = broken(getattr(divergence, name), named_method(name), 10, conventions={"use": use})
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
    found = broken(fn, named_method("odds_ratio"), 20, conventions=conventions)
    assert found == {"O2b": "in chosen_avg_logp has slope [nan], want [-0.581977]"}


def test_without_autodiff_slopes_near_certainty_are_judged_by_small_steps():
    def plain(win, lose):
        win, lose = (np.asarray(a, dtype=float) for a in (win, lose))  # refuses autograd's boxes
        return np.logaddexp(0, lose - np.log(-np.expm1(lose)) - win + np.log(-np.expm1(win)))

    def without_slope_above(win, lose):
        return plain(np.minimum(win, -2e-3), lose) - (np.minimum(0, -2e-3 - win)) * odds(lose)

    def odds(lose):
        return 0.9 * np.exp(lose) / -np.expm1(lose)

    assert not broken(plain, named_method("odds_ratio"), 20)
    assert "O2b" in broken(without_slope_above, named_method("odds_ratio"), 20)


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
    assert [v.law.name for v in report.verdicts if "stands for two" in v.message] == ["PP4"]


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


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("exhibit", BUGS)
def test_a_bug_behind_an_undeclared_reduction_is_named_too(exhibit, reduction):
    fn = pair_bug(BUGS[exhibit], getattr(np, reduction))
    report = examined(fn, "dpo")
    assert report.exit_code == 1
    assert report.reduced.startswith(f"fn returns a {reduction} over the batch, where one number")
    assert f"museum {exhibit})" in report.diagnosis
    declared = examined(fn, "dpo", {"reduction": reduction})
    assert declared.reduced == "" and declared.diagnosis == report.diagnosis
    assert {v.law.name for v in report.broken} == {v.law.name for v in declared.broken} | {"batch"}


@pytest.mark.parametrize(
    ("reduce", "declared", "said"),
    [
        (lambda x: x, "mean", "fn returns one number per example, where a mean over the batch was"),
        (np.max, "none", "fn returns one number, neither mean nor sum of its rows, where one"),
    ],
)
def test_other_reductions_than_the_declared_one_are_told(reduce, declared, said):
    report = examined(pair_bug(BUGS["dpo_labels_swapped"], reduce), "dpo", {"reduction": declared})
    assert report.exit_code == 1 and report.reduced.startswith(said)
    assert "D2" in {v.law.name for v in report.broken}
    assert "museum dpo_labels_swapped)" in report.diagnosis


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_no_false_alarm(method):
    """HYPOTHESIS_PROFILE=thorough tries 2,000 inputs per law; the default profile 50."""
    fn = named(OURS, method.name) or named((loops, loops_over_time), method.name)
    assert not broken(fn, method, settings().max_examples)
