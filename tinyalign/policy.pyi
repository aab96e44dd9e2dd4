"""Types of tinyalign.policy, written by tests/write_types.py."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Params = dict[str, Any]  # a tree of arrays

def logits(
    model: Any,
    params: Params,
    tokens: Array,
    **options: Any,
) -> Array: ...
def project(
    model: Any,
    params: Params,
    features: Any,
    shape: Any,
) -> Array: ...
def token_logp(
    model: Any,
    params: Params,
    tokens: Array,
    *,
    temperature: float = 1.0,
    layout: Any = None,
) -> Array: ...
def token_logp_and_entropy(
    model: Any,
    params: Params,
    tokens: Array,
    *,
    temperature: float = 1.0,
    layout: Any = None,
) -> tuple[Array, Array]: ...
def predicting_features(
    model: Any,
    params: Params,
    tokens: Array,
    layout: Any,
) -> Array: ...
def to_rows(
    x: Any,
    tokens: Array,
    layout: Any,
) -> Array: ...
def sequence_logp(
    model: Any,
    params: Params,
    tokens: Array,
    mask: Array,
    *,
    temperature: float = 1.0,
    layout: Any = None,
) -> Array: ...
def scalar_features(
    model: Any,
    params: Params,
    tokens: Array,
) -> Array: ...
def scalar_init(
    model: Any,
    params: Params,
) -> Params: ...
def scalar(
    model: Any,
    params: Params,
    tokens: Array,
) -> Array: ...
def prefix_value(
    model: Any,
    params: Params,
    tokens: Array,
    *,
    layout: Any = None,
) -> Array: ...
def sequence_reward(
    model: Any,
    params: Params,
    tokens: Array,
    mask: Array,
    *,
    layout: Any = None,
) -> Array: ...
def sample(
    model: Any,
    params: Params,
    prompts: Array,
    rng: np.random.Generator,
    *,
    max_new_tokens: int,
    eos: int | None = None,
    temperature: float = 1.0,
    num_generations: int = 1,
) -> Any: ...
