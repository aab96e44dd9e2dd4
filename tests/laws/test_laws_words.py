"""Functions with a branch for each method, by a word or by a switch."""

import numpy as np
import pytest

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.reading.probes import is_right
from tinyalign.laws.reading.words import words_for


def by_word(chosen, rejected, ref_chosen, ref_rejected, beta=0.1, loss_type="sigmoid"):
    margin = chosen - rejected - ref_chosen + ref_rejected
    if loss_type == "sigmoid":
        return np.logaddexp(0, -beta * margin)
    if loss_type == "ipo":
        return (margin - 1 / (2 * beta)) ** 2
    if loss_type in ("hinge", "rso"):
        return np.maximum(0, 1 - beta * margin)
    raise ValueError(loss_type)


def by_switch(chosen, rejected, ref_chosen, ref_rejected, beta=0.1, ipo=False):
    margin = chosen - rejected - ref_chosen + ref_rejected
    return (margin - 1 / (2 * beta)) ** 2 if ipo else np.logaddexp(0, -beta * margin)


class Trainer:
    def __init__(self, args):
        self.loss_type, self.beta = args.loss_type, args.beta

    def loss(self, chosen, rejected, ref_chosen, ref_rejected):
        margin = chosen - rejected - ref_chosen + ref_rejected
        if self.loss_type == "ipo":
            return (margin - 1 / (2 * self.beta)) ** 2
        if self.loss_type == "sigmoid":
            return np.logaddexp(0, -self.beta * margin)
        raise ValueError(self.loss_type)


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (by_word, "ipo"),
        (by_word, "dpo"),
        (by_word, "hinge"),
        (by_switch, "ipo"),
        (by_switch, "dpo"),
        (Trainer.loss, "ipo"),
        (Trainer.loss, "dpo"),
    ],
)
def test_the_branch_that_has_the_word_is_judged(fn, name):
    assert is_right(Subject(fn, BY_NAME[name], words=words_for(fn, name)))
