"""Words that a function branches on, such as loss_type == "ipo": each word is judged by itself."""

import ast

from tinyalign.laws.binding.parameter_names import names_setting

# word -> the methods that it names
WORDS = {
    "sigmoid": "cdpo dpo", "dpo": "cdpo dpo", "hinge": "hinge", "ipo": "ipo",
    "robust": "robust_dpo", "exo_pair": "exo_pair", "nca_pair": "nca_pair", "sppo_hard": "sppo",
    "sppo": "sppo", "bco_pair": "bco", "bco": "bco", "apo_zero": "apo_zero",
    "apo_down": "apo_down", "orpo": "orpo", "simpo": "simpo", "kto": "kto", "slic": "slic",
    "kl": "k1", "k1": "k1", "kl1": "k1", "mse": "k2", "k2": "k2", "kl2": "k2",
    "low_var_kl": "k3", "k3": "k3", "kl3": "k3",
    "token-mean": "token_mean", "token_mean": "token_mean", "token": "token_mean",
    "seq-mean-token-mean": "sequence_mean", "sequence_mean": "sequence_mean",
    "sequence-mean": "sequence_mean", "sample": "sequence_mean",
    "sequence-mean-token-mean": "sequence_mean",
    "ppo": "clipped_surrogate", "vanilla": "clipped_surrogate", "grpo": "clipped_surrogate",
    "gspo": "sequence_clipped_surrogate", "cispo": "truncated_importance",
    "reinforce": "reinforce",
}  # fmt: skip


def words_compared(node):
    """{what is compared, as text: the words that it is compared with}."""
    found = {}
    for n in ast.walk(node):
        if isinstance(n, ast.Compare) and len(n.ops) == 1:
            words = _words(n.comparators[0])
            if words:
                found.setdefault(ast.unparse(n.left), []).extend(words)
        elif isinstance(n, ast.Match):
            words = [w for case in n.cases for w in _of_pattern(case.pattern)]
            found.setdefault(ast.unparse(n.subject), []).extend(words)
    return {text: list(dict.fromkeys(words)) for text, words in found.items() if words}


def words_annotated(node):
    """{parameter: the words that its annotation allows}."""
    found = {}
    for q in (*node.args.args, *node.args.kwonlyargs):
        note = q.annotation
        if isinstance(note, ast.Subscript) and ast.unparse(note.value).endswith("Literal"):
            found[q.arg] = _words(note.slice)
    return {text: words for text, words in found.items() if words}


def conditions(node):
    """What is asked by itself, as text: `if self.use_kl`, `x if scale else y`, `not ipo`."""
    asked = []
    for n in ast.walk(node):
        if isinstance(n, ast.If | ast.IfExp):
            asked.append(n.test)
        elif isinstance(n, ast.BoolOp):
            asked += n.values
        elif isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not):
            asked.append(n.operand)
        elif isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.Eq | ast.In):
            # with something that is no word: an enumeration
            asked += [] if isinstance(n.left, ast.Name) else [n.left]
    named = [n for n in asked if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)]
    texts = dict.fromkeys(ast.unparse(n) for n in named)
    # a number may be asked whether it is 0
    return [text for text in texts if not names_setting(text.split(".")[-1])]


def unpacked(node):
    """The mappings of a config that are given on as keywords, as text: f(x, **config.extra)."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    given = [k.value for n in calls for k in n.keywords if k.arg is None]
    return [ast.unparse(n) for n in given if isinstance(n, ast.Attribute | ast.Subscript)]


def ends_in_else(node, text):
    """Whether a word that is none of those compared leads somewhere, and not to an error."""
    for n in ast.walk(node):
        if isinstance(n, ast.If) and _asks(n, text):
            while len(n.orelse) == 1 and isinstance(n.orelse[0], ast.If) and _asks(n, text):
                n = n.orelse[0]
            if _asks(n, text):
                return not any(isinstance(m, ast.Raise | ast.Assert) for m in n.orelse)
    return False


def _asks(node, text):
    test = node.test
    return isinstance(test, ast.Compare) and ast.unparse(test.left) == text


def _words(node):
    nodes = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    values = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return values if len(values) == len(nodes) else []


def _of_pattern(pattern):
    parts = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    return [w for p in parts if isinstance(p, ast.MatchValue) for w in _words(p.value)]


class Bind(ast.NodeTransformer):
    """What is compared replaced by a word, or by any value, wherever it is read."""

    def __init__(self, values):
        self.values = values  # text -> what stands there

    def __call__(self, node):
        return ast.fix_missing_locations(self.visit(node))

    def generic_visit(self, node):
        if isinstance(node, ast.expr) and not _is_stored(node):
            text = ast.unparse(node)
            if text in self.values:
                return ast.parse(repr(self.values[text]), mode="eval").body
        return super().generic_visit(node)


def _is_stored(node):
    return not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
