"""Which parameter is which: settings get no arrays, arrays are no settings, and it is said."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tinyalign.laws import CannotCall, assert_lawful, laws_of
from tinyalign.laws.binding.number_names import called
from tinyalign.laws.catalogue.lookup import LOSS_OF
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.command import check_here
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import HOLDS, SILENT, judge
from tinyalign.laws.harness.reproducer import as_code
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.museum import BY_NAME as EXHIBITS
from tinyalign.methods import METHODS


def examined(fn, name, **conventions):
    return examine(fn, BY_NAME[name], conventions, setting=repeatable_settings(8, shrink=False))


def odds(a):
    return a - np.log(-np.expm1(a))


def orpo(chosen_avg, rejected_avg, lam=0.1):
    return -chosen_avg + lam * np.logaddexp(0, odds(rejected_avg) - odds(chosen_avg))


def kto(policy_logps, ref_logps, is_good, beta=0.1):
    s = 1 / (1 + np.exp(-beta * (policy_logps - ref_logps)))
    return np.where(is_good, 1 - s, s)


def dpo(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return np.logaddexp(0, -beta * (chosen - ref_chosen - rejected + ref_rejected))


def ppo(logprobs, old_logprobs, advantages, eps=0.2):
    ratio = np.exp(logprobs - old_logprobs)
    held = np.clip(ratio, 1 - eps, 1 + eps)
    return -np.minimum(ratio * advantages, held * advantages)


def test_orpo_that_works_out_its_own_nll_is_right():
    report = examined(orpo, "orpo")
    assert report.exit_code == 0
    assert report.notes == [
        "orpo takes no chosen_nll: taken as -chosen_avg_logp.",
        "Matched by name: chosen_avg as chosen_avg_logp, rejected_avg as rejected_avg_logp.",
    ]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_filling_keeps_to_the_reduction(reduction):
    def reduced(chosen_avg, rejected_avg, lam=0.1):
        return getattr(orpo(chosen_avg, rejected_avg, lam), reduction)()

    subject = Subject(reduced, BY_NAME["orpo"], {"reduction": reduction})
    found = {judge(law, subject, repeatable_settings(6)).status for law in laws_of("orpo")}
    assert found == {HOLDS, SILENT}


def test_a_filling_hides_no_bug():
    def twice(chosen_avg, rejected_avg, lam=0.1):
        return orpo(chosen_avg, rejected_avg, lam) - chosen_avg

    assert examined(twice, "orpo").exit_code == 1


def test_kto_without_a_reference_point_is_judged_at_zero():
    report = examined(kto, "kto")
    assert report.exit_code == 0
    assert "kto takes no z0: taken as fixed at 0." in report.notes
    silent = {v.law.name for v in report.verdicts if v.message == "z0 is fixed at 0"}
    assert silent == {"reads_z0_and_the_log_ratio", "only_difference_to_z0_counts"}


def test_kto_with_swapped_labels_is_named():
    report = examined(lambda logp, ref, good, beta: kto(logp, ref, ~good, beta), "kto")
    assert report.exit_code == 1 and "museum kto_labels_swapped)" in report.diagnosis
    assert EXHIBITS["kto_labels_swapped"].method == "kto"


@pytest.mark.parametrize(
    ("fn", "name", "sentence"),
    [
        (orpo, "tpo", r"\(lam: taken for settings\); tpo also needs gold_nll, the negative"),
        (dpo, "clipped_surrogate", "also needs ref_rejected, "),
        (lambda w, r, rw, rr, beta=0.1: w * rr, "clipped_surrogate", "also needs rr, "),
        (
            lambda logp, old_logp, ref_logp, adv, eps=0.1: adv * ref_logp,
            "clipped_surrogate",
            "also needs ref_logp, the log-probability under the reference, for which",
        ),
        (lambda a, b, size=3: a, "kl_shaped_reward", "also needs ref_logp"),
    ],
)
def test_no_setting_takes_an_array_and_no_array_is_a_setting(fn, name, sentence):
    with pytest.raises(CannotCall, match=sentence):
        Subject(fn, BY_NAME[name])


def test_arrays_need_not_come_first():
    def loss(beta, chosen, rejected, ref_chosen, ref_rejected):
        return dpo(chosen, rejected, ref_chosen, ref_rejected, beta)

    assert examined(loss, "dpo").exit_code == 0

    def wrong(beta, chosen, rejected, ref_chosen, ref_rejected):
        return dpo(chosen, rejected, ref_rejected, ref_chosen, beta)

    code = examined(wrong, "dpo").examples["only_log_ratios_count"]
    assert "wrong(chosen=array(" in code


def test_the_plural_of_our_name_is_our_name():
    """Their order is another, and nothing is told to have been guessed."""

    def surrogate(advantages, old_logp, logp, eps=0.2):
        return ppo(logp, old_logp, advantages, eps)

    report = examined(surrogate, "clipped_surrogate")
    assert report.exit_code == 0 and "by position" not in " ".join(report.notes)


def test_arrays_with_our_names_may_stand_in_any_order():
    def loss(ref_rejected_logp, chosen_logp, b, rejected_logp, ref_chosen_logp):
        return dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, b)

    report = examined(loss, "dpo")
    assert report.exit_code == 0 and report.notes == ["Matched by position: b as beta."]


def test_a_mask_is_filled_with_ones():
    def masked(logprobs, old_logprobs, advantages, mask, eps=0.2):
        return np.sum(ppo(logprobs, old_logprobs, advantages, eps) * mask) / np.sum(mask)

    report = examined(masked, "clipped_surrogate", reduction="mean")
    assert report.exit_code == 0
    law = "padding_changes_nothing"
    assert f"mask is filled with ones: every token counts, but for the law {law}." in report.notes

    def wrong(logprobs, old_logprobs, advantages, mask, eps=0.2):
        return -ppo(logprobs, old_logprobs, advantages, eps) * mask

    subject = Subject(wrong, BY_NAME["clipped_surrogate"])
    at_the_start = {law.name: law for law in laws_of("ppo")}["policy_gradient_at_ratio_one"]
    found = judge(at_the_start, subject, repeatable_settings(4))
    code = as_code(subject, "mine", found.calls, found.message)
    assert ", mask=array([[1.0]]), eps=" in code


def test_an_instance_is_called_by_its_name(tmp_path, capsys):
    (tmp_path / "made.py").write_text(MADE)
    assert check_here(f"{tmp_path}/made.py:mine", "dpo", examples=5) == 1
    out = capsys.readouterr().out
    assert out.startswith("mine as dpo") and "from made import mine" in out


MADE = """
import numpy as np
class DPO:
    def __call__(self, w, r, rw, rr, beta=0.1):
        return np.logaddexp(0, beta * (w - rw - r + rr))
