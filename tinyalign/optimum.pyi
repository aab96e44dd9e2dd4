"""Types of tinyalign.optimum, written by tests/write_types.py."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

def optimal_policy(
    ref_probs: Array,
    reward: Array,
    *,
    beta: float,
) -> Array: ...
def best_of_n(
    ref_probs: Array,
    reward: Array,
    n: int,
) -> Array: ...
def best_of_n_kl_bound(
    n: int,
) -> float: ...
def rlhf_objective(
    probs: Array,
    ref_probs: Array,
    reward: Array,
    *,
    beta: float,
) -> Array: ...
def kl(
    probs: Array,
    ref_probs: Array,
) -> Array: ...
def expectation(
    probs: Array,
    values: Array,
) -> Array: ...
def policy_gradient(
    logits: Array,
    reward: Array,
) -> Array: ...
def bradley_terry_preference(
    reward: Array,
) -> Array: ...
def win_rate(
    probs: Array,
    ref_probs: Array,
    reward: Array,
) -> Array: ...
def pair_expectation(
    pair_values: Array,
    sampler: Array,
    preference: Array,
) -> Array: ...
def ipo_policy(
    ref_probs: Array,
    preference: Array,
    sampler: Array,
    *,
    tau: float,
) -> Array: ...
def cdpo_margin(
    *,
    beta: float,
    flip: float,
) -> float: ...
def nca_log_ratio(
    reward: Array,
    *,
    beta: float,
    alpha: float,
) -> Array: ...
def bco_policy(
    ref_probs: Array,
    preference: Array,
    sampler: Array,
    *,
    beta: float,
) -> Array: ...
def sppo_update(
    probs: Array,
    preference: Array,
    *,
    beta: float,
) -> Array: ...
def filtered_policy(
    ref_probs: Array,
    reward: Array,
    *,
    threshold: float,
) -> Array: ...
def acceptance_rate(
    ref_probs: Array,
    reward: Array,
    *,
    beta: float,
) -> Array: ...
def require_distribution(
    ref_probs: Array,
    reward: Array,
) -> None: ...
