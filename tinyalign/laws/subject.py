"""The function under test, made to look like ours: same arguments, same shapes, NumPy arrays.

Declared conventions are undone here, so that every law is written once, in one convention.
"""

import copy

import numpy as np

from tinyalign.laws.fillings import FILLINGS
from tinyalign.laws.frameworks import FRAMEWORKS
from tinyalign.laws.law import Broken, NotApplicable
from tinyalign.laws.limits import time_limit
from tinyalign.laws.signature import CannotCall, match


class Subject:
    """fn as the laws call it: `subject(*arrays, **numbers)` gives a float array of method.shape."""

    def __init__(
        self, fn, method, conventions=None, *, framework="numpy", dtype="float64", label=None
    ):
        self.fn, self.method, self.dtype = fn, method, dtype
        self.framework = FRAMEWORKS[framework]()
        self.label = label or getattr(fn, "__name__", type(fn).__name__)
        self.binding = match(fn, method, self.label, FILLINGS.get(method.name, {}))
        self.parameters = self.binding.numbers
        self.filled = {a: FILLINGS[method.name][a] for a in self.binding.missing}
        declared = dict(conventions or {})
        self.fixed = {
            n: self._fixed(n, declared) for n in method.numbers if n not in self.parameters
        }
        self.conventions = {**method.default_conventions, **declared}
        self.reduction = self.conventions.get("reduction", "none")
        self.calls = []  # (arrays, numbers, result) of the latest example, for the report

    def _fixed(self, name, declared):
        """The value that the function has for a number it does not take."""
        if name not in declared and name not in self.method.defaults:
            raise CannotCall(
                f"{self.label} has no parameter for {name}; declare it (--convention {name}=…)."
            )
        return declared.pop(name, self.method.defaults.get(name))

    def settled_arrays(self, arrays):
        """The arrays, with those that the function fixes fixed."""
        if all(f.value is None for f in self.filled.values()):
            return arrays
        fixed = {n: np.array(f.value) for n, f in self.filled.items() if f.value is not None}
        return tuple(fixed.get(n, a) for n, a in zip(self.method.arrays, arrays, strict=True))

    def settled(self, numbers):
        """The numbers, with those that the function fixes fixed and those it takes as one equal.

        The first of two decides: clip_low has the narrower range.
        """
        first = {}
        for name, theirs in self.parameters.items():
            first.setdefault(theirs, name)
        return {
            n: self.fixed[n] if n in self.fixed else numbers[first[self.parameters[n]]]
            for n in numbers
        }

    def __call__(self, *arrays, **numbers):
        """One value per example, row by row where the function itself reduces the batch."""
        if self.reduction == "none":
            return self.whole(*arrays, **numbers)
        cells = self.method.cells(arrays)
        values = [self.whole(*cell, **numbers) for cell in cells]
        return np.reshape(values, self.method.shape(*arrays))

    def whole(self, *arrays, **numbers):
        """The function's own answer for these arrays, checked for shape and NaN."""
        self._filled_as_fixed(arrays)
        arrays, numbers, back = self._undo_conventions(arrays, numbers)
        value = self._call(arrays, numbers)
        stacked = len(self.method.shape(*arrays)) > max(np.ndim(a) for a in arrays)  # two answers
        if isinstance(value, tuple) and not stacked:
            raise Broken(f"gives a tuple of {len(value)}, want one array: return the loss alone")
        value = self._receive(value)
        self.calls.append((arrays, numbers, value))
        want = () if self.reduction != "none" else self.method.shape(*arrays)
        if value.size == 1 and int(np.prod(want)) == 1:
            value = value.reshape(want)  # forgiven here; larger batches catch it
        if value.shape != want:
            raise Broken(f"gives {_shaped(value.shape)}, want {_shaped(want)}")
        if np.any(np.isnan(value)):
            raise Broken("gives nan")
        return back(value)

    def slope(self, arrays, index, **numbers):
        """d(sum of the values)/d(arrays[index]): the function's own derivative, or differences."""
        own = self.own_slope(arrays, index, **numbers)
        return self.differences(arrays, index, **numbers) if own is None else own

    def own_slope(self, arrays, index, dtype="float64", **numbers):
        """By the function's autodiff; None where it has none."""
        self(*arrays, **numbers)

        def call(*theirs):
            theirs, changed, back = self._undo_conventions(theirs, numbers)
            return back(self._raw(theirs, self._numbers(changed)))

        pieces = [arrays] if self.reduction == "none" else self.method.cells(arrays)
        with time_limit():
            found = [self.framework.slope(call, piece, index, dtype) for piece in pieces]
        return None if found[0] is None else _together(found, np.shape(arrays[index]))

    def touches_its_inputs(self, *arrays, **numbers):
        """True if the arrays handed over are not what they were after the call."""
        arrays, numbers, _ = self._undo_conventions(arrays, numbers)
        sent = [self.framework.send(a, self.dtype) for a in arrays]
        before = [self.framework.receive(a).copy() for a in sent]
        with time_limit():
            self._raw(sent, self._numbers(numbers))
        after = [self.framework.receive(a) for a in sent]
        return not all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))

    def raw_dtype(self, *arrays, **numbers):
        """The dtype that the function itself gives, before it is made ours."""
        arrays, numbers, _ = self._undo_conventions(arrays, numbers)
        return self.framework.receive(self._call(arrays, numbers)).dtype

    def _undo_conventions(self, arrays, numbers):
        back = [self._put_in(arrays, f.instead) for f in self.filled.values() if f.instead]
        for convention in self.method.conventions:
            value = self.conventions[convention.name]
            if convention.undo is not None and value != convention.default:
                arrays, numbers, undo = convention.undo[value](arrays, numbers)
                back.append(undo)
        return arrays, numbers, lambda v: _apply(back, v)

    def _put_in(self, arrays, instead):
        """Undo what the function works out for itself, under its reduction."""
        extra = instead(*arrays)
        extra = extra if self.reduction == "none" else getattr(extra, self.reduction)()
        return lambda value: value + extra

    def _filled_as_fixed(self, arrays):
        given = dict(zip(self.method.arrays, arrays, strict=True))
        for name, filling in self.filled.items():
            if filling.value is not None and np.any(given[name] != filling.value):
                raise NotApplicable(f"{name} is fixed at {filling.value:g}")

    def _numbers(self, numbers):
        """Their keyword arguments; a number they fix inside must not be asked to vary."""
        ready = {}
        for name, value in numbers.items():
            if name not in self.parameters:
                if value != self.fixed[name]:
                    raise NotApplicable(f"{name} is fixed at {self.fixed[name]}")
                continue
            theirs = self.parameters[name]
            if theirs in ready and ready[theirs] != value:
                raise NotApplicable(f"one parameter, {theirs}, stands for two numbers")
            ready[theirs] = value
        return ready

    def _call(self, arrays, numbers):
        ready = self._numbers(numbers)
        sent = [self.framework.send(a, self.dtype) for a in arrays]
        try:
            with time_limit(), np.errstate(all="ignore"):
                return self._raw(sent, ready)
        except (Exception, SystemExit) as error:
            self.calls.append((arrays, numbers, error))
            raise Broken(f"raises {type(error).__name__}: {error}") from error

    def _raw(self, arrays, ready):
        given, named = self.arguments(arrays)
        return self.fn(*given, **named, **ready)

    def arguments(self, arrays):
        """What they are called with: (arrays by position, arrays by name)."""
        bound, mask = self.binding, {}
        if bound.mask:
            mask = {bound.mask: self.framework.ones(arrays[0])}
        given = [a for n, a in zip(self.method.arrays, arrays, strict=True) if n not in self.filled]
        if bound.in_front:
            return given, mask
        return [], dict(zip(bound.arrays.values(), given, strict=True)) | mask

    def _receive(self, value):
        try:
            array = np.asarray(self.framework.receive(value))
        except (TypeError, ValueError):  # ragged, or not an array at all
            array = np.asarray(None)
        if array.dtype.kind not in "fiub":
            raise Broken(f"gives a {type(value).__name__}, want numbers")
        return array.astype(self.dtype)

    def differences(self, arrays, index, width=1e-5, **numbers):
        """Central differences, one coordinate at a time; always in float64."""
        arrays = [np.asarray(a) for a in arrays]
        subject = self if self.dtype == "float64" else self._in_float64()
        found = np.zeros(arrays[index].shape)
        for place in np.ndindex(arrays[index].shape):
            ends = []
            for step in (width, -width):
                moved = arrays[index].astype(float)
                moved[place] += step
                ends.append(
                    np.sum(subject(*arrays[:index], moved, *arrays[index + 1 :], **numbers))
                )
            found[place] = (ends[0] - ends[1]) / (2 * width)
        return found

    def _in_float64(self):
        twin = copy.copy(self)
        twin.dtype = "float64"
        return twin


def _shaped(shape):
    return f"an array of shape {shape}" if shape else "one number"


def _together(slopes, shape):
    """The slopes of single examples as one array; in a number shared by all they add up."""
    if not shape:
        return sum(slopes)
    return np.reshape(np.concatenate([np.ravel(s) for s in slopes]), shape)


def _apply(functions, value):
    for function in functions:
        value = function(value)
    return value
