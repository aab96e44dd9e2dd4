"""The loss among what a function returns: the first of a tuple, the one called loss of a dict."""

OUTPUT = "output"  # the place or the key that a function is declared to have its loss at


class Outputs:
    """Takes the loss out of an answer, and keeps how."""

    def __init__(self, declared=None, wanted=1):
        self.declared = declared
        self.wanted = wanted  # how many arrays the method gives
        self.sentence = ""

    def __call__(self, answer):
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
        if self.wanted > 1:
            more = len(answer) > self.wanted
            return self._take(answer[: self.wanted], what, "the first two are") if more else answer
        place = int(self.declared or 0)
        if place >= len(answer):
            return answer
        return self._take(answer[place], what, f"number {place} is")

    def _of_dict(self, answer):
        likely = ["loss", *(k for k in answer if "loss" in str(k))]
        key = next((k for k in ([self.declared] if self.declared else likely) if k in answer), None)
        if key is None:
            return answer
        return self._take(answer[key], f"a dict of {len(answer)}", f"{key!r} is")

    def _take(self, value, what, which):
        self.sentence = f"It returns {what}: {which} judged (declare with --convention {OUTPUT}=…)."
        return value
