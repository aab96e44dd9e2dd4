"""What the commands say that search settings and look for pages."""

import pytest

from tinyalign.cli import reading, screen

ENTRY = {"chosen": {"learning_rate": 0.003, "beta": 0.1}, "score": 0.8764, "median": 0.5}


@pytest.fixture
def opened(monkeypatch):
    """The names of the pages that the browser would have shown."""
    names = []
    monkeypatch.setattr(reading.pages, "read", names.append)
    return names


def test_what_a_search_chose_is_shown_with_its_scores(capsys, tmp_path):
    screen.print_tuned({"dpo": ENTRY, "grpo@4": ENTRY | {"score": 0.25}}, tmp_path / "tuned.json")
    lines = capsys.readouterr().out.splitlines()
    (dpo,), (grpo,) = ([x for x in lines if x.startswith(name)] for name in ("dpo", "grpo@4"))
    assert dpo.split() == ["dpo", "learning_rate", "0.003,", "beta", "0.1", "0.876", "0.500"]
    assert grpo.split()[-2:] == ["0.250", "0.500"]
    assert lines[-1].endswith(str(tmp_path / "tuned.json"))


def test_a_word_that_several_pages_are_about_opens_the_nearest_and_names_the_others(opened, capsys):
    reading.Read("GRPO")()
    said = capsys.readouterr().out
    assert f"{opened[0]} is nearest to 'GRPO'; more about it: " in said
    others = said.strip().partition("more about it: ")[2].split(", ")
    assert 1 <= len(others) <= 4 and opened[0] not in others


def test_a_number_opens_its_page_and_no_word_the_index(opened, capsys):
    reading.Read("08")()
    reading.Read(" ")()
    assert opened[0].startswith("08") and opened[1] == ""
    assert capsys.readouterr().out == ""
