"""Ten of autograd's gradient rules, replaced by rules that work on every backend.

autograd's own versions add NumPy zeros to our arrays (a GPU array refuses), or pass an
argument that only NumPy takes, or turn float32 into float64. A vjp, vector-Jacobian product, takes
g = d loss/d value and returns d loss/d argument.
"""

import functools
import inspect
import threading

import autograd.numpy as anp
import numpy as np
from autograd.extend import SparseObject, defjvp, defvjp, defvjp_argnums, primitive, vspace
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import isbox, trace_primitives_map

from tinyalign.engine.backend import xp


def redefine_vjp(numpy_function, *vjps):
    """Replace autograd's rule of a NumPy function: one vjp an argument, None for no gradient."""
    defvjp(trace_primitives_map[numpy_function], *vjps)  # a second definition replaces the first


def unreduce(g, x, axis):
    """Undo a reduction: copy g along the axes of x that were reduced away."""
    shape, ndim = anp.shape(x), anp.ndim(x)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % ndim for a in axes}  # -1 means the last
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))  # as keepdims=True leaves it
    return anp.broadcast_to(anp.reshape(g, kept), shape)


def max_min_vjp(ans, x, axis=None, **kw):
    """max and min: the gradient goes to the largest (smallest) entry; ties share it evenly."""
    hit = x == unreduce(ans, x, axis)
    # autograd's own rule divides by an integer count: float64. A plain number has no dtype.
    share = hit.astype(getattr(x, "dtype", float))
    share = share / unreduce(anp.sum(share, axis=axis), x, axis)
    return lambda g: unreduce(g, x, axis) * share


redefine_vjp(np.sum, lambda ans, x, axis=None, **kw: lambda g: unreduce(g, x, axis))
redefine_vjp(
    np.mean,  # each of the size(x)/size(ans) entries averaged takes an equal part of g
    lambda ans, x, axis=None, **kw: lambda g: unreduce(g * (anp.size(ans) / anp.size(x)), x, axis),
)
redefine_vjp(np.max, max_min_vjp)
redefine_vjp(np.min, max_min_vjp)
redefine_vjp(np.reshape, lambda ans, x, *a, **kw: lambda g: anp.reshape(g, anp.shape(x)))
redefine_vjp(np.ravel, lambda ans, x, *a, **kw: lambda g: anp.reshape(g, anp.shape(x)))
redefine_vjp(
    np.where,
    None,  # the condition
    lambda ans, c, x, y: unbroadcast_f(x, lambda g: anp.where(c, g, 0.0)),
    lambda ans, c, x, y: unbroadcast_f(y, lambda g: anp.where(c, 0.0, g)),
)


def tie_split(g, ans, x, y):
    """maximum and minimum: x takes the gradient where x is the answer, half of it on a tie."""
    g = g * (x == ans)
    return anp.where(x == y, 0.5 * g, g)


for pick in (np.maximum, np.minimum):
    redefine_vjp(
        pick,
        lambda ans, x, y: unbroadcast_f(x, lambda g: tie_split(g, ans, x, y)),
        lambda ans, x, y: unbroadcast_f(y, lambda g: tie_split(g, ans, y, x)),
    )


@primitive
def ungetitem(g, index, space):
    """The gradient of x[index]: zeros, with g added in at index."""
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(hasattr(part, "shape") or isinstance(part, list) for part in parts)

    def add_into(total):
        if repeats:  # an array of ids may name one row twice: every copy has to count
            # The module that owns the array, not the current backend.
            owner = np if isinstance(total, np.ndarray) else xp
            owner.add.at(total, index, g)
        else:
            total[index] += g
        return total

    # autograd calls add_into on the gradient that x has so far; no second array of zeros is made.
    return SparseObject(space, add_into)


defvjp(ungetitem, lambda ans, g, index, space: lambda h: h[index])
defjvp(ungetitem, "same")  # for others: forward mode through our gradient of x[index]
defvjp(ArrayBox.__getitem__, lambda ans, x, index: lambda g: ungetitem(g, index, vspace(x)))


def with_pullback(function):
    """Turn a function that returns (value, pullback) into one that autograd can differentiate.

    function   arrays and settings -> (value, pullback); pullback(g) takes d loss/d value and
               returns d loss/d argument for each argument, None for one that has no gradient
    returns    the function of the same arguments that returns the value alone

    Forward and backward stand side by side, and the pullback reuses arrays of the forward pass.
    Raises NotImplementedError for a second derivative: a pullback is plain array arithmetic, and
    autograd does not trace it.
    """
    parameters = inspect.signature(function).parameters
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    # autograd asks for the vjp right after the forward pass; the pullback waits here until then.
    latest = threading.local()

    @primitive
    def traced(*args):
        value, latest.pullback = function(*args)
        return value

    def make_vjp(argnums, value, args, settings):
        if isbox(value):  # an outer gradient is being traced too
            raise NotImplementedError(f"{function.__name__} has no second derivative")
        pullback = latest.pullback
        latest.pullback = None  # so that its arrays go when the node goes

        def vjp(g):
            gradients = pullback(g.astype(value.dtype, copy=False))  # a float64 loss stops here
            return [gradients[i] for i in argnums]

        return vjp

    defvjp_argnums(traced, make_vjp)

    @functools.wraps(function)
    def call(*args, **named):
        args = positional_arguments(function.__name__, list(parameters), defaults, args, named)
        # Without a box in the arguments nothing is differentiated, and the pullback is dropped.
        return traced(*args) if any(map(isbox, args)) else function(*args)[0]

    return call


def positional_arguments(function, parameters, defaults, args, named):
    """All arguments of a call by position, because autograd's primitives know no other kind."""
    # inspect.signature(f).bind does the same, but slows a training step by 3 to 7 % and sampling
    # with a small model by 23 %: every operation of every token comes through here.
    for name in parameters[len(args) :]:
        if name not in named and name not in defaults:
            raise TypeError(f"{function}() is missing the argument {name!r}")
        args += (named.pop(name) if name in named else defaults[name],)
    if named:  # left over: misspelt, or given by position as well
        raise TypeError(f"{function}() got arguments it does not take: {', '.join(named)}")
    return args
