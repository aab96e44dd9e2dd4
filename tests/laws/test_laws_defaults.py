"""What a check says of options that stayed at their default: nothing is known of other values."""

import numpy as np
import pytest

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.check.sentences import nearly_sentence
from tinyalign.laws.check.terminal import as_data, as_text
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import HOLDS, Verdict, laws_for
from tinyalign.laws.harness.subject import Subject


def examined(fn, name, conventions=None):
    return examine(fn, BY_NAME[name], conventions or {}, setting=repeatable_settings(4))


def margin(w, r, rw, rr):
    return w - r - rw + rr


def smoothed(w, r, rw, rr, beta=0.1, label_smoothing=0.0):
    """Wrong only where labels are smoothed: the second term has the sign of the first."""
    z = beta * margin(w, r, rw, rr)
    return (1 - label_smoothing) * np.logaddexp(0, -z) - label_smoothing * np.logaddexp(0, z)


def plain(w, r, rw, rr, beta=0.1):
    return np.logaddexp(0, -beta * margin(w, r, rw, rr))


SMOOTHING = (
    "label_smoothing stayed at its default 0.0: nothing is said about other values. "
    "--as cdpo or --as robust_dpo judges other values too."
)


def test_a_bug_behind_a_default_is_acquitted_with_a_sentence():
    report = examined(smoothed, "dpo")
    assert report.exit_code == 0 and SMOOTHING in report.notes
    assert as_data(report)["left_at_default"] == ["label_smoothing"]
    assert SMOOTHING in as_data(report)["notes"] and SMOOTHING in as_text(report, 200, False)


def test_the_method_that_the_sentence_names_finds_the_bug():
    report = examined(smoothed, "cdpo")
    assert report.exit_code == 1 and report.defaults == []
    assert "stayed at" not in " ".join(report.notes)


def test_a_loss_whose_numbers_are_all_bound_gets_no_sentence():
    report = examined(plain, "dpo")
    assert report.exit_code == 0 and report.defaults == []
    assert "stayed at" not in " ".join(report.notes)


def scaled(w, r, rw, rr, steepness=0.1, tail=1.0, style="plain", mask=None):
    return tail * plain(w, r, rw, rr, steepness)


def test_a_number_of_the_method_under_an_unknown_name_is_asked_for():
    notes = " ".join(examined(scaled, "dpo").notes)
    assert "If it is a number of dpo, say so: --convention beta=steepness." in notes
    assert "style stayed at its default 'plain'" in notes
    report = examined(scaled, "dpo", {"beta": "steepness"})
    assert report.defaults == ["tail", "style", "mask"]  # what is bound by hand is judged
    assert any(
        n.endswith("To have another value judged, make it the default.") for n in report.notes
    )


class Loss:
    def __init__(self, beta=0.1, smoothing=0.0):
        self.beta, self.smoothing = beta, smoothing

    def forward(self, w, r, rw, rr):
        return smoothed(w, r, rw, rr, self.beta, self.smoothing)


@pytest.mark.parametrize(
    ("said", "left"), [({}, ["self.smoothing"]), ({"self.smoothing": 0.0}, [])]
)
def test_an_attribute_of_a_class_is_an_option_until_it_is_set(said, left):
    report = examined(Loss.forward, "dpo", said)
    assert report.exit_code == 0 and report.defaults == left
    sentence = "self.smoothing stayed at 0.0: nothing is said about other values. --convention"
    assert (sentence in " ".join(report.notes)) == bool(left)


def test_an_attribute_of_an_instance_is_an_option_too():
    report = examined(Loss().forward, "dpo")
    assert report.exit_code == 0 and report.defaults == ["self.smoothing"]
    said = "self.smoothing stayed at 0.0: nothing is said about other values. An instance with"
    assert said in " ".join(report.notes)
    assert "beta: taken as fixed at 0.1" in " ".join(report.notes)  # and told once


def test_a_default_at_which_the_relative_is_another_method_names_no_relative():
    def half(w, r, rw, rr, beta=0.1, label_smoothing=0.5):
        return plain(w, r, rw, rr, beta)

    notes = " ".join(examined(half, "dpo").notes)
    assert "label_smoothing stayed at its default 0.5" in notes and "--as" not in notes


def test_laws_that_hold_nearly_are_named():
    subject = Subject(plain, BY_NAME["dpo"])
    some = laws_for(subject.spec)[:5]
    for count, said in (
        (1, "The law batch_is_its_rows holds to 1e-06 and not to rounding"),
        (5, "The laws batch_is_its_rows, "),
    ):
        verdicts = [Verdict(law, HOLDS, gap=1e-6) for law in some[:count]]
        sentence = nearly_sentence(subject, verdicts, lambda subject: None)
        assert sentence.startswith(said) and ("and 2 more hold" in sentence) == (count == 5)


def test_an_array_that_is_left_out_is_said():
    def centered(rewards, pad_mask=None):
        return rewards - rewards.mean(axis=1, keepdims=True)

    notes = examine(centered, BY_NAME["group_center"], {}, setting=repeatable_settings(5)).notes
    assert "pad_mask was left out: nothing is said about what it does." in notes
