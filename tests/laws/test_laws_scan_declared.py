"""`tinyalign scan`: what somebody says of a function, how it is told, and what is left out."""

import json

import numpy as np
import pytest

from tinyalign.laws.scan.command import cut_out, guessed, scan
from tinyalign.laws.source.stand_ins import NotHere

SOURCE = """
import numpy as np
import a_package_that_is_not_there


def penalty(logp, ref_logp, kind):
    if kind == "k1":
        return logp - ref_logp
    elif kind == "capped":
        difference = ref_logp - logp
        return np.clip(np.expm1(difference) - difference, -10, 10)
    raise ValueError(kind)


def kl_estimate(logp, ref_logp, kind):
    return penalty(logp, ref_logp, kind)


def kl_of(logp, ref_logp, kind):
    if kind == "k1":
        return logp - ref_logp
    return np.clip(np.expm1(ref_logp - logp) - (ref_logp - logp), -10, 10)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    (tmp_path / "losses.py").write_text(SOURCE)
    return tmp_path / "losses.py"


@pytest.mark.slow
def test_a_method_and_a_value_of_a_parameter(file, capsys):
    """A name that says nothing is judged as what was typed, with the parameter that was typed."""
    assert scan("losses.py:penalty", "clamped_k3", ["kind=capped"]) == 0
    shown = capsys.readouterr().out
    assert "losses.py:6: lawful: penalty as clamped_k3 with kind='capped'\n" in shown
    assert "tinyalign scan" not in shown  # this was the whole report


def test_a_counterexample_can_be_pasted(file, capsys):
    assert scan("losses.py:penalty", "k2", ["kind=capped"]) == 1
    shown = capsys.readouterr().out
    assert "from losses import penalty" in shown and "kind='capped')" in shown
    assert "cut_0" not in shown


@pytest.mark.slow
def test_the_same_in_pyproject_for_a_folder(file, capsys):
    assert scan(".") == 0
    assert "kl_of as k1" in capsys.readouterr().out
    (file.parent / "pyproject.toml").write_text(
        '[tool.tinyalign."losses.py:kl_of"]\nas = "clamped_k3"\nconvention = { kind = "x" }\n'
        '[tool.tinyalign."losses.py:kl_estimate"]\nas = "k1"\nconvention = { kind = "k1" }\n'
    )
    scan(".", as_json=True)
    rows = json.loads(capsys.readouterr().out)["functions"]
    found = {(r["function"], r["method"], r["said"]): r["verdict"] for r in rows}
    assert found["kl_estimate", "k1", "kind='k1'"] == "lawful"
    assert found["kl_of", "clamped_k3", "kind='x'"] == "lawful"
    # what nothing was said of is judged as before
    assert found["kl_of", "k1", "kind='k1'"] == "lawful"


def test_what_is_said_wrongly_is_refused(file, capsys):
    assert scan(".", "k1") == 2
    assert "are about one function" in capsys.readouterr().err
    assert scan("losses.py:penalty", "no_method") == 2
    assert "No method 'no_method'" in capsys.readouterr().err


@pytest.mark.slow
def test_words_that_name_no_method_are_told(file, capsys):
    (file.parent / "losses.py").write_text(SOURCE.replace("def penalty", "def kl_penalty"))
    scan("losses.py:kl_penalty", as_json=True)
    rows = json.loads(capsys.readouterr().out)["functions"]
    assert [r["sentence"] for r in rows if r["verdict"] == "not judged"] == [
        "kind='capped' names no method that the checker knows."
    ]


def test_no_word_is_cut_and_a_folder_without_python_says_so(file, capsys):
    missing = "return a_package_that_is_not_there.kl_of_a_long_name(logp, ref_logp)"
    file.write_text(f"import a_package_that_is_not_there\ndef kl_3(logp, ref_logp): {missing}\n")
    assert scan(".") == 2
    lines = capsys.readouterr().out.splitlines()
    assert "a_package_that_is_not_there.kl_of_a_long_name," in " ".join(lines).split()
    assert all(len(line) <= 60 for line in lines if line.startswith("    "))
    file.rename(file.with_suffix(".txt"))
    assert scan(".") == 2
    assert "There is no Python file in ." in capsys.readouterr().out


TABLES = """
import numpy as np


def masked_mean(x, mask):
    return (x * mask).sum(-1) / mask.sum(-1) + 1


def segment_masked_mean(x, mask):
    return mask * ((x * mask).sum(-1) / mask.sum(-1))[:, None]
"""


def test_a_table_is_no_mean_of_rows(file, capsys):
    """Rows that have a mean each are averaged, and the code says so; a table is not accused."""
    file.write_text(TABLES)
    assert scan("losses.py:segment_masked_mean") == 2
    assert "as token_mean or sequence_mean" in capsys.readouterr().out


@pytest.mark.slow
def test_the_code_for_rows_averages_them(file, capsys):
    file.write_text(TABLES)
    assert scan("losses.py:masked_mean", "sequence_mean") == 1
    code = "".join(capsys.readouterr().out.split())
    assert "]])).mean()#->" in code and "]]))#->" not in code


FAST = """
import numpy as np
try:
    from no_such_package import fast_cross_entropy
    FAST = True
except ImportError:
    FAST = False
def log_probs_from_logits(logits, labels):
    if FAST:
        return -fast_cross_entropy(logits, labels)
    return slow(logits, labels)
def logprobs_from_logits(logits, labels):
    try:
        from no_such_package import fast_cross_entropy
        return -fast_cross_entropy(logits, labels)
    except ImportError:
        return slow(logits, labels)
def gather_logprobs_from_logits(logits, labels):
    from no_such_package import fast_cross_entropy
    return -fast_cross_entropy(logits, labels)
def slow(logits, labels):
    logp = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return np.take_along_axis(logp, labels[..., None], axis=-1)[..., 0]
"""


def test_what_is_done_where_an_import_fails_is_judged(tmp_path):
    path = tmp_path / "fast.py"
    path.write_text(FAST)
    logits, labels = np.zeros((1, 1, 4)), np.zeros((1, 1), dtype=int)
    for found, guess in guessed(path):
        there = {}
        exec(cut_out(found, guess).files()["cut_0.py"], there)
        if found.name == "gather_logprobs_from_logits":
            with pytest.raises(NotHere, match=r"no_such_package\.fast_cross_entropy, which is not"):
                there[found.name](logits, labels)
        else:
            assert there[found.name](logits, labels) == -np.log(4.0)
