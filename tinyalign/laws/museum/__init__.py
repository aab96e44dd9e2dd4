"""The museum of silent bugs: wrong losses that look right, each with where it was seen."""

from tinyalign.laws.museum import (
    divergence,
    listwise,
    pair_anchored,
    pair_dpo,
    reference_free,
    returns,
    sequences,
    tokens,
    unpaired,
)
from tinyalign.laws.museum.exhibit import Exhibit

ROOMS = (
    sequences,
    unpaired,
    pair_dpo,
    pair_anchored,
    reference_free,
    listwise,
    divergence,
    returns,
    tokens,
)
EXHIBITS = [exhibit for room in ROOMS for exhibit in room.EXHIBITS]
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}

__all__ = ["BY_NAME", "EXHIBITS", "Exhibit"]
