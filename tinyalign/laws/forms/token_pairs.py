"""Pairs given token by token: log-probs (B, T) with a mask for each of the two answers."""

import numpy as np

from tinyalign.laws.binding.parameter_names import names_setting, parts
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper

SIDES = ("chosen", "rejected")
# where an answer of each row starts and ends, row by row: prompt, answer, padding
SPANS = {"chosen": ((1, 4), (0, 2), (2, 5)), "rejected": ((1, 3), (0, 4), (2, 3))}
WIDTH = 5
OUTSIDE = {True: -2.5, False: -7.0}  # a log-prob where no token counts, by whether of a reference


def summed_over_tokens(fn, spec, parameters, framework, declared):
    """fn with one number an answer in place of its tokens; fn itself where it has no masks."""
    if not {"chosen", "rejected"} <= {r for a in spec.arrays for r in roles(a)}:
        return fn
    masks = {side: _named(parameters, {side, "mask"}) for side in SIDES}
    if any(len(names) != 1 or names[0] in spec.arrays for names in masks.values()):
        return fn
    masks = {side: name for side, (name,) in masks.items()}
    averaged = any("avg" in parts(a) for a in spec.arrays) or declared.get("over_tokens") == "mean"
    return TokenPairs(fn, parameters, masks, framework, averaged)


def _named(parameters, said):
    return [n for n in parameters if roles(n, of_pairs=True) - {"logp"} == said]


class TokenPairs(Wrapper):
    """What an answer has in all, or on average, is spread over its tokens."""

    def __init__(self, fn, parameters, masks, framework, averaged):
        self.masks, self.framework, self.averaged = masks, framework, averaged
        self.sides = {}  # their array of tokens -> (side, whether it is of the reference)
        for name in parameters:
            said = roles(name, of_pairs=True) - {"logp"}
            side = [s for s in SIDES if said - {"ref"} == {s}]
            if side and not names_setting(name) and "weight" not in parts(name):
                self.sides[name] = (side[0], "ref" in said)
        self.as_bool = False  # whether its masks are of True and False
        super().__init__(fn, [q for n, q in parameters.items() if n not in masks.values()])
        what, names = "mean" if averaged else "sum", " and ".join(masks.values())
        where = f"where {names} are 1, their {what} is the answer's"
        self.sentence = f"Log-probs are given token by token: {where}."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        # a mask of numbers or of truth values: only one of them may fit
        for as_bool in (self.as_bool, not self.as_bool):
            try:
                answer = self.fn(**self._arguments(arguments, as_bool))
                self.as_bool = as_bool
                return answer
            except Exception:
                if as_bool != self.as_bool:
                    raise
        return None

    def _arguments(self, arguments, as_bool):
        filled = dict(arguments)
        for name, (side, of_reference) in self.sides.items():
            if name in arguments:
                filled[name] = self._tokens(arguments[name], side, OUTSIDE[of_reference])
        like = next(arguments[n] for n in self.sides if n in arguments)
        for side, name in self.masks.items():
            inside = _inside(len(like), side)
            filled[name] = self._sent(inside if as_bool else inside + 0.0, like)
        return filled

    def _tokens(self, whole, side, outside):
        inside = _inside(len(whole), side)
        count = np.cumsum(inside, axis=1) * inside  # 1, 2, 3 … along an answer
        length = inside.sum(1, keepdims=True)
        if self.averaged:
            scale, shift = inside + 0.0, inside * (count - (length + 1) / 2) / 4
        else:
            # ½, ¼, … and the last one again: they add up without rounding
            scale, shift = inside * 0.5 ** np.minimum(count, length - 1), 0.0
        shift = shift + np.where(inside, 0.0, outside)
        return whole[:, None] * self._sent(scale, whole) + self._sent(shift, whole)

    def _sent(self, array, like):
        return self.framework.send(array, "float32" if "float32" in str(like.dtype) else "float64")

    def written(self, given, named, literal):
        arguments = self.bind(given, named)
        arrays = {n: self.framework.send(np.asarray(arguments[n]), "float64") for n in self.sides}
        filled = self._arguments(arguments | arrays, self.as_bool)
        return self.written_with({n: self.framework.receive(a) for n, a in filled.items()}, literal)


def _inside(rows, side):
    """(B, T) of booleans: where an answer of this side stands."""
    spans = np.array([SPANS[side][i % len(SPANS[side])] for i in range(rows)])
    place = np.arange(WIDTH)
    return (place >= spans[:, :1]) & (place < spans[:, 1:])
