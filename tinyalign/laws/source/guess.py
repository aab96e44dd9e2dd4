"""Which method a function may be, by its name and the names of its arguments."""

import re
from dataclasses import dataclass, field

from tinyalign.laws.binding.holders import HOLDERS
from tinyalign.laws.binding.parameter_names import MASKS, names_array, names_setting, parts
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.forms.batches import BATCHES
from tinyalign.laws.source.method_class import set_by_default
from tinyalign.laws.source.names import names_of
from tinyalign.laws.source.strip import keys_taken
from tinyalign.laws.source.switches import (
    WORDS,
    conditions,
    ends_in_else,
    unpacked,
    words_annotated,
    words_compared,
)


@dataclass(frozen=True)
class Guess:
    """What a function is judged as: the first of the methods that it is by its values."""

    methods: tuple
    words: dict = field(default_factory=dict)  # what is compared -> the word it is bound to
    named: bool = False  # whether a name says the method, or a word
    insisted: bool = False  # whether somebody has said the method
    declared: tuple = ()  # KEY=VALUE texts: what somebody has said of it
    reason: str = ""  # why it is not judged

    @property
    def said(self):
        return ", ".join(f"{text}={word!r}" for text, word in self.words.items())


# (what the arguments must say), (pattern of the name, methods, whether the name says it)
PAIR = ("cdpo", "dpo", "ipo", "hinge")
FAMILIES = [
    ({"student", "teacher"}, [
        (r"reverse", ("reverse_kl", "forward_kl"), True), (r"js|jensen", ("generalized_js",), True),
        (r"distil|kl|divergence|kd", ("forward_kl", "reverse_kl", "generalized_js"), False)]),
    ({"chosen", "rejected", "ref"}, [
        (r"ipo(?!_)", ("ipo",), True), (r"robust", ("robust_dpo",), True),
        (r"hinge|rso", ("hinge",), True), (r"apo_?zero", ("apo_zero",), True),
        (r"apo_?down", ("apo_down",), True), (r"dpop|positive", ("dpop",), True),
        (r"kto", ("kto",), True), (r"bco", ("bco",), True), (r"sppo", ("sppo",), True),
        (r"exo", ("exo_pair",), True),
        (r"dpo|preference_loss", PAIR, True), (r"loss", PAIR, False)]),
    ({"chosen", "rejected", "reward"}, [(r"loss|forward", ("bradley_terry",), True)]),
    ({"chosen", "rejected"}, [
        (r"odds_?ratio", ("odds_ratio", "orpo"), True), (r"orpo", ("orpo", "odds_ratio"), True),
        (r"simpo", ("simpo",), True), (r"slic", ("slic",), True), (r"cpo", ("cpo",), True),
        (r"reward|pair_?wise|ranking|log_?sig|log_?exp|bradley|rm_?loss", ("bradley_terry",), True),
        (r"tpo", ("tpo", "tpo_l"), True), (r"loss", ("simpo", "odds_ratio"), False)]),
    # chosen and rejected in one batch
    ({"logp", "ref"}, [(r"(^|_)dpo|dpo_?loss", PAIR, False)]),
    ({"logp", "advantage"}, [
        (r"gspo|sequence_level", ("sequence_clipped_surrogate",), True),
        (r"cispo", ("truncated_importance",), True),
        (r"reinforce", ("reinforce", "clipped_surrogate"), True),
        (r"policy_?loss|ppo|grpo|surrogate|actor_?loss|pg_?loss|policy_?gradient|dapo",
         ("clipped_surrogate", "reinforce"), True),
        (r"loss", ("clipped_surrogate", "reinforce"), False)]),
    ({"logp", "returns"}, [
        (r"actor_?loss|policy_?loss|pg_?loss|policy_?gradient|reinforce", ("reinforce",), False)]),
    ({"ratio", "advantage"}, [
        (r"ppo|surrogate|clip|policy|pg_?loss", ("clipped_surrogate",), True)]),
    ({"value", "returns"}, [(r"value|critic|vf", ("value_loss",), True)]),
    ({"reward", "value"}, [(r"gae|advantage|returns", ("gae",), True)]),
    ({"reward", "logp", "ref"}, [(r"reward|penalty", ("kl_shaped_reward",), False)]),
    ({"logp"}, [
        (r"kl?_?1", ("k1",), True), (r"kl?_?2", ("k2",), True), (r"kl?_?3|low_var", ("k3",), True),
        (r"(\b|_|approx|[a-z])kl(_|\b|d)|divergence", ("k1", "k3", "k2"), False)]),
    ({"reward"}, [
        (r"rloo|leave_?one_?out|(^|_)loo", ("leave_one_out",), True),
        (r"dr_?grpo", ("group_center",), True),
        (r"grpo|group.*(norm|standard)", ("group_standardize", "group_center"), True),
        (r"advantage|normalize_rewards", ("group_standardize", "group_center", "leave_one_out"),
         False),
        (r"overlong", ("overlong_penalty",), True)]),
    ({"mask"}, [
        (r"whiten", ("whiten",), True), (r"normaliz", ("whiten",), False),
        (r"masked_?mean", ("token_mean", "sequence_mean"), True),
        (r"agg(regate)?_?.*loss|loss_agg|reduce_?.*loss|aggregat", ("token_mean", "sequence_mean"),
         False)]),
]  # fmt: skip
# by their arguments as they are called
LOGITS = [
    (r"entropy", ("entropy",), True, 1),
    (r"kl(_|\b|d)|divergence", ("exact_kl",), False, 2),
    (r"log_?prob|logp|log_softmax", ("token_logp", "sequence_logp"), False, 2),
]
# methods that the table does not have: what is named so is no wrong PPO
VARIANTS = re.compile(r"sapo|gmpo|geo_?mean|gpg|_cov|dppo|opo_|passk|pass_k|remax|optimal_token")
MEMBERS = ("forward", "__call__", "loss", "loss_fn", "compute", "compute_loss")
MODEL = {"model", "policy_model", "actor", "actor_model", "tokenizer", "hidden_states"}


