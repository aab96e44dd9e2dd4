"""Every method is a row: what it learns from, which networks it holds, its loss and its paper.

The command line, the tables and the tests are all read off these rows, so a fact stands once.
To add a method, write its function and add a row.
"""

from tinyalign.methods.method import Method
from tinyalign.methods.offline import OFFLINE
from tinyalign.methods.online import ONLINE
from tinyalign.steps import needs

METHODS = OFFLINE + ONLINE

__all__ = ["METHODS", "Method", "constants", "holds", "named"]


def named(name):
    """The row of a method, or None."""
    return next((method for method in METHODS if method.name == name), None)


def holds(method):
    """Networks that a method holds while it trains, the trained ones first."""
    if method.name == "reward":
        return ["reward model"]
    critic = ["critic"] if method.name == "ppo" else []
    return ["policy", *critic, *(["reference"] if reads_reference(method) else [])]


def reads_reference(method):
    """Whether its loss reads a frozen reference, or a KL to it is taken off its rewards."""
    return method.reference or (method in ONLINE and method.kl_in is not None)


def constants(method):
    """What its loss reads and no gradient reaches."""
    read = needs(method.loss)
    words = {"old_logp": "old", "reward": "reward", "z0": "z0"}
    found = [word for name, word in words.items() if name in read]
    gain = ["advantage"] if method.surrogate else []
    return [*(["reference"] if reads_reference(method) else []), *found, *gain]
