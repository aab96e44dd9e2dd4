"""A user's script, for type checkers: tests/house/test_types.py asks mypy about it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinyalign as ta
from tinyalign import laws, optimum


def my_loss(
    chosen_logp: NDArray[Any],
    rejected_logp: NDArray[Any],
    ref_chosen_logp: NDArray[Any],
    ref_rejected_logp: NDArray[Any],
    *,
    beta: float = 0.1,
) -> NDArray[Any]:
    """DPO, by tinyalign's own."""
    logps = chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp
    return ta.dpo(*logps, beta=beta)


def main() -> None:
    """Everything that the page for users names, once."""
    rng = np.random.default_rng(0)
    logp = -rng.random((4, 3))
    mask = np.ones((4, 3))
    print(my_loss(logp[0], logp[1], logp[2], logp[3]).mean())
    print(float(ta.token_mean(ta.clipped_surrogate(logp, logp, mask, clip_high=0.28), mask)))
    advantage, returns = ta.gae(logp, logp, mask, gamma=1.0, lam=0.95)
    print(advantage.shape, returns.shape, ta.group_standardize(logp, ddof=0))
    best = ta.optimal_policy(np.full((1, 2), 0.5), np.array([[1.0, 0.0]]), beta=0.5)
    print(optimum.kl(best, np.full((1, 2), 0.5)), optimum.best_of_n_kl_bound(4), ta.__version__)
    laws.assert_lawful(my_loss, "dpo", reduction="none")


if __name__ == "__main__":
    main()