def guesses(found):
    """Every Guess about a function: one for each word that it branches on, else one; or none."""
    names = found.parameters()
    if MODEL & set(names):
        return []
    base = _by_name(found, [*names, *_in_batch(found, names)])
    if base is None:
        return []
    compared = words_compared(found.node) | words_annotated(found.node)
    rest = _switch_values(found, compared)
    for text, words in compared.items():
        known = [w for w in words if _methods_of(w, base)]
        if known:
            others = {t: w for t, w in rest.items() if t != text}
            found = [Guess(_methods_of(w, base), {text: w, **others}, True) for w in known]
            return found + _unknown(text, [w for w in words if w not in known])
    return [Guess(base[0], rest, base[1] and not VARIANTS.search(found.name.lower()))]


def _unknown(text, words):
    """A Guess that says which words of a switch name no method, and are not judged; or none."""
    if not words:
        return []
    named = " and ".join(f"{text}={word!r}" for word in words)
    names = "names" if len(words) == 1 else "name"
    return [Guess((), reason=f"{named} {names} no method that the checker knows.")]


def guess_of(found, methods):
    """The Guess about a function whose methods somebody has said."""
    compared = words_compared(found.node) | words_annotated(found.node)
    return Guess(methods, _switch_values(found, compared), True)


def _methods_of(word, base):
    """The methods that a word names in the family that the name is of."""
    family = next((f for f in SIBLINGS if set(base[0]) & f), set(base[0]))
    if word == "sigmoid" and "dpo" not in family:
        return base[0]
    methods = WORDS.get(word, "").split()
    return tuple(methods) if set(methods) <= family else ()


def _in_batch(found, names):
    """The arrays that it takes out of a batch."""
    return [k for n in names if n in BATCHES for k in sorted(keys_taken(found.node, n))]


SIBLINGS = [
    {"cdpo", "dpo", "ipo", "hinge", "robust_dpo", "exo_pair", "nca_pair", "sppo", "bco", "apo_zero",
     "apo_down"},
    {"simpo", "orpo", "odds_ratio", "slic", "cpo"},
    {"k1", "k2", "k3"},
    {"token_mean", "sequence_mean", "fixed_length_mean"},
    {"clipped_surrogate", "sequence_clipped_surrogate", "truncated_importance", "reinforce"},
]  # fmt: skip


def _by_name(found, names):
    """(methods, whether the name says so) of the first family whose arguments are there."""
    names = [n for n in names if n in MASKS or not names_setting(n)]
    said = _said(names)
    own = found.node.name
    name = found.name if own in MEMBERS else own
    name = name.replace(".", "_")
    # OddsRatioLoss is odds_ratio_loss, and SimPOLoss is simpoloss
    name = f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name)} {name}".lower()
    if any("logits" in n for n in names):
        for pattern, methods, sure, least in LOGITS:
            taught = methods == ("exact_kl",) and "teacher" in said
            if re.search(pattern, name) and len(names) >= least and not taught:
                return methods, sure
    for needed, patterns in FAMILIES:
        if needed <= said and _enough(needed, names):
            for pattern, methods, sure in patterns:
                if re.search(pattern, name):
                    # a reference beside an advantage: a KL term is added, which no surrogate has
                    return methods, sure and not ("advantage" in needed and "ref" in said)
    return None


def _said(names):
    """All that the names of the arguments say."""
    words = {word.removesuffix("s") for n in names for word in parts(n)}
    of_pairs = any({"rejected", "chosen"} & roles(n) for n in names)
    of_pairs |= {"real", "generated"} <= words  # self-play
    return (words & {"student", "teacher", "ratio"}).union(*(roles(n, of_pairs) for n in names))


def _enough(needed, names):
    """Whether there are as many arrays as the family has: a KL has two log-probs."""
    return needed != {"logp"} or sum("logp" in roles(n) for n in names) >= 2


def _switch_values(found, compared):
    """{text: the first word} for what has no default, False for what is asked by itself, and
    nothing for what is given on as keywords.
    """
    names = found.parameters()
    with_default = {
        *found.defaults(),
        *(f"self.{name}" for name in set_by_default(found, names_of(found.path))),
    }
    asked = dict.fromkeys(conditions(found.node), False)
    other = {t: "" if ends_in_else(found.node, t) else words[0] for t, words in compared.items()}
    values = asked | other | {text: {} for text in unpacked(found.node)}
    return {
        text: value
        for text, value in values.items()
        if text not in with_default and _comes_from_outside(text, names, value)
    }


def _comes_from_outside(text, names, value):
    """Whether it comes from outside: a parameter, or something of self or of a config."""
    root = re.split(r"[.\[]", text)[0]
    if text in names:
        # an array may be asked for too; a switch is no array
        return isinstance(value, str) or not names_array(text)
    return root != text and root in HOLDERS
