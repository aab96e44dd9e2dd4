"""Laws that every function obeys, whatever it computes."""

import numpy as np

from tinyalign.laws.law import Broken, NotApplicable, law, same


def batch_is_its_rows(loss, x, p):
    """a batch is its examples one by one, put together as declared (none, mean or sum)"""
    several = tuple(np.concatenate([a, a]) if np.ndim(a) else a for a in x)
    one_by_one = np.array([loss.whole(*cell, **p) for cell in loss.method.cells(several)])
    if loss.reduction == "none":
        same(loss.whole(*several, **p), one_by_one.reshape(loss.method.shape(*several)))
    else:
        same(loss.whole(*several, **p), getattr(np, loss.reduction)(one_by_one))


def inputs_stay(loss, x, p):
    """the arrays that go in are still the same afterwards"""
    loss(*x, **p)
    if loss.touches_its_inputs(*x, **p):
        raise Broken("writes to its inputs")


def single_precision_stays(loss, x, p):
    """float32 in, float32 out"""
    kind = loss.raw_dtype(*x, **p)
    if kind != np.float32:
        raise Broken(f"gives {kind}, want float32")


def constants_are_constant(loss, x, p):
    """by autodiff no gradient flows into references, old log-probs, advantages, rewards"""
    for index in loss.method.constants:
        same(autodiff_slope(loss, x, index, p), 0.0)


def autodiff_slope(loss, x, index, p):
    """The function's own derivative; a law that needs one is silent where there is none."""
    own = loss.own_slope(x, index, **p)
    if own is None:
        raise NotApplicable("no autodiff to ask")
    return own


DETACHED = law("detached", constants_are_constant, when={"detach": "inside"})
PURE = law("pure", inputs_stay)
BATCH = law("batch", batch_is_its_rows)
SINGLE = law("float32", single_precision_stays, when={"dtype": "float32"})


def example_laws(*laws):
    """The laws of a function that treats a batch one example at a time."""
    return [BATCH, *laws, PURE, SINGLE]


def whole_laws(*laws):
    """The laws of a function whose rows may depend on one another."""
    return [*laws, PURE, SINGLE]
