"""Functions that take arrays in one batch, or rewards in one row, made to take them as ours do."""

import numpy as np

from tinyalign.laws.harness.episodes import of_episodes
from tinyalign.laws.harness.holders import HOLDERS, attributes_read
from tinyalign.laws.harness.kl_term import without_kl
from tinyalign.laws.harness.parameter_names import MASKS, names_array
from tinyalign.laws.harness.roles import roles
from tinyalign.laws.harness.texts import IDS, LABELS, FromLogits, Spans, names_of_texts
from tinyalign.laws.harness.wrapper import (
    Wrapper,
    keyword_parameters,
    positional_parameters,
    readable_parameters,
)

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
    fn = of_episodes(_out_of_a_batch(fn, spec), spec, framework, declared)
    parameters = readable_parameters(fn)
    if parameters is None:
        return fn
    index = next((n for n in (*INDICES, *SIZES) if n in parameters), None)
    if index and spec.arrays == ("reward",):
        return Flat(fn, index, parameters)
    if declared.get("layout") in ("one_prompt", "one_column"):
        return OnePrompt(fn, framework, declared["layout"] == "one_column")
    fn = without_kl(fn, parameters, spec)
    logits, labels, ids, *masks = names_of_texts(parameters)
    if spec.name == "sequence_logp" and logits and (labels or any(masks)):
        return Spans(fn, parameters)
    if "logp" in spec.arrays and "logp" not in parameters and logits and (labels or ids):
        return FromLogits(fn, parameters, framework, declared.get("aligned") == "yes")
    return fn


def _out_of_a_batch(fn, spec):
    parameters = readable_parameters(fn) or {}
    for name in sorted(parameters, key=lambda n: n not in BATCHES):
        read = attributes_read(getattr(fn, "forward", fn), name) if name not in HOLDERS else []
        keys = [k for k in read if names_array(k) or k in (*IDS, *LABELS)]
        # an object that two arrays or more are read from is a batch, whatever it is called
        if len(keys) >= (1 if name in BATCHES else 2):
            return Packed(fn, name, keys, parameters, spec)
    return fn


class Packed(Wrapper):
    """Its arrays go into its batch, by key; those beside the batch stay where they are."""

    def __init__(self, fn, name, keys, parameters, spec):
        self.name = name
        beside = [n for n in parameters if n != name and names_array(n)]
        # a reference that the method does not have: of a KL term that is added
        has_reference = any("ref" in roles(a) for a in spec.arrays)
        self.references = [] if has_reference else [k for k in keys if "ref" in roles(k)]
        self.keys = _shown([k for k in keys if k not in self.references], beside)
        order = [*beside, *self.keys]
        super().__init__(
            fn, positional_parameters(order) + keyword_parameters(parameters, [name, *order])
        )
        if self.references:
            names = ", ".join(self.references)
            self.sentence = f"{names} is filled with the policy's own: a KL term is one by itself."

    def __call__(self, /, *given, **named):  # theirs may have a self
        batch, others = self._split(self.bind(given, named))
        return self.fn(**{self.name: Batch(batch)}, **others)

    def _split(self, arguments):
        """(what goes into the batch by key, what stays outside)."""
        batch = {self.keys[k]: v for k, v in arguments.items() if k in self.keys}
        others = {k: v for k, v in arguments.items() if k not in self.keys}
        # the policy itself, or what is nearest to it
        likely = sorted(arguments, key=lambda n: (roles(n) != {"logp"}, "logp" not in roles(n)))
        return batch | {k: arguments[likely[0]] for k in self.references if likely}, others

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        batch, others = self._split(self.bind(given, named))
        pairs = ", ".join(f"{k}={literal(a)}" for k, a in batch.items())
        return [*(f"{k}={literal(a)}" for k, a in others.items()), f"{self.name}=dict({pairs})"]


def _shown(keys, beside):
    """{name as it is matched: key}. Log-probs in a batch, beside others outside, are the old."""
    outside = any(roles(n) == {"logp"} for n in beside)
    old = [k for k in keys if roles(k) == {"logp"}] if outside else []
    return {f"old_{k}" if k in old else k: k for k in keys}


class OnePrompt(Wrapper):
    """It takes the rewards of one prompt: it is called once for each, and the answers put together.

    column  whether it wants (G, 1), not (G,)
    """

    def __init__(self, fn, framework, column):
        super().__init__(fn, list(readable_parameters(fn).values()))
        self.framework, self.column = framework, column

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        name = next(n for n, a in arguments.items() if getattr(a, "ndim", 0) == 2)
        rows = [arguments | {name: self._row(row)} for row in arguments[name]]
        # (G, P) from the stack on the last axis
        return self.framework.stack([self._flat(self.fn(**row)) for row in rows]).T

    def _row(self, row):
        return row[:, None] if self.column else row

    def _flat(self, answer):
        answer = answer[0] if isinstance(answer, tuple) else answer
        if isinstance(answer, list):
            answer = self.framework.send(np.asarray(answer), "float64")
        return answer.reshape(-1)

    def written(self, given, named, literal):
        """The first call as code."""
        first = np.asarray([*given, *named.values()][0])[0]
        return [literal(self._row(first))]


class Flat(Wrapper):
    """Its rewards are one row over all prompts, with an index that says whose each is."""

    def __init__(self, fn, index, parameters):
        self.index = index
        self.mask = next((m for m in MASKS if m in parameters), None)
        names = [n for n in parameters if names_array(n) and n not in (index, self.mask)]
        self.reward = names[0] if names else next(iter(parameters))
        taken = [index, self.mask, self.reward, "reward"]
        super().__init__(
            fn, positional_parameters(["reward"]) + keyword_parameters(parameters, taken)
        )
        tokens = f" and {self.mask} of ones, one token each" if self.mask else ""
        tells = "the number of answers" if index in SIZES else "the prompt"
        self.sentence = f"{self.reward} is given in one row, with {index} for {tells}{tokens}."

    def __call__(self, /, reward, **others):
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
        return self.written_with(self._arguments(np.asarray([*given, *named.values()][0])), literal)
