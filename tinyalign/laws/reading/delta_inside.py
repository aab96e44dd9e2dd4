"""BCO with a δ that is worked out from the batch: no row stands for itself, and no law says so."""

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.domain import sigmoid
from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.outcomes import Broken, NotApplicable
from tinyalign.laws.reading.probes import fitted_probes

REDUCTIONS = (lambda rows: rows, np.mean, np.sum)


def require_a_given_delta(subject):
    """CannotCall where δ is half the sum of both mean rewards of the batch."""
    if subject.spec.name != "bco" or "delta" in subject.caller.parameters:
        return
    several = [(x, p) for x, p in fitted_probes(subject) if len(x[0]) > 1]
    found = [_answer(subject, x, p) for x, p in several]
    rows = [FORMULAS["bco"](*x, **p | {"delta": _delta(*x, **p)}) for x, p in several]
    for reduced in REDUCTIONS:
        pairs = [(a, reduced(r)) for a, r in zip(found, rows, strict=True)]
        if pairs and all(np.shape(a) == np.shape(b) and np.allclose(a, b) for a, b in pairs):
            flows = any(_flows_through_delta(subject, x, p, reduced) for x, p in several)
            raise CannotCall(
                f"{subject.label} works δ out from its batch, so no row can be judged by itself. "
                f"With that δ its values are right{FLOWS if flows else ''}. Give it δ as a "
                f"parameter, delta, to have it judged."
            )


FLOWS = "; its gradient flows through δ, which is a constant: detach δ"


def _delta(chosen, rejected, ref_chosen, ref_rejected, *, beta, **_):
    return beta * (np.mean(chosen - ref_chosen) + np.mean(rejected - ref_rejected)) / 2


def _answer(subject, x, p):
    """What it gives for the batch, in whatever shape; None where it gives nothing."""
    try:
        return subject.caller.as_floats(subject.caller.answer(x, p, subject.dtype), subject.dtype)
    except (Broken, NotApplicable):
        return None


def _flows_through_delta(subject, x, p, reduced):
    """Whether its own slope in the chosen log-probs is another than with δ held fixed."""

    def call(*arrays):
        return subject.caller(arrays, p)

    own = subject.framework.grad(call, x, 0, subject.dtype)
    if own is None:
        return False
    h = p["beta"] * (x[0] - x[2])
    share = len(h) if reduced is np.mean else 1
    want = -p["beta"] * sigmoid(_delta(*x, **p) - h) / share
    return not np.allclose(own, want, atol=1e-6)
