"""Ten of autograd's gradient rules, written again so that they hold on any backend.

autograd's own versions add NumPy zeros to our arrays (a GPU array refuses), or pass an
argument only NumPy takes, or turn float32 into float64. defvjp on a function that has a
rule replaces the rule.
"""

import functools
import inspect
import threading

import autograd.numpy as anp
import numpy as np
from autograd.extend import SparseObject, defvjp, defvjp_argnums, primitive, vspace
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import isbox, trace_primitives_map

from tinyalign.engine.backend import xp


def rule(numpy_function, *vjps):
    defvjp(trace_primitives_map[numpy_function], *vjps)


def spread(g, x, axis):
    """Undo a reduction: copy g along the axes of x that were reduced away."""
    shape, ndim = anp.shape(x), anp.ndim(x)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % ndim for a in axes}
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return anp.broadcast_to(anp.reshape(g, kept), shape)


def _extreme(ans, x, axis=None, **kw):
    hit = x == spread(ans, x, axis)
    share = hit.astype(x.dtype)
    share = share / spread(anp.sum(share, axis=axis), x, axis)
    return lambda g: spread(g, x, axis) * share


rule(np.sum, lambda ans, x, axis=None, **kw: lambda g: spread(g, x, axis))
rule(
    np.mean,
    lambda ans, x, axis=None, **kw: lambda g: spread(g * (anp.size(ans) / anp.size(x)), x, axis),
)
rule(np.max, _extreme)
rule(np.min, _extreme)
rule(np.reshape, lambda ans, x, *a, **kw: lambda g: anp.reshape(g, anp.shape(x)))
rule(np.ravel, lambda ans, x, *a, **kw: lambda g: anp.reshape(g, anp.shape(x)))
rule(
    np.where,
    None,
    lambda ans, c, x, y: unbroadcast_f(x, lambda g: anp.where(c, g, 0.0)),
    lambda ans, c, x, y: unbroadcast_f(y, lambda g: anp.where(c, 0.0, g)),
)


def _picked(g, ans, x, y):
    """maximum and minimum: the one picked takes the gradient; on a tie each takes half."""
    g = g * (x == ans)
    return anp.where(x == y, 0.5 * g, g)


for pick in (np.maximum, np.minimum):
    rule(
        pick,
        lambda ans, x, y: unbroadcast_f(x, lambda g: _picked(g, ans, x, y)),
        lambda ans, x, y: unbroadcast_f(y, lambda g: _picked(g, ans, y, x)),
    )


@primitive
def ungetitem(g, index, space):
    """The gradient of x[index]: zeros, with g added in at index."""
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(hasattr(part, "shape") or isinstance(part, list) for part in parts)

    def add_into(total):
        if repeats:  # an array of ids may name one row twice: every copy has to count
            owner = np if isinstance(total, np.ndarray) else xp  # of the array, not of the day
            owner.add.at(total, index, g)
        else:
            total[index] += g
        return total

    return SparseObject(space, add_into)


defvjp(ungetitem, lambda ans, g, index, space: lambda h: h[index])
defvjp(ArrayBox.__getitem__, lambda ans, x, index: lambda g: ungetitem(g, index, vspace(x)))


def with_pullback(function):
    """Turn a function that returns (value, pullback) into one that autograd can differentiate.

    function   arrays and settings -> (value, pullback); pullback(g) takes d loss/d value and
               returns d loss/d argument for each argument, None for one that has no gradient
    returns    the function of the same arguments that returns the value alone

    Forward and backward stand side by side in one place and share what the forward pass computed.
    Raises NotImplementedError for a second derivative: a pullback is plain array arithmetic that
    autograd does not see.
    """
    parameters = inspect.signature(function).parameters
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    latest = threading.local()  # from the forward pass to the node made right after it, per thread

    @primitive
    def traced(*args):
        value, latest.pullback = function(*args)
        return value

    def make_vjp(argnums, value, args, settings):
        if isbox(value):
            raise NotImplementedError(f"{function.__name__} has no second derivative")
        pullback, latest.pullback = latest.pullback, None

        def vjp(g):
            gradients = pullback(g.astype(value.dtype, copy=False))  # a float64 loss stops here
            return [gradients[i] for i in argnums]

        return vjp

    defvjp_argnums(traced, make_vjp)

    @functools.wraps(function)
    def call(*args, **named):
        args = in_order(function.__name__, list(parameters), defaults, args, named)
        return traced(*args) if any(map(isbox, args)) else function(*args)[0]

    return call


def in_order(function, parameters, defaults, args, named):
    """All arguments of a call by position, because autograd's primitives know no other kind."""
    for name in parameters[len(args) :]:
        if name not in named and name not in defaults:
            raise TypeError(f"{function}() is missing the argument {name!r}")
        args += (named.pop(name) if name in named else defaults[name],)
    if named:
        raise TypeError(f"{function}() got arguments it does not take: {', '.join(named)}")
    return args
