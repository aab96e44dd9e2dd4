"""A small mutator: every function of our losses with one thing changed, as code to judge.

Left alone: validation (`require_…`, `raise`), because the laws speak of results, and defaults,
because the laws pass every number.
"""

import ast
import copy
import inspect
import textwrap

SWAPS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt],
    ast.Eq: [ast.NotEq],
    ast.BitAnd: [ast.BitOr],
    ast.And: [ast.Or],
}
NAMES = {
    "minimum": "maximum",
    "maximum": "minimum",
    "sum": "mean",
    "mean": "sum",
    "log_sigmoid": "sigmoid",
    "sigmoid": "log_sigmoid",
    "exp": "expm1",
    "expm1": "exp",
    "square": "abs",
    "max": "min",
    "masked_mean": "masked_sum",
}


def variants(node):
    """The wrong nodes that could stand in a node's place, each with a word for it."""
    if isinstance(node, ast.BinOp):
        for other in SWAPS.get(type(node.op), []):
            yield other.__name__, ast.BinOp(node.left, other(), node.right)
        yield "left only", node.left
        yield "right only", node.right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "no minus", node.operand
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in SWAPS.get(type(node.ops[0]), []):
            yield other.__name__, ast.Compare(node.left, [other()], node.comparators)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in {node.value + 1, 0, -node.value} - {node.value}:
            yield f"constant {value}", ast.Constant(value)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "flag", ast.Constant(not node.value)
    if isinstance(node, ast.IfExp):
        yield "always", node.body
        yield "never", node.orelse
    if isinstance(node, ast.Call):
        yield from _calls(node)


def _calls(node):
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in NAMES and isinstance(node.func, ast.Attribute):
        func = ast.Attribute(node.func.value, NAMES[name], ast.Load())
        yield NAMES[name], ast.Call(func, node.args, node.keywords)
    elif name in NAMES:
        yield NAMES[name], ast.Call(ast.Name(NAMES[name], ast.Load()), node.args, node.keywords)
    if len(node.args) >= 2 and name not in ("require_axes", "require_in"):
        order = [node.args[1], node.args[0], *node.args[2:]]
        yield "arguments swapped", ast.Call(node.func, order, node.keywords)
    if len(node.args) == 1:
        yield f"no {name}", node.args[0]


def is_validation(statement):
    text = ast.unparse(statement)
    return text.startswith(("require_", "raise")) or (
        isinstance(statement, ast.If) and all(isinstance(s, ast.Raise) for s in statement.body)
    )


def places(tree):
    """The paths to all nodes of the maths of a function: (holder, field, index)."""
    stack = [(tree, "body", i) for i, s in enumerate(tree.body) if not is_validation(s)]
    while stack:
        holder, field, index = stack.pop(0)
        node = getattr(holder, field) if index is None else getattr(holder, field)[index]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # the docstring
        yield holder, field, index, node
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                stack += [(node, name, i) for i, v in enumerate(value) if isinstance(v, ast.AST)]
            elif isinstance(value, ast.expr):
                stack.append((node, name, None))


def mutants(function):
    """(description, code of the whole changed function) for each single change."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    for holder, field, index, node in places(tree):
        if isinstance(holder, ast.Subscript) and field == "slice":
            pass  # indices are part of the maths too
        for word, other in variants(node):
            line = getattr(node, "lineno", 0)
            old = ast.unparse(node)
            _put(holder, field, index, other)
            changed = ast.fix_missing_locations(copy.deepcopy(tree))
            _put(holder, field, index, node)
            yield f"{line}: {old} -> {word}", changed


def _put(holder, field, index, node):
    if index is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[index] = node


def compiled(tree, function):
    """The changed function, in the same surroundings."""
    scope = dict(function.__globals__)
    scope.setdefault("masked_sum", None)
    from tinyalign.losses import aggregate, numerics

    for name in ("sigmoid", "log_sigmoid"):
        scope[name] = getattr(numerics, name)
    for name in ("masked_sum", "masked_mean"):
        scope[name] = getattr(aggregate, name)
    exec(compile(ast.Module([tree], []), f"<mutant of {function.__name__}>", "exec"), scope)
    return scope[function.__name__]
