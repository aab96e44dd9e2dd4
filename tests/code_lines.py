"""How many lines of code a function has."""

import ast


def code_lines(node, source):
    """Lines of a function that hold code: no blank lines, comments or docstrings."""
    skipped = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner):
            skipped |= set(range(inner.body[0].lineno, inner.body[0].end_lineno + 1))
    lines = source.splitlines()
    return sum(
        bool(lines[number - 1].strip()) and not lines[number - 1].strip().startswith("#")
        for number in range(node.lineno, node.end_lineno + 1)
        if number not in skipped
    )
