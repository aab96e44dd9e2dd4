"""`tinyalign methods` and `tinyalign show`: the table of methods, and their source as it runs."""

import inspect
import re
from itertools import groupby
from pathlib import Path

from tinyalign import losses
from tinyalign import methods as table
from tinyalign.cli import show_errata
from tinyalign.losses import advantage, divergence, numerics
from tinyalign.methods import metrics, steps
from tinyalign.runs import lookup, plan, train
from tinyalign.runs.config import Config
from toy_envs import feedback

ROOT = Path(__file__).parents[2]
WHERE = {  # where --beta puts the KL to the reference
    "loss": "in the loss, + beta · k3 (--kl k3, k2 or k1). Each token pays for its own KL alone, "
    "so that answers of several tokens do not end at π_ref·e^{r/β}/Z: tinyalign read 21",
    "reward": "in the reward, − beta · k1 of the whole completion",
    "tokens": "in the reward of each token, − beta · k1",
    None: "none",
}
CONSTANTS = {  # what the rows of the table of methods call them -> in more words
    "reference": "the reference's log-probs", "old": "the old policy's log-probs",
}  # fmt: skip


def methods():
    """Print the table of all methods, a section for each kind of feedback."""
    from tinyalign.cli import screen

    console = screen.printer()
    for kind, section in groupby(table.by_feedback(), key=lambda row: row.learns_from):
        console.print(f"[bold]{kind}[/bold]: {table.FEEDBACK[kind]}")
        console.print(section_table(section, console.width))
        console.print()
    # What the short column titles mean.
    console.print(
        "holds: networks in memory, the trained ones first; ref is the frozen reference, which a "
        "KL of weight 0 (--beta 0) does not need"
    )
    console.print("constant: what the loss reads and no gradient reaches")
    console.print("tinyalign show METHOD prints its formula, its paper and its source")
    return 0


def section_table(section, width):
    """A line for each row of the table of methods, in columns that all sections share."""
    from rich.table import Table

    wide = width >= 100  # on a narrower screen the papers are left to `tinyalign show`
    # Fixed widths, so that the columns of all sections stand under one another.
    widths = {"method": 12, "holds": 19, "constant": 19} | ({"paper": 18} if wide else {})
    rich_table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("method", "title", "holds", "constant", *(["paper"] if wide else [])):
        free = min(52, width - sum(widths.values()) - 2 * len(widths))
        rich_table.add_column(name, width=widths.get(name, free))
    for row in section:
        title = f"{row.title} ([italic]{row.caveat}[/italic])" if row.caveat else row.title
        cells = (", ".join(words(row)) for words in (table.holds, table.constants))
        cells = [cell.replace("reference", "ref") for cell in cells]
        rich_table.add_row(
            row.name, title, *cells, *([table.author_and_year(row.paper)] if wide else [])
        )
    return rich_table


def method(name):
    """Print what a method is: facts, the calls from the command to the loss, and their source."""
    from rich.console import Console

    row = lookup.find_method(name)
    console = Console(highlight=False)
    console.print(f"[bold]{row.title}[/bold]\n{row.paper}\n")
    for label, text in (*facts(row), *recipe(row)):
        console.print(f"{label:12}{text}", soft_wrap=True, markup=False)
    # An arrow a line: the whole chain is too long for one.
    arrows = f"\n{'':12}→ ".join(call_chain(row))
    console.print(f"{'calls':12}{arrows}", soft_wrap=True, markup=False)
    shown = list(parts(row))
    for heading, function in shown:
        print_source(console, heading, function)
    show_errata.print_sentences(console, [function for _, function in shown])
    if row.surrogate and row.kl_placement:
        print_heading(console, "what each KL estimator does")
        print(divergence.__doc__)
    return 0


def facts(row):
    """A method's row in words: (label, text) pairs."""
    yield "formula", formula(row.loss)
    yield "learns from", f"{row.learns_from}: {table.FEEDBACK[row.learns_from]}"
    yield "holds", ", ".join(table.holds(row))
    if table.constants(row):
        names = ", ".join(CONSTANTS.get(name, name) for name in table.constants(row))
        yield "constant", f"{names} (the loss reads them, no gradient flows into them)"
    if row.beta_sets and row.beta_sets != "beta":
        yield "--beta", f"is its {row.beta_sets}"
    # A method that samples while it learns is a product of four choices.
    if row.surrogate:
        yield "advantage", ", or ".join(row.advantages) or "generalized advantage estimation"
        yield "loss", row.loss.__name__
        yield "mean", inspect.getdoc(row.reduce)
        yield "KL", WHERE[row.kl_placement]
    if row.caveat:
        yield "caveat", row.caveat


def recipe(row):
    """The settings that a method takes on addition if none are typed: (label, text)."""
    stage_plan = plan.resolve_config(row, Config(), "transformer")
    yield "recipe", f"{plan.settings_line(stage_plan)} (addition, transformer)"


