"""The one sentence that says what to change, for bugs of many kinds."""

import numpy as np
import pytest

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings


def examined(fn, name):
    return examine(fn, BY_NAME[name], {}, setting=repeatable_settings(5, shrink=False))


def mean_before_the_sigmoid(chosen, rejected, beta=2.5, gamma=1.0):
    return np.logaddexp(0, -np.mean(beta * (chosen - rejected) - gamma))


def all_pairs(chosen, rejected, beta=2.5, gamma=1.0):
    return np.mean(np.logaddexp(0, gamma - beta * (chosen[:, None] - rejected)), axis=1)


@pytest.mark.parametrize("fn", [mean_before_the_sigmoid, all_pairs])
def test_what_is_right_for_one_example_alone_is_told_so(fn):
    report = examined(fn, "simpo")
    assert report.exit_code == 1 and "was declared" not in report.reduced
    assert report.diagnosis.startswith("Each example by itself is right")


def test_a_border_is_named_only_where_something_is_right_beyond_it():
    def subtracted(chosen, rejected, nll, lam=0.1):
        odds = [a - np.log(-np.expm1(np.minimum(a, -1e-300))) for a in (chosen, rejected)]
        return nll - lam * np.logaddexp(0, odds[1] - odds[0])

    assert "right elsewhere" not in examined(subtracted, "orpo").diagnosis


def sum_of_columns(x, mask, axis=-1):
    return (x * mask).sum(0)


def sum_in_place(x, mask):
    x *= mask
    return x.sum(1)


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        pytest.param(sum_of_columns, "along the wrong axis", marks=pytest.mark.slow),
        (sum_in_place, "writes to its inputs"),
    ],
)
def test_an_axis_and_a_changed_input_are_named(fn, said):
    assert said in examined(fn, "masked_sum").diagnosis


@pytest.mark.peers
def test_at_a_tie_another_autodiff_is_no_other_bug():
    torch = pytest.importorskip("torch")

    def best_below(scores, rewards, nll):
        gap = scores[:, :, None] - scores[:, None, :]
        better = rewards[:, :, None] > rewards[:, None, :]
        return (torch.relu(gap) * better).sum((1, 2)) + nll

    setting = repeatable_settings(5, shrink=False)
    report = examine(best_below, BY_NAME["rrhf"], {}, setting=setting, framework="torch")
    assert "the order is reversed" in report.diagnosis
