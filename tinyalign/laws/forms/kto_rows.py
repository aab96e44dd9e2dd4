"""KTO as trainers hold it: thumbs up apart from thumbs down, z0 worked out from rows of its own.

A function that works z0 out is given log-ratios of mismatched pairs whose mean is z0.
"""

import contextlib
import inspect

import numpy as np

from tinyalign.laws.binding.parameter_names import names_setting, parts
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper
from tinyalign.laws.outcomes import OutOfDomain

SPREAD = 2.0  # of the two log-ratios around z0: their mean is not what either of them is
MISMATCHED = {"kl", "mismatched", "mismatch", "unrelated"}


def as_one_row_each(fn, parameters, framework):
    """fn with parameters for logp, ref_logp, desirable and z0; fn itself where it has them."""
    pair = [_mismatched(parameters, reference) for reference in (False, True)]
    if all(pair):
        fn = OwnZ0(fn, parameters, pair, framework)
    parameters = fn.__signature__.parameters if isinstance(fn, OwnZ0) else parameters
    sides = {role: _of_side(parameters, role) for role in SIDES}
    return Sides(fn, parameters, sides, framework) if all(sides.values()) else fn


def _mismatched(parameters, reference):
    """The parameter for log-probs of mismatched pairs, under the policy or the reference."""
    found = [
        n for n in parameters
        if MISMATCHED & set(parts(n)) and "logp" in roles(n) and ("ref" in roles(n)) == reference
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


class OwnZ0(Wrapper):
    """It works z0 out from the log-probs of mismatched pairs."""

    def __init__(self, fn, parameters, pair, framework):
        self.pair, self.framework = pair, framework
        self.anywhere = False  # whether a mean below 0 may be asked for
        policy, reference = pair
        kept = [
            q.replace(name="z0" if n == policy else n)
            for n, q in parameters.items() if n != reference
        ]  # fmt: skip
        super().__init__(fn, kept)
        self.sentence = (
            f"z0 is given as {policy} and {reference}: two rows whose mean log-ratio is z0."
        )

    def __call__(self, /, *given, **named):
        return self.fn(**self._arguments(self.bind(given, named)))

    def _arguments(self, arguments):
        z0 = arguments.pop("z0")
        policy, reference = self.pair
        ref = self.framework.stack([0 * z0 - 5.0, 0 * z0 - 3.0])
        ratios = self.framework.stack([z0 + SPREAD, z0 - SPREAD])
        return arguments | {policy: ref + ratios, reference: ref}

    def require_domain(self, arrays):
        """OutOfDomain below 0, where z0 is cut off."""
        if arrays["z0"] < 0 and not self.anywhere:
            raise OutOfDomain("a z0 that is worked out inside is never below 0")

    @contextlib.contextmanager
    def below_zero(self):
        """While it lasts rows with a mean below 0 may go in."""
        self.anywhere = True
        try:
            yield
        finally:
            self.anywhere = False

    def written(self, given, named, literal):
        arguments = self.bind(given, named)
        z0 = self.framework.send(np.asarray(arguments["z0"]), "float64")
        arguments = self._arguments(arguments | {"z0": z0})
        return self.written_with(
            {n: self.framework.receive(a) for n, a in arguments.items()}, literal
        )


def own_z0(fn):
    """The wrapper of a function that works z0 out; None where z0 is given to it."""
    while isinstance(fn, Wrapper) and not isinstance(fn, OwnZ0):
        fn = fn.fn
    return fn if isinstance(fn, OwnZ0) else None


SIDES = (("chosen",), ("rejected",), ("ref", "chosen"), ("ref", "rejected"))


def _of_side(parameters, role):
    """The parameter that holds the log-probs of one side; None where there are none or several."""
    found = [
        n for n in parameters
        if roles(n, of_pairs=True) - {"logp"} == set(role)
        and not names_setting(n) and "weight" not in parts(n)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


class Sides(Wrapper):
    """It takes the answers with a thumb up apart from those with a thumb down."""

    def __init__(self, fn, parameters, sides, framework):
        self.sides, self.framework = sides, framework
        ours = [
            inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for n in ("logp", "ref_logp", "desirable")
        ]
        others = [q.replace(kind=q.KEYWORD_ONLY) for n, q in parameters.items()
                  if n not in sides.values() and not q.kind.name.startswith("VAR_")]  # fmt: skip
        super().__init__(fn, ours + others)
        up, down = sides[SIDES[0]], sides[SIDES[1]]
        self.sentence = (
            f"{up} is given the answers with a thumb up, {down} those with a thumb down."
        )

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        up, down = self._places(arguments["desirable"])
        # which row of the answer is which of ours, where it puts one side after the other
        back = np.argsort(np.concatenate([up, down]), kind="stable")
        answer = self.fn(**self._arguments(arguments))
        if isinstance(answer, tuple):
            return tuple(self._in_order(a, back) for a in answer)
        if isinstance(answer, dict):
            return {k: self._in_order(a, back) for k, a in answer.items()}
        return self._in_order(answer, back)

    def _places(self, desirable):
        labels = np.asarray(self.framework.receive(desirable), dtype=bool)
        return np.flatnonzero(labels), np.flatnonzero(~labels)

    def _arguments(self, arguments):
        up, down = self._places(arguments.pop("desirable"))
        policy, reference = arguments.pop("logp"), arguments.pop("ref_logp")
        rows = (policy[up], policy[down], reference[up], reference[down])
        return arguments | dict(zip(self.sides.values(), rows, strict=True))

    def _in_order(self, answer, back):
        return answer[back] if getattr(answer, "shape", None) == back.shape else answer

    def written(self, given, named, literal):
        arguments = self._arguments({n: np.asarray(a) for n, a in self.bind(given, named).items()})
        return self.written_with(arguments, literal)
