"""Opt-in (`-m peers`): the laws on torch, JAX and TRL code. Each needs its library installed."""

import importlib.util

import pytest

from tinyalign.laws import METHODS
from tinyalign.laws.judge import BROKEN, judge_all, repeatable

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


def broken(fn, name, conventions=None, **how):
    method = next(m for m in METHODS if m.name == name)
    verdicts = judge_all(fn, method, conventions or {}, setting=repeatable(50), **how)
    return [v.law.name for v in verdicts if v.status == BROKEN]


@pytest.mark.parametrize(
    "name",
    ["dpo", "cdpo", "ipo", "hinge", "sppo", "apo_zero", "apo_down", "bco", "simpo", "odds_ratio",
     "kto", "kto_z0", "bradley_terry", "infonca", "k1", "k2", "k3", "group_standardize",
     "clipped_surrogate", "truncated_importance", "value_loss", "entropy", "sequence_logp"],
)  # fmt: skip
def test_torch_rewritings_hold_every_law(name):
    pytest.importorskip("torch")
    from tests.independent import in_torch

    assert broken(getattr(in_torch, name), name, framework="torch") == []


@pytest.mark.parametrize("name", ["dpo", "ipo", "simpo", "odds_ratio", "k3", "clipped_surrogate"])
def test_jax_rewritings_hold_every_law(name):
    pytest.importorskip("jax")
    from tests.independent import in_jax

    assert broken(getattr(in_jax, name), name, framework="jax") == []


def test_a_torch_gradient_that_leaks_is_seen():
    """z0 with a gradient has the right value; only autodiff tells (law K5c)."""
    torch = pytest.importorskip("torch")

    def leaking(logp, ref):
        return (logp - ref).mean().clamp(min=0)

    assert broken(leaking, "kto_z0", framework="torch") == ["K5c"]
    assert torch.__version__


def test_a_torch_item_that_cuts_the_gradient_is_seen():
    torch = pytest.importorskip("torch")

    def item(logp, advantage):
        return torch.tensor((-advantage * logp).tolist(), dtype=logp.dtype)

    assert "RE6" in broken(item, "reinforce", framework="torch")


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="TRL is not installed")
def test_trl_through_an_adapter_is_left_to_do():
    pytest.skip("no verdicts on TRL are recorded yet")
