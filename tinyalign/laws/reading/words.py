"""Words that a function branches on, such as kl_estimator == "k3": the one that says the method."""

import ast

from tinyalign.laws.binding.holders import HOLDERS, has_of_its_own
from tinyalign.laws.binding.source_tree import tree_of
from tinyalign.laws.forms.wrapper import readable_parameters
from tinyalign.laws.source.switches import WORDS, words_annotated, words_compared

PLAIN = "sigmoid"  # what many trainers call the loss that has no other name


def words_for(fn, method, declared=()):
    """{parameter, or holder.attribute: the word that names the method}, where another stands now.

    A switch that has the method's name is turned on.
    A parameter whose default names the method keeps it; an attribute that the holder has too.
    """
    parameters, found = readable_parameters(fn) or {}, {}
    for text, words in _words_of(getattr(fn, "forward", fn)).items():
        word = _word_for(method, words)
        if word is not None and text not in declared and _is_open(fn, method, text, parameters):
            found[text] = word
    return found | _switches(parameters, method, declared)


def _switches(parameters, method, declared):
    """{parameter: True} where it is off and its name is that of the method: ipo=False."""
    return {
        n: True
        for n, q in parameters.items()
        if q.default is False and n not in declared and _names(n.removeprefix("use_"), method)
    }


def _is_open(fn, method, text, parameters):
    """Whether nothing says yet what this is, or what says it names another method."""
    holder, _, attribute = text.partition(".")
    if attribute:
        held = holder in parameters and holder in HOLDERS
        return held and not has_of_its_own(fn, holder, attribute)
    return text in parameters and not _names(parameters[text].default, method)


def _words_of(fn):
    """{what is compared: the words}, in it and in the functions that it hands the word on to."""
    tree, found = tree_of(fn), {}
    called = [n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call)
              if isinstance(n.func, ast.Name)]  # fmt: skip
    known = [getattr(fn, "__globals__", {}).get(name) for name in called]
    for each in (tree, *(tree_of(f) for f in known if hasattr(f, "__code__"))):
        allowed = [words_annotated(n) for n in each.body if isinstance(n, ast.FunctionDef)]
        for said in (words_compared(each), *allowed):
            for text, words in said.items():
                found.setdefault(text, []).extend(words)
    return found


def _word_for(method, words):
    """The first word that names the method; else the plain one, among names of losses."""
    naming = [w for w in words if _names(w, method)]
    of_losses = any(w in WORDS for w in words if w != PLAIN)  # and not of an activation
    return next(iter(naming), PLAIN if PLAIN in words and of_losses else None)


def _names(word, method):
    """Whether a word names the method: by itself, or in everybody's code."""
    said = isinstance(word, str)
    return said and (word.replace("-", "_") == method or method in WORDS.get(word, "").split())
