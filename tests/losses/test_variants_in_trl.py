"""Opt-in (`-m peers`): SAPO, f-DPO, label smoothing and dual clip as TRL computes them."""

import numpy as np
import pytest

from tinyalign import losses as L

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def trl():
    pytest.importorskip("trl")
    from tests.independent import in_trl

    return in_trl


def tensors(*arrays):
    import torch

    return [torch.tensor(a) for a in arrays]


def one_by_one(trl, *arrays, **numbers):
    """GRPOTrainer's loss of each token by itself."""
    cells = zip(*(a.reshape(-1, 1, 1) for a in arrays), strict=True)
    return [float(trl.grpo_trainer_loss(*tensors(*cell), **numbers)) for cell in cells]


def tokens():
    old = -RNG.gamma(2, 1, (4, 3))
    return old + RNG.normal(0, 1, old.shape), old, RNG.normal(0, 2, old.shape)


def test_sapo(trl):
    numbers = {"sapo_temperature_pos": 0.8, "sapo_temperature_neg": 1.3}
    numbers["args"] = trl.SimpleNamespace(delta=None, use_bias_correction_kl=False, **numbers)
    arrays = tokens()
    theirs = one_by_one(trl, *arrays, kind="sapo", **numbers)
    ours = L.sapo(*arrays, tau_positive=0.8, tau_negative=1.3)
    np.testing.assert_allclose(ours.ravel(), theirs, rtol=1e-6)  # TRL's temperatures are float32


def test_dual_clip_caps_the_ratio_of_bad_tokens_as_delta_does(trl):
    """TRL's delta caps the unclipped ratio, which is the dual clip for a bad token."""
    arrays = tokens()
    args = trl.SimpleNamespace(delta=2.0, use_bias_correction_kl=False)
    theirs = np.array(one_by_one(trl, *arrays, args=args))
    ours = L.dual_clipped_surrogate(*arrays, clip_dual=2.0).ravel()
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("kind, coef", [("js_divergence", 0.0), ("alpha_divergence", 0.4)])
def test_f_dpo(trl, kind, coef, monkeypatch):
    """TRL's coefficient is 1 − α of the paper."""
    w, r, rw, rr = -RNG.gamma(4, 1, (4, 5))
    usual = trl.trainer

    def trainer(**numbers):
        return usual(**numbers | {"f_divergence_type": kind, "f_alpha_divergence_coef": coef})

    monkeypatch.setattr(trl, "trainer", trainer)
    # Only in float32: the alpha divergence has no clamp for float64.
    rows = zip(*(a.astype(np.float32)[:, None] for a in (w, r, rw, rr)), strict=True)
    theirs = [float(trl.dpo("sigmoid")(*tensors(*row), 0.3)) for row in rows]
    ours = (
        L.f_dpo_js(w, r, rw, rr, beta=0.3)
        if kind == "js_divergence"
        else L.f_dpo_alpha(w, r, rw, rr, beta=0.3, alpha=0.6)
    )
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)


def test_label_smoothing(trl):
    w, r = -RNG.gamma(4, 1, (2, 5))
    for kind, more, ours in (
        ("sigmoid", {}, L.conservative_cpo(w, r, 0 * w, beta=0.4, alpha=0.0, flip=0.2)),
        ("simpo", {"simpo_gamma": 0.7}, L.conservative_simpo(w, r, beta=0.4, gamma=0.7, flip=0.2)),
    ):
        self = trl.trainer(**trl.cpo_self(kind, beta=0.4, **more) | {"label_smoothing": 0.2})
        theirs = trl.CPOTrainer.cpo_loss(self, *tensors(w, r))[0]
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9)
