"""What is judged of what a function returns: its loss, or its advantages and returns."""

from tinyalign.laws.binding.losses_returned import places_of_losses
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.binding.source_tree import names_returned

OUTPUT = "output"  # the place or the key that a function is declared to have its loss at
PAIR = ("advantage", "returns")


class Outputs:
    """Takes what is judged out of an answer, and keeps how.

    fn     whose source says what it calls the parts of a tuple
    spec   the method: GAE gives two arrays, all else one
    """

    def __init__(self, fn, spec, declared=None):
        self.fn, self.declared = fn, declared
        self.wanted = spec.outputs
        self.sentence = ""

    def __call__(self, answer, arrays=None):
        """arrays  ours by name, from which the one of two outputs that is not there is made"""
        if self.wanted > 1:
            return self._both(answer, arrays or {})
        if isinstance(answer, dict):
            return self._of_dict(answer)
        if isinstance(answer, tuple):
            return self._of_tuple(answer)
        # dataclasses and named outputs of models
        if hasattr(answer, "loss") and not hasattr(answer, "shape"):
            return self._take(answer.loss, "an object", ".loss is")
        return answer

    def _of_tuple(self, answer):
        what = f"a tuple of {len(answer)}"
        place = self._place(answer) if self.declared is None else int(self.declared)
        if place >= len(answer):
            return answer
        return self._take(answer[place], what, f"number {place} is")

    def _place(self, answer):
        """The one that is called a loss, where the first is not; else the first."""
        places = places_of_losses(self.fn, answer)
        return places[0] if len(places) == 1 else 0

    def _of_dict(self, answer):
        likely = ["loss", *(k for k in answer if "loss" in str(k)), "objective"]
        key = next((k for k in ([self.declared] if self.declared else likely) if k in answer), None)
        if key is None:
            return answer
        return self._take(answer[key], f"a dict of {len(answer)}", f"{key!r} is")

    def _both(self, answer, arrays):
        """(advantage, returns), by name where there are more or others than these."""
        if isinstance(answer, dict):
            answer, names = tuple(answer.values()), [str(k) for k in answer]
            what = f"a dict of {len(answer)}"
        elif isinstance(answer, tuple | list):
            names, what = names_returned(self.fn, len(answer)), f"a tuple of {len(answer)}"
        else:
            return self._completed(answer, arrays)
        places = [_place(role, names) for role in PAIR]
        if None in places or places == [0, 1]:
            more = len(answer) > self.wanted
            return self._take(answer[:2], what, "the first two are") if more else answer
        which = " and ".join(names[i] for i in places)
        return self._take(tuple(answer[i] for i in places), what, f"{which} are")

    def _completed(self, answer, arrays):
        """The two of them where it gives one, of the shape of the value."""
        reward, value, mask = (arrays.get(n) for n in ("reward", "value", "mask"))
        # the mask has the shape of the steps where a whole answer has one reward
        steps = reward if mask is None else mask
        if value is None or getattr(answer, "shape", None) != steps.shape:
            return answer
        drawn = value[: len(steps), : steps.shape[1]]  # perhaps with one more after the last
        drawn = drawn if mask is None else drawn * mask
        said = {r for n in [*names_returned(self.fn, 1), _name(self.fn)] for r in roles(n)}
        one, other = ("returns", "advantage") if "returns" in said else PAIR
        self.sentence = f"It returns one array, judged as the {one}: no verdict is about {other}."
        return (answer - drawn, answer) if one == "returns" else (answer, answer + drawn)

    def _take(self, value, what, which):
        self.sentence = f"It returns {what}: {which} judged (declare with --convention {OUTPUT}=…)."
        return value


def _name(fn):
    return getattr(fn, "__name__", "")


def _place(role, names):
    """Where the one of this role stands, if there is just one."""
    found = [i for i, n in enumerate(names) if role in roles(n)]
    return found[0] if len(found) == 1 else None