def formula(function):
    """The first paragraph of a docstring, after the method's name."""
    first = inspect.getdoc(function).split("\n\n")[0]
    return " ".join(first.split()).partition(": ")[2].rstrip(".")


def call_chain(row):
    """The calls from the command to the loss, a list of dotted names."""
    chain = [f"tinyalign run {row.name}", dotted_name(train.train_stage), dotted_name(row.stage)]
    if not row.steps:  # best-of-n trains nothing
        return chain
    # PPO takes two steps in turn, its actor's and its critic's.
    chain.append(" and ".join(map(dotted_name, row.steps)))
    # A surrogate gives all losses of policy gradients one signature; other losses have none.
    return chain + [dotted_name(f) for f in (row.surrogate, row.loss) if f]


def dotted_name(function):
    """Where a function stands: "losses.preference.dpo"."""
    return f"{function.__module__.removeprefix('tinyalign.')}.{function.__name__}"


def parts(row):
    """Everything a method consists of, in the order of the calls: (heading, function), each once.

    stage  the training stage and its helpers
    data   what the stage learns from: how completions are sampled, scored, labelled or compared,
           and how rewards become advantages
    step   one gradient step, with the function that feeds the loss and the optimizer's update
    loss   the loss itself and what it is made of
    """
    data = [*data_functions(row), *advantage_functions(row)]
    stage_files = row.stage.__module__, table.method.__name__
    sections = {
        "stage": [f for f in data if f.__module__ in stage_files],
        "data": [f for f in data if f.__module__ not in (*stage_files, metrics.__name__)],
        "step": [*step_functions(row), *(f for f in data if f.__module__ == metrics.__name__)],
        "loss": loss_functions(row),
    }
    pairs = [(heading, f) for heading, functions in sections.items() for f in functions]
    # A function that two sections name belongs to the first.
    headings = {}
    for heading, function in pairs:
        headings.setdefault(function, heading)
    return [(heading, function) for function, heading in headings.items()]


def data_functions(row):
    """The stage, and the functions that make its data: they sample, score, label and compare."""
    own = [f for f in (row.stage, row.sample_batch, row.label) if f]
    rooms = (table.__name__, advantage.__name__, feedback.__name__)
    # Three levels down: from the stage to comparisons, from these to samples, and to their rewards.
    reached = with_named(with_named(with_named(own)))
    return [f for f in reached if f.__module__.startswith(rooms) and f.__module__ != steps.__name__]


def advantage_functions(row):
    """The choices of --advantage, each with what it is made of."""
    # Some are `partial`s, with the function that works inside a group as their keyword.
    choices = [getattr(f, "keywords", {}).get("function", f) for f in row.advantages.values()]
    reached = with_named(with_named(choices))
    return [f for f in reached if f in choices or f.__module__ == advantage.__name__]


def step_functions(row):
    """The steps that the stage takes, and what of steps.py they name."""
    return [f for f in with_named(row.steps) if f.__module__ == steps.__name__]


def loss_functions(row):
    """The loss, its surrogate, mean and KL, and what of tinyalign.losses they name."""
    kl = [divergence.k3] if row.kl_placement == "loss" and row.surrogate else []
    own = [f for f in (row.loss, row.surrogate, row.reduce, *kl) if f]
    # What the steps name too: the loss of a critic, KTO's reference point.
    reached = [*with_named(with_named(own)), *with_named(step_functions(row))]
    return [f for f in reached if f in own or f.__module__.startswith(losses.__name__)]


def with_named(functions):
    """The functions, each followed by the functions of this package that its source names."""
    reached = {}
    for function in functions:
        reached[function] = None  # a dict keeps the order, and each function once
        reached |= dict.fromkeys(functions_named_in(function))
    return list(reached)


def functions_named_in(function):
    """Functions of ours that a function's code names, as `name` or `module.name`, in order."""
    source = re.sub(r'"""[\s\S]*?"""|#.*', "", inspect.getsource(function))
    module = inspect.getmodule(function)
    for prefix, name in re.findall(r"\b(?:(\w+)\.)?(\w+)", source):
        scope = getattr(module, prefix, None) if prefix else module
        value = getattr(scope, name, None)
        ours = inspect.isfunction(value) and value.__module__.startswith(
            ("tinyalign.", "toy_envs.")
        )
        # Stable scalars and checks of arguments say nothing about the method.
        if ours and value.__module__ != numerics.__name__:
            yield value


def print_source(console, heading, function):
    """One function, under a line that says what it is and where it stands."""
    from rich.syntax import Syntax

    lines, start = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
    print_heading(console, f"{heading}: {function.__name__} ({path}, line {start})")
    source = "".join(lines)
    if console.is_terminal:
        # The eight plain colours: the default theme has white letters, lost on a light screen.
        console.print(
            Syntax(source, "python", theme="ansi_light", background_color="default", word_wrap=True)
        )
    else:  # as it is, so that it can be copied from a file
        print(source)


def print_heading(console, heading):
    """A line across the screen with a heading in it."""
    from rich.rule import Rule

    console.print()
    console.print(Rule(heading, align="left"))
