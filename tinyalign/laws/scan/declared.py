"""What somebody has said of a function: its method, conventions of it, values of its parameters."""

import ast
from dataclasses import replace

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check.judgement import read_conventions
from tinyalign.laws.check.settings import own_settings
from tinyalign.laws.harness.outputs import OUTPUT
from tinyalign.laws.harness.subject import OFFSET
from tinyalign.laws.source.guess import guess_of


def as_declared(found, guesses, method="", convention=()):
    """The guesses about a function, those that something was said of as it was said.

    method, convention  as they were typed; what pyproject.toml says of the function comes after
    """
    said = own_settings(f"{found.path}:{found.name}")
    typed = bool(method or convention)
    method = method or said.get("as", "")
    keys = {text.partition("=")[0] for text in convention}
    more = [f"{k}={v}" for k, v in said.get("convention", {}).items() if k not in keys]
    texts = (*convention, *more)
    if not method and not texts:
        return guesses
    meant, others = _said_of(found, [g for g in guesses if not g.reason], method, texts)
    return meant if typed else meant + others + [g for g in guesses if g.reason]


def _said_of(found, guesses, method, texts):
    """(the guesses that it was said of, the others)."""
    methods = (_spec(method).name,) if method else ()
    known = methods or {m for g in guesses for m in g.methods}
    bound = {k: _value(v) for k, v in map(_split, texts) if not any(_has(m, k) for m in known)}
    fitting = [g for g in guesses if all(g.words.get(k, v) == v for k, v in bound.items())]
    if len(fitting) > 1 and methods:
        fitting = [g for g in fitting if set(methods) <= set(g.methods)] or _ask(found, fitting)
    others = [g for g in guesses if g not in fitting]
    if not fitting and methods:
        fitting = [guess_of(found, methods)]
    said = tuple(t for t in texts if _split(t)[0] not in bound)
    changes = {"methods": methods, "insisted": True, "named": True} if methods else {}
    meant = [replace(g, words=g.words | bound, declared=said, **changes) for g in fitting]
    return meant, others


def _ask(found, guesses):
    """CannotCall: it branches on words, and one method is said of it."""
    text = next(iter(guesses[0].words))
    words = ", ".join(str(g.words[text]) for g in guesses)
    raise CannotCall(f"{found.name} has several cases: say --convention {text}=… ({words}) too.")


def _spec(name):
    try:
        return find_spec(name)
    except ValueError as reason:
        raise CannotCall(str(reason)) from None


def conventions_for(spec, texts):
    """Those of the texts that the method knows, read as `check` reads them."""
    return read_conventions(spec, [t for t in texts if _has(spec.name, _split(t)[0])])


def _has(method, key):
    spec = find_spec(method)
    names = {c.name for c in spec.conventions} | {*spec.numbers, *spec.arrays, OUTPUT, OFFSET}
    return key in names


def _split(text):
    key, _, value = text.partition("=")
    return key, value


def _value(text):
    """A typed value as Python reads it; a word where it reads nothing."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)