mine = DPO()
"""


def test_a_module_is_read_by_its_forward():
    class Module:  # as torch.nn.Module: the call itself tells nothing
        def __call__(self, *arrays, **numbers):
            return self.forward(*arrays, **numbers)

        def forward(self, chosen, rejected, ref_chosen, ref_rejected, temperature):
            return dpo(chosen, rejected, ref_chosen, ref_rejected, temperature)

    subject = Subject(Module(), BY_NAME["dpo"])
    assert subject.label == "Module" and subject.caller.parameters == {"beta": "temperature"}
    assert judge(laws_of("dpo")[1], subject, repeatable_settings(4)).status == HOLDS


def test_what_the_loss_prints_is_left_out_and_told_once(tmp_path, capsys):
    (tmp_path / "loud.py").write_text(
        "import numpy as np\nimport sys\nprint('imported')\n"
        "def loss(w, r, rw, rr, beta):\n"
        "    print('called')\n    sys.stdout.flush()\n"
        "    return np.logaddexp(0, -beta * (w - rw - r + rr))\n"
    )
    assert check_here(f"{tmp_path}/loud.py:loss", "dpo", as_json=True, examples=3) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["exit_code"] == 0
    assert said.err == f"what {tmp_path}/loud.py:loss prints to stdout is left out\n"


def test_training_methods_go_by_the_laws_of_their_loss(tmp_path, capsys):
    losses = {row.name: row.loss.__name__ for row in METHODS if row.name not in BY_NAME}
    assert {n: loss for n, loss in losses.items() if loss in BY_NAME} == LOSS_OF
    assert [law.spec.name for law in laws_of("ppo")] == ["clipped_surrogate"] * len(
        laws_of("clipped_surrogate")
    )
    with pytest.raises(ValueError, match="No method 'pppo'; did you mean ppo"):
        laws_of("pppo")
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def loss(logp, old_logp, advantage, clip=0.2):\n"
        "    ratio = np.exp(logp - old_logp)\n"
        "    held = np.clip(ratio, 1 - clip, 1 + clip)\n"
        "    return -np.minimum(ratio * advantage, held * advantage)\n"
    )
    assert check_here(f"{tmp_path}/mine.py:loss", "ppo", examples=3) == 0
    said = capsys.readouterr()
    assert (said.err + said.out).count("The loss of ppo is clipped_surrogate") == 1


def test_the_pytest_example_of_readme_runs(few_examples, monkeypatch):
    """With our loss in the place of README's class, which needs torch."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    code = readme.split("```py\n")[1].split("```")[0]
    monkeypatch.setitem(sys.modules, "losses", SimpleNamespace(DPOLoss=lambda: dpo))
    scope = {}
    exec(code, scope)
    scope["test_loss"]()
    scope["DPOLoss"] = lambda: orpo
    with pytest.raises(CannotCall):
        scope["test_loss"]()
    with pytest.raises(AssertionError, match="breaks"):
        assert_lawful(lambda logp, old_logp, advantage: 0 * logp, "ppo")


