"""Losses of pairs that come back as those of all chosen answers, then those of all rejected."""

from tinyalign.laws.forms.wrapper import Wrapper


def fold(fn, parameters):
    """fn with one number for each pair; fn itself where its parameters have no names."""
    named = not any(q.kind.name.startswith("VAR_") for q in parameters.values())
    return Folded(fn, parameters) if named else fn


class Folded(Wrapper):
    """What it gives for the two answers of a pair is added."""

    def __init__(self, fn, parameters):
        super().__init__(fn, list(parameters.values()))

    def __call__(self, /, *given, **named):
        bound = self.bind(given, named)
        pairs = next((len(a) for a in bound.values() if getattr(a, "ndim", 0) == 1), 0)
        answer = self.fn(**bound)
        if isinstance(answer, tuple):
            return tuple(self._folded(a, pairs) for a in answer)
        return self._folded(answer, pairs)

    def _folded(self, answer, pairs):
        if not pairs or getattr(answer, "shape", None) != (2 * pairs,):
            return answer
        self.sentence = (
            "Its losses of chosen and of rejected answers, one after the other, are added."
        )
        return answer[:pairs] + answer[pairs:]

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.written_with(self.bind(given, named), literal)
