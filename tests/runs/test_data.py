"""Files of one's own: what is read, and that every bad line is named before training."""

import json
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import examples
from tinyalign.models.tokenizer import Vocabulary, batch, completions, encode
from tinyalign.runs.dataset import COLUMNS, START, DataError, load, select

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
filled = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
numbers = st.floats(-1e6, 1e6) | st.integers(-9, 9)


@st.composite
def records(draw, needs, group):
    """One good line of a file."""
    record = {"prompt": draw(words)}
    texts = draw(st.lists(filled, min_size=max(group, 3), max_size=max(group, 3), unique=True))
    if needs == "rankings":
        rewards = draw(st.lists(numbers, min_size=group, max_size=group))
        return record | {"completions": texts[:group], "rewards": rewards}
    if needs == "thumbs":
        record["label"] = draw(st.booleans())
    columns = [column for column in COLUMNS[needs] if column not in ("prompt", "label")]
    return record | dict(zip(columns, texts, strict=False))


@st.composite
def files(draw):
    """What a file is for, and its good lines."""
    needs = draw(st.sampled_from(sorted(COLUMNS)))
    lines = draw(st.lists(records(needs, draw(st.integers(2, 4))), min_size=2, max_size=5))
    if needs == "thumbs":
        lines[0]["label"], lines[1]["label"] = True, False
    return needs, lines


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("data") / "file.jsonl"


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def reason(path, needs="pairs", **options):
    with pytest.raises(DataError) as caught:
        load(path, needs, **options)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(str(path)).removeprefix(", ")


@given(files())
def test_a_good_file_is_read_as_it_stands(path, file):
    needs, lines = file
    write(path, lines)
    data = load(path, needs)
    assert data.prompts == [START + line["prompt"] for line in lines]
    for i, line in enumerate(lines):
        texts, told = data.completions[i], [column[i] for column in data.feedback]
        assert told[0] == i
        if needs == "rankings":
            assert texts == line["completions"] and data.reward[i].tolist() == line["rewards"]
            assert np.all(np.diff(data.reward[i][told[1]]) <= 0)
        else:
            places = {k: v for k, v in data.feedback._asdict().items() if k != "prompt"}
            names = {"best": "completion", "desirable": "label"}
            for name, place in places.items():
                value = bool(place[i]) if name == "desirable" else texts[place[i]]
                assert value == line[names.get(name, name)]


@given(files())
def test_every_text_becomes_tokens_and_comes_back(path, file):
    needs, lines = file
    write(path, lines)
    data = load(path, needs)
    prompts = encode(data.vocabulary, data.prompts)
    texts = [row[-1] for row in data.completions]
    tokens, mask = batch(prompts, encode(data.vocabulary, texts, end=True), data.width)
    assert completions(data.vocabulary, tokens, mask)[0] == texts
    rows = zip(prompts, data.completions, strict=True)
    longest = max(len(prompt) + len(text) + 1 for prompt, row in rows for text in row)
    assert data.width == longest
    assert load(path, needs, context=longest).width == longest
    assert "context holds" in reason(path, needs, context=longest - 1)


