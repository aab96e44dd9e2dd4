"""`tinyalign golden`: what it prints for other people's unit tests is right, and stays the same."""

import functools
import hashlib
import json
import math

import numpy as np
import pytest
from strategies import central_difference, close

from tests.independent import loops, loops_of_variants, loops_over_time
from tinyalign import cli, losses, methods
from tinyalign.cli import golden as command
from tinyalign.cli.golden import loss_name
from tinyalign.cli.golden_inputs import FIXED, names
from tinyalign.errors import InputError

golden = functools.cache(command.golden)
REWRITTEN = (loops, loops_over_time, loops_of_variants)
WEIGHTED = {  # a weight inside is a constant to the gradient: the slope is not that of the value
    "dft", "clipped_importance", "truncated_importance", "gspo_token",
}  # fmt: skip


def rewritten(name):
    return next((getattr(m, name) for m in REWRITTEN if hasattr(m, name)), None)


def arrays(case):
    return {name: np.array(values) for name, values in case["inputs"].items()}


def test_every_public_loss_has_golden_values():
    """All but the one that draws; numbers are finite, and no two cases are the same."""
    assert set(losses.__all__) - set(names()) == {"rejection_sample"}
    for name in names():
        cases = golden(name)["cases"]
        json.dumps(cases, allow_nan=False)
        assert len({json.dumps(case["inputs"]) for case in cases}) == 3, name


ALONE = ("standardize_by_prompt", "leave_one_out_by_prompt")  # the loops have no answer for one


@pytest.mark.parametrize("name", [n for n in names() if rewritten(n) and n not in ALONE])
def test_values_are_those_of_code_written_apart_from_ours(name):
    """Plain Python, one example at a time; the default of an axis is the last."""
    for case in golden(name)["cases"]:
        theirs = rewritten(name)(*arrays(case).values(), **case["numbers"])
        for got, want in zip(np.atleast_1d(case["value"]), np.atleast_1d(theirs), strict=True):
            close(got, want, rtol=1e-7, atol=1e-8)


def test_what_has_no_rewriting_is_worked_out_here():
    """log-ratios, their difference; a completion alone gets 0."""
    assert {n for n in names() if not rewritten(n)} == {"log_ratios", "margin"}
    for case in golden("margin")["cases"]:
        win, lose, ref_win, ref_lose = arrays(case).values()
        close(case["value"], win - lose - ref_win + ref_lose)
    for case in golden("log_ratios")["cases"]:
        win, lose, ref_win, ref_lose = arrays(case).values()
        close(case["value"], [win - ref_win, lose - ref_lose])
    for case in golden("center_by_prompt")["cases"]:
        first, alone, last = case["inputs"]["reward"]
        assert case["inputs"]["prompt"] == [7, 3, 7] and alone is not None
        close(case["value"], [(first - last) / 2, 0, (last - first) / 2])
    for case in golden("leave_one_out_by_prompt")["cases"]:
        first, _, last = case["inputs"]["reward"]
        close(case["value"], [first - last, 0, last - first])
    for case in golden("standardize_by_prompt")["cases"]:
        first, _, last = case["inputs"]["reward"]
        # two numbers are half their difference away from their mean
        std = abs(first - last) / (2 if case["numbers"]["ddof"] == 0 else math.sqrt(2))
        share = (first - last) / 2 / (std + case["numbers"]["eps"])
        close(case["value"], [share, 0, -share])


@pytest.mark.parametrize("name", [n for n in names() if "gradient" in golden(n)["cases"][0]])
def test_a_gradient_is_the_central_difference_or_zero_for_a_constant(name):
    """Of the sum of the values, in every measured array, for the cases of ordinary numbers."""
    for case in golden(name)["cases"][:2]:
        given = arrays(case)
        assert set(case["gradient"]) == set(given) - set(FIXED)
        for argument, found in case["gradient"].items():
            if not np.any(found):
                continue  # a constant, or flat: which of them, other tests say

            def total(x, argument=argument, given=given, case=case):
                changed = {**given, argument: x}
                return np.sum(getattr(losses, name)(*changed.values(), **case["numbers"]))

            if name not in WEIGHTED:
                want = central_difference(total, given[argument], step=1e-6)
                close(found, want, rtol=2e-5, atol=2e-5)


def test_gradients_with_a_constant_weight_are_the_papers():
    """DFT: −e^logp/Σ mask. CISPO: minus the weight times the advantage."""
    for case in golden("dft")["cases"]:
        logp, mask = arrays(case).values()
        close(case["gradient"]["logp"], -np.exp(logp) * mask / mask.sum())
    for name in ("truncated_importance", "clipped_importance"):
        for case in golden(name)["cases"]:
            logp, old, advantage = arrays(case).values()
            numbers = {"clip_low": 1.0} | case["numbers"]
            low, high = 1 - numbers["clip_low"], 1 + numbers["clip_high"]
            close(case["gradient"]["logp"], -np.clip(np.exp(logp - old), low, high) * advantage)
            assert not np.any(case["gradient"]["advantage"])
    for case in golden("gspo_token")["cases"]:
        start = arrays(case)
        slope = np.array(case["gradient"]["logp"])
        assert (slope[start["mask"] == 0] == 0).all()
        close(slope * (slope != 0), (np.array(case["value"]) * (slope != 0)))  # −s·A, its own slope


def test_known_numbers():
    """By hand: DPO's first pair, and a token of SAPO at its first case."""
    case = golden("dpo")["cases"][0]
    win, lose, ref_win, ref_lose = (column[0] for column in case["inputs"].values())
    z = 0.1 * (win - lose - ref_win + ref_lose)
    assert case["value"][0] == pytest.approx(math.log(1 + math.exp(-z)), rel=1e-12)
    assert case["gradient"]["chosen_logp"][0] == pytest.approx(-0.1 / (1 + math.exp(z)), rel=1e-12)


def test_inputs_are_the_same_on_every_machine():
    """Made by a rule and rounded: whoever copied the numbers can find them again."""
    made = [(n, c["inputs"], c["numbers"]) for n in sorted(names()) for c in golden(n)["cases"]]
    digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()
    want = "361b9bb6ec9adcdb"
    assert digest[:16] == want, "a new loss gives a new digest; else an input has changed"


def test_the_command_prints_json_and_python(capsys):
    """A method goes by its loss; the text is Python that can be pasted; a mistake is a sentence."""
    assert cli.main(["golden", "grpo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == golden("clipped_surrogate")
    assert cli.main(["golden", "kto"]) == 0
    scope = {"np": np}
    exec(capsys.readouterr().out, scope)
    last = golden("kto")["cases"][-1]
    close(scope["value"], last["value"])
    close(scope["d_logp"], last["gradient"]["logp"])
    assert cli.main(["golden", "dppoo"]) == 2
    assert "there is no loss 'dppoo': did you mean dppo?" in capsys.readouterr().err


def test_every_method_but_the_one_without_a_loss_goes_by_its_loss():
    for row in methods.METHODS:
        if row.name not in ("best_of_n", "ipo_average"):
            assert loss_name(row.name) in names(), row.name


@pytest.mark.parametrize("name", ["best_of_n", "ipo_average"])
def test_a_method_without_a_public_loss_is_told_as_such(name):
    with pytest.raises(InputError, match=f"the method {name} has no loss of its own"):
        loss_name(name)
