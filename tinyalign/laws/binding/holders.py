"""A config or a `self` that a function reads its numbers from, built from what it reads."""

import ast
import contextlib
import copy
import inspect
from functools import cache

from tinyalign.laws.binding.held_values import Unknown, Values, guess
from tinyalign.laws.binding.number_names import called
from tinyalign.laws.binding.parameter_names import names_array, names_setting
from tinyalign.laws.binding.source_tree import tree_of

HOLDERS = (
    "self", "config", "cfg", "conf", "args", "training_args", "hparams", "hps", "algo_config",
    "actor_config", "loss_config",
)  # fmt: skip


def holders_of(fn, parameters, arrays):
    """Its config, its self: by their names, or because settings are read from them."""
    return [n for n, q in parameters.items() if n not in arrays and _holds(fn, q)]


def _holds(fn, parameter):
    name, optional = parameter.name, parameter.default in (parameter.empty, None)
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return False
    if name in HOLDERS:
        return True
    if not optional or names_array(name) or names_setting(name):
        return False
    return any(map(names_setting, attributes_read(fn, name)))


def attributes_read(fn, holder):
    """Names that the source reads from this parameter: self.beta, config["beta"], cfg.get("beta").

    Through a holder inside it too: self.config.beta.
    """
    names = [n for each in _functions_of(fn, holder) for n in _attributes_in(each, holder)]
    return [n for n in dict.fromkeys(names) if isinstance(n, str)]


def _functions_of(fn, holder):
    """The function, and where it is a method those that it calls."""
    functions = [fn]
    for each in functions:  # it grows by the methods that are called
        if holder == "self" and class_of(fn) is not None:
            functions += [m for m in _methods_in(each, class_of(fn)) if m not in functions]
    return functions


def _attributes_in(fn, holder):
    for node in ast.walk(tree_of(fn)):
        if _root(node) != holder:
            continue
        if isinstance(node, ast.Attribute):
            yield node.attr
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield node.slice.value
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


@cache
def holders_inside(fn, holder):
    """What is read from it to read on from: dpo in cfg.dpo.beta."""
    found = dict.fromkeys(n for n in attributes_read(fn, holder) if n in HOLDERS)
    for each in _functions_of(fn, holder):
        tree = tree_of(each)
        called = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
        for node in ast.walk(tree):
            # a number's or a tensor's own method, such as item, reads nothing from it
            own = node in called and getattr(node, "attr", "get") != "get"
            chain = isinstance(node, ast.Attribute | ast.Subscript) and _root(node) == holder
            if chain and not own:
                found |= dict.fromkeys(_name_of(node.value))
    return list(found)


def _name_of(node):
    """[the name of an attribute or a key], [] for anything else."""
    if isinstance(node, ast.Attribute):
        return [node.attr]
    keyed = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    return [node.slice.value] if keyed and isinstance(node.slice.value, str) else []


def _methods_in(fn, owner):
    """The methods of its class, or by super() of those above, that a method calls."""
    for node in ast.walk(tree_of(fn)):
        if isinstance(node, ast.Attribute) and _root(node) in ("self", "super"):
            classes = owner.__mro__[1:] if _root(node) == "super" else owner.__mro__
            found = next((vars(k)[node.attr] for k in classes if node.attr in vars(k)), None)
            if inspect.isfunction(found):
                yield found


