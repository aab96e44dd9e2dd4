"""A log-ratio given as two arrays: log-probs under the policy and under the reference."""

import numpy as np

from tinyalign.laws.binding.parameter_names import names_setting
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper


def from_two_log_probs(fn, parameters, framework):
    """fn with one parameter, log_ratio, for the two; fn itself where it has not just those two."""
    found = [[n for n in parameters if roles(n) == role and not names_setting(n)] for role in BOTH]
    if [len(names) for names in found] != [1, 1]:
        return fn
    return TwoLogProbs(fn, parameters, found[0][0], found[1][0], framework)


BOTH = ({"logp"}, {"ref", "logp"})


class TwoLogProbs(Wrapper):
    """The policy's log-probs go in as those of some reference plus the log-ratio."""

    def __init__(self, fn, parameters, policy, reference, framework):
        self.policy, self.reference, self.framework = policy, reference, framework
        kept = [
            q.replace(name="log_ratio" if n == policy else n)
            for n, q in parameters.items() if n != reference
        ]  # fmt: skip
        super().__init__(fn, kept)
        self.sentence = f"log_ratio is given as {policy} - {reference}."

    def __call__(self, /, *given, **named):
        return self.fn(**self._arguments(self.bind(given, named)))

    def _arguments(self, arguments):
        log_ratio = arguments.pop("log_ratio")
        # another number for each answer, so that a reference left out shows
        place = np.arange(np.prod(log_ratio.shape)).reshape(log_ratio.shape)
        dtype = "float32" if "float32" in str(log_ratio.dtype) else "float64"
        ref = self.framework.send(-4.0 - place % 3, dtype)
        return arguments | {self.policy: ref + log_ratio, self.reference: ref}

    def written(self, given, named, literal):
        arguments = {n: np.asarray(a) for n, a in self.bind(given, named).items()}
        arguments["log_ratio"] = self.framework.send(arguments["log_ratio"], "float64")
        arguments = self._arguments(arguments)
        return self.written_with(
            {n: self.framework.receive(a) for n, a in arguments.items()}, literal
        )
