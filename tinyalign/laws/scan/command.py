"""`tinyalign scan`: every loss of a file or folder, found, cut out and judged."""

import json
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.check.loading import package_of
from tinyalign.laws.scan.declared import as_declared
from tinyalign.laws.scan.judging import BROKEN, LAWFUL, NOT_JUDGED, Job
from tinyalign.laws.scan.table import as_data, print_rows
from tinyalign.laws.scan.workers import Workers
from tinyalign.laws.source.cut_out import cut_out, framework_of_cut, write_files
from tinyalign.laws.source.cutting import CannotCut
from tinyalign.laws.source.finding import functions, parse, source_files
from tinyalign.laws.source.guess import Guess, guesses

OF_ONE = (
    "--as and --convention are about one function: tinyalign scan FILE.py:FUNCTION. For a folder "
    'they stand in pyproject.toml, in a table [tool.tinyalign."FILE.py:FUNCTION"].'
)
AT_ONCE = min(4, os.cpu_count() or 1)  # processes
TOO_DEEP = Guess((), reason="Its code is nested too deeply to be read")


@dataclass
class Row:
    function: str
    method: str
    said: str  # the words that it was bound to
    verdict: str
    sentence: str
    where: str  # file:line
    seconds: float = 0.0
    notes: list = field(default_factory=list)
    text: str = ""

    @property
    def target(self):
        """As it is typed to have it judged alone."""
        return f"{self.where.rpartition(':')[0]}:{self.function}"

    def as_data(self):
        return {k: v for k, v in asdict(self).items() if k != "text"}


def scan(path, method="", convention=(), *, as_json=False):
    """0: all that was judged is lawful; 1: something is broken; 2: nothing could be judged."""
    name = ""
    if not os.path.exists(path) and re.fullmatch(r".*\.py:[\w.]+", path):
        path, _, name = path.rpartition(":")
    root = Path(path).resolve()
    if not root.exists():
        return refuse(f"There is no {path!r}.", as_json)
    if (method or convention) and not name:
        return refuse(OF_ONE, as_json)
    try:
        wanted = guessed(root, name, method, convention)
    except CannotCall as reason:
        return refuse(str(reason), as_json)
    rows = rows_of(wanted, full=bool(name) and not as_json)
    status, unread = exit_status(rows), unread_files(root)
    if as_json:
        print(json.dumps(as_data(rows, status, unread), indent=2, ensure_ascii=False))
    else:
        print_rows(rows, path, unread, len(source_files(root)), bool(name))
    return status


def refuse(reason, as_json):
    """Say why nothing is scanned; 2."""
    if as_json:
        print(json.dumps({"exit_code": 2, "reason": reason}))
    else:
        print(reason, file=sys.stderr)
    return 2


def unread_files(root):
    """The files that are no Python, or too long or too deep to read, as they can be typed."""
    return [os.path.relpath(file) for file in source_files(root) if parse(file) is None]


def guessed(root, name="", method="", convention=()):
    """(function, guess) for all that is found, or for the one of this name; CannotCall where what
    was said of one cannot be meant.
    """
    return [
        (found, guess)
        for file in source_files(root)
        for found in functions(file)
        if not name or found.name == name
        for guess in as_declared(found, _guesses_of(found), method, convention)
    ]


def _guesses_of(found):
    """Its guesses, or one without a method where its code is nested too deeply to be read."""
    try:
        return guesses(found)
    except RecursionError:
        return [TOO_DEEP]


def exit_status(rows):
    if any(row.verdict == BROKEN for row in rows):
        return 1
    return 0 if any(row.verdict == LAWFUL for row in rows) else 2


def rows_of(wanted, full=False):
    """A Row for each (function, guess), a few of them judged at a time."""
    workers = Workers({framework_of_cut(found.path) for found, _ in wanted} - {"numpy"})
    rows, pool = [], ThreadPoolExecutor(AT_ONCE)
    try:
        for row in pool.map(lambda one: _row(workers, *one, full), wanted):
            rows.append(row)
            _show_progress(f"{len(rows)} of {len(wanted)}: {row.function[:60]}")
    finally:
        pool.shutdown(cancel_futures=True)
    _show_progress("")
    return rows


def _show_progress(text):
    """In place, and only where somebody looks on."""
    if sys.stderr.isatty():
        print(f"\r{text:78}\r", end="", file=sys.stderr, flush=True)


def _row(workers, found, guess, full):
    # as it can be typed where the user stands
    where = f"{os.path.relpath(found.path)}:{found.line}"
    try:
        answer = _answer(workers, found, guess, full)
    except CannotCut as reason:
        answer = {"verdict": NOT_JUDGED, "sentence": str(reason), "method": ""}
    except Exception as error:  # in cutting, of code that nobody foresaw
        said = f"It cannot be cut out: {type(error).__name__}: {error}"
        answer = {"verdict": NOT_JUDGED, "sentence": said, "method": ""}
    return Row(
        found.name,
        answer["method"] or " or ".join(guess.methods),
        guess.said,
        answer["verdict"],
        answer["sentence"],
        where,
        round(answer.get("seconds", 0.0), 1),
        answer.get("notes", []),
        answer.get("text", ""),
    )


def _answer(workers, found, guess, full):
    """Cut out into a folder of its own, judged, and thrown away."""
    if guess.reason:
        raise CannotCut(guess.reason)
    cut = cut_out(found, guess)
    with tempfile.TemporaryDirectory(prefix="tinyalign-scan-") as folder:
        target = write_files(cut, found, folder)
        width = shutil.get_terminal_size().columns if full else 0
        framework, module = framework_of_cut(found.path, cut), package_of(found.path)[1]
        return workers.answer(Job(target, guess, framework, module, width))
