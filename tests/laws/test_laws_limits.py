"""A call may take so long and no longer, but a machine that is busy is not the call's fault."""

import gc
import time

import numpy as np
import pytest

from tinyalign.laws.harness import limits
from tinyalign.laws.harness.frameworks import Numpy
from tinyalign.laws.harness.limits import TookTooLong, time_limit


def compute(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(limits, "CALL_LIMIT", 0.05)
    monkeypatch.setattr(limits, "WAIT_LIMIT", 1.0)


def test_a_call_that_computes_for_ever_is_stopped():
    with pytest.raises(TookTooLong), time_limit():
        compute(60)


def test_a_call_that_sleeps_for_ever_is_stopped():
    with pytest.raises(TookTooLong), time_limit():
        time.sleep(60)


def test_a_call_that_only_waits_for_the_machine_is_left_alone():
    with time_limit():
        time.sleep(0.3)


def test_an_alarm_during_garbage_collection_is_not_lost():
    """Raised inside such a callback (Hypothesis has one) it would only be printed."""

    def slow(*_):
        compute(0.2)

    gc.callbacks.append(slow)
    try:
        with pytest.raises(TookTooLong), time_limit():
            gc.collect()
            gc.callbacks.remove(slow)
            compute(60)
    finally:
        if slow in gc.callbacks:
            gc.callbacks.remove(slow)


def test_plain_numpy_is_not_half_differentiated():
    """np.clip of a box is an array of objects, a constant to autograd: slope ½ instead of 1."""

    def call(x):
        return np.minimum(x, np.clip(x, 0.5, 1.5))

    assert Numpy().grad(call, [np.ones(1)], 0, "float64") is None
