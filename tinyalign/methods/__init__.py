"""Every method is a row: what it learns from, which networks it holds, its loss and its paper.

The command line, the tables and the tests are all read off these rows, so a fact stands once.
To add a method, write its function and add a row.
"""

from tinyalign.methods.method import Method
from tinyalign.methods.offline import OFFLINE
from tinyalign.methods.online import ONLINE

METHODS = OFFLINE + ONLINE

__all__ = ["METHODS", "Method", "holds", "named"]


def named(name):
    """The row of a method, or None."""
    return next((method for method in METHODS if method.name == name), None)


def holds(method):
    """Networks that a method holds while it trains, the trained ones first."""
    if method.name == "reward":
        return ["reward model"]
    critic = ["critic"] if method.name == "ppo" else []
    online = method in ONLINE and method.kl_in is not None
    return ["policy", *critic, *(["reference"] if method.reference or online else [])]
