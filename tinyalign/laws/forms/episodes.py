"""GAE as reinforcement learning writes it: with dones, and the value after the last step."""

from inspect import Parameter

import numpy as np

from tinyalign.laws.binding.parameter_names import MASKS
from tinyalign.laws.forms.wrapper import Wrapper, readable_parameters

NAMES = {  # what they hold -> what they are called
    "done": (
        "dones", "done", "terminals", "terminal", "terminations", "terminateds", "terminated",
    ),
    "going_on": ("not_dones", "not_done", "nonterminals", "nonterminal", "continues"),
    "next_done": ("next_done", "next_dones", "last_done", "last_dones", "next_terminal"),
    # one number a row: the critic's value of what follows the last step
    "next_value": (
        "next_value", "last_value", "last_values", "bootstrap", "bootstrap_value",
        "bootstrap_values", "final_value", "last_val", "next_val",
    ),
    "next_values": ("next_values", "values_next"),  # one number a step
}  # fmt: skip
WAYS = {  # time -> (to rows (N, T), back from them, from (N,) to what goes beside them)
    "second": (lambda a: a, lambda a: a, lambda a: a),
    "first": (lambda a: a.T, lambda a: a.T, lambda a: a),
    "alone": (lambda a: a[None], lambda a: a[0], lambda a: a[0]),
}
UNREAD = 3.0  # a value after an episode's end, which nobody may read


def of_episodes(fn, spec, framework, declared):
    """fn called with the mask's ends as dones; fn itself where it wants none."""
    parameters = readable_parameters(fn) or {}
    known = [n for names in NAMES.values() for n in names if n in parameters]
    # one that is given by name is a number, as ours is; else an array with one for each row
    q = parameters[known[0]] if known else None
    given = q is not None and q.default is q.empty and q.kind is not q.KEYWORD_ONLY
    after = len(known) == 1 and known[0] in NAMES["next_value"] and given
    if (spec.name == "gae" and known) or (spec.name == "gae_over_turns" and after):
        fn = Episodes(fn, spec, parameters, framework, declared)
    return OneRow(fn, framework) if declared.get("time") == "alone" else fn


class Episodes(Wrapper):
    """The ends of its mask go in as dones, and what follows them as a value that is not read."""

    def __init__(self, fn, spec, parameters, framework, declared):
        self.framework, self.ways = framework, WAYS[declared.get("time", "second")]
        found = {k: next((n for n in names if n in parameters), None) for k, names in NAMES.items()}
        self.theirs = {k: n for k, n in found.items() if n}
        # with a done for the step to come, each done is about the step before it
        self.before = declared.get("dones", "next_done" in self.theirs and "before") == "before"
        self.own_mask = next((m for m in MASKS if m in parameters), None)
        self.has_ends = bool({"done", "going_on"} & self.theirs.keys())
        kept = [q for n, q in parameters.items() if n not in self.theirs.values()]
        if self.has_ends and not self.own_mask:
            kept.append(Parameter("mask", Parameter.KEYWORD_ONLY))
        if "last_value" in spec.numbers:
            kept.append(Parameter("last_value", Parameter.KEYWORD_ONLY))
        super().__init__(fn, sorted(kept, key=lambda q: (q.kind, q.default is not q.empty)))
        # an end inside a row is one too
        self.implies = {"packed": "yes"} if self.has_ends else {}
        names, way = " and ".join(self.theirs.values()), "before" if self.before else "with"
        self.sentence = (
            f"Filled from the mask: {names}; an episode ends {way} the step that is done."
        )
        if not self.has_ends and "last_value" in spec.numbers:
            self.sentence = f"{names} is given as an array (rows,)."
        elif not self.has_ends:
            self.sentence = f"{names} is 0, since rows end (--as gae_over_turns: other values too)."

    def __call__(self, /, *given, **named):
        return self.fn(**self._arguments(self.bind(given, named)))

    def _arguments(self, arguments):
        mask = arguments.get(self.own_mask or "mask")
        if mask is None:  # every token counts
            mask = next(a for a in arguments.values() if getattr(a, "ndim", 0)) * 0 + 1.0
        after = arguments.pop("last_value", UNREAD if self.has_ends else 0.0)
        others = {n: a for n, a in arguments.items() if n != "mask" or self.own_mask}
        turn, back, first = self.ways
        rows = turn(mask) * 1.0  # (N, T)
        filled = {
            "next_done": first(rows[:, 0] * 0 + 1),
            "next_value": first(rows[:, 0] * 0 + after),
        }
        filled["done"] = back(self._dones(rows))
        filled["going_on"] = 1 - filled["done"]
        if str(mask.dtype).endswith("bool"):  # it refused numbers: ~dones
            filled |= {k: a > 0 for k, a in filled.items() if k != "next_value"}
        return others | {n: filled[k] for k, n in self.theirs.items() if k in filled}

    def _dones(self, rows):
        """(N, T) 1 where the step, or the step before it, is the last of its episode."""
        if self.before:
            before = self.framework.lengthened(rows, at_end=False)[:, :-1]
            return 1 - rows * before
        position = (rows * 0 + 1).cumsum(1)
        after = self.framework.lengthened(rows, at_end=True)[:, 1:] * (position < rows.shape[1])
        return 1 - rows * after

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        sent = self.bind(given, named)
        sent = {n: self.framework.send(a, "float64") for n, a in sent.items()}
        filled = self._arguments(sent)
        return self.written_with({n: self.framework.receive(a) for n, a in filled.items()}, literal)


class OneRow(Wrapper):
    """It takes one row (T,): it is called once for each."""

    def __init__(self, fn, framework):
        super().__init__(fn, list(readable_parameters(fn).values()))
        self.framework = framework

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        count = next(len(a) for a in arguments.values() if getattr(a, "ndim", 0) == 2)
        answers = [self.fn(**self._row(arguments, i)) for i in range(count)]
        if not isinstance(answers[0], tuple | list) or not np.ndim(answers[0][0]):
            return self._table(answers)
        return tuple(self._table(parts) for parts in zip(*answers, strict=True))

    def _row(self, arguments, i):
        return {n: a[i] if getattr(a, "ndim", 0) == 2 else a for n, a in arguments.items()}

    def _table(self, rows):
        """(N, T) from as many arrays or lists."""
        arrays = [r if hasattr(r, "ndim") else self._array(r) for r in rows]
        return self.framework.stack(arrays).T

    def _array(self, numbers):
        return self.framework.send(np.asarray([float(n) for n in numbers]), "float64")

    def written(self, given, named, literal):
        """The first call as code."""
        return self.written_with(self._row(self.bind(given, named), 0), literal)
