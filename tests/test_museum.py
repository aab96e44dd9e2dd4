"""Every exhibit is killed, the table of kills is current, and the diagnosis names the right bug."""

import pytest

from tinyalign.laws import METHODS
from tinyalign.laws.curate import (
    DATA,
    PAGE,
    broken_laws,
    documentation,
    first_kills,
    page,
    recorded,
)
from tinyalign.laws.diagnose import likenesses, method_of
from tinyalign.laws.judge import laws_for
from tinyalign.laws.museum import EXHIBITS
from tinyalign.laws.subject import Subject

TABLE = recorded()
NOTE_004 = {  # exhibit -> laws that it has to break, whatever else it breaks
    "dpo_reference_is_live_policy": {"D6b"},
    "sequence_mask_one_late": {"C.S1", "C.S2", "C.S3"},
    "sequence_unshifted": {"P3", "C.S3"},
    "k1_as_a_loss": {"KL2"},
    "rank_by_argsort": {"R4", "R6b"},
    "ipo_two_squares": {"I1", "I3"},
    "kto_note_004": {"K1", "K2", "K3", "K4", "K6"},
    "orpo_note_004": {"O4", "C.D10"},
    "rrhf_note_004": {"H1", "H4b", "H5"},
    "note_004_train_step_ratio": {"PP1"},
    "note_004_item": {"RE6"},
}


def test_there_are_a_hundred_exhibits_with_a_story():
    assert len(EXHIBITS) >= 100
    assert len({e.name for e in EXHIBITS}) == len(EXHIBITS)
    assert all(e.story and e.seen and e.source.startswith("def ") for e in EXHIBITS)
    assert {e.method for e in EXHIBITS} == {m.name for m in METHODS}


def test_the_table_covers_the_museum_and_kills_all_of_it():
    assert list(TABLE) == [e.name for e in EXHIBITS]
    assert all(TABLE.values()), [name for name, broken in TABLE.items() if not broken]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda e: e.name)
def test_the_first_kill_is_current(exhibit):
    first = TABLE[exhibit.name][0]
    assert broken_laws(exhibit, only={first}) == [first]


def test_the_page_is_made_from_the_table():
    assert PAGE.read_text() == page(TABLE), "run python -m tinyalign.laws.curate"
    assert DATA.exists()


def test_each_law_earns_its_place_or_is_listed_as_documentation():
    earned, listed = set(first_kills(TABLE)), set(documentation(TABLE))
    for method in METHODS:
        for law in laws_for(method):
            key = (method.kind, law.name)
            assert key in earned or key in listed or law.name in ("batch", "pure")


@pytest.mark.parametrize("name", NOTE_004)
def test_note_004_gets_the_verdicts_of_the_errata(name):
    assert NOTE_004[name] <= set(TABLE[name])


def rightly_diagnosed(exhibits):
    right = 0
    for exhibit in exhibits:
        subject = Subject(exhibit.fn, method_of(exhibit), exhibit.conventions, dtype=exhibit.dtype)
        right += likenesses(subject, TABLE[exhibit.name])[0].exhibit is exhibit
    return right / len(exhibits)


def test_the_top_diagnosis_is_the_right_one():
    assert rightly_diagnosed([e for e in EXHIBITS if "pair" in method_of(e).kind]) >= 0.9


@pytest.mark.slow
def test_the_top_diagnosis_is_the_right_one_for_all_kinds():
    assert rightly_diagnosed(EXHIBITS) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda e: e.name)
def test_the_whole_row_is_current(exhibit):
    row = TABLE[exhibit.name]
    assert broken_laws(exhibit, only=set(row)) == row  # these fail early
    assert set(broken_laws(exhibit, 8)) <= set(row)  # the others hold, tried more briefly
