"""`tinyalign show WORD`: a method, a task, a function, or all that is about a word."""

import inspect
import re

from tinyalign import losses, optimum
from tinyalign import methods as table
from tinyalign.cli import show as source
from tinyalign.cli import show_errata, show_task
from tinyalign.errors import InputError, folded, nearest
from tinyalign.losses import aggregate, divergence

FEW = 3  # functions whose source is printed; of more, a line each
TABLES = {"kl": divergence, "mean": aggregate}  # words that a whole file of losses is about


def show(word):
    """Print what a word means; returns the status."""
    name = folded(word)
    if name in {row.name for row in table.METHODS}:
        return source.method(name)
    if name in show_task.names():
        return show_task.task(name)
    functions = public_functions()
    found = [name] if name in functions else about(name, functions)
    if not found:
        raise unknown(word, functions)
    print_functions(name, {each: functions[each] for each in found})
    return 0


def public_functions():
    """{name: function} of the losses and the closed forms."""
    names = {name: getattr(losses, name) for name in losses.__all__}
    names |= {f.__name__: f for f in (optimum.optimal_policy, optimum.best_of_n)}
    return {name: f for name, f in names.items() if inspect.isfunction(f)}


def about(name, functions):
    """Names of functions whose name, or first paragraph, has the word in it."""
    pattern = rf"(?<![a-z0-9]){re.escape(name).replace('_', '[ _-]')}s?(?![a-z0-9])"
    return [
        each
        for each, function in functions.items()
        if re.search(pattern, f"{each.replace('_', ' ')} {first_lines(function)}".casefold())
    ]


def first_lines(function):
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def unknown(word, functions):
    """The InputError for a word that nothing here is about."""
    known = [*(row.name for row in table.METHODS), *show_task.names(), *functions]
    near = nearest(word, known)
    meant = f"did you mean {near}? Or " if near else ""
    methods = ", ".join(row.name for row in table.METHODS)
    tasks = ", ".join(show_task.names())
    return InputError(
        f"there is no method {word!r}: {meant}choose from {methods}; or from the tasks {tasks}"
    )


def print_functions(name, functions):
    """The source of a few functions, or a line for each; the table of a word that has one."""
    from rich.console import Console

    console = Console(highlight=False)
    if name in TABLES:
        print(f"{inspect.getdoc(TABLES[name])}\n")  # a table in it keeps its lines
    if len(functions) <= FEW:
        for function in functions.values():
            source.print_source(console, "function", function)
        show_errata.print_sentences(console, functions.values())
        return
    for each, function in functions.items():
        console.print(f"[bold]{each}[/bold]", soft_wrap=True)
        console.print(f"  {first_lines(function)}", markup=False)
    print("\ntinyalign show NAME prints one of them")
