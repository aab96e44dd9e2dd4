"""A stand-in for CuPy that needs no GPU: NumPy inside, CuPy's refusals outside.

It refuses what CuPy refuses: implicit conversion to a NumPy array, arithmetic with a NumPy array,
np.add.at with slices, functions and keywords of NumPy that CuPy lacks. It also counts the calls
and copies that a GPU would get, and can forbid float64. Modelled on cupy/_core/core.pyx of CuPy
14.2.
"""

from types import SimpleNamespace

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

SCALARS = (bool, int, float, complex, np.generic)
# A view copies nothing, so it is not counted as a call.
VIEWS = """
    reshape ravel transpose swapaxes moveaxis expand_dims squeeze broadcast_to split T
"""
VIEWS = frozenset(VIEWS.split())
# Answered on the host, without touching the GPU.
HOST = frozenset(["shape", "ndim", "size", "result_type", "iscomplexobj", "dtype", "nbytes"])
# NumPy's functions, then its arrays' methods, that CuPy 14.2 does not have.
LACKING = """
    asmatrix block bmat busday_count busday_offset datetime_as_string datetime_data einsum_path
    frompyfunc fromregex geomspace get_include getbufsize geterr geterrcall histogram_bin_edges
    info insert is_busday isnat matvec nanpercentile nanquantile nested_iters polyder polydiv
    polyint setbufsize seterr seterrcall show_runtime spacing test unstack vecdot vecmat
"""
LACKING = frozenset(LACKING.split())
LACKING_METHODS = frozenset({"ctypes", "getfield", "resize", "setfield", "setflags", "to_device"})
# Keywords of NumPy that no function of CuPy takes (but copyto), and some that these ones lack.
LACKING_KEYWORDS = frozenset(["where", "initial", "correction", "device", "like", "stable"])
LACKING_IN = {
    "axis": "lexsort trim_zeros",
    "count": "unpackbits",
    "keepdims": "count_nonzero",
    "kind": "argpartition isin partition",
    "max": "clip",
    "mean": "nanstd nanvar std var",
    "min": "clip",
    "mode": "take",
    "ndmax": "array",
    "order": "argpartition argsort partition sort",
    "sorted": "unique",
    "sparse": "indices",
    "subok": "broadcast_arrays broadcast_to copy matmul",
    "weights": "percentile quantile",
}
UFUNC_KEYWORDS = frozenset(["out", "dtype", "casting"])  # no other; matmul is a function in CuPy
stats = SimpleNamespace()
seen = set()  # the name of every function called
allow_float64 = True


def reset():
    """Set the counts to 0: calls of the GPU, copies host to device, copies device to host."""
    stats.calls = stats.h2d = stats.d2h = 0


reset()


def peel(x, numpy="refused"):
    """Take the NumPy array out of every StrictArray; refuse a NumPy array that came on its own."""
    if isinstance(x, StrictArray):
        return x._a
    if isinstance(x, (list, tuple)):
        return type(x)(peel(item, numpy) for item in x)
    if isinstance(x, np.ndarray):
        if numpy == "refused":
            raise TypeError(f"Unsupported type {type(x)}")
        stats.h2d += numpy == "index"  # CuPy takes a NumPy array as an index, and copies it over
    return x


