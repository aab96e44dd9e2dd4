"""What is typed, turned into a command; a mistake in it is one sentence.

tyro parses. It draws a box around a mistake, whose parts are read here.
"""

import contextlib
import dataclasses
import functools
import inspect
import io
import itertools
import os
import re
import typing

import docstring_parser
import tyro

from tinyalign.errors import InputError

KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "STR": "a word"}
OTHER_WORDS = {  # options of other libraries, by ours
    "--lr": "--learning_rate",
    "--epochs": "--steps",
    "--num_train_epochs": "--steps",
    "--max_steps": "--steps",
    "--num_epochs": "--steps",
    "--ppo_epochs": "--num_iterations",
    "--kl_coef": "--beta",
    "--clip": "--epsilon",
    "--group_size": "--num_generations",
    "--task": "--env",
    "--output_dir": "--output",
}
PARTS = {"exam": ("make", "grade", "probe")}  # commands of two words
PLAIN = re.compile(r"[ -~]*")  # printable ASCII
WIDE = "1000"  # columns, so that no line of a box is broken


def parse(commands, argv, **options):
    """The command object for the arguments; InputError for a mistake, SystemExit after --help."""
    if {"-h", "--help"} & set(argv):
        for command in commands.values():
            join_help_lines(command)
        return tyro.extras.subcommand_cli_from_dict(commands, args=argv, **options)
    require_plain_numbers(commands.get(argv[0]), argv)
    columns, box = os.environ.get("COLUMNS"), io.StringIO()
    os.environ["COLUMNS"] = WIDE
    try:
        with contextlib.redirect_stderr(box):
            return tyro.extras.subcommand_cli_from_dict(commands, args=argv, **options)
    except SystemExit:
        command = argv[0] if argv[0] in commands else ""
        own = option_names(commands[command]) if command else None
        raise InputError(sentence(box.getvalue(), command_of(argv, commands), own)) from None
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns


@functools.cache  # once is enough
def join_help_lines(command):
    """Make one paragraph of each option's help: tyro would begin a line where the source does."""
    for owner in filter(dataclasses.is_dataclass, inspect.getmro(command)):
        texts = {
            p.arg_name: p.description for p in docstring_parser.parse_from_object(owner).params
        }
        types = inspect.get_annotations(owner)
        for name in types.keys() & texts.keys():
            paragraph = tyro.conf.arg(help=" ".join(texts[name].split()))
            types[name] = typing.Annotated[types[name], paragraph]
        owner.__annotations__ = types


def command_of(argv, commands):
    """The command that was typed, of one word or two, or "" for none."""
    if argv[0] not in commands:
        return ""
    parts = [word for word in argv[1:2] if word in PARTS.get(argv[0], ())]
    return " ".join([argv[0], *parts])


def require_plain_numbers(command, argv):
    """InputError for a number that only Python reads as one: 1_000, other digits than 0 to 9.

    command  class of the command that was typed, None where there is no such command
    """
    types = typing.get_type_hints(command) if dataclasses.is_dataclass(command) else {}
    # --steps 3 and --steps=3
    words = " ".join(argv).replace("=", " ").split(" ")
    for option, value in itertools.pairwise(words):
        kind = types.get(option.removeprefix("--").replace("-", "_"))
        if not {int, float} & {kind, *typing.get_args(kind)}:
            continue
        if "_" in value or not PLAIN.fullmatch(value):
            raise InputError(f"{option} is {value!r}, want a number in digits, such as 1000 or 0.5")


def option_names(command):
    """The options of a command and of the commands in it; its words without dashes are among them.

    command  a function, or the class of a command
    """
    names = set()
    for name, parameter in inspect.signature(command).parameters.items():
        names.add(f"--{name}")
        for part in parts_of(parameter.annotation):
            if isinstance(part, type) and dataclasses.is_dataclass(part):  # `make` of `exam make`
                names |= option_names(part)
            elif isinstance(renamed := getattr(part, "name", None), str):  # with tyro.conf.arg
                names.add(f"--{renamed}")
    return names


def parts_of(annotation):
    """A type, and all that it is made of."""
    inner = [part for each in typing.get_args(annotation) for part in parts_of(each)]
    return [annotation, *inner]


def sentence(box, command, own=None):
    """The mistake that a box tells of, in one sentence.

    command  that was typed, or "" for none
    own      its options, None where they are not known
    """
    # The first line is a title; in ASCII a rule comes below it, and no lines stand at the sides.
    lines = [line.strip("│ ") for line in box.splitlines()[1:]]
    lines = lines[1:] if lines and not lines[0].strip("-") else lines
    end = next((i for i, line in enumerate(lines) if not line.strip("─-╰╯")), len(lines))
    wrong = mistake(lines[:end], lines[end:], command, own)
    words = ["tinyalign", command, "--help"]
    return f"{wrong}; `{' '.join(filter(None, words))}` lists what there is"


def mistake(paragraph, others, command, own):
    """What is wrong, from the lines of a box's first paragraph and the others."""
    first = " ".join(paragraph)
    value = re.match(r"Error parsing (\S+): .*?(?:\['(.*)'\]\.|: '(.*)')$", first)
    if value:
        option, *found = value.groups()
        kind = next((line.split()[-1] for line in others if line.startswith(f"{option} ")), "")
        return f"{option} is {(found[0] or found[1] or '')!r}, want {KINDS.get(kind, kind)}"
    choice = re.match(r"invalid choice (.*) for argument '(.*)'. Expected one of \((.*)\)", first)
    if choice:
        return f"{choice[2]} is {choice[1]}, want {choice[3]}"
    if missing := re.match(r"Missing value for argument '(.*?)'", first):
        return f"{missing[1]} has no value"
    if first.startswith("Missing from"):
        names = [line for line in paragraph[1:] if not line.endswith("(required)")]
        return f"tinyalign {command} needs {' and '.join(names)}"
    if unknown := re.match(r"Unrecognized (?:options|or misplaced options): (.*)", first):
        return unknown_words(unknown[1], others, command, own)
    return first


def unknown_words(words, others, command, own):
    """Of words that are no option: the first, and the option that it may have meant."""
    word = words.split(", ")[0].split(" (applied")[0]
    if not word.startswith("-"):
        return f"{word!r} is one word too many" if command else f"there is no command {word!r}"
    # A box lists what is near below a line of its own.
    places = [i for i, line in enumerate(others) if line.startswith("Perhaps you meant")]
    near = others[places[0] + 1].split()[0] if places else ""
    if (command, word) == ("runs", "--output"):
        return "tinyalign runs has no --output, it takes the folder as its argument"
    # A box lists options of other commands too.
    meant = [OTHER_WORDS.get(word), near]
    near = next((name for name in meant if name and (own is None or name in own)), "")
    if near == word:
        return f"{word} stands before its command, want it behind"
    return f"there is no option {word}" + (f" (did you mean {near}?)" if near else "")
