"""`tinyalign run METHOD --help`: the settings that a method reads, and the numbers of its loss."""

import ast
import inspect
import itertools
import re

import numpy as np

from tinyalign import losses
from tinyalign.cli import golden_inputs
from tinyalign.errors import InputError, folded
from tinyalign.runs import lookup, plan, reads
from tinyalign.runs.config import Config

LENGTH = (
    "steps", "learning_rate", "batch_size", "warmup_ratio", "budget", "until", "seed", "env",
)  # fmt: skip


def asked_for(argv):
    """The methods of `run METHOD --help`, or () where something else was typed."""
    if argv[0] != "run" or not {"-h", "--help"} & set(argv):
        return ()
    words = [word for word in argv[1:] if not word.startswith("-")]
    names = [folded(name) for name in words[0].split(",")] if words else []
    known = {row.name for row in lookup.methods.METHODS}
    return tuple(names) if names and set(names) <= known else ()


def print_help(names):
    """Print for each method what it reads, with its values on addition; returns the status."""
    from tinyalign.cli import screen

    console = screen.printer()
    for row in map(lookup.find_method, names):
        console.print(f"[bold]{row.name}[/bold]: {row.title}\n")
        for title, lines in sections(row):
            console.print(f"{title}:")
            for line in lines:
                console.print(f"  {line}", markup=False)
            console.print()
    console.print("every option, with what it means: tinyalign run --help", markup=False)
    return 0


def sections(row):
    """(title, lines) of a method's help; a section without lines is left out."""
    config = plan.with_warmup(plan.resolve_config(row, Config(), "transformer")).config
    own = [n for n, reads_it in reads.READ_BY.items() if reads_it(row)]
    numbers = [f"{name}={value:g}" for name, value in row.loss_numbers().items()]
    found = {
        f"what {row.name} reads, with its values on addition": option_lines(own, config),
        "numbers of its loss, each set with --set NAME=NUMBER": numbers,
        "how long, on what, and with which numbers": option_lines(LENGTH, config),
    }
    return [(title, lines) for title, lines in found.items() if lines]


def option_lines(names, config):
    """A line for each option: its value, and the first sentence of what it means."""
    meanings = option_meanings()
    width = max((len(f"--{name} {value_of(config, name)}") for name in names), default=0)
    return [f"{f'--{n} {value_of(config, n)}':{width}}  {meanings[n]}" for n in names]


def value_of(config, name):
    """An option's value as it would be typed."""
    value = getattr(config, name)
    if value is None:
        return "…"
    return f"{value:g}" if isinstance(value, float) else str(value)


def option_meanings():
    """{field of Config: the first sentence of the string below it}."""
    body = ast.parse(inspect.getsource(Config)).body[0].body
    meanings = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign):
            text = " ".join(below.value.value.split())
            meanings[field.target.id] = re.split(r"[.:;] ", text)[0].rstrip(".")
    return meanings


def require_numbers(rows, config):
    """InputError for a part of --set that is no number, or that no loss of these methods has."""
    parts = config.set.split(",") if config.set is not None else []
    names = [part.partition("=")[0] for part in parts]
    for part, name in zip(parts, names, strict=True):
        value = part.partition("=")[2]
        if names.count(name) > 1:
            raise InputError(f"--set {config.set!r} sets {name} twice: name each number once")
        readers = [row for row in rows if name in row.loss_numbers()]
        if not readers:
            known = {n for row in rows for n in row.loss_numbers()}
            has = f"has {', '.join(sorted(known))}" if known else "has none"
            raise InputError(
                f"--set {part!r} names no number that is set this way: the loss of "
                f"{', '.join(row.name for row in rows)} {has}"
            )
        try:
            finite = np.isfinite(float(value))
        except ValueError:
            finite = False
        if not finite:
            raise InputError(f"--set {part!r}, want NAME=NUMBER, for example {name}=0.5")
        for row in readers:
            require_range(row, config)


def require_range(row, config):
    """InputError where a loss refuses a typed number, seen by calling the loss once."""
    name = row.loss.__name__
    if name not in losses.__all__:
        return
    arrays, numbers = golden_inputs.golden_cases(name)["ordinary numbers"]
    try:
        row.loss(*arrays.values(), **numbers | row.typed_numbers(config))
    except ValueError as error:
        raise InputError(f"--set {config.set}: {error}") from None
