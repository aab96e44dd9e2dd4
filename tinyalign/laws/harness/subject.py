"""The function under test, made to look like ours: same arguments, same shapes, NumPy arrays.

Declared conventions are undone here, so that every law is written once, in one convention.
"""

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.forms.batches import unpack
from tinyalign.laws.forms.texts import AT_MOST, FromLogits
from tinyalign.laws.forms.wrapper import Wrapper, watch_inside
from tinyalign.laws.harness import slopes
from tinyalign.laws.harness.call import Caller
from tinyalign.laws.harness.frameworks import FRAMEWORKS
from tinyalign.laws.harness.limits import time_limit
from tinyalign.laws.harness.undo import require_fixed_values, undo_conventions
from tinyalign.laws.outcomes import Broken, OutOfDomain

OFFSET = "offset"  # a number that any loss may be declared to differ by


class Subject:
    """fn as the laws call it: `subject(*arrays, **numbers)` gives a float array of spec.shape."""

    def __init__(
        self,
        fn,
        spec,
        conventions=None,
        *,
        framework="numpy",
        dtype="float64",
        single=False,
        constant=False,
        order=None,
        label=None,
        words=(),
    ):
        self.spec, self.dtype = spec, dtype
        # it computes in float32 whatever it is given; on purpose no gradient passes through it
        self.single, self.constant = single, constant
        self.framework = FRAMEWORKS[framework]()
        self.label, self.given = label or getattr(fn, "__name__", type(fn).__name__), fn
        declared = dict(conventions or {})
        # an array that was declared goes where it was declared to go
        order = (order or {}) | {a: declared.pop(a) for a in spec.arrays if a in declared}
        fn = unpack(fn, spec, self.framework, declared)
        self.caller = Caller(fn, spec, self.framework, self.label, declared, order, words)
        self.calls = self.caller.calls
        chosen = {k: v for k, v in declared.items() if k not in self.caller.settings}
        self.conventions = spec.default_conventions | getattr(fn, "implies", {}) | chosen

    @property
    def reduction(self):
        return self.conventions.get("reduction", "none")

    @property
    def _fits(self):
        """What brings arrays into the form that the function takes, where others have none."""
        chosen = [(c.fit, self.conventions[c.name]) for c in self.spec.conventions if c.fit]
        return [fit[choice] for fit, choice in chosen if choice in fit]

    @property
    def offset(self):
        """What it adds to the loss: no slope depends on a constant."""
        return self.conventions.get(OFFSET, 0.0)

    def apply_fixed_arrays(self, arrays):
        """The arrays, with the fixed value for each that the function holds fixed."""
        given = dict(zip(self.spec.arrays, arrays, strict=True))
        for name, substitute in self.caller.substitutes.items():
            if substitute.same_as:
                given[name] = given[substitute.same_as]
            elif substitute.value is not None:
                given[name] = np.full(np.shape(given[name]), substitute.value)
        fixed = tuple(given.values())
        for fit in self._fits:
            fixed = fit(fixed)
        if not isinstance(self.caller.fn, FromLogits):
            return fixed
        # softmax gives no log-probability above 0
        return tuple(
            np.minimum(a, AT_MOST) if n == "logp" else a
            for n, a in zip(self.spec.arrays, fixed, strict=True)
        )

    def apply_fixed_numbers(self, numbers):
        """The numbers, with those that the function fixes fixed and those it takes as one equal.

        The first of two decides: clip_low has the narrower range.
        """
        fixed, parameters = self.caller.fixed, self.caller.parameters
        first = {}  # their parameter -> the first of our numbers that it stands for
        for name, theirs in parameters.items():
            first.setdefault(theirs, name)
        taken = {n: numbers[first[parameters[n]]] for n in numbers if n not in fixed}
        return {n: taken[n] if n in taken else self.caller.fixed_at(n, taken) for n in numbers}

    def __call__(self, *arrays, **numbers):
        """One value per example, row by row where the function itself reduces the batch."""
        if self.reduction == "none":
            return self.own_value(*arrays, **numbers)
        # a mean or a sum of one example is that example
        return self.one_by_one(arrays, numbers)

    def one_by_one(self, arrays, numbers):
        """Its value for each example by itself, put together; CannotCall where they say too little.

        A token's loss cannot be read from one number for a row of tokens.
        """
        values = [self.own_value(*cell, **numbers) for cell in self.spec.cells(arrays)]
        shape = self.spec.shape(*arrays)
        if np.size(values) == np.prod(shape):
            return np.reshape(values, shape)
        name = self.spec.name
        other = ": say --as sequence_clipped_surrogate" if name == "gspo_token" else ""
        raise CannotCall(
            f"{self.label} gives one number for a row of tokens, and {name} is judged token by "
            f"token{other}."
        )

    def own_value(self, *arrays, **numbers):
        """The function's own answer for these arrays, checked for shape and NaN.

        A mask that ours does not have may follow the arrays.
        """
        arrays, mask = arrays[: len(self.spec.arrays)], arrays[len(self.spec.arrays) :]
        require_fixed_values(self.caller.substitutes, self.spec.arrays, arrays)
        if isinstance(self.caller.fn, Wrapper):
            self.caller.fn.require_domain(dict(zip(self.spec.arrays, arrays, strict=True)))
        for fit in self._fits:
            require_form(arrays, fit(arrays))
        ours = self.spec.shape(*arrays)
        arrays, numbers, restore_convention = undo_conventions(self, arrays, numbers)
        tokens = np.shape(arrays[0]) if self.spec.per_token else np.shape(arrays[0])[:-1]
        given = (*arrays, *(np.reshape(m, tokens) for m in mask))
        value = self.caller.answer(given, numbers, self.dtype)
        value = self.caller.as_floats(value, self.dtype)
        self.calls.append((given, numbers, value))
        # another layout is another shape of the answer, a cut of the arrays is not
        theirs = self.spec.shape(*arrays)
        want = theirs if np.prod(theirs) == np.prod(ours) else ours
        want = () if self.reduction != "none" else want
        if value.size == 1 and int(np.prod(want)) == 1:
            value = value.reshape(want)  # forgiven here; larger batches catch it
        if value.shape != want:
            raise Broken(f"gives {_describe_shape(value.shape)}, want {_describe_shape(want)}")
        if np.any(np.isnan(value)):
            raise Broken("gives nan")
        return restore_convention(value)

    def grad(self, arrays, index, **numbers):
        """d(sum of the values)/d(arrays[index]): the function's own derivative, or differences."""
        own = self.own_grad(arrays, index, **numbers)
        return self.finite_differences(arrays, index, **numbers) if own is None else own

    def own_grad(self, arrays, index, **numbers):
        """By the function's autodiff, in the precision it is judged in; None where it has none."""
        return slopes.own_grad(self, arrays, index, numbers)

    def own_grad_of_batch(self, arrays, index, **numbers):
        """The same of the one number that it gives for the batch."""
        return slopes.own_grad(self, arrays, index, numbers, whole=True)

    def finite_differences(self, arrays, index, width=1e-5, **numbers):
        """By central differences."""
        return slopes.finite_differences(self, arrays, index, numbers, width)

    def mutates_inputs(self, *arrays, **numbers):
        """True if the arrays handed over are not what they were after the call."""
        arrays, numbers, _ = undo_conventions(self, arrays, numbers)
        sent = [self.framework.send(a, self.dtype) for a in arrays]
        before = [self.framework.receive(a).copy() for a in sent]
        with time_limit(), watch_inside(self.caller.fn, self.framework) as overwritten:
            self.caller(sent, numbers)
        after = [self.framework.receive(a) for a in sent]
        same = all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))
        return bool(overwritten) or not same

    def own_dtype(self, *arrays, **numbers):
        """The dtype that the function itself gives, before it is made ours."""
        arrays, numbers, _ = undo_conventions(self, arrays, numbers)
        return self.framework.receive(self.caller.answer(arrays, numbers, self.dtype)).dtype


def _describe_shape(shape):
    return f"an array of shape {shape}" if shape else "one number"


def require_form(arrays, fitted):
    """OutOfDomain where a law wants what the function's form of the arrays cannot say."""
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, fitted, strict=True)):
        raise OutOfDomain("one advantage belongs to all tokens of a row")
