"""Call somebody's function: our arrays and numbers go in under its names, its answer comes out."""

import re

import numpy as np

from tinyalign.laws.binding.constants_read import constant_for
from tinyalign.laws.binding.holders import holder_object, number_of_instance
from tinyalign.laws.binding.parameter_names import weighs_kl
from tinyalign.laws.binding.signature import CannotCall, match
from tinyalign.laws.harness.errors import describe_error
from tinyalign.laws.harness.limits import TookTooLong, time_limit
from tinyalign.laws.harness.optional_arrays import SUBSTITUTES
from tinyalign.laws.harness.outputs import OUTPUT, Outputs
from tinyalign.laws.outcomes import Broken, NotApplicable

# what is said of a mask of numbers: by x[mask], ~mask, masked_fill, where
WANTS_BOOL = re.compile("bool|invert|bitwise|ind(ices|exer)", re.IGNORECASE)


class Caller:
    """fn with its parameters matched to those of a spec."""

    def __init__(self, fn, spec, framework, label, declared, order=None, words=()):
        self.fn, self.spec, self.framework, self.label = fn, spec, framework, label
        self.words = dict(words)  # parameter or attribute -> the word that says the method
        said = self.words | dict(declared)
        self.held = {n: v for n, v in said.items() if "." in n}  # attributes of a config
        optional = SUBSTITUTES.get(spec.name, {})
        self.binding = match(fn, spec, label, optional, order, declared, self.words)
        self.words |= dict.fromkeys(self.binding.unread)
        self.parameters = self.binding.numbers  # our number -> their parameter
        self.kl_weights = self._kl_weights()
        self.held = dict.fromkeys(self.kl_weights, 0.0) | self.held
        self.constants = {}  # our number -> what it is fixed at, of an instance or of the module
        self.substitutes = {a: SUBSTITUTES[spec.name][a] for a in self.binding.missing}
        self.fixed = {  # numbers that fn takes no parameter for
            n: self._fixed_value(n, declared) for n in spec.numbers if n not in self.parameters
        }
        self.outputs = Outputs(fn, spec, declared.get(OUTPUT))
        self.masks_are_bool = False  # until it refuses numbers: x[mask], ~mask
        self.calls = []  # (arrays, numbers, result) of the latest example, for the report

    @property
    def settings(self):
        """What is declared like a convention and is none: numbers that it fixes, or takes."""
        return {*self.fixed, *self.parameters, *self.held}

    def _kl_weights(self):
        """What is read of a config to weigh a KL term, where the method has none."""
        if "advantage" not in self.spec.arrays:
            return []
        read = [f"{h}.{n}" for h, names in self.binding.holders.items() for n in names]
        taken = {*self.parameters.values(), *self.held}
        return [n for n in read if n not in taken and weighs_kl(n.partition(".")[2])]

    def _fixed_value(self, name, declared):
        """The value that the function has for a number it does not take."""
        own = number_of_instance(self.fn, self.spec.name, name)
        own = own or constant_for(self.fn, self.spec.name, name)
        if name not in declared and own:
            self.constants[name] = own[0]
            return own[1]
        for substitute in self.substitutes.values():
            declared = substitute.numbers | dict(declared)
        if name not in declared and name not in self.spec.defaults:
            raise CannotCall(
                f"{self.label} has no parameter for {name}; declare it (--convention {name}=…)."
            )
        return declared.get(name, self.spec.defaults.get(name))

    def __call__(self, arrays, numbers):
        """What fn gives for arrays of its own framework, unchecked: autodiff passes through."""
        given, named = self.arguments(arrays)
        return self._judged(self.fn(*given, **named, **self.keywords(numbers)), arrays)

    def answer(self, arrays, numbers, dtype):
        """What fn gives for NumPy arrays, within the time limit; Broken for whatever it raises."""
        # outside the try: NotApplicable is ours, and no fault of fn
        keywords = self.keywords(numbers)
        sent = [self.framework.send(a, dtype) for a in arrays]
        given, named = self.arguments(sent)
        try:
            with time_limit(), np.errstate(all="ignore"):
                return self._judged(self.fn(*given, **named, **keywords), sent)
        except (TookTooLong, KeyboardInterrupt):
            raise
        except BaseException as error:
            raised = error
        # not inside the except: Hypothesis takes failures with other causes for other failures
        if not self.masks_are_bool and self._has_mask and WANTS_BOOL.search(str(raised)):
            self.masks_are_bool = True
            return self.answer(arrays, numbers, dtype)
        self.calls.append((arrays, numbers, raised))
        raise Broken(f"raises {describe_error(raised)}")

    def _judged(self, answer, arrays):
        return self.outputs(answer, dict(zip(self.spec.arrays, arrays, strict=False)))

    def arguments(self, arrays):
        """What fn is called with: (arrays by position, arrays by name).

        A mask of their own may follow our arrays; without it every token counts.
        """
        binding, count = self.binding, len(self.spec.arrays)
        mask = {binding.mask: self._as_mask(self._own_mask(arrays))} if binding.mask else {}
        pairs = zip(self.spec.arrays, arrays[:count], strict=True)
        given = [
            self._as_mask(array) if name == "mask" else array
            for name, array in pairs
            if name not in self.substitutes
        ]
        if binding.arrays_first:
            return given, mask
        return [], dict(zip(binding.arrays.values(), given, strict=True)) | mask

    def _own_mask(self, arrays):
        """What follows our arrays, or ones."""
        if len(arrays) > len(self.spec.arrays):
            return arrays[-1]
        # (N, T); of logits (N, V) one for each row
        return self.framework.ones(arrays[0] if self.spec.per_token else arrays[0][..., 0])

    @property
    def _has_mask(self):
        return self.binding.mask is not None or "mask" in self.spec.arrays

    def _as_mask(self, array):
        return array > 0 if self.masks_are_bool else array

    def fixed_at(self, name, numbers):
        """What a number is that the function does not take: a value, or that of another number."""
        value = self.fixed[name]
        if not isinstance(value, str) or value not in self.spec.numbers:
            return value
        return numbers[value] if value in numbers else self.fixed[value]

    def keywords(self, numbers):
        """fn's keyword arguments; a number that it fixes inside must not be asked to vary."""
        ready = {}
        for name, value in numbers.items():
            if name not in self.parameters:
                if value != self.fixed_at(name, numbers):
                    raise NotApplicable(f"{name} is fixed at {self.fixed[name]}")
                continue
            theirs = self.parameters[name]
            # such as one epsilon for clip_low and clip_high
            if theirs in ready and ready[theirs] != value:
                raise NotApplicable(f"one parameter, {theirs}, stands for two numbers")
            ready[theirs] = value
        return self._held(ready)

    def _held(self, ready):
        """The keywords with those of a config or of self put into one object each."""
        plain = {n: v for n, v in (self.words | ready).items() if "." not in n}
        for holder, read in self.binding.holders.items():
            own = {n.split(".")[1]: v for n, v in ready.items() if n.startswith(holder + ".")}
            start = f"{holder}."
            said = {n.removeprefix(start): v for n, v in self.held.items() if n.startswith(start)}
            plain[holder] = holder_object(self.fn, holder, read, own, said)
        return plain

    def as_floats(self, value, dtype):
        """The answer as a NumPy array; Broken where it holds no numbers."""
        try:
            array = np.asarray(self.framework.receive(value))
        except (TypeError, ValueError):  # ragged, or not an array at all
            array = np.asarray(None)
        if array.dtype.kind not in "fiub":  # float, int, unsigned, bool
            raise Broken(f"gives a {type(value).__name__}, want numbers")
        return array.astype(dtype)
