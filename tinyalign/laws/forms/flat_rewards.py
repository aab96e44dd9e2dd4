"""Rewards in one row over all prompts, or of one prompt alone, for functions that want them so."""

import numpy as np

from tinyalign.laws.binding.holders import HOLDERS, attributes_read
from tinyalign.laws.binding.parameter_names import MASKS, names_array
from tinyalign.laws.forms.wrapper import (
    Wrapper,
    keyword_parameters,
    positional_parameters,
    readable_parameters,
)

# which prompt each answer belongs to
INDICES = (
    "index", "indices", "uid", "uids", "group_ids", "group_index", "prompt_ids", "prompt_idx",
    "prompt_index",
)  # fmt: skip
# how many answers each prompt has, one after the other
SIZES = (
    "num_generations", "group_size", "n_samples_per_prompt", "num_samples", "samples_per_prompt",
    "num_return_sequences", "rollouts_per_prompt", "completions_per_prompt", "num_completions",
    "n_samples", "n_rollouts", "num_rollouts", "rollout_n", "rloo_k", "n_generations",
    "num_answers", "answers_per_prompt", "num_samples_per_prompt", "group", "k", "K", "G", "n",
)  # fmt: skip
SAMPLE_FIRST = ("rloo_k",)  # where all first answers come first, then all second ones: TRL's RLOO


def of_prompts(fn, spec, framework, declared):
    """fn called with rewards (P, G), or with rewards (N,) and whose they are."""
    parameters = readable_parameters(fn)
    mask = next((m for m in MASKS if m in parameters), None)
    if "prompt" in spec.arrays:
        index = next((n for n in ("prompt", *INDICES) if n in parameters), None)
        special = index and (mask or declared.get("index") == "plain")
        return OfTokens(fn, index, mask, framework, declared) if special else fn
    if spec.arrays != ("reward",):
        return fn
    index = next((n for n in (*INDICES, *SIZES) if n in parameters), None)
    holder, size = _size_in_a_holder(fn, parameters)
    if index or size:
        return Flat(fn, index or size, mask, framework, holder)
    if declared.get("layout") in ("one_prompt", "one_column"):
        return OnePrompt(fn, framework, declared["layout"] == "one_column")
    return fn


def _size_in_a_holder(fn, parameters):
    """(config or self, what it calls the number of answers); (None, None) where it has none."""
    for holder in [n for n in parameters if n in HOLDERS]:
        for name in attributes_read(fn, holder):
            if name in SIZES:
                return holder, name
    return None, None


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


def _as_array(answer, framework):
    """Of a list of numbers too."""
    if not isinstance(answer, list):
        return answer
    return framework.send(np.asarray([float(a) for a in answer]), "float64")


class Flat(Wrapper):
    """Its rewards are one row over all prompts, with an index that says whose each is.

    holder  the config or self that it reads the number of answers from, if it does
    """

    def __init__(self, fn, index, mask, framework, holder=None):
        parameters = readable_parameters(fn)
        self.index, self.mask, self.holder = index, mask, holder
        self.framework, self.sends_index = framework, False  # until it refuses plain numbers
        aside = (index, mask, *HOLDERS)
        names = [n for n in parameters if names_array(n) and n not in aside]
        self.reward = names[0] if names else next(n for n in parameters if n not in aside)
        taken = [index, self.mask, self.reward, "reward"]
        super().__init__(
            fn, positional_parameters(["reward"]) + keyword_parameters(parameters, taken)
        )
        tokens = f" and {self.mask} of ones, one token each" if self.mask else ""
        tells = "the number of answers" if index in SIZES else "the prompt"
        where = self.filled = f"{holder}.{index}" if holder else index
        order = ", all first answers before all second ones" if index in SAMPLE_FIRST else ""
        self.sentence = (
            f"{self.reward} is given in one row{order}, with {where} for {tells}{tokens}."
        )

    def __call__(self, /, reward, **others):
        sample_first = self.index in SAMPLE_FIRST
        given = reward.T if sample_first else reward
        arguments = self._arguments(given, reward.shape)
        if self.holder:
            _tell(others[self.holder], self.index, arguments.pop(self.index))
        answer = self._answer(arguments, others)
        answer = answer[0] if isinstance(answer, tuple) else answer
        answer = _as_array(answer, self.framework).reshape(given.shape)
        return answer.T if sample_first else answer

    def _answer(self, arguments, others):
        """What it gives for an index of plain numbers, or else for one of its framework."""
        whose = arguments.get(self.index)
        if self.sends_index or not isinstance(whose, np.ndarray):
            return self.fn(**arguments, **others)
        try:
            return self.fn(**arguments, **others)
        except (AttributeError, TypeError):
            sent = arguments | {self.index: self.framework.send(whose, "float64")}
            answer = self.fn(**sent, **others)
        self.sends_index = True
        return answer

    def _arguments(self, given, shape):
        prompts, answers = shape
        # (P·G,), or (P·G, 1) where each answer is a row of tokens
        flat = given.reshape((prompts * answers, 1) if self.mask else (prompts * answers,))
        whose = answers if self.index in SIZES else np.repeat(np.arange(prompts), answers)
        whose = self.framework.send(whose, "float64") if self.sends_index else whose
        arguments = {self.reward: flat, self.index: whose}
        return arguments | ({self.mask: flat * 0 + 1} if self.mask else {})

    def written(self, given, named, literal):
        reward = np.asarray([*given, *named.values()][0])
        turned = reward.T if self.index in SAMPLE_FIRST else reward
        arguments = self._arguments(turned, reward.shape)
        if self.holder:
            del arguments[self.index]
        if self.sends_index:
            arguments[self.index] = self.framework.receive(arguments[self.index])
        return self.written_with(arguments, literal)


def _tell(holder, name, value):
    """Set an attribute of a config or of self, and of the config inside."""
    inside = [h for h in vars(holder).values() if hasattr(h, "__dict__")]
    for each in [holder, *inside]:
        object.__setattr__(each, name, value)


class OfTokens(Wrapper):
    """Its rewards may be (N, T), which count where its mask does, and its prompts no tensor."""

    def __init__(self, fn, index, mask, framework, declared):
        self.index, self.mask, self.framework = index, mask, framework
        parameters = readable_parameters(fn)
        self.plain = declared.get("index") == "plain"
        kept = [q.replace(name="prompt" if n == index else n) for n, q in parameters.items()]
        super().__init__(fn, [q for q in kept if q.name != mask])
        self.reward = next(n for n in parameters if n not in (index, mask))
        if mask:
            self.sentence = (
                f"{self.reward} is given as (N, 2), the reward on the second token, and {mask} as "
                f"ones."
            )

    def __call__(self, /, *given, **named):
        arguments = self._arguments(self.bind(given, named))
        answer = self.fn(**arguments)
        answer = answer[0] if isinstance(answer, tuple) else answer
        return answer[:, 0] if self.mask and answer.ndim == 2 else answer

    def _arguments(self, arguments):
        arguments = {self.index if n == "prompt" else n: a for n, a in arguments.items()}
        if self.plain:
            arguments[self.index] = np.asarray(arguments[self.index])
        if self.mask:
            reward = arguments[self.reward]
            # (N, 2): nothing on the first token
            arguments[self.reward] = self.framework.stack([0 * reward, reward])
            arguments[self.mask] = arguments[self.reward] * 0 + 1
        return arguments

    def written(self, given, named, literal):
        sent = {n: self.framework.send(a, "float64") for n, a in self.bind(given, named).items()}
        filled = self._arguments(sent)
        return self.written_with({n: self.framework.receive(a) for n, a in filled.items()}, literal)
