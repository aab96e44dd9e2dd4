"""The operations a small language model is made of, each with its gradient beside it.

An operation returns its value and its pullback: the function that takes g = d loss/d value and
returns d loss/d argument for every argument.
"""

from tinyalign.engine.ops.layers import (
    add_positions,
    column_sums,
    embed,
    fold_layernorm_into_linear,
    gelu,
    layernorm,
    linear,
    norm_linear,
    normalise,
    softmax,
    token_logp,
)
from tinyalign.engine.ops.prompts import (
    before_each_token,
    lstm_after_prompts,
    put,
    take_rows,
)
from tinyalign.engine.ops.sequence import attention, lstm

__all__ = [
    "add_positions",
    "attention",
    "before_each_token",
    "column_sums",
    "embed",
    "fold_layernorm_into_linear",
    "gelu",
    "layernorm",
    "linear",
    "lstm",
    "lstm_after_prompts",
    "norm_linear",
    "normalise",
    "put",
    "softmax",
    "take_rows",
    "token_logp",
]
