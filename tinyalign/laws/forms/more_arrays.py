"""Functions that take an array more than ours: lengths beside sums, labels beside scores."""

import numpy as np

from tinyalign.laws.binding.parameter_names import parts
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.wrapper import Wrapper

LENGTH = {"length", "lengths", "len", "lens", "n", "num", "size", "count"}
LABELS = ("labels", "label", "relevance", "relevances", "y_true", "targets", "target")


def with_more_arrays(fn, parameters, spec):
    """fn without the arrays that follow from ours."""
    if spec.arrays[0] == "chosen_avg_logp":
        lengths = {s: [n for n in parameters if _is_length(n, s)] for s in ("chosen", "rejected")}
        sums = {s: [n for n in parameters if _is_sum(n, s)] for s in lengths}
        if all(len(found[s]) == 1 for found in (lengths, sums) for s in lengths):
            return OfSums(fn, parameters, [(sums[s][0], lengths[s][0]) for s in lengths])
    label = next((n for n in LABELS if n in parameters), None)
    if spec.arrays == ("ranked_reward",) and label and len(parameters) > 1:
        return Labelled(fn, parameters, label)
    return fn


def _is_length(name, side):
    return side in roles(name, True) and bool(LENGTH & set(parts(name)))


def _is_sum(name, side):
    said = roles(name, True)
    return side in said and "nll" not in said and not LENGTH & set(parts(name))


class OfSums(Wrapper):
    """Averages of log-probabilities go in as sums and lengths, two other lengths for each pair."""

    def __init__(self, fn, parameters, pairs):
        self.pairs = pairs
        taken = [length for _, length in pairs]
        super().__init__(fn, [q for n, q in parameters.items() if n not in taken])
        sums = " and ".join(name for name, _ in pairs)
        self.sentence = f"{sums} are given as sums, {' and '.join(taken)} as the counts of tokens."

    def __call__(self, /, *given, **named):
        return self.fn(**self._summed(self.bind(given, named)))

    def _summed(self, arguments):
        for place, (name, length) in enumerate(self.pairs):
            row = (arguments[name] * 0 + 1).cumsum(0)  # 1 to B, in whatever framework
            count = row * (place + 1) + 2
            arguments = arguments | {name: arguments[name] * count, length: count}
        return arguments

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arrays = {n: np.asarray(a) for n, a in self.bind(given, named).items()}
        return self.written_with(self._summed(arrays), literal)


class Labelled(Wrapper):
    """Rewards that stand best first go in another order, with labels that say which is best."""

    def __init__(self, fn, parameters, label):
        self.label = label
        self.scores = next(n for n in parameters if n not in (label, "self"))
        super().__init__(fn, [q for n, q in parameters.items() if n != label])
        self.sentence = f"{label} is filled with K - 1, …, 1, K in each row: K is the best one."

    def __call__(self, /, *given, **named):
        return self.fn(**self._labelled(self.bind(given, named)))

    def _labelled(self, arguments):
        scores = arguments[self.scores]
        count = scores.shape[1]
        falling = count + 1 - (scores * 0 + 1).cumsum(1)  # K, K-1, …, 1
        # the best one last: labels that are not read show
        order = [*range(1, count), 0]
        return arguments | {self.scores: scores[:, order], self.label: falling[:, order]}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arrays = {n: np.asarray(a) for n, a in self.bind(given, named).items()}
        return self.written_with(self._labelled(arrays), literal)
