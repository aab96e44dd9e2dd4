"""Estimates without a slope on purpose: numbers to log, or parts of the reward."""

import ast

import numpy as np

from tinyalign.laws.binding.source_tree import tree_of
from tinyalign.laws.catalogue.conventions import USE
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes

BLOCKS = ("no_grad", "inference_mode")
# what people compute both to train by and to look at
ESTIMATES = (
    "k1", "k2", "k3", "clamped_k3", "exact_kl", "forward_kl", "reverse_kl", "generalized_js",
    "entropy", "token_logp", "sequence_logp",
)  # fmt: skip


def read_purpose(subject, declared):
    """(how else to judge it, a sentence): as a constant, where no gradient is meant to pass.

    As a loss k1 trains nothing anyway. Of the others only a function that says so is meant.
    """
    name = subject.spec.name
    if name not in ESTIMATES or USE.name in declared or not _is_slopeless(subject):
        return {}, ""
    if name != "k1" and not says_no_gradient(subject.given):
        return {}, ""
    return {"constant": True}, (
        f"No gradient passes through {subject.label}: judged as a number to log or to put into a "
        f"reward, and no slope is asked for. As a term of a loss it trains nothing."
    )


def _is_slopeless(subject):
    """Whether its autodiff gives 0 in every array wherever it is asked."""
    for x, p in fitted_probes(subject)[:3]:
        for index in (i for i, a in enumerate(x) if np.asarray(a).dtype.kind == "f"):
            try:
                own = subject.own_grad(x, index, **p)
            except (Broken, NotApplicable, OutOfDomain):
                return False
            if own is None or np.any(own != 0):
                return False
    return True


def says_no_gradient(fn):
    """Whether a decorator, or a with around what it returns, turns gradients off."""
    tree = tree_of(fn)
    turned_off = [ast.unparse(d) for n in tree.body for d in getattr(n, "decorator_list", [])]
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and ast.unparse(node).startswith("return float("):
            return True
        if isinstance(node, ast.With) and any(isinstance(n, ast.Return) for n in ast.walk(node)):
            turned_off += [ast.unparse(item.context_expr) for item in node.items]
    return any(block in text for text in turned_off for block in BLOCKS)
