"""Functions that read log-probabilities from logits, or their span from labels and masks."""

import numpy as np

from tinyalign.laws.binding.parameter_names import parts
from tinyalign.laws.forms.wrapper import Wrapper, keyword_parameters, positional_parameters
from tinyalign.laws.outcomes import OutOfDomain

# -100 where a token does not count
LABELS = ("labels", "label", "target_labels", "shift_labels", "shifted_labels")
IDS = (
    "input_ids", "ids", "token_ids", "tokens", "sequences", "completion_ids", "response_ids",
    "responses", "targets", "target_ids", "target", "action_ids", "actions",
)  # fmt: skip
COMPLETION = ("loss_mask", "completion_mask", "response_mask", "action_mask", "mask")
ATTENTION = ("attention_mask",)
IGNORED = -100  # the label that PyTorch's cross_entropy leaves out
AT_MOST = -1e-3  # a log-probability nearer to 0 leaves the other token none


def names_of_texts(parameters):
    """(logits, labels, ids, completion mask, attention mask): their parameters, None where none."""

    def first(names):
        return next((n for n in names if n in parameters), None)

    logits = next((n for n in parameters if {"logits", "logit"} & set(parts(n))), None)
    mask = first(COMPLETION) or first(n for n in parameters if _is_of_completion(n))
    return logits, first(LABELS), first(IDS), mask, first(ATTENTION)


def _is_of_completion(name):
    """Whether it is a mask, and of neither the prompt nor the padding: selection_mask."""
    words = {*parts(name)}
    return bool({"mask", "masks"} & words) and not {"attention", "prompt", "padding"} & words


def sizes_of_vocabulary(parameters):
    """The parameters that are given the length of the last axis of the logits."""
    return [n for n in ("vocab_size", "n_vocab", "num_classes") if n in parameters]


class Spans(Wrapper):
    """Where a completion starts and ends goes in as labels or masks."""

    def __init__(self, fn, parameters, cut):
        self.logits, self.labels, self.ids, self.mask, self.attention = names_of_texts(parameters)
        self.cut = cut  # whether its mask begins with the second token
        if not self.mask and not self.labels:  # then it is the mask of what is scored
            self.mask, self.attention = self.attention, None
        names = [n for n in (self.logits, self.labels, self.ids, self.mask, self.attention) if n]
        self.sizes = sizes_of_vocabulary(parameters)
        ours = ("logits", "ids", "prompt_length", "length")
        super().__init__(
            fn,
            positional_parameters(ours)
            + keyword_parameters(parameters, (*names, *self.sizes, *ours)),
        )
        self.sentence = self._sentence(names)

    @property
    def masked(self):
        """Whether its labels say which tokens count."""
        return self.mask is None

    @property
    def taken(self):
        """What holds the tokens that are scored."""
        return self.labels if self.masked else self.ids or self.labels

    def _sentence(self, names):
        if self.masked:
            return f"{', '.join(names)} are filled from ids and {IGNORED} where they do not count."
        alone = f", {self.mask} with 1 on the completion alone" if self.mask in ATTENTION else ""
        return f"{', '.join(names)} are filled from ids{alone}."

    def __call__(self, /, logits, ids, prompt_length, length, **others):
        return self.fn(**self._arguments(logits, ids, prompt_length, length), **others)

    def _arguments(self, logits, ids, prompt, length):
        position = (ids * 0 + 1).cumsum(1) - 1  # (B, T), in whatever framework
        inside = (position >= prompt[:, None]) & (position < length[:, None])
        tokens = ids if self.mask else ids * inside + IGNORED * ~inside
        filled = {self.logits: logits, self.labels: tokens, self.ids: ids}
        filled |= {self.attention: (position < length[:, None]) * 1}
        # over all tokens, or over those that are predicted
        filled |= {self.mask: inside[:, 1:] * 1 if self.cut else inside * 1}
        filled |= dict.fromkeys(self.sizes, logits.shape[-1])
        return {n: a for n, a in filled.items() if n}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.written_with(self._arguments(*given, *named.values()), literal)


class FromLogits(Wrapper):
    """Its log-probabilities come from logits over two tokens, and the ids of those taken."""

    def __init__(self, fn, parameters, framework, aligned):
        self.framework, self.aligned = framework, aligned
        self.logits, labels, ids, mask, _ = names_of_texts(parameters)
        self.ids = self.taken = ids or labels
        # labels carry the mask where there is no other
        self.masked = labels is not None and mask is None
        names = {self.logits: "logp"} | ({self.ids: "mask"} if self.masked else {})
        self.sizes = sizes_of_vocabulary(parameters)
        taken = [*self.sizes, *([] if self.masked else [self.ids])]
        kept = [q.replace(name=names.get(n, n)) for n, q in parameters.items() if n not in taken]
        super().__init__(fn, kept)
        way = "logits[t] are for ids[t]" if aligned else "logits[t] are for ids[t + 1]"
        self.sentence = f"logp is given as {self.logits} and {self.ids}: {way}."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        mask = arguments.pop("mask") if self.masked else None
        return self.fn(**self._texts(arguments.pop("logp"), mask), **arguments)

    def require_domain(self, arrays):
        if np.any(arrays["logp"] > -1e-9):
            raise OutOfDomain("a log-probability of a softmax is below 0")

    def _texts(self, logp, mask):
        # (N, T, 2): token 0 is the one taken, token 1 has the rest
        logits = self.framework.stack([logp, self.framework.log_rest(logp)])
        # more on both, which moves with logp: a normaliser without a gradient then shows
        logits = logits + (0.5 - 0.5 * logp)[..., None]
        ids = self.framework.zeros(logp.shape) if mask is None else IGNORED * (mask == 0)
        if not self.aligned:
            logits = self.framework.lengthened(logits, at_end=True)
            ids = self.framework.lengthened(ids, at_end=False)
        sizes = dict.fromkeys(self.sizes, logits.shape[-1])
        return {self.logits: logits, self.ids: ids} | sizes

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = self.bind(given, named)
        mask = self._sent(arguments.pop("mask")) if self.masked else None
        texts = self._texts(self._sent(arguments.pop("logp")), mask)
        arguments |= {
            k: a if k in self.sizes else self.framework.receive(a) for k, a in texts.items()
        }
        return self.written_with(arguments, literal)

    def _sent(self, array):
        return self.framework.send(np.asarray(array), "float64")
