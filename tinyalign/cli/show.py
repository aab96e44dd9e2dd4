"""`tinyalign methods` and `tinyalign show`: the table and the source, as they are."""

import inspect
import re
from itertools import groupby
from pathlib import Path

from tinyalign import losses
from tinyalign import methods as table
from tinyalign.losses import divergence
from tinyalign.methods import steps
from tinyalign.runs import plan
from tinyalign.runs.config import Config

ROOT = Path(__file__).parents[2]
WHERE = {  # where --beta puts the KL to the reference
    "loss": "in the loss, + beta · k3 (--kl k3, k2 or k1)",
    "reward": "in the reward, − beta · k1 of the whole completion",
    "tokens": "in the reward of each token, − beta · k1",
    None: "none",
}


def methods():
    """Print the table of all methods, a section for each kind of feedback."""
    from tinyalign.cli import screen

    console = screen.printer()
    for kind, section in groupby(table.by_feedback(), key=lambda row: row.learns_from):
        console.print(f"[bold]{kind}[/bold]: {table.FEEDBACK[kind]}")
        console.print(section_table(section, console.width))
        console.print()
    console.print("holds: networks in memory, the trained ones first; ref is the frozen reference")
    console.print("constant: what the loss reads and no gradient reaches")
    console.print("tinyalign show METHOD prints its formula, its paper and its source")
    return 0


def section_table(section, width):
    """A line for each row of the table of methods, in columns that all sections share."""
    from rich.table import Table

    wide = width >= 100  # on a narrower screen the papers are left to `tinyalign show`
    widths = {"method": 12, "holds": 19, "constant": 19} | ({"paper": 18} if wide else {})
    out = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("method", "title", "holds", "constant", *(["paper"] if wide else [])):
        free = min(52, width - sum(widths.values()) - 2 * len(widths))
        out.add_column(name, width=widths.get(name, free))
    for row in section:
        title = f"{row.title} ([italic]{row.caveat}[/italic])" if row.caveat else row.title
        cells = (", ".join(words(row)) for words in (table.holds, table.constants))
        cells = [cell.replace("reference", "ref") for cell in cells]
        out.add_row(row.name, title, *cells, *([table.author_and_year(row.paper)] if wide else []))
    return out


def method(name):
    """Print what a method is, and the source of everything that makes it, as it runs."""
    from rich.console import Console

    row = plan.find_method(name)
    console = Console(highlight=False)
    console.print(f"[bold]{row.title}[/bold]\n{row.paper}\n")
    for label, told in (*facts(row), *recipe(row)):
        console.print(f"{label:12}{told}", soft_wrap=True, markup=False)
    for heading, function in parts(row):
        print_source(console, heading, function)
    if row.surrogate and row.kl_placement:
        print_heading(console, "what each KL estimator does")
        print(divergence.__doc__)
    return 0


def facts(row):
    """A row in words: (label, text) after (label, text)."""
    yield "formula", formula(row.loss)
    yield "learns from", f"{row.learns_from}: {table.FEEDBACK[row.learns_from]}"
    yield "holds", ", ".join(table.holds(row))
    if table.constants(row):
        yield "constant", ", ".join(table.constants(row))
    if row.beta_sets and row.beta_sets != "beta":
        yield "--beta", f"is its {row.beta_sets}"
    if row.surrogate:
        yield "advantage", ", or ".join(row.advantages) or "generalized advantage estimation"
        yield "loss", row.loss.__name__
        yield "mean", inspect.getdoc(row.reduce)
        yield "KL", WHERE[row.kl_placement]
    if row.caveat:
        yield "cannot", row.caveat


def recipe(row):
    """The settings that a method takes on addition where none are typed: (label, text)."""
    phase = plan.resolve_config(row, Config(), "transformer", typed=False)
    yield "recipe", f"{settings(phase)} (addition, transformer)"


def settings(phase):
    """The settings of a stage that matter most, of those that it reads, in a line."""
    row, config = phase.method, phase.config
    names = ["steps", "learning_rate", "batch_size"]
    names += ["beta"] if row.beta_sets and (row.kl_placement or not row.surrogate) else []
    sampled = row.learns_from != "demonstrations" and phase.data is None
    names += ["num_generations"] if sampled else []
    names += ["num_pairs"] if sampled and row.learns_from != "rewards" else []
    return ", ".join(f"{name} {getattr(config, name):g}" for name in names)


def formula(function):
    """The first paragraph of a docstring, after the method's name."""
    first = inspect.getdoc(function).split("\n\n")[0]
    return " ".join(first.split()).partition(": ")[2].rstrip(".")


def parts(row):
    """Everything a method is made of: (heading, function), each function once."""
    found = {}
    for advantage in row.advantages.values():
        inner = getattr(advantage, "keywords", {}).get("function", advantage)
        add(found, "advantage", inner)
    add(found, "loss", row.loss)
    for heading, function in (("surrogate", row.surrogate), ("mean", row.reduce)):
        if function:
            add(found, heading, function)
    if row.kl_placement == "loss" and row.surrogate:
        add(found, "KL", divergence.k3)
    for name in dict.fromkeys(re.findall(r"steps\.(\w+_step)", inspect.getsource(row.stage))):
        add(found, "step", getattr(steps, name))
    helpers = (v for v in mentioned(row.stage) if v.__module__ == row.stage.__module__)
    for function in (row.make_pairs, row.sample_batch, row.stage, *helpers):
        if function:
            add(found, "stage", function)
    return [(heading, function) for function, heading in found.items()]


def add(found, heading, function):
    """Put a function, and the losses that its source mentions, in the order of reading."""
    found.setdefault(function, heading)
    for other in mentioned(function):
        if other.__module__.startswith(losses.__name__):
            found.setdefault(other, heading)


def mentioned(function):
    """Functions of this package that a function's code names, in order of appearance."""
    names = list(named_in(function.__code__))
    scope = [function.__globals__.get(name) for name in names]
    modules = [value for value in scope if inspect.ismodule(value)]
    for name, value in zip(names, scope, strict=True):
        for found in (value, *(getattr(module, name, None) for module in modules)):
            if inspect.isfunction(found) and found.__module__.startswith("tinyalign."):
                yield found


def named_in(code):
    """Every name that a function's code, or a function inside it, looks up."""
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from named_in(constant)


def print_source(console, heading, function):
    """One function, under a line that says what it is and where it stands."""
    from rich.syntax import Syntax

    lines, start = inspect.getsourcelines(function)
    place = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
    print_heading(console, f"{heading}: {function.__name__} ({place}, line {start})")
    source = "".join(lines)
    if console.is_terminal:
        console.print(Syntax(source, "python", background_color="default", word_wrap=True))
    else:
        print(source)


def print_heading(console, heading):
    """A line across the screen with a heading in it."""
    from rich.rule import Rule

    console.print()
    console.print(Rule(heading, align="left"))
