"""A config or a `self` that a function reads its numbers from, built from what it reads."""

import ast
import inspect
import textwrap
from types import SimpleNamespace

from tinyalign.laws.harness.parameter_names import names_setting, parts

HOLDERS = (
    "self", "config", "cfg", "conf", "args", "training_args", "hparams", "hps", "algo_config",
    "actor_config", "loss_config",
)  # fmt: skip


def attributes_read(fn, holder):
    """Names that the source reads from this parameter: self.beta, config["beta"], cfg.get("beta").

    Through a holder inside it too: self.config.beta.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
    except (OSError, TypeError, SyntaxError):
        return []
    names = []
    for node in ast.walk(tree):
        if _root(node) != holder:
            continue
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            names.append(node.slice.value)
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            names.append(node.args[0].value)
    return [n for n in dict.fromkeys(names) if isinstance(n, str)]


def _root(node):
    """The name that a chain of attributes, subscripts and calls starts from."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


class Values(SimpleNamespace):
    """Numbers by attribute, by key, or by get; a holder inside it is itself."""

    def __getattr__(self, name):
        if name in HOLDERS:
            return self
        raise AttributeError(f"the checker does not know what {name} is: give it a default")

    def __getitem__(self, name):
        return getattr(self, name)

    def get(self, name, default=None):
        return self.__dict__.get(name, default)


def holder_object(fn, holder, read, numbers):
    """What stands for the holder: an instance of its class for self, else plain values."""
    values = {n: guess(n) for n in read if guess(n) is not None} | numbers
    owner = _class_of(fn) if holder == "self" else None
    if owner is None:
        return Values(**values)
    stand_in = object.__new__(owner)
    for name in read:
        # methods of the class stay what they are
        if name in HOLDERS:
            object.__setattr__(stand_in, name, Values(**values))
        elif name in values and (name in numbers or not hasattr(owner, name)):
            object.__setattr__(stand_in, name, values[name])
    return stand_in


def _class_of(fn):
    """The class that a plain function is defined in, by its qualified name."""
    owner = getattr(fn, "__qualname__", "").rpartition(".")[0]
    found = getattr(fn, "__globals__", {}).get(owner)
    return found if inspect.isclass(found) else None


def guess(name):
    """What an unknown attribute is: a switch is off, a factor 1, any other setting 0."""
    if name.startswith(("use_", "is_", "has_")) or name == "reference_free":
        return False
    if not names_setting(name):
        return None
    return 1.0 if {"beta", "temperature", "tau", "lambda", "lam"} & set(parts(name)) else 0.0
