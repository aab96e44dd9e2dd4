"""A policy-gradient loss with a KL term inside: both are judged, the term by itself."""

import autograd.numpy as np
import pytest
from autograd.tracer import getval

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.report import examine
from tinyalign.laws.harness.draws import repeatable_settings

UNLIKE = "kl_term_is_an_estimator (KL term)"


def loss_with(term, weigh=lambda beta: beta):
    """GRPO's loss with this KL term, of tokens under a mask."""

    def loss(logp, old_logp, ref_logp, advantages, mask, clip=0.2, beta=0.04):
        ratio = np.exp(logp - old_logp)
        clipped = np.minimum(np.maximum(ratio, 1 - clip), 1 + clip)
        tokens = -np.minimum(ratio * advantages, clipped * advantages)
        tokens = tokens + weigh(beta) * term(logp, ref_logp)
        return np.sum(tokens * mask) / np.sum(mask)

    return loss


def examined(fn):
    setting = repeatable_settings(6, shrink=False)
    return examine(fn, BY_NAME["clipped_surrogate"], {}, setting=setting)


def k3(logp, ref_logp):
    return np.exp(ref_logp - logp) - (ref_logp - logp) - 1


@pytest.mark.parametrize(
    ("name", "term"),
    [("k3", k3), ("k2", lambda p, r: 0.5 * (p - r) ** 2), ("k1", lambda p, r: p - r)],
)
def test_the_term_is_named_and_judged_by_its_own_laws(name, term):
    report = examined(loss_with(term))
    assert report.exit_code == 0
    assert any(note.startswith(f"Its KL term is {name}: ") for note in report.notes)
    assert any("holds nothing back" in note for note in report.notes) == (name == "k1")


@pytest.mark.parametrize(
    ("term", "law", "said"),
    [
        (
            lambda p, r: k3(r, p),
            "kl_term_is_an_estimator (KL term)",
            "k3 with policy and reference",
        ),
        (lambda p, r: -k3(p, r), "kl_term_is_an_estimator (KL term)", "It is minus k3"),
        (lambda p, r: k3(getval(p), r), "closed_form_slope (KL term)", ""),
    ],
    ids=["swapped", "minus", "detached"],
)
def test_a_wrong_term_is_broken_and_said(term, law, said):
    report = examined(loss_with(term))
    assert report.exit_code == 1
    assert law in [v.law.name for v in report.broken] and said in report.diagnosis
    assert "ref_logp=array" in report.examples[law] and "beta=0.5" in report.examples[law]


def test_a_term_that_is_none_of_them_is_undecided():
    report = examined(loss_with(lambda p, r: (p - r) ** 4))
    assert report.exit_code == 2 and "the term is not judged" in report.undecided


def test_a_weight_that_enters_squared_is_found():
    report = examined(loss_with(k3, weigh=lambda beta: beta**2))
    assert report.exit_code == 1 and "It is 0.5 times k3" in report.diagnosis


@pytest.mark.slow
def test_the_surrogate_is_judged_beside_the_term():
    def loss(logp, old_logp, ref_logp, advantages, beta=0.04):
        return np.exp(logp - old_logp) * advantages + beta * k3(logp, ref_logp)

    report = examined(loss)
    assert report.exit_code == 1
    assert any(note.startswith("Its KL term is k3: ") for note in report.notes)


@pytest.mark.parametrize(
    "weigh", [lambda ratio, a: a >= 0, lambda ratio, a: ratio], ids=["of_good_tokens", "by_ratio"]
)
def test_a_term_that_depends_on_more_than_the_two_policies_is_not_acquitted(weigh):
    def loss(logp, old_logp, ref_logp, advantages, mask, clip=0.2, beta=0.04):
        ratio = np.exp(logp - old_logp)
        clipped = np.minimum(np.maximum(ratio, 1 - clip), 1 + clip)
        tokens = -np.minimum(ratio * advantages, clipped * advantages)
        tokens = tokens + beta * k3(logp, ref_logp) * weigh(ratio, advantages)
        return np.sum(tokens * mask) / np.sum(mask)

    report = examined(loss)
    assert report.exit_code == 2 and "depends on the advantage or on the old" in report.undecided


@pytest.mark.parametrize(("term", "status"), [(k3, 0), (lambda p, r: k3(r, p), 1)])
def test_a_term_whose_reference_is_in_a_batch_is_judged_too(term, status):
    def loss(logp, batch, clip=0.2, beta=0.04):
        ratio = np.exp(logp - batch["old_logp"])
        clipped = np.minimum(np.maximum(ratio, 1 - clip), 1 + clip)
        tokens = -np.minimum(ratio * batch["advantages"], clipped * batch["advantages"])
        return np.mean(tokens + beta * term(logp, batch["ref_logp"]))

    report = examined(loss)
    assert report.exit_code == status
    assert any("Its KL term is k3" in s for s in (*report.notes, report.diagnosis))
