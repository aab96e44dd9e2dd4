"""Your own data: JSONL files with TRL's columns, checked line by line before training starts.

Characters are tokens, and end-of-sequence is appended to every completion. Every prompt is given
START in front, because a model predicts from at least one token and a prompt may be empty.

A file comes out in the form that `toy_envs.feedback` gives to tasks: completions of each prompt,
and index arrays that say what was liked.
"""

import json
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyalign.errors import InputError
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs.storage import TooLarge, read_regular, unpack
from toy_envs.feedback import Demonstrations, Pairs, Rankings, Thumbs, Triples

START = "\n"
EXAMPLES = Path(__file__).parents[1] / "examples"
LARGEST = 1 << 30  # bytes of a file: its lines and their tokens take some ten times as much memory
LARGEST_VARIABLE = "TINYALIGN_LARGEST_DATA"  # of the environment: another number of bytes
COLUMNS = {
    "demonstrations": {"prompt": str, "completion": str},
    "pairs": {"prompt": str, "chosen": str, "rejected": str},
    "thumbs": {"prompt": str, "completion": str, "label": bool},
    "rankings": {"prompt": str, "completions": list, "rewards": list},
    "triples": {"prompt": str, "gold": str, "chosen": str, "rejected": str},
}
TEXT_COLUMNS = {name for row in COLUMNS.values() for name in row} - {"label", "rewards"}
KINDS = {str: "a string", bool: "true or false", list: "a list"}


class DataError(InputError):
    """A file that cannot be learned from: one sentence with the file, the line and the reason."""


class Data(NamedTuple):
    """N lines of a file. Completions are named by (line, place within the line)."""

    vocabulary: Vocabulary
    prompts: list[str]  # N, each beginning with START
    completions: list[list[str]]  # N rows of G, without EOS
    reward: np.ndarray | None  # (N, G) where the file has rewards
    feedback: Demonstrations | Pairs | Thumbs | Rankings | Triples  # N entries, line by line
    width: int  # tokens of the longest prompt with START, completion and EOS


def load(path, kind, *, context=None, vocabulary=None, content=None):
    """Read a JSONL file for methods that learn from `kind`. Blank lines are skipped.

    path        UTF-8 file, one JSON object a line
    kind        a key of COLUMNS, which lists the columns. Other columns are ignored;
                "demonstrations" reads `chosen` where there is no `completion`, so that one file of
                pairs serves two stages
    context     most tokens a model can hold: START + prompt + completion + EOS; None for no limit
    vocabulary  of a model to be trained further; None collects the characters of this file
    content     of the file, where it was read already
    returns     Data
    raises      DataError naming file, line and reason
    """
    # Every mistake is told with its line, before any line is used.
    records = {}
    for number, line in _lines(path, read(path) if content is None else content):
        try:
            records[number] = _record(line, kind)
            _check_fit(records[number], context, vocabulary)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    rows = list(records.values())
    try:
        return _data(rows, kind, vocabulary)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def select(data, lines):
    """The same data with only some of its lines, e.g. to hold the others out.

    data     Data
    lines    (n,) int, places in data.prompts
    returns  Data with the vocabulary and width of the whole
    """
    feedback = type(data.feedback)(*(column[lines] for column in data.feedback))
    return data._replace(
        prompts=[data.prompts[i] for i in lines],
        completions=[data.completions[i] for i in lines],
        reward=None if data.reward is None else data.reward[lines],
        feedback=feedback._replace(prompt=np.arange(len(lines))),
    )


def shipped(path):
    """The path, or where there is no such file, the example of the package that has this name."""
    example = EXAMPLES / f"{path}.jsonl"
    named = Path(path).name == str(path) and not Path(path).exists()
    return example if named and example.is_file() else path


def read(path):
    """The bytes of a file of lines; those of a name that ends in .gz, unpacked."""
    largest = largest_file()
    try:
        content = read_regular(path, largest)
        return unpack(content, largest) if Path(path).suffix == ".gz" else content
    except TooLarge as error:
        raise DataError(f"{path} {error}; {LARGEST_VARIABLE}=BYTES raises the limit") from None
    except InputError as error:
        raise DataError(str(error)) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {reason}; give a JSONL file") from None


def largest_file():
    """The most bytes that a file may have."""
    typed = os.environ.get(LARGEST_VARIABLE, str(LARGEST))
    if not (typed.isascii() and typed.isdigit()):
        raise InputError(f"{LARGEST_VARIABLE} is {typed!r}, want a number of bytes")
    return int(typed)


