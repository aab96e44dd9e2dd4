"""Surrogates that take the ratio of the two policies, or its logarithm, for their log-probs."""

import numpy as np

from tinyalign.laws.binding.parameter_names import names_setting, parts
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper

RATIOS = {"ratio", "ratios", "logratio", "logratios"}


def ratio_parameter(spec, parameters):
    """Their parameter for the ratio, where it stands for the log-probs of a surrogate; or None."""
    if not {"logp", "old_logp", "advantage"} <= set(spec.arrays):
        return None
    if any("logp" in roles(n) and not RATIOS & set(parts(n)) for n in parameters):
        return None
    if not any("advantage" in roles(n) for n in parameters):  # a weight or a gate by itself
        return None
    found = [n for n in parameters if RATIOS & set(parts(n)) and not names_setting(n)]
    return found[0] if len(found) == 1 else None


class FromRatio(Wrapper):
    """It is given e^(logp - old_logp), or the difference where it wants the logarithm."""

    def __init__(self, fn, name, parameters, framework):
        self.name, self.framework = name, framework
        self.log = bool({"log", "logratio", "logratios"} & set(parts(name)))
        kept = []
        for q in parameters.values():
            both = ("logp", "old_logp") if q.name == name else (q.name,)
            kept += [q.replace(name=n) for n in both]
        super().__init__(fn, kept)
        given = "logp - old_logp" if self.log else "exp(logp - old_logp)"
        self.sentence = f"{name} is given as {given}."

    def __call__(self, /, *given, **named):
        return self.fn(**self._arguments(self.bind(given, named)))

    def _arguments(self, arguments):
        log_ratio = arguments.pop("logp") - arguments.pop("old_logp")
        return {self.name: log_ratio if self.log else self.framework.exp(log_ratio), **arguments}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = {n: np.asarray(a) for n, a in self.bind(given, named).items()}
        log_ratio = arguments.pop("logp") - arguments.pop("old_logp")
        ratio = log_ratio if self.log else np.exp(log_ratio)
        return self.written_with({self.name: ratio, **arguments}, literal)
