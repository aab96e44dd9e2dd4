"""Losses of pairs that take one batch: the chosen answers, then as many rejected ones."""

import numpy as np

from tinyalign.laws.binding.parameter_names import is_mask, names_setting
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper, keyword_parameters, positional_parameters

ANSWERS = ("chosen_logp", "rejected_logp")
REFERENCES = ("ref_chosen_logp", "ref_rejected_logp")


def halves_of(spec, parameters):
    """{their parameter: the two of our arrays that are its halves}; {} where none is so."""
    whole = spec.arrays in (ANSWERS, (*ANSWERS, *REFERENCES))
    said = {n: roles(n, True) for n in parameters if not names_setting(n)}
    if not whole or any({"chosen", "rejected"} & r for r in said.values()):
        return {}
    logps = {n: r for n, r in said.items() if "logp" in r}
    policy = [n for n, r in logps.items() if "ref" not in r]
    reference = [n for n, r in logps.items() if "ref" in r]
    if len(policy) != 1 or len(reference) != len(spec.arrays) // 2 - 1:
        return {}
    return {policy[0]: ANSWERS} | {n: REFERENCES for n in reference}


class Halves(Wrapper):
    """Its batch is made of both halves; with a mask, each answer is a row of one token."""

    def __init__(self, fn, halves, spec, parameters, framework):
        self.halves, self.framework = halves, framework
        self.mask = next((n for n, q in parameters.items() if is_mask(q, ())), None)
        taken = [*halves, self.mask]
        super().__init__(
            fn, positional_parameters(spec.arrays) + keyword_parameters(parameters, taken)
        )
        tokens = f", each a row of one token, with {self.mask} of ones" if self.mask else ""
        names = " and ".join(halves)
        self.sentence = f"{names} hold the chosen answers, then the rejected ones{tokens}."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        batches = {n: self._joined([arguments.pop(a) for a in ours], self.framework.stack)
                   for n, ours in self.halves.items()}  # fmt: skip
        return self.fn(**self._with_mask(batches), **arguments)

    def _joined(self, pair, stack):
        # (B, 2) to (2B,): the first half, then the second
        batch = stack(pair).T.reshape(-1)
        return batch[:, None] if self.mask else batch

    def _with_mask(self, batches):
        first = next(iter(batches.values()))
        return batches | ({self.mask: self.framework.ones(first)} if self.mask else {})

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = {n: np.asarray(a) for n, a in self.bind(given, named).items()}

        def stack(pair):
            return np.stack(pair, axis=-1)

        batches = {n: self._joined([arguments[a] for a in ours], stack)
                   for n, ours in self.halves.items()}  # fmt: skip
        return self.written_with(self._with_mask(batches), literal)