def _lines(path, content):
    """(number, text) of the lines that are not blank, numbered from 1."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {number}: not UTF-8, save the file as UTF-8") from None
    lines = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty: want one JSON object a line")
    return lines


def _record(line, kind):
    """One line as a dict with the columns of `kind`, each of its type; else ValueError."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({getattr(error, 'msg', error)})") from None
    if not isinstance(record, dict):
        raise ValueError(f'want a JSON object such as {{"prompt": …}}, got {_short(record)}')
    # A file of pairs serves SFT as well: the chosen completions are demonstrations.
    if kind == "demonstrations" and "completion" not in record and "chosen" in record:
        record["completion"] = record["chosen"]
    for column, type_ in COLUMNS[kind].items():
        if column not in record:
            raise ValueError(f'no column "{column}" (columns here: {", ".join(record) or "none"})')
        if not isinstance(record[column], type_):
            raise ValueError(f'"{column}" is {_short(record[column])}, want {KINDS[type_]}')
    record = {column: record[column] for column in COLUMNS[kind]}
    _check_completions(record)
    return record


def _check_completions(record):
    """ValueError for a completion that cannot be learned from, or rewards that are no numbers."""
    for column, value in _texts(record):
        if not isinstance(value, str):
            raise ValueError(f'"{column}" holds {_short(value)}, want strings')
        if column != "prompt" and not value:
            raise ValueError(f'"{column}" is empty: want at least one character')
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError(f'"{column}" has half a surrogate pair, which is no character')
    if "rejected" in record and record["chosen"] == record["rejected"]:
        raise ValueError('"chosen" and "rejected" are equal: want two different completions')
    if "rewards" not in record:
        return
    rewards, count = record["rewards"], len(record["completions"])
    if count < 2 or len(rewards) != count:
        raise ValueError(
            f"{count} completions and {len(rewards)} rewards: want two or more, one reward for each"
        )
    for value in rewards:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f'"rewards" holds {_short(value)}, want numbers')
        if not abs(value) <= 1e30:  # NaN compares false, and a JSON integer has no upper end
            raise ValueError(f'"rewards" holds {_short(value)}, want finite numbers')


def _check_fit(record, context, vocabulary):
    """ValueError if the line is longer than the context, or has characters of no token."""
    longest = max((text for column, text in _texts(record) if column != "prompt"), key=len)
    tokens = len(START + record["prompt"]) + len(longest) + 1  # and end-of-sequence
    if context is not None and tokens > context:
        raise ValueError(
            f"{tokens} tokens with start and end, but the context holds {context}: "
            f"shorten the line, or give the model more room with --context {tokens}"
        )
    if vocabulary is not None:
        characters = set(START).union(*(text for _, text in _texts(record)))
        unknown = sorted(characters - set(vocabulary.alphabet))
        if unknown:
            raise ValueError(
                f"the model has no token for {unknown[0]!r}: its alphabet is "
                f"{vocabulary.alphabet!r}"
            )


def _data(rows, kind, vocabulary):
    """The Data of checked records."""
    texts = [[text for column, text in _texts(row) if column != "prompt"] for row in rows]
    sizes = {len(row) for row in texts}
    if len(sizes) > 1:
        raise ValueError(f"lines have {sorted(sizes)} completions: want the same number in each")
    prompts = [START + row["prompt"] for row in rows]  # never empty, so a model can predict
    if vocabulary is None:
        characters = {c for row in texts for text in row for c in text} | set("".join(prompts))
        vocabulary = Vocabulary("".join(sorted(characters)), True)
    reward = np.array([row["rewards"] for row in rows], float) if kind == "rankings" else None
    longest = max(len(p) + max(map(len, row)) for p, row in zip(prompts, texts, strict=True))
    feedback = _feedback(rows, kind, reward)
    return Data(vocabulary, prompts, texts, reward, feedback, longest + 1)


def _feedback(rows, kind, reward):
    """Which of a line's completions was liked: places follow the order of the columns."""
    lines = np.arange(len(rows))
    columns = [np.full(len(rows), i) for i in range(3)]  # the same column of every line
    if kind == "demonstrations":
        return Demonstrations(lines, columns[0])
    if kind == "pairs":
        return Pairs(lines, *columns[:2])
    if kind == "triples":
        return Triples(lines, *columns)
    if kind == "rankings":
        return Rankings(lines, np.argsort(-reward, axis=1, kind="stable"))
    desirable = np.array([row["label"] for row in rows])
    if desirable.all() or not desirable.any():
        raise ValueError(f"every label is {desirable[0]}: want some true and some false")
    return Thumbs(lines, columns[0], desirable)


def _texts(record):
    """(column, text) of every text in a record, the prompt first, lists taken apart."""
    for column, value in record.items():
        if column not in ("label", "rewards"):
            for text in value if isinstance(value, list) else [value]:
                yield column, text


def _short(value):
    """A JSON value as it stood in the file, cut to a length that fits a sentence."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "…"
