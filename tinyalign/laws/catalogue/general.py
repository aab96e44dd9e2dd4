"""Laws that every function obeys, whatever it computes."""

import numpy as np

from tinyalign.laws.harness.law import assert_close, assert_slope_close, law, rounding
from tinyalign.laws.harness.spec import put_together
from tinyalign.laws.outcomes import Broken, NotApplicable


def batch_is_its_rows(loss, x, p):
    """a batch is its examples one by one, put together as declared"""
    # doubled, so that a batch of one example shows it too
    several = tuple(np.concatenate([a, a]) if np.ndim(a) else a for a in x)
    one_by_one = loss.one_by_one(several, p)
    alone = loss.reduction == "none"
    want = one_by_one if alone else put_together(one_by_one, loss.reduction)
    assert_close(loss.own_value(*several, **p), want)


def inputs_are_not_modified(loss, x, p):
    """the arrays that go in are still the same afterwards"""
    # first the ordinary way: what raises is reported as raising
    loss(*x, **p)
    if loss.mutates_inputs(*x, **p):
        raise Broken("writes to its inputs")


def float32_stays_float32(loss, x, p):
    """float32 in, float32 out"""
    if loss.single:
        raise NotApplicable("it computes in float32 whatever it is given")
    kind = loss.own_dtype(*x, **p)
    if kind != np.float32:
        raise Broken(f"gives {kind}, want float32")


def constants_have_no_gradient(loss, x, p):
    """by autodiff no gradient flows into references, old log-probs, advantages, rewards"""
    # central differences would move the constant: only autodiff can tell
    for index in loss.spec.constants:
        assert_close(autodiff_slope(loss, x, index, p), 0.0)


def _require_slopes_of_all(loss, x, index, p, own):
    """Broken where not each of two equal examples has its share of the slope of their mean."""
    if loss.reduction == "none" or np.ndim(x[index]) == 0 or not np.all(np.isfinite(own)):
        return
    twice = tuple(np.concatenate([a, a]) if np.ndim(a) else a for a in x)
    got = loss.own_grad_of_batch(twice, index, **p)
    share = own if loss.reduction == "sum" else own / 2
    want, tolerance = np.concatenate([share, share]), rounding(1e-4, 2e-2)
    if np.allclose(got, want, rtol=tolerance, atol=tolerance):
        return
    loss.own_value(*twice, **p)
    del loss.calls[:-1]  # the report shows the batch, and none of its examples
    assert_slope_close(
        got, want, tolerance=tolerance, what=f"in {loss.spec.arrays[index]} has slope"
    )


def slopes_are_those_of_the_value(loss, x, p):
    """autodiff gives the true slope of the value in each argument: nothing is detached"""
    x = off_the_kinks(x, loss.spec)
    for index in loss.spec.moving:
        own = autodiff_slope(loss, x, index, p)
        _require_slopes_of_all(loss, x, index, p, own)
        # one direction in which every entry moves, each by another amount
        along = np.cos(1.0 + np.arange(np.size(x[index]))).reshape(np.shape(x[index]))
        left, right, noise = _rises(loss, x, index, along, p)
        # at a kink the two sides differ, and any slope in between is right
        size, tolerance = 1.0 + max(abs(left), abs(right)), rounding(1e-4, 2e-2)
        if np.isfinite(size) and abs(right - left) < tolerance * size and noise < tolerance * size:
            what, got = f"in {loss.spec.arrays[index]} has slope", np.sum(own * along)
            want = (left + right) / 2
            if np.isclose(got, want, rtol=tolerance, atol=tolerance):
                continue
            if not loss.single:  # a reader knows slopes in the entries, not along a direction
                each = loss.finite_differences(x, index, **p)
                del loss.calls[1:]  # the report shows the point, and none of the steps around it
                assert_slope_close(own, each, tolerance=tolerance, what=what)
            else:
                assert_slope_close(got, want, tolerance=tolerance, what=what)


