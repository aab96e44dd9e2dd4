"""A policy-gradient loss with a KL term inside, taken apart: the loss without it, and the term."""

from tinyalign.laws.binding.holders import HOLDERS, attributes_read
from tinyalign.laws.binding.parameter_names import names_array, weighs_kl
from tinyalign.laws.binding.roles import policy_among, roles
from tinyalign.laws.forms.wrapper import Wrapper, positional_parameters

WEIGHT = 0.5  # of the KL term where it is judged: a weight that enters squared gives another value


def without_kl(fn, parameters, spec):
    """fn without its KL term, where it has one and the method has none; fn itself otherwise."""
    if "advantage" not in spec.arrays or any("ref" in roles(a) for a in spec.arrays):
        return fn
    references = [n for n in parameters if names_array(n) and {"ref", "logp"} <= roles(n)]
    weights = [n for n in parameters if weighs_kl(n)]
    holders = {h: [n for n in attributes_read(fn, h) if weighs_kl(n)] for h in HOLDERS
               if h in parameters}  # fmt: skip
    if len(references) != 1 or not (weights or any(holders.values())):
        return fn
    return WithoutKL(fn, parameters, references[0], weights, holders)


class WithoutKL(Wrapper):
    """The reference is the policy itself, and the KL term weighs nothing."""

    def __init__(self, fn, parameters, reference, weights, holders):
        super().__init__(fn, [q for n, q in parameters.items() if n not in (reference, *weights)])
        self.reference, self.weights, self.holders = reference, weights, holders
        zero = f" and {', '.join(weights)} is 0" if weights else ""
        self.sentence = f"{reference} is filled with the policy's own{zero}, but for the KL term."

    def __call__(self, /, *given, **named):
        return self.fn(**self._filled(self.bind(given, named)))

    def _filled(self, bound):
        policy = bound[policy_among(bound)]
        return bound | {self.reference: policy} | dict.fromkeys(self.weights, 0.0)

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.code_of(self._filled(self.bind(given, named)), literal)

    def code_of(self, arguments, literal):
        plain = {n: v for n, v in arguments.items() if n in self.weights}
        arrays = {n: v for n, v in arguments.items() if n not in self.weights}
        return self.written_with(arrays, literal) + [f"{n}={v}" for n, v in plain.items()]


class KLTerm(Wrapper):
    """What is left of the loss at advantage 0, divided by the weight: (N, T), or one number.

    advantage, gap  of each token, and of its log-prob to the old one: 0 where the term is judged
    """

    def __init__(self, subject, advantage=0.0, gap=0.0):
        caller, self.whole = subject.caller, subject.caller.fn
        self.advantage, self.gap = advantage, gap
        self.arrays, self.outputs = caller.binding.arrays, caller.outputs
        self.sign = -1 if subject.conventions.get("sign") == "objective" else 1
        self.by_row = subject.conventions.get("advantage_per") == "sequence"
        # numbers that have to be given; without an advantage they change nothing
        self.numbers = {t: subject.spec.defaults.get(o) for o, t in caller.parameters.items()
                        if "." not in t and subject.spec.defaults.get(o) is not None}  # fmt: skip
        mask = [caller.binding.mask] if caller.binding.mask else []
        super().__init__(
            self.whole.fn,
            positional_parameters(["logp", "ref_logp", *mask, *self.whole.holders]),
        )
        self.conventions = {
            f"{h}.{n}": WEIGHT for h, names in self.whole.holders.items() for n in names
        }

    def __call__(self, /, *given, **named):
        arguments = self._arguments(self.bind(given, named))
        return self.sign * self.outputs(self.fn(**arguments, **self.numbers)) / WEIGHT

    def _arguments(self, bound):
        logp, ref = bound.pop("logp"), bound.pop("ref_logp")
        advantage = (logp[:, 0] if self.by_row else logp) * 0 + self.advantage
        # both policies are the same; without an advantage nothing else is left of the loss
        known = {"logp": logp, "advantage": advantage}
        own = {t: known.get(o, logp - self.gap) for o, t in self.arrays.items()}
        weights = dict.fromkeys(self.whole.weights, WEIGHT)
        return own | {self.whole.reference: ref} | bound | weights

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.whole.code_of(self._arguments(self.bind(given, named)), literal)