@given(files(), st.data())
def test_a_missing_or_mistyped_column_is_named_with_its_line(path, file, data):
    needs, lines = file
    i = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.sampled_from(sorted(COLUMNS[needs])))
    bad = dict(lines[i])
    if data.draw(st.booleans()):
        bad[column] = None
    else:
        del bad[column]
    write(path, [*lines[:i], bad, *lines[i + 1 :]])
    message = reason(path, needs)
    assert message.startswith(f"line {i + 1}: ") and f'"{column}"' in message


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\nprompt nulltrue0', max_size=60))
def test_any_other_file_is_refused_and_nothing_else_happens(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for needs in COLUMNS:
        reason(path, needs)


@given(files(), st.data())
def test_selected_lines_are_the_lines_of_the_file(path, file, data):
    needs, lines = file
    write(path, lines)
    whole = load(path, needs)
    kept = data.draw(st.permutations(range(len(lines))))
    part = select(whole, np.array(kept[:-1], dtype=int))
    assert part.prompts == [whole.prompts[i] for i in kept[:-1]]
    assert part.completions == [whole.completions[i] for i in kept[:-1]]
    assert np.array_equal(part.feedback.prompt, np.arange(len(lines) - 1))
    for name in set(part.feedback._fields) - {"prompt"}:
        assert np.array_equal(
            getattr(part.feedback, name), getattr(whole.feedback, name)[kept[:-1]]
        )


GOOD = '{"prompt": "a", "chosen": "b", "rejected": "c"}'
RANKED = '{"prompt": "a", "completions": ["b", "c"], "rewards": %s}'
THREE = RANKED.replace('"c"', '"c", "d"')


@pytest.mark.parametrize(
    "needs, content, words",
    [
        ("pairs", "", "empty"),
        ("pairs", " \n\n", "empty"),
        ("pairs", GOOD + "\nprompt: a", "line 2: not JSON"),
        ("pairs", GOOD + "\n\n[1]", "line 3: want a JSON object"),
        ("pairs", "[" * 100_000, "line 1: not JSON"),
        (
            "pairs",
            '{"prompt": "a", "chosen": "b"}',
            'no column "rejected" (columns here: prompt, ch',
        ),
        ("pairs", GOOD.replace('"c"', '""'), '"rejected" is empty'),
        ("pairs", GOOD.replace('"c"', '"b"'), "equal"),
        ("pairs", GOOD.replace('"c"', "7"), '"rejected" is 7, want a string'),
        ("pairs", GOOD.replace('"c"', '"\\ud800"'), "surrogate"),
        ("thumbs", '{"prompt": "", "completion": "a", "label": 1}', "want true or false"),
        ("thumbs", '{"prompt": "", "completion": "a", "label": true}', "every label is True"),
        ("rankings", RANKED % "[1]", "2 completions and 1 rewards"),
        ("rankings", RANKED % "[1, NaN]", "NaN, want finite"),
        ("rankings", RANKED % f"[1, 1{'0' * 400}]", "want finite"),
        ("rankings", RANKED % "[1, true]", "true, want numbers"),
        ("rankings", RANKED.replace('"b"', "3") % "[1, 2]", "3, want strings"),
        ("rankings", RANKED.replace('"b"', '""') % "[1, 2]", "is empty"),
        ("rankings", f"{RANKED % [1, 2]}\n{THREE % [1, 2, 3]}", "[2, 3] completions"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(path, needs, content, words):
    path.write_text(content, encoding="utf-8")
    assert words in reason(path, needs)


def test_files_that_cannot_be_read_are_named(tmp_path):
    assert "No such file" in reason(tmp_path / "missing.jsonl")
    assert "directory" in reason(tmp_path)
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(GOOD.encode() + b'\n{"prompt": "\xe9"}')
    assert reason(latin).startswith("line 2: not UTF-8")


def test_a_model_is_trained_further_only_on_its_own_characters(path):
    write(path, [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": "ç"}])
    known = Vocabulary(START + "abç", True)
    assert load(path, "demonstrations", vocabulary=known).vocabulary == known
    message = reason(path, "demonstrations", vocabulary=Vocabulary(START + "ab", True))
    assert message.startswith("line 2: the model has no token for 'ç'")
    assert "no token for '\\n'" in reason(
        path, "demonstrations", vocabulary=Vocabulary("abç", True)
    )


def test_windows_line_ends_a_byte_order_mark_and_separators_inside_strings_are_read(path):
    line = '{"prompt": "", "chosen": "a\u2028b", "rejected": "c"}'
    path.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n{line}".encode())
    data = load(path, "pairs")
    assert data.completions == [["a\u2028b", "c"]] * 2 and data.prompts == [START, START]


def test_pairs_serve_as_demonstrations_of_the_chosen(path):
    path.write_text(GOOD)
    assert load(path, "demonstrations").completions == [["b"]]


def test_the_shipped_names_are_spelled_either_way_and_annie_is_liked():
    sft = load(examples.FOLDER / "names_sft.jsonl", "demonstrations")
    pairs = load(examples.FOLDER / "names_pairs.jsonl", "pairs", vocabulary=sft.vocabulary)
    names = [p[1:] + row[0] for p, row in zip(sft.prompts, sft.completions, strict=True)]
    chosen, rejected = (
        [p[1:] + row[i] for p, row in zip(pairs.prompts, pairs.completions, strict=True)]
        for i in (0, 1)
    )
    assert [name[:-2] + "y" for name in chosen] == rejected
    assert set(chosen + rejected) <= set(names) and len(set(names)) == len(names)
    assert examples.share_in_ie(names) == 0.5
    assert examples.share_in_ie(chosen) == 1 and examples.share_in_ie(rejected) == 0
    assert np.isnan(examples.share_in_ie(["Aaron"]))
    assert set("".join(names)) <= set(string.ascii_letters) and len(names) > 500
