"""Whatever a file of --data holds, a run ends with status 0, or with 2 and one sentence."""

import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinyalign import cli
from tinyalign.runs import dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("plain_curves")]
SMALL = ["--model", "tabular", "--steps", "1", "--batch_size", "4", "--context", "40"]
METHODS = {
    "sft": "demonstrations",
    "dpo": "pairs",
    "reward": "pairs",
    "kto": "thumbs",
    "rrhf": "rankings",
    "infonca": "rankings",
    "tpo": "triples",
}
TEXT = st.text("abc \n\tö\U0001f600\x1b\x00\ud800", max_size=6)
WORD = st.text("abcd", min_size=1, max_size=4)
NUMBER = st.integers(-3, 3) | st.floats() | st.just(10**400)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
TYPES = {
    str: WORD,
    bool: st.booleans(),
    list: st.lists(WORD, min_size=2, max_size=2) | st.lists(NUMBER, min_size=2, max_size=2),
}


@st.composite
def lines(draw, kind):
    """A line that mostly has the columns of its kind, and seldom a wrong one."""
    columns = dataset.COLUMNS[kind]
    line = {name: draw(TYPES[type_]) for name, type_ in columns.items()}
    if kind == "rankings":
        line["completions"] = draw(st.lists(WORD, min_size=2, max_size=2, unique=True))
        line["rewards"] = draw(st.lists(st.integers(-3, 3), min_size=2, max_size=2))
    wrong = draw(st.integers(0, 15))
    if wrong == 0:
        line[draw(st.sampled_from([*columns, "more"]))] = draw(ANYTHING)
    if wrong == 1:
        line.pop(draw(st.sampled_from([*columns])))
    return json.dumps(draw(ANYTHING) if wrong == 2 else line, ensure_ascii=draw(st.booleans()))


@st.composite
def contents(draw, kind):
    """(bytes, end of the name) of a file: lines, perhaps damaged, perhaps packed."""
    ends = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    text = ends.join(draw(st.lists(lines(kind), max_size=6))) + draw(st.sampled_from(["", ends]))
    content = text.encode("utf8", "surrogatepass")
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe"])) * (
        draw(st.integers(0, 9)) == 0
    ) + damaged(draw, content)
    packed = draw(st.sampled_from(["no", "no", "yes", "cut"]))
    if packed == "no":
        return content, draw(st.sampled_from([".jsonl"] * 9 + [".gz"]))
    content = gzip.compress(content)
    return damaged(draw, content) if packed == "cut" else content, ".jsonl.gz"


def damaged(draw, content):
    """Mostly the same bytes; else cut short, with one other bit, zeroed, twice, or as UTF-16."""
    how, place = draw(st.integers(0, 19)), draw(st.integers(0, max(len(content) - 1, 0)))
    if how == 0:
        return content[:place]
    if how == 1 and content:
        return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
    if how == 2:
        return content[:place] + bytes(len(content) - place)
    if how == 3:
        return content + content
    return content.decode("latin1").encode("utf-16") if how == 4 else content


def test_any_file_ends_in_a_sentence(capsys):
    """500 files: the number of those that were trained on, and that were refused."""
    found = Counter()

    @settings(
        max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(st.sampled_from(sorted(METHODS)).flatmap(lambda m: st.tuples(st.just(m), of(m))))
    def trained(case):
        method, (content, suffix) = case
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"own{suffix}")
            path.write_bytes(content)
            argv = ["run", method, "--data", str(path), *SMALL, "--output", folder]
            status = cli.main(argv)
            said = capsys.readouterr().err
            assert path.read_bytes() == content
            assert status == 0 or not Path(folder, "runs").exists()
        assert status in (0, 2) and "Traceback" not in said and "Warning" not in said, said
        assert said.count("tinyalign: ") == (status == 2), said
        assert all(letter == "\n" or letter.isprintable() for letter in said)
        found[status] += 1

    trained()
    with capsys.disabled():
        print(f"\nfiles of --data by status: {dict(found)}")
    assert min(found[0], found[2]) > 50


def of(method):
    """Files for a method."""
    return contents(METHODS[method])
