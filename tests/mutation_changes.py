"""Every small change of a module that Python accepts: the mutants that mutation.py judges."""

import ast
import contextlib
from typing import NamedTuple

from independent.mutate import variants

OTHER_NAMES = {  # what could have been written instead
    "chosen": "rejected",
    "rejected": "chosen",
    "argmax": "argmin",
    "argmin": "argmax",
    "max": "min",
    "min": "max",
    "all": "any",
    "ones_like": "zeros_like",
}
NO_MATHS = ("annotation", "returns", "decorator_list")  # fields of a node that compute nothing


class Mutant(NamedTuple):
    """A module with one change."""

    module: str  # such as "methods/train_online"
    line: int
    code: str  # the line before the change, ⟨what is changed⟩ marked
    change: str  # "old -> new"
    text: str  # the whole changed module

    def __str__(self):
        return f"{self.module}:{self.line}: {self.change}"


def nodes(tree):
    """The nodes of a module that compute something: no annotations, no text, no imports."""
    if isinstance(tree, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return
    yield tree
    for field, value in ast.iter_fields(tree):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST) and field not in NO_MATHS:
                yield from nodes(part)


def expressions(node):
    """(word, expression) that could stand in the place of an expression."""
    if isinstance(node, (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call)):
        yield from variants(node)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "doubled", ast.Constant(2 * node.value)
    if isinstance(node, (ast.Compare, ast.BoolOp)):
        yield "not", ast.UnaryOp(ast.Not(), node)
    if isinstance(node, ast.Call):
        yield from calls(node)
    yield from parts(node)
    if isinstance(node, ast.Attribute) and (other := OTHER_NAMES.get(node.attr)):
        yield other, ast.Attribute(node.value, other)
    if isinstance(node, ast.Name) and (other := OTHER_NAMES.get(node.id)):
        yield other, ast.Name(other)


def calls(node):
    """A call without one of its keywords, and what a method is called on without the call."""
    for keyword, rest in without_one(node.keywords):
        yield f"without {keyword.arg or 'a part'}", ast.Call(node.func, node.args, rest)
    if isinstance(node.func, ast.Attribute):
        of_module = isinstance(node.func.value, ast.Name)
        if not of_module or node.func.attr in ("astype", "copy", "reshape"):
            yield f"no {node.func.attr}", node.func.value


def parts(node):
    """A slice without an end, a dict without an entry, a condition without one of its terms."""
    if isinstance(node, ast.Slice):
        ends = {name: getattr(node, name) for name in ("lower", "upper", "step")}
        for name in filter(ends.get, ends):
            yield f"no {name}", ast.Slice(**ends | {name: None})
    if isinstance(node, ast.Dict):
        entries = list(zip(node.keys, node.values, strict=True))
        for (key, _), rest in without_one(entries):
            word = ast.unparse(key) if key else "a part"
            yield f"without {word}", ast.Dict([k for k, _ in rest], [v for _, v in rest])
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.BoolOp(other, node.values)
        for term, rest in without_one(node.values):
            left = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            yield f"without {ast.unparse(term)}", left


def without_one(things):
    """(each thing, the list of the others)."""
    return [(thing, things[:i] + things[i + 1 :]) for i, thing in enumerate(things)]


def conditions(node):
    """(condition, word, other condition) of an if, a while or a filter."""
    tests = node.ifs if isinstance(node, ast.comprehension) else [node.test]
    for test in tests:
        yield test, "not", ast.UnaryOp(ast.Not(), test)
        yield test, "always", ast.Constant(True)
        yield test, "never", ast.Constant(False)


def names_in(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def can_go(node):
    """Whether a statement can be left out without a name that is then unknown."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        given, used = names_in(target), names_in(node.value)
        return isinstance(target, (ast.Subscript, ast.Attribute)) or bool(given & used)
    return isinstance(node, (ast.AugAssign, ast.Raise, ast.Break, ast.Continue))


def changes(tree):
    """(node, word, the text to stand in its place) of every change."""
    for node in nodes(tree):
        if isinstance(node, (ast.If, ast.While, ast.comprehension)):
            for test, word, other in conditions(node):
                yield test, word, f"({ast.unparse(other)})"
        if isinstance(node, ast.stmt) and can_go(node):
            yield node, "nothing", "pass"
        if isinstance(node, ast.expr):
            for word, other in expressions(node):
                text = ast.unparse(ast.fix_missing_locations(other))
                yield node, word, text if isinstance(node, ast.Slice) else f"({text})"


def mutants(source, module="toy"):
    """Every mutant of a module's text that Python accepts, each of them once."""
    lines, seen = source.encode().splitlines(keepends=True), {ast.dump(ast.parse(source))}
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    for node, word, new in changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        whole = source.encode()
        text = (whole[:start] + new.encode() + whole[end:]).decode()
        marked = whole[:start] + "⟨".encode() + whole[start:end] + "⟩".encode() + whole[end:]
        with contextlib.suppress(SyntaxError, ValueError):
            tree = ast.parse(text)
            compile(text, module, "exec")
            if (meant := ast.dump(tree)) not in seen:
                seen.add(meant)
                code = marked.decode().split("\n")[node.lineno - 1].strip()
                yield Mutant(module, node.lineno, code, f"{ast.unparse(node)} -> {word}", text)
