"""The same losses on arrays that are not NumPy's: on the stand-in for a GPU, float32 only."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from strategies import LOSSES, arguments, close

from tinyalign import losses, optimum
from tinyalign.engine import backend, strict_cupy


@pytest.fixture
def device(monkeypatch):
    """Arrays that refuse to become NumPy arrays, to mix with them, or to be float64."""
    monkeypatch.setattr(strict_cupy, "allow_float64", False)
    with backend.using("strict"):
        yield


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_and_its_gradient_never_leave_the_device(name, device):
    """Value and gradients as on NumPy; no float64, no copy to the host but to check arguments."""
    case = LOSSES[name]
    host = arguments(case, dtype=np.float32)
    there = [backend.to_device(x) for x in host]
    result = case.function(*there, **case.kwargs)
    close(backend.to_host(result), case.function(*host, **case.kwargs), rtol=1e-6, atol=1e-6)
    for at in range(case.trained):

        def total(x, args, at=at):
            return anp.sum(case.function(*args[:at], x, *args[at + 1 :], **case.kwargs))

        slope = grad(total)(there[at], there)
        assert slope.dtype == np.float32
        close(backend.to_host(slope), grad(total)(host[at], host), rtol=1e-5, atol=1e-5)


mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]], np.float32)
rows = np.random.default_rng(0).normal(-2, 1, (4, 3)).astype(np.float32)
probs = np.full((4, 3), 1 / 3, np.float32)
ADVANTAGES = {
    "group_center": lambda at: losses.group_center(at(rows)),
    "group_standardize": lambda at: losses.group_standardize(at(rows)),
    "group_rank": lambda at: losses.group_rank(at(rows)),
    "leave_one_out": lambda at: losses.leave_one_out(at(rows)),
    "whiten": lambda at: losses.whiten(at(rows), at(mask)),
    "whiten, mean kept": lambda at: losses.whiten(at(rows), at(mask), shift_mean=False),
    "gae": lambda at: losses.gae(at(rows), at(rows), at(mask))[0],
    "returns": lambda at: losses.gae(at(rows), at(rows), at(mask))[1],
    "kl_shaped_reward": lambda at: losses.kl_shaped_reward(
        at(rows[:, 0]), at(rows), at(rows[::-1].copy()), at(mask), beta=0.1
    ),
    "kto_z0": lambda at: losses.kto_z0(at(rows[:, 0]), at(rows[:, 1])),
    "truncated_importance": lambda at: losses.truncated_importance(
        at(rows), at(rows - 1), at(rows[:, :1]), clip_high=0.3
    ),
    "overlong_penalty": lambda at: losses.overlong_penalty(at(-rows), max_length=3.0, buffer=1.0),
    "optimal_policy": lambda at: optimum.optimal_policy(at(probs), at(rows), beta=0.5),
    "best_of_n": lambda at: optimum.best_of_n(at(probs), at(rows), 3),
    "rlhf_objective": lambda at: optimum.rlhf_objective(at(probs), at(probs), at(rows), beta=0.5),
}


@pytest.mark.parametrize("name", ADVANTAGES)
def test_an_advantage_or_optimum_never_leaves_the_device(name, device):
    """The same numbers as on NumPy, in float32."""
    advantages = ADVANTAGES[name](backend.to_device)
    assert advantages.dtype == np.float32
    close(backend.to_host(advantages), ADVANTAGES[name](np.copy), rtol=1e-5, atol=1e-6)
