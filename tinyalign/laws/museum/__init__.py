"""The museum of silent bugs: wrong losses that look right, each with where it was seen."""

from tinyalign.laws.museum import pair_dpo
from tinyalign.laws.museum.exhibit import Exhibit

ROOMS = (pair_dpo,)
EXHIBITS = [exhibit for room in ROOMS for exhibit in room.EXHIBITS]
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}

__all__ = ["BY_NAME", "EXHIBITS", "Exhibit"]
