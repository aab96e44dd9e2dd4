"""What a function reads of what it takes: of its **kwargs, and of its parameters.

A name that nobody reads is no parameter: what it is given changes nothing, and that is no bug.
"""

import ast
import inspect

from tinyalign.laws.binding.holders import attributes_read
from tinyalign.laws.binding.source_tree import tree_of

ANY = None


def keywords_read(fn, parameters):
    """The names that it reads from its **kwargs; ANY where it may read whatever it is given."""
    open_to_all = inspect.Parameter.VAR_KEYWORD
    holder = next((n for n, q in parameters.items() if q.kind is open_to_all), None)
    if holder is None:
        return []
    plain = getattr(fn, "forward", fn)
    tree = tree_of(plain)
    return ANY if not tree.body or _is_handed_on(tree, holder) else attributes_read(plain, holder)


def _is_handed_on(tree, holder):
    """Whether it goes anywhere as a whole: in a call, or under another name."""
    parts = [
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Compare)
        for part in ast.iter_child_nodes(node)
    ]
    return any(
        isinstance(node, ast.Name) and node.id == holder and node not in parts
        for node in ast.walk(tree)
    )


def unread_parameters(fn, names):
    """Those of its own parameters that its source never mentions again."""
    body = tree_of(getattr(fn, "forward", fn)).body
    # a lambda's source is the whole line that it stands in, or another lambda's
    nodes = [*ast.walk(body[0])] if body and isinstance(body[0], ast.FunctionDef) else []
    own = {n.arg for n in nodes if isinstance(n, ast.arg)}
    read = {n.id for n in nodes if isinstance(n, ast.Name)}
    return tuple(n for n in names if n in own and n not in read)
