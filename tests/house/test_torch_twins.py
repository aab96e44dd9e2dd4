"""Opt-in (`-m peers`): what the benchmark has PyTorch compute is what tinyalign computes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tinyalign.engine.tree import tree_map

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CASES = [("SFT", 5, 1), ("DPO", 4, 2), ("GRPO", 3, 4)]


@pytest.fixture
def torch(monkeypatch):
    """PyTorch in float64, with the modules of the benchmark at hand."""
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(torch.float32)
    for name in ("method_steps", "measure", "torch_models", "torch_methods", "torch_sampler"):
        sys.modules.pop(name, None)


def case_of(prompts, group):
    """Parameters, tokens, log-probabilities and advantages in float64."""
    import method_steps

    params, tokens, *given = method_steps.prepared(np.random.default_rng(0), 16, prompts, group)
    wide = tree_map(lambda leaf: leaf.astype(np.float64), params)
    return wide, tokens, *(array.astype(np.float64) for array in given)


@pytest.mark.parametrize("name, prompts, group", CASES)
def test_losses_and_gradients_agree_over_three_steps(torch, name, prompts, group):
    """Here and in PyTorch with both forms of attention, with and without shared prompts, to 1e-9 in
    float64."""
    import method_steps

    case = case_of(prompts, group)
    peers = method_steps.theirs(name, *case)
    assert len(peers) == 4
    here = [method_steps.ours(name, *case, share=share) for share in (False, True)]
    steps = [*here, *peers.values()]
    for _ in range(3):
        first, *others = [np.array([float(x) for x in step()]) for step in steps]
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-9)


def test_the_samplers_log_probabilities_are_the_models(torch):
    """log π of the tokens that the cached sampler drew, read again in one pass."""
    import method_steps
    import torch_methods
    import torch_sampler

    params, tokens, *_ = case_of(4, 1)
    model = method_steps.torch_model(params, method_steps.attention_forms()["fused attention"])
    prompts = torch.from_numpy(tokens[:, 0, : method_steps.PROMPT])
    drawn, logp = torch_sampler.sample(model, prompts, method_steps.NEW)
    rows = torch.cat([prompts, drawn], 1)[:, None]
    with torch.no_grad():
        again = torch_methods.token_logp(model, torch_methods.whole_rows(rows, prompts.shape[1]))
    np.testing.assert_allclose(logp, again[:, 0], rtol=1e-9)


def test_the_sampler_draws_each_token_as_often_as_its_probability_says(torch):
    """60,000 draws from four tokens: every frequency within five standard errors."""
    import torch_sampler

    torch.manual_seed(0)
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    token, logp = torch_sampler.draw(torch.log(p).expand(60_000, 4))
    frequency = torch.bincount(token, minlength=4) / len(token)
    assert (abs(frequency - p) < 5 * (p * (1 - p) / len(token)) ** 0.5).all()
    np.testing.assert_allclose(logp, torch.log(p)[token])