def _root(node):
    """The name that a chain of attributes, subscripts and calls starts from."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def holder_object(fn, holder, read, numbers, declared=()):
    """What stands for the holder: an instance of its class for self, else plain values.

    declared  attributes that somebody has said, which no guess overrules
    """
    inside = holders_inside(fn, holder)
    values = guesses(fn, holder, read) | dict(declared) | numbers
    config = Values(**values, _inside=(*HOLDERS, *inside))
    owner = class_of_holder(fn, holder)
    if owner is None:
        return config
    stand_in = copy.copy(instance(owner))
    for name in values.keys() | set(inside):
        said = name in numbers or name in dict(declared)
        # what the class or its __init__ gives stays what it is
        if name in inside and not hasattr(stand_in, name):
            object.__setattr__(stand_in, name, config)
        elif name in values and (said or not hasattr(stand_in, name)):
            object.__setattr__(stand_in, name, values[name])
    return stand_in


def guesses(fn, holder, read):
    """{attribute: what it is taken as} for what is read and nobody gave."""
    inside, asked, opened = holders_inside(fn, holder), _asked(fn, holder), _opened(fn, holder)
    found = {n: guess(n) for n in read if n not in inside}
    found |= {n: False for n in asked if n in found and found[n] is None}
    found |= {n: {} for n in opened if n in found and found[n] is None}
    return {n: v for n, v in found.items() if v is not None}


@cache
def _asked(fn, holder):
    """What is only asked whether it is so: `if config.humanline`, `not config.humanline`."""
    asked, read = [], []
    for node in [n for each in _functions_of(fn, holder) for n in ast.walk(tree_of(each))]:
        tests = [node.test] if isinstance(node, ast.If | ast.IfExp) else []
        tests += node.values if isinstance(node, ast.BoolOp) else []
        tests += [node.operand] if isinstance(node, ast.UnaryOp) else []
        asked += [n.attr for n in tests if isinstance(n, ast.Attribute) and _root(n) == holder]
        if isinstance(node, ast.Attribute) and _root(node) == holder:
            read.append(node.attr)
    return [n for n in dict.fromkeys(asked) if asked.count(n) == read.count(n)]


@cache
def _opened(fn, holder):
    """What is opened as a dict of keywords: **config.global_batch_info."""
    calls = [n for n in ast.walk(tree_of(fn)) if isinstance(n, ast.Call)]
    values = [k.value for call in calls for k in call.keywords if k.arg is None]
    return [v.attr for v in values if isinstance(v, ast.Attribute) and _root(v) == holder]


@cache
def instance(owner):
    """One made by its __init__ where that wants nothing but numbers; else what that sets by itself.

    A trainer's __init__ wants a model and arguments: it is run as far as it comes without them.
    """
    try:
        wanted = list(inspect.signature(owner).parameters.values())
        required = [q.name for q in wanted if q.default is q.empty and q.kind.value in (1, 3)]
        if all(map(names_setting, required)):
            return owner(**{n: guess(n) for n in required})
        made = object.__new__(owner)
    # theirs may raise anything: a model that is not there, a file
    except Exception:
        return object.__new__(owner)
    with contextlib.suppress(Exception):
        owner.__init__(made, **{n: Unknown() for n in required})
    for name, value in list(getattr(made, "__dict__", {}).items()):
        if isinstance(value, Unknown):
            object.__delattr__(made, name)
    return made


def has_of_its_own(fn, holder, name):
    """Whether the holder has this attribute without a guess."""
    owner = class_of_holder(fn, holder)
    return owner is not None and hasattr(instance(owner), name)


def own_value(fn, holder, name):
    """What the holder has there without a guess; None where it has nothing."""
    owner = class_of_holder(fn, holder)
    return getattr(instance(owner), name) if has_of_its_own(fn, holder, name) else None


def class_of(fn):
    """The class that a plain function is defined in, by its qualified name."""
    owner = getattr(fn, "__qualname__", "").rpartition(".")[0]
    found = getattr(fn, "__globals__", {}).get(owner)
    return found if inspect.isclass(found) else None


def class_of_holder(fn, holder):
    """The class of self, or the one that a config is annotated with."""
    if holder == "self":
        return class_of(fn)
    plain = inspect.unwrap(fn)
    said = getattr(plain, "__annotations__", {}).get(holder)
    found = getattr(plain, "__globals__", {}).get(said) if isinstance(said, str) else said
    # of others, such as a parser's answer, nothing is known
    return found if hasattr(found, "__dataclass_fields__") else None


def bound_method(fn):
    """The method of an instance that a call of fn runs: fn, its forward or __call__; else None."""
    method = inspect.unwrap(getattr(fn, "forward", fn))
    method = method if inspect.isroutine(method) else type(method).__call__.__get__(method)
    return method if inspect.ismethod(method) else None


def number_of_instance(fn, method, number):
    """(self.NAME, value) that an instance has for one of our numbers; None where it has none."""
    bound = bound_method(fn)
    names = called(method, number, attributes_read(bound, "self")) if bound else []
    found = {n: getattr(bound.__self__, n, None) for n in names}
    numbers = [(f"self.{n}", v) for n, v in found.items() if type(v) in (int, float)]
    return numbers[0] if numbers else None
