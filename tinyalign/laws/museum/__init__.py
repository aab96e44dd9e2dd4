"""The museum of silent bugs: wrong losses that look right, each with where it was seen."""

from tinyalign.laws.museum import (
    baselines,
    distillation,
    divergence,
    listwise,
    off_policy,
    pair_anchored,
    pair_dpo,
    reference_free,
    returns,
    sequences,
    sums,
    tokens,
    trust_region,
    unpaired,
    variants,
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
    distillation,
    returns,
    tokens,
    variants,
    trust_region,
    off_policy,
    baselines,
    sums,
)
EXHIBITS = [exhibit for room in ROOMS for exhibit in room.EXHIBITS]
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}

__all__ = ["BY_NAME", "EXHIBITS", "Exhibit"]