def wrap(x):
    """Put every NumPy array of a result into a StrictArray, as if it lived on a GPU."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(wrap, x))
    if not isinstance(x, (np.ndarray, np.generic)):
        return x
    if x.dtype == np.float64 and not allow_float64:
        raise TypeError(f"float64 array of shape {x.shape} made where float32 was meant")
    return StrictArray(np.asarray(x))


def lacks(name, function, keyword):
    """Whether CuPy's function of this name refuses a keyword that NumPy's takes."""
    if isinstance(function, np.ufunc) and name != "matmul":
        return keyword not in UFUNC_KEYWORDS
    if (name, keyword) == ("copyto", "where"):
        return False
    return keyword in LACKING_KEYWORDS or name in LACKING_IN.get(keyword, "").split()


def call(name, function, args, kw):
    """Call NumPy's function as CuPy's would be called: with its refusals, and counted."""
    for keyword in kw:
        if lacks(name, function, keyword):
            raise TypeError(f"{name}() got an unexpected keyword argument {keyword!r}")
    if name in ("reshape", "ravel") and kw.get("order", "C") is None:
        raise TypeError("object of type 'NoneType' has no len()")  # CuPy wants order="C"
    if name == "where" and not isinstance(args[0], StrictArray):
        raise AttributeError(f"{type(args[0]).__name__!r} object has no attribute 'astype'")
    if name == "view" and np.dtype(args[0]) == object:  # as autograd's concatenate asks for
        raise ValueError("Unsupported dtype object")
    seen.add(name)
    out = kw.get("out")
    numpy = "axes" if name in VIEWS else "refused"  # transpose(x, np.array([1, 0])) is fine
    result = function(*peel(args, numpy), **{k: peel(v, numpy) for k, v in kw.items()})
    if name in HOST:
        return result
    stats.calls += name not in VIEWS
    return out if isinstance(out, StrictArray) else wrap(result)


class StrictArray(NDArrayOperatorsMixin):
    """A NumPy array that behaves as if it lived on a GPU."""

    __array_priority__ = 100  # so that NumPy scalars and arrays let this class decide

    def __init__(self, a):
        self._a = a

    def __array__(self, *args, **kw):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kw):
        if not all(isinstance(x, (*SCALARS, StrictArray, np.ndarray)) for x in inputs + out):
            return NotImplemented  # boxes, and the slices of np.add.at(x, slices, y)
        function = getattr(xp, ufunc.__name__)
        function = function if method == "__call__" else getattr(function, method)
        return function(*inputs, **(dict(kw, out=out[0]) if out else kw))

    def __array_function__(self, func, types, args, kw):
        return getattr(xp, func.__name__)(*args, **kw)

    def __getattr__(self, name):  # x.shape, x.sum(axis=0), x.T ...
        if name.startswith("_") or name in LACKING_METHODS:
            raise AttributeError(f"'ndarray' object has no attribute {name!r}")
        attribute = getattr(self._a, name)
        if callable(attribute):
            return lambda *args, **kw: call(name, attribute, args, kw)
        return wrap(attribute) if isinstance(attribute, np.ndarray) else attribute

    def __getitem__(self, index):
        return wrap(self._a[peel(index, "index")])

    def __setitem__(self, index, value):
        self._a[peel(index, "index")] = peel(value)

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def get(self):  # CuPy's name for a copy to the host
        stats.d2h += 1
        return self._a.copy()

    # What turns an array into a Python number copies it to the host.
    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __bool__(self):
        return bool(self.get())

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __repr__(self):
        return f"StrictArray({self._a!r})"


class _Function:
    def __init__(self, name):
        self.name, self.np = name, getattr(np, name)

    def __call__(self, *args, **kw):
        return call(self.name, self.np, args, kw)

    def at(self, x, index, y):  # xp.add.at
        stats.calls += 1
        self.np.at(peel(x), peel(index, "index"), peel(y))


class _Namespace:
    __name__ = "strict"
    ndarray = StrictArray

    def __getattr__(self, name):
        if name in LACKING:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        thing = getattr(np, name)
        return _Function(name) if callable(thing) and not isinstance(thing, type) else thing

    def asarray(self, obj, dtype=None):
        if isinstance(obj, StrictArray):
            return obj if dtype in (None, obj.dtype) else obj.astype(dtype)
        stats.h2d += 1
        return wrap(np.array(obj, dtype))

    array = asarray

    def asnumpy(self, x):
        return x.get() if isinstance(x, StrictArray) else np.asarray(x)


xp = _Namespace()
