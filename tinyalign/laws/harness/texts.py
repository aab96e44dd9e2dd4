"""Functions that read log-probabilities from logits, or their span from labels and masks."""

import numpy as np

from tinyalign.laws.harness.parameter_names import parts
from tinyalign.laws.harness.wrapper import Wrapper, keyword_parameters, positional_parameters

LABELS = ("labels", "label", "target_labels")  # -100 where a token does not count
IDS = (
    "input_ids", "ids", "token_ids", "tokens", "sequences", "completion_ids", "response_ids",
    "responses", "targets", "target_ids", "target", "action_ids", "actions",
)  # fmt: skip
COMPLETION = ("loss_mask", "completion_mask", "response_mask", "action_mask", "mask")
IGNORED = -100  # the label that PyTorch's cross_entropy leaves out
AT_MOST = -1e-3  # a log-probability nearer to 0 leaves the other token none


def names_of_texts(parameters):
    """(logits, labels, ids, completion mask, attention mask): their parameters, None where none."""

    def first(names):
        return next((n for n in names if n in parameters), None)

    logits = next((n for n in parameters if {"logits", "logit"} & set(parts(n))), None)
    return logits, first(LABELS), first(IDS), first(COMPLETION), first(("attention_mask",))


class Spans(Wrapper):
    """Where a completion starts and ends goes in as labels or masks."""

    def __init__(self, fn, parameters):
        self.logits, self.labels, self.ids, self.mask, self.attention = names_of_texts(parameters)
        self.cut = False  # whether its mask begins with the second token
        names = [n for n in (self.logits, self.labels, self.ids, self.mask, self.attention) if n]
        ours = ("logits", "ids", "prompt_length", "length")
        super().__init__(
            fn, positional_parameters(ours) + keyword_parameters(parameters, (*names, *ours))
        )
        hidden = f" and {IGNORED} where they do not count" if not self.mask else ""
        self.sentence = f"{', '.join(names)} are filled from ids{hidden}."

    def __call__(self, /, logits, ids, prompt_length, length, **others):
        arguments = self._arguments(logits, ids, prompt_length, length)
        if not self.mask:
            return self.fn(**arguments, **others)
        # a mask over all tokens, or over those that are predicted: only one of them fits
        for cut in (self.cut, not self.cut):
            try:
                mask = arguments[self.mask][:, 1:] if cut else arguments[self.mask]
                answer = self.fn(**arguments | {self.mask: mask}, **others)
                self.cut = cut
                return answer
            except Exception:
                if cut != self.cut:
                    raise
        return None

    def _arguments(self, logits, ids, prompt, length):
        position = (ids * 0 + 1).cumsum(1) - 1  # (B, T), in whatever framework
        inside = (position >= prompt[:, None]) & (position < length[:, None])
        tokens = ids if self.mask else ids * inside + IGNORED * ~inside
        filled = {self.logits: logits, self.labels: tokens, self.ids: ids}
        filled |= {self.mask: inside * 1, self.attention: (position < length[:, None]) * 1}
        return {n: a for n, a in filled.items() if n}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.written_with(self._arguments(*given, *named.values()), literal)


class FromLogits(Wrapper):
    """Its log-probabilities come from logits over two tokens, and the ids of those taken."""

    def __init__(self, fn, parameters, framework, aligned):
        self.framework, self.aligned = framework, aligned
        self.logits, labels, ids, mask, _ = names_of_texts(parameters)
        self.ids = ids or labels
        # labels carry the mask where there is no other
        self.masked = labels is not None and mask is None
        names = {self.logits: "logp"} | ({self.ids: "mask"} if self.masked else {})
        kept = [q.replace(name=names.get(n, n)) for n, q in parameters.items()
                if n != self.ids or self.masked]  # fmt: skip
        super().__init__(fn, kept)
        way = "logits[t] are for ids[t]" if aligned else "logits[t] are for ids[t + 1]"
        self.sentence = f"logp is given as {self.logits} and {self.ids}: {way}."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        mask = arguments.pop("mask") if self.masked else None
        return self.fn(**self._texts(arguments.pop("logp"), mask), **arguments)

    def _texts(self, logp, mask):
        # (N, T, 2): token 0 is the one taken, token 1 has the rest; one constant more on both
        logits = self.framework.stack([logp, self.framework.log_rest(logp)]) + 0.5
        ids = self.framework.zeros(logp.shape) if mask is None else IGNORED * (mask == 0)
        if not self.aligned:
            logits = self.framework.lengthened(logits, at_end=True)
            ids = self.framework.lengthened(ids, at_end=False)
        return {self.logits: logits, self.ids: ids}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = self.bind(given, named)
        mask = self._sent(arguments.pop("mask")) if self.masked else None
        texts = self._texts(self._sent(arguments.pop("logp")), mask)
        arguments |= {k: self.framework.receive(a) for k, a in texts.items()}
        return self.written_with(arguments, literal)

    def _sent(self, array):
        return self.framework.send(np.asarray(array), "float64")