def test_slopes_are_called_slopes():
    report = examined(lambda w, r, rw, rr, beta: -dpo(w, r, rw, rr, beta), "hinge")
    messages = {v.law.name: v.message for v in report.broken}
    assert "has slope" in messages["chosen_up_rejected_down"]


def spread(rewards):
    return rewards.std(axis=1, keepdims=True)


def centred(rewards):
    return rewards - rewards.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("standardized", "also"),
    [
        (lambda rewards: centred(rewards) / (spread(rewards) + 1e-4), ""),
        (lambda rewards: centred(rewards) / (spread(rewards) + 1e-5), "eps=1e-05 "),
    ],
)
def test_the_standard_deviation_of_numpy_gets_its_convention_told(standardized, also):
    report = examined(standardized, "group_standardize")
    assert report.notes[-1].endswith(f"Every law holds with --convention {also}ddof=0.")


def test_open_places_are_not_given_to_arrays_where_a_number_has_its_name():
    """f(a, b, c, d, beta, *rest) takes DPO's four arrays in front, and beta by its name."""

    def open_ended(w, r, rw, rr, beta, *rest):
        assert not rest
        return dpo(w, r, rw, rr, beta)

    assert examined(open_ended, "dpo").exit_code == 0
    assert examined(lambda w, r, rw, rr, beta, *rest: dpo(w, r, rw, rr), "dpo").exit_code == 1


@pytest.mark.parametrize(
    ("method", "number", "name"),
    [
        ("bradley_terry", "center", "center_rewards_coefficient"),
        ("bradley_terry", "center", "center_coef"),
        ("orpo", "lam", "orpo_lambda"),
        ("cpo", "alpha", "nll_coef"),
        ("simpo", "gamma", "target_reward_margin"),
        ("dpo", "beta", "dpo_beta"),
        ("rrhf", "weight", "rrhf_weight"),
    ],
)
def test_a_number_is_known_under_longer_names(method, number, name):
    assert called(method, number, ["nll", name, "label_smoothing"]) == [name]


class Centred:
    def __init__(self, center_coefficient, margin=0.0):
        self.center_coefficient, self.margin = center_coefficient, margin

    def __call__(self, chosen, rejected):
        loss = np.logaddexp(0, rejected - chosen + self.margin)
        return loss + self.center_coefficient * (chosen + rejected) ** 2


def test_an_instance_is_judged_at_its_own_numbers():
    report = examined(Centred(0.05), "bradley_terry")
    assert report.exit_code == 0
    assert "fixed at 0.05, which self.center_coefficient is (declare" in " ".join(report.notes)
    assert examined(Centred(0.05, margin=-1.0), "bradley_terry").exit_code == 0


def test_a_method_of_an_instance_is_judged_at_its_own_numbers():
    class Halved(Centred):
        def loss(self, chosen, rejected):
            return self(chosen, rejected) + self.center_coefficient * (chosen - rejected) ** 2

    assert examined(Halved(0.05).loss, "bradley_terry").exit_code == 1
