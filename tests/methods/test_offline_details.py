"""What rows of offline methods add to their losses: BCO's δ, the KL that best-of-n reports."""

import numpy as np
import pytest
from devices import fetched, sent
from strategies import close, sigma, slope
from sweeping import run

from tinyalign.methods import offline

pytestmark = pytest.mark.usefixtures("plain_curves")


def test_no_gradient_flows_through_bcos_delta():
    """δ = ½·(mean of β·h_w + mean of β·h_l) is a number: −log σ(β·h_w − δ) has the slope
    −β·σ(δ − β·h_w), and −log σ(δ − β·h_l) has β·σ(β·h_l − δ)."""
    rng, beta = np.random.default_rng(0), 0.7
    chosen, rejected, ref_chosen, ref_rejected = -rng.gamma(4.0, 2.0, size=(4, 6))
    rise_w, rise_l = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    delta = (rise_w.mean() + rise_l.mean()) / 2
    arguments = sent((chosen, rejected, ref_chosen, ref_rejected))
    of_chosen, of_rejected = (
        fetched(slope(offline.bco, *arguments, at=at, beta=beta)) for at in (0, 1)
    )
    assert abs(delta) > 0.1
    close(of_chosen, -beta * sigma(delta - rise_w))
    close(of_rejected, beta * sigma(rise_l - delta))


@pytest.mark.parametrize("n", [2, 8])
def test_best_of_n_reports_the_kl_of_the_distribution_it_draws_from(tmp_path, n):
    """Without ties the best of n has the density n·u^(n − 1) in the quantile u of the reward: its
    KL is the integral of n·u^(n − 1)·log(n·u^(n − 1)), which log n − (n − 1)/n is."""
    (summary,) = run(tmp_path, "best_of_n", env="bandit", num_generations=n, eval_size=20)
    u = (np.arange(100_000) + 0.5) / 100_000
    density = n * u ** (n - 1)
    assert summary["eval_kl"] == pytest.approx(np.mean(density * np.log(density)), abs=1e-6)
