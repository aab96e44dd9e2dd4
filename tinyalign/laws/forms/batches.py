"""Functions that take arrays in one batch, made to take them as ours do."""

from tinyalign.laws.binding.holders import HOLDERS, attributes_read
from tinyalign.laws.binding.parameter_names import names_array, parts, weighs_kl
from tinyalign.laws.binding.roles import policy_among, roles
from tinyalign.laws.forms.baselines import with_advantage
from tinyalign.laws.forms.episodes import of_episodes
from tinyalign.laws.forms.flat_rewards import of_prompts
from tinyalign.laws.forms.folded import fold
from tinyalign.laws.forms.halves import Halves, halves_of
from tinyalign.laws.forms.kl_term import without_kl
from tinyalign.laws.forms.kto_rows import as_one_row_each
from tinyalign.laws.forms.log_ratios import from_two_log_probs
from tinyalign.laws.forms.more_arrays import with_more_arrays
from tinyalign.laws.forms.ratio import FromRatio, ratio_parameter
from tinyalign.laws.forms.shape_only import Shaped, shape_only
from tinyalign.laws.forms.texts import IDS, LABELS, FromLogits, Spans, names_of_texts
from tinyalign.laws.forms.token_pairs import summed_over_tokens
from tinyalign.laws.forms.wrapper import (
    Wrapper,
    keyword_parameters,
    positional_parameters,
    readable_parameters,
)

BATCHES = (
    "batch", "data", "inputs", "experience", "sample", "samples", "rollout", "micro_batch",
)  # fmt: skip


class Batch(dict):
    """Arrays by key or by attribute."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the checker does not know what {name} is") from None


def unpack(fn, spec, framework, declared):
    """fn with a parameter for each array of ours; fn itself where it has them."""
    fn = _out_of_a_batch(_out_of_a_batch(fn, spec), spec)  # twice: of a student and a teacher
    fn = of_episodes(with_advantage(fn, spec), spec, framework, declared)
    parameters = readable_parameters(fn)
    if parameters is None:
        return fn
    if spec.arrays[0] == "reward" and len(spec.arrays) < 3:
        return of_prompts(fn, spec, framework, declared)
    fn, parameters = _with_shapes(fn, parameters, framework)
    ratio, halves = ratio_parameter(spec, parameters), halves_of(spec, parameters)
    if ratio:
        return FromRatio(fn, ratio, parameters, framework)
    if halves:
        return Halves(fn, halves, spec, parameters, framework)
    fn = with_more_arrays(without_kl(fn, parameters, spec), parameters, spec)
    fn = summed_over_tokens(fn, spec, parameters, framework, declared)
    return _of_log_probs(fn, spec, framework, declared)


def _of_log_probs(fn, spec, framework, declared):
    """fn with log-probs, where it takes labels of two sides, ratios, or logits and ids."""
    parameters = readable_parameters(fn)
    if spec.name == "bco":
        return fold(fn, parameters)
    if spec.name == "kto":
        return as_one_row_each(fn, parameters, framework)
    if "log_ratio" in spec.arrays and "log_ratio" not in parameters:
        return from_two_log_probs(fn, parameters, framework)
    logits, labels, ids, *masks = names_of_texts(parameters)
    if spec.name == "sequence_logp" and logits and (labels or any(masks)):
        return Spans(fn, parameters, declared.get("mask_over") == "targets")
    if "logp" in spec.arrays and "logp" not in parameters and logits and (labels or ids):
        return FromLogits(fn, parameters, framework, declared.get("aligned") == "yes")
    return fn


def _with_shapes(fn, parameters, framework):
    """fn without the arrays that it reads for their shape alone, and what it takes then."""
    shaped = shape_only(fn, parameters)
    if not shaped:
        return fn, parameters
    fn = Shaped(fn, shaped, parameters, framework)
    return fn, readable_parameters(fn)


def _out_of_a_batch(fn, spec):
    parameters = readable_parameters(fn) or {}
    named = sum(names_array(n) for n in parameters)
    for name in sorted(parameters, key=lambda n: n not in BATCHES):
        if parameters[name].default is None and named >= len(spec.arrays):
            continue  # what may be left out, where each array has a parameter of its own
        read = attributes_read(getattr(fn, "forward", fn), name) if name not in HOLDERS else []
        keys = [k for k in read if names_array(k) or k in (*IDS, *LABELS)]
        # an object that two arrays or more are read from is a batch, whatever it is called
        if len(keys) >= (1 if name in BATCHES or _is_output(name) else 2):
            return Packed(fn, name, keys, parameters, spec)
    return fn


def _have_a_place(references, parameters, spec):
    """Whether they are arrays of the method, or that of a KL term which is taken apart."""
    weighed = "advantage" in spec.arrays and any(map(weighs_kl, parameters))
    return (weighed and len(references) == 1) or any("ref" in roles(a) for a in spec.arrays)


def _is_output(name):
    """Whether it is what a model returns, as its name says: student_outputs."""
    return bool({"output", "outputs"} & set(parts(name)))


class Packed(Wrapper):
    """Its arrays go into its batch, by key; those beside the batch stay where they are."""

    def __init__(self, fn, name, keys, parameters, spec):
        self.name = name
        beside = [n for n in parameters if n != name and names_array(n)]
        references = [k for k in keys if "ref" in roles(k)]
        self.references = [] if _have_a_place(references, parameters, spec) else references
        self.both = [k for k in keys if k in beside]  # in the batch, and a parameter too
        own = [k for k in keys if k not in (*self.references, *self.both)]
        self.keys = _shown(own, beside)
        if _is_output(name):  # the logits of the student
            whose = name[: name.index("output")]
            self.keys = {f"{whose}{shown}": key for shown, key in self.keys.items()}
        order = [*beside, *self.keys]
        super().__init__(
            fn, positional_parameters(order) + keyword_parameters(parameters, [name, *order])
        )
        if self.references:
            names = ", ".join(self.references)
            self.sentence = f"{names} is filled with the policy's own: no KL term is judged."

    def __call__(self, /, *given, **named):  # theirs may have a self
        batch, others = self._split(self.bind(given, named))
        return self.fn(**{self.name: Batch(batch)}, **others)

    def _split(self, arguments):
        """(what goes into the batch by key, what stays outside)."""
        batch = {self.keys[k]: v for k, v in arguments.items() if k in self.keys}
        batch |= {k: arguments[k] for k in self.both if k in arguments}
        others = {k: v for k, v in arguments.items() if k not in self.keys}
        policy = arguments[policy_among(arguments)] if arguments else None
        return batch | dict.fromkeys(self.references if arguments else [], policy), others

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
