"""How far each row's surrogate lets a ratio go up: its own clip, read off the value of the loss."""

import numpy as np
import pytest
from devices import here

from tinyalign import methods

WIDEST = {  # the largest ratio that counts, for a typed clip
    "ppo": lambda clip: 1 + clip,
    "grpo": lambda clip: 1 + clip,
    "dr_grpo": lambda clip: 1 + clip,
    "reinforce_pp": lambda clip: 1 + clip,
    "dapo": lambda clip: 1 + 1.4 * clip,
    "gspo": lambda clip: 1 + 4 / 3 * clip,
}


@pytest.mark.parametrize("name", WIDEST)
@pytest.mark.parametrize("clip", [0.2, 0.03])
def test_a_ratio_counts_up_to_the_clip(name, clip):
    """A better answer is worth −ratio·A, at most −(1 + clip)·A; a worse one 1 − clip at least."""
    surrogate, one = here(methods.find(name).surrogate), np.ones((1, 1))
    widest = WIDEST[name](clip)
    for ratio, up, down in ((1.0, 1, 1), (9.0, widest, 9), (0.1, 0.1, 1 - clip)):
        for advantage, counts in ((2.0, up), (-2.0, down)):
            loss = surrogate(np.log(ratio) * one, 0 * one, advantage * one, one, clip)
            np.testing.assert_allclose(loss, [[-advantage * counts]], rtol=1e-12)


@pytest.mark.parametrize("clip", [4.0, 0.2])
def test_cispo_caps_the_weight_of_a_log_probability(clip):
    """−min(ratio, 1 + clip)·A·log π."""
    surrogate, one = here(methods.find("cispo").surrogate), np.ones((1, 1))
    for ratio in (0.5, 1.1, 40.0):
        loss = surrogate(-one, -one - np.log(ratio), 2.0 * one, one, clip)
        np.testing.assert_allclose(loss, [[2.0 * min(ratio, 1 + clip)]], rtol=1e-12)


@pytest.mark.parametrize("clip", [0.15, 0.05])
def test_dppo_masks_a_probability_that_has_moved_by_the_clip(clip):
    """From 1 % up by a little less, and a little more, than the clip: −ratio·A, and nothing."""
    surrogate, one = here(methods.find("dppo").surrogate), np.ones((1, 1))
    for moved, counts in ((0.9 * clip, 1.0), (1.1 * clip, 0.0)):
        ratio = (0.01 + moved) / 0.01
        loss = surrogate(np.log(0.01 + moved) * one, np.log(0.01) * one, 2.0 * one, one, clip)
        np.testing.assert_allclose(loss, [[-2.0 * ratio * counts]], rtol=1e-12)
        back = surrogate(np.log(0.01 + moved) * one, np.log(0.01) * one, -2.0 * one, one, clip)
        np.testing.assert_allclose(back, [[2.0 * ratio]], rtol=1e-12)
