"""Functions that take arrays in one batch, or rewards in one row, made to take them as ours do."""

import inspect

import numpy as np

from tinyalign.laws.harness.holders import HOLDERS, attributes_read
from tinyalign.laws.harness.parameter_names import MASKS, names_array
from tinyalign.laws.harness.roles import roles
from tinyalign.laws.harness.texts import FromLogits, Spans, names_of_texts

BATCHES = (
    "batch", "data", "inputs", "experience", "sample", "samples", "rollout", "micro_batch",
)  # fmt: skip
# which prompt each answer belongs to
INDICES = (
    "index", "indices", "uid", "uids", "group_ids", "group_index", "prompt_ids", "prompt_idx",
    "prompt_index",
)  # fmt: skip
# how many answers each prompt has, one after the other
SIZES = (
    "num_generations", "group_size", "n_samples_per_prompt", "num_samples", "samples_per_prompt",
    "num_return_sequences", "rollouts_per_prompt",
)  # fmt: skip


class Batch(dict):
    """Arrays by key or by attribute."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the checker does not know what {name} is") from None


def unpacked(fn, spec, framework, declared):
    """fn with a parameter for each array of ours; fn itself where it has them."""
    try:
        parameters = dict(inspect.signature(getattr(fn, "forward", fn)).parameters)
    except (TypeError, ValueError):
        return fn
    index = next((n for n in (*INDICES, *SIZES) if n in parameters), None)
    if index and spec.arrays == ("reward",):
        return Flat(fn, index, parameters)
    if declared.get("layout") in ("one_prompt", "one_column"):
        return OnePrompt(fn, framework, declared["layout"] == "one_column")
    logits, labels, ids, *masks = names_of_texts(parameters)
    if spec.name == "sequence_logp" and logits and (labels or any(masks)):
        return Spans(fn, parameters)
    if "logp" in spec.arrays and "logp" not in parameters and logits and (labels or ids):
        return FromLogits(fn, parameters, framework, declared.get("aligned") == "yes")
    for name in sorted(parameters, key=lambda n: n not in BATCHES):
        keys = [k for k in attributes_read(fn, name) if names_array(k)]
        # an object that two arrays or more are read from is a batch, whatever it is called
        if name not in HOLDERS and len(keys) >= (1 if name in BATCHES else 2):
            return Packed(fn, name, keys, parameters)
    return fn


def _signature(arrays, parameters, taken):
    """The arrays first, then what else it takes, by name."""
    first = [inspect.Parameter(a, inspect.Parameter.POSITIONAL_OR_KEYWORD) for a in arrays]
    others = [
        q.replace(kind=q.KEYWORD_ONLY)
        for n, q in parameters.items()
        if n not in (*taken, *arrays) and not q.kind.name.startswith("VAR_")
    ]
    return inspect.Signature([*first, *others])


def _shown(keys, parameters):
    """{name as it is matched: key}. Log-probs in a batch, beside others outside, are the old."""
    outside = any(roles(n) == {"logp"} for n in parameters)
    old = [k for k in keys if roles(k) == {"logp"}] if outside else []
    return {f"old_{k}" if k in old else k: k for k in keys}


class Packed:
    """Its arrays go into its batch, by key."""

    sentence = ""

    def __init__(self, fn, name, keys, parameters):
        self.fn, self.name, self.keys = fn, name, _shown(keys, parameters)
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.__signature__ = _signature(self.keys, parameters, [name])

    def __call__(self, *given, **named):
        arrays = dict(zip(self.keys.values(), given, strict=False))
        arrays |= {self.keys[k]: v for k, v in named.items() if k in self.keys}
        others = {k: v for k, v in named.items() if k not in self.keys}
        return self.fn(**{self.name: Batch(arrays)}, **others)

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        named = {self.keys.get(k, k): v for k, v in named.items()}
        keyed = named or dict(zip(self.keys.values(), given, strict=False))
        return [f"{self.name}=dict({', '.join(f'{k}={literal(a)}' for k, a in keyed.items())})"]


class OnePrompt:
    """It takes the rewards of one prompt: it is called once for each, and the answers put together.

    column  whether it wants (G, 1), not (G,)
    """

    def __init__(self, fn, framework, column):
        self.fn, self.framework, self.column = fn, framework, column
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.__signature__ = inspect.signature(fn)

    def __call__(self, *given, **named):
        arguments = self.__signature__.bind(*given, **named).arguments
        name = next(n for n, a in arguments.items() if getattr(a, "ndim", 0) == 2)
        rows = [arguments | {name: self._row(row)} for row in arguments[name]]
        # (G, P) from the stack on the last axis
        return self.framework.stack([self._flat(self.fn(**row)) for row in rows]).T

    def _row(self, row):
        return row[:, None] if self.column else row

    def _flat(self, answer):
        answer = answer[0] if isinstance(answer, tuple) else answer
        return answer.reshape(-1)

    def written(self, given, named, literal):
        """The first call as code."""
        first = np.asarray([*given, *named.values()][0])[0]
        return [literal(self._row(first))]


class Flat:
    """Its rewards are one row over all prompts, with an index that says whose each is."""

    def __init__(self, fn, index, parameters):
        self.fn, self.index = fn, index
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.mask = next((m for m in MASKS if m in parameters), None)
        names = [n for n in parameters if names_array(n) and n not in (index, self.mask)]
        self.reward = names[0] if names else next(iter(parameters))
        taken = [index, self.mask, self.reward]
        self.__signature__ = _signature(["reward"], parameters, taken)
        tokens = f" and {self.mask} of ones, one token each" if self.mask else ""
        tells = "the number of answers" if index in SIZES else "the prompt"
        self.sentence = f"{self.reward} is given in one row, with {index} for {tells}{tokens}."

    def __call__(self, reward, **others):
        answer = self.fn(**self._arguments(reward), **others)
        answer = answer[0] if isinstance(answer, tuple) else answer
        return answer.reshape(reward.shape)

    def _arguments(self, reward):
        prompts, answers = reward.shape
        # (P·G,), or (P·G, 1) where each answer is a row of tokens
        flat = reward.reshape((prompts * answers, 1) if self.mask else (prompts * answers,))
        whose = answers if self.index in SIZES else np.repeat(np.arange(prompts), answers)
        arguments = {self.reward: flat, self.index: whose}
        return arguments | ({self.mask: flat * 0 + 1} if self.mask else {})

    def written(self, given, named, literal):
        arguments = self._arguments(np.asarray([*given, *named.values()][0]))
        return [f"{k}={literal(a)}" for k, a in arguments.items()]
