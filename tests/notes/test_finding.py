"""`read`, `show`, `claims` and `museum` find what is meant: methods, terms, exchanged letters."""

import pytest

from tinyalign import cli
from tinyalign.errors import InputError, nearest
from tinyalign.methods import METHODS
from tinyalign.notes import finding


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("dpo", "08_dpo"), ("DPO", "08_dpo"), ("KL", "04_kl"), ("grpo", "13_grpo"),
        ("gpro", "13_grpo"), ("8", "08_dpo"), ("08", "08_dpo"), ("kto", "12_kto"),
        ("reward model", "03_reward"), ("gae", "07_"), ("best-of-n", "06_"),
        ("capstone", "capstone"),
    ],
)  # fmt: skip
def test_a_word_finds_its_walkthrough(typed, page):
    assert finding.page_about(typed)[0].stem.startswith(page)


def test_a_word_of_no_walkthrough_is_one_sentence():
    with pytest.raises(InputError, match="no walkthrough is about 'xyzzy'"):
        finding.page_about("xyzzy")


def test_exchanged_letters_are_nearest():
    """As of gpro: grpo, not gspo."""
    names = [row.name for row in METHODS]
    assert nearest("gpro", names) == "grpo" and nearest("dop", names) == "dpo"
    assert nearest("Kot", names) == "kto" and nearest("qqqqqqqq", names) == ""


def test_claims_are_found_by_method_theme_and_id():
    assert "dpo-memory" in finding.claim_ids(["DPO"])
    assert "group-of-eight" in finding.claim_ids(["group size"])
    assert finding.claim_ids(["dpo-memory"]) == ("dpo-memory",)
    assert finding.claim_ids([]) == finding.claim_ids(["all"]) == ()
    with pytest.raises(InputError, match="did you mean kto"):
        finding.claim_ids(["kot"])


def test_claims_begin_with_ten_lines(capsys, monkeypatch):
    """Some hold, some do not, some cannot be told; none has changed its kind of verdict."""
    monkeypatch.setenv("COLUMNS", "160")
    assert cli.main(["claims"]) == 0
    said = capsys.readouterr().out
    counts = [said.count(f"\n{title}  ") for title in ("holds", "does not hold", "cannot be told")]
    assert sum(counts) == 10 and min(counts) >= 2


def test_show_finds_terms_and_functions(capsys):
    assert cli.main(["show", "KL"]) == 0
    said = capsys.readouterr().out
    assert "as a loss" in said and "\nk1\n" in said and "\nk3\n" in said
    assert cli.main(["show", "GAE"]) == 0
    assert "def gae(" in capsys.readouterr().out
    assert cli.main(["show", "gpro"]) == 2
    assert "did you mean grpo?" in capsys.readouterr().err


def test_the_museum_lists_the_exhibits_of_a_method(capsys):
    assert cli.main(["museum", "DPO"]) == 0
    said = capsys.readouterr().out
    assert "dpo_reference_added" in said and "ipo_two_squares" not in said
    assert cli.main(["museum", "dpoo"]) == 2
    assert "Did you mean dpo" in capsys.readouterr().err
