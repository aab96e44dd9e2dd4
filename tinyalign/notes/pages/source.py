"""The library's source on the pages: a function with its docstring folded, and whole files."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.pages import markup
from tinyalign.notes.pages.cells import pieces
from tinyalign.notes.pages.markup import ROOT, escape


def source_block(name):
    """The source of a function of the library, under its name, file and line."""
    source_object = locate(name)
    lines, start = inspect.getsourcelines(source_object)
    file = file_of(source_object)
    place = f'<a href="{address(file)}#L{start}">{escape(shown_path(file))}, line {start}</a>'
    caption = f"<span>{escape(name)}</span> <small>{place}</small>"
    code = fold_docstring(textwrap.dedent("".join(lines)))
    return f'<figure class="source"><figcaption>{caption}</figcaption>\n{code}</figure>\n'


def fold_docstring(code):
    """Highlighted code in which all of the docstring but its first line is folded."""
    block = markup.code_block(code)
    first = ast.parse(code).body[0].body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if not documented or first.end_lineno - first.lineno < 2:
        return block
    opening, closing = re.match(r"<pre[^>]*><code>", block)[0], "</code></pre>\n"
    lines = block[len(opening) : -len(closing)].split("\n")
    parts = lines[: first.lineno], lines[first.lineno : first.end_lineno], lines[first.end_lineno :]
    head, folded, tail = (opening + "\n".join(part) + closing for part in parts)
    summary = "<summary>arguments, returns, source</summary>"
    return f"{head}<details>{summary}\n{folded}</details>\n{tail}"


def locate(name):
    """The function or class with this full name."""
    module, _, attribute = name.strip().rpartition(".")
    if not re.fullmatch(r"(tinyalign|toy_envs)(\.\w+)*", module):
        raise InputError(f"{name!r} is not a full name in tinyalign or toy_envs")
    try:
        target = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"there is no {name}") from error
    if not (inspect.isfunction(target) or inspect.isclass(target)):
        raise InputError(f"{name} is neither a function nor a class")
    return inspect.unwrap(target)


def file_of(source_object):
    """The file that defines a function or a class."""
    return Path(inspect.getsourcefile(source_object)).resolve()


def shown_path(file):
    """The path of a file, relative to the repository where the file is in it."""
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name


def address(file):
    """The name of the page that shows a file."""
    return "source_" + re.sub(r"\W", "_", shown_path(file).removesuffix(".py")) + ".html"


def files(paths):
    """The files that the walkthroughs show a part of, in order."""
    found = set()
    for path in paths:
        for piece in pieces(path):
            if piece.kind == "source":
                try:
                    found.add(file_of(locate(piece.text)))
                except InputError:
                    continue  # named with its line when the page is built
    return sorted(found)


def file_page(file):
    """The body of the page of one file: every line is an anchor."""
    block = markup.code_block(file.read_text(encoding="utf8"))
    opening, closing = re.match(r"<pre[^>]*><code>", block)[0], "</code></pre>\n"
    lines = block[len(opening) : -len(closing)].split("\n")
    numbered = "\n".join(f'<span id="L{k}">{line}</span>' for k, line in enumerate(lines, 1))
    return f"<h1>{escape(shown_path(file))}</h1>\n{opening}{numbered}{closing}"