def off_the_kinks(x, spec):
    """A little lower, each entry by another amount: at a tie autodiff may take any slope.

    A negative log-likelihood goes up: below 0 there is none.
    """
    moved = list(x)
    for i in spec.moving:
        step = 0.002 * (1.5 + np.cos(i + np.arange(np.size(x[i])))).reshape(np.shape(x[i]))
        moved[i] = x[i] + step if "nll" in spec.arrays[i] else x[i] - step
    return tuple(moved)


def _rises(loss, x, index, along, p):
    """How fast the sum of the values rises along a direction, by a step down, by a step up, and
    how much of either may be rounding."""
    width, digit = rounding(1e-5, 1e-2), np.finfo(loss.dtype).eps
    here = loss(*x, **p)

    def rise(step):
        moved = (*x[:index], x[index] + step * along, *x[index + 1 :])
        return np.sum((loss(*moved, **p) - here).astype(float)) / step

    return rise(-width), rise(width), np.sum(np.abs(here)) * digit / width


def nan_in_the_padding_changes_nothing(loss, x, p):
    """NaN where the mask is 0 changes neither value nor slope"""
    mask = x[loss.spec.arrays.index("mask")]
    filled = [
        np.where(mask > 0, a, np.nan) if np.shape(a) == np.shape(mask) and a is not mask else a
        for a in x
    ]
    assert_close(loss(*filled, **p), loss(*x, **p), what="with NaN in the padding gives")
    for index in loss.spec.moving:
        own = loss.own_grad(filled, index, **p)
        if own is not None and np.shape(own) == np.shape(mask):
            assert_close(np.where(mask > 0, own, 0.0) * 0.0, 0.0, what="has slope")


def padding_changes_nothing(loss, x, p):
    """tokens that the mask leaves out change nothing: neither their values nor their number"""
    if loss.caller.binding.mask is None:
        raise NotApplicable("it takes no mask")
    if loss.spec.per_token:
        tokens, axis = np.broadcast_arrays(*x), 1  # (N, T) each
        others = [a[:, ::-1] - 0.5 * i for i, a in enumerate(tokens, 1)]
    else:
        tokens, axis = x, 0  # logits (N, V)
        others = [a[:, ::-1] * 0.5 + np.arange(a.shape[1]) for a in tokens]
    shape = loss.spec.shape(*tokens)
    # as many others behind them, which the mask leaves out
    wider = [np.concatenate(pair, axis) for pair in zip(tokens, others, strict=True)]
    mask = np.concatenate([np.ones(shape), np.zeros(shape)], axis)
    alone = loss.own_value(*tokens, **p)
    got = loss.own_value(*loss.apply_fixed_arrays(wider), mask, **p)
    if loss.reduction == "none":
        got = got[:, : shape[1]] if axis else got[: shape[0]]
    assert_close(got, alone, what="with tokens outside the mask gives")


def autodiff_slope(loss, x, index, p):
    """The function's own derivative; a law that needs one is silent where there is none."""
    own = loss.own_grad(x, index, **p)
    if own is None:
        raise NotApplicable("no autodiff to ask")
    return own


# general laws, one object each for all methods
DETACHED = law(constants_have_no_gradient, "detached", when={"detach": "inside"})
SLOPES = law(slopes_are_those_of_the_value, "slopes")
NAN = law(nan_in_the_padding_changes_nothing, "padding", when={"padding": "nan"})
PURE = law(inputs_are_not_modified, "pure")
MASKED = law(padding_changes_nothing, "masked", of_batch=True)
BATCH = law(batch_is_its_rows, "batch", of_batch=True)
SINGLE = law(float32_stays_float32, "float32", when={"dtype": "float32"})


def example_laws(*laws):
    """The laws of a function that treats a batch one example at a time."""
    return [BATCH, *laws, PURE, SINGLE]


def whole_laws(*laws):
    """The laws of a function whose rows may depend on one another."""
    return [*laws, PURE, SINGLE]
