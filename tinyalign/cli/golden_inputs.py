"""What `tinyalign golden` calls every public loss with: small arrays made by a rule, not drawn.

The same on every machine and under every version of NumPy.
"""

import inspect

import numpy as np

from tinyalign import losses

ROWS, TOKENS, CANDIDATES, VOCABULARY = 3, 4, 4, 5
LENGTHS = np.array([[4], [2], [1]])  # completion tokens of each row
RANGES = {  # kind of array -> its shape, lowest and highest ordinary number, and some far ones
    "sum": ((ROWS,), -30.0, -1.0, (-0.001, -300.0, -40.0)),
    "average": ((ROWS,), -4.0, -0.1, (-1e-6, -30.0, -2.0)),
    "nll": ((ROWS,), 0.1, 4.0, (0.0, 30.0, 2.0)),
    "log_weight": ((ROWS,), -2.0, 0.5, (0.0, -30.0, 2.0)),
    "score": ((ROWS,), -2.0, 2.0, (300.0, -300.0, 0.0)),
    "token": ((ROWS, TOKENS), -4.0, -0.1, (-1e-6, -30.0, -2.0)),
    "table": ((ROWS, TOKENS), -2.0, 2.0, (0.0, 30.0, -30.0)),
    "advantage": ((ROWS, 1), -1.5, 1.5, (0.0, 30.0, -30.0)),
    "group": ((ROWS, CANDIDATES), -2.0, 2.0, (1.0, 1.0, 0.0)),
    "success": ((ROWS, CANDIDATES), 0.0, 2.0, (1.0, 0.0, 0.0)),
    "candidates": ((ROWS, CANDIDATES), -4.0, -0.1, (-1e-6, -30.0, -2.0)),
    "several": ((ROWS, CANDIDATES, 2), -2.0, 2.0, (1.0, 0.0, 0.0)),
    "logits": ((ROWS, VOCABULARY), -3.0, 3.0, (0.0, 300.0, -300.0)),
    "token_logits": ((ROWS, TOKENS, VOCABULARY), -3.0, 3.0, (0.0, 300.0, -300.0)),
    "length": ((ROWS,), 5.0, 25.0, (0.0, 20.0, 100.0)),
    "positive": ((), 0.05, 0.2, (0.15, 0.15, 0.15)),
    "number": ((), 0.1, 2.0, (0.0, 0.0, 0.0)),
}
FIXED = {  # what is no measured number, and never gets a gradient
    "mask": (np.arange(TOKENS) < LENGTHS).astype(float),
    "desirable": np.array([1.0, 0.0, 1.0]),
    "prompt": np.array([7, 3, 7]),
    "weight": np.array([1.0, 0.5]),
}
KINDS = {  # name of a parameter -> kind, where no row below says otherwise
    "logp": "token", "old_logp": "token", "ref_logp": "token", "proximal_logp": "token",
    "rollout_logp": "token", "advantage": "advantage", "x": "table", "value": "table",
    "old_value": "table", "returns": "table", "reward": "group", "ranked_reward": "group",
    "log_ratio": "group", "avg_logp": "candidates", "logits": "logits", "ref_logits": "logits",
    "teacher_logits": "logits",
    "chosen_reward": "score", "rejected_reward": "score", "score": "score", "length": "length",
    "z0": "number", "kl": "number", "beta": "positive",
}  # fmt: skip
ENDINGS = {"avg_logp": "average", "nll": "nll", "log_weight": "log_weight", "logp": "sum"}
OTHERWISE = {  # (loss, parameter) -> kind
    ("kto", "logp"): "sum", ("kto", "ref_logp"): "sum", ("gae", "reward"): "table",
    ("gae_over_turns", "reward"): "table", ("wpo_log_weight", "logits"): "token_logits",
    ("group_maxrl", "reward"): "success", ("group_gdpo", "reward"): "several",
    ("gspo_token", "advantage"): "table",
    **{(f"{name}_by_prompt", "reward"): "score"
       for name in ("center", "standardize", "leave_one_out")},
}  # fmt: skip
NEEDED = {  # numbers without a default
    "clip_high": 0.3, "clip_low": 0.2, "length": 6.0, "tokens": 12.0, "max_length": 20.0,
    "buffer": 8.0, "target": 6.0, "n": 64.0, "horizon": 10000.0, "beta": 0.1,
}  # fmt: skip
OTHER = {  # the numbers of the second case
    "beta": 0.7, "tau": 0.6, "flip": 0.25, "lam": 0.5, "eps": 0.01, "delta": 0.4, "alpha": 0.8,
    "gamma": 0.6, "margin": 0.5, "center": 0.05, "weight": 0.5, "weight_desirable": 1.5,
    "weight_undesirable": 0.8, "clip_low": 0.1, "clip_high": 0.5, "clip_dual": 1.8, "clip": 0.5,
    "tau_positive": 0.5, "tau_negative": 2.0, "cap": 1.2, "low": 0.8, "high": 1.5, "length": 8.0,
    "tokens": 20.0, "max_length": 18.0, "buffer": 4.0, "last_value": 0.5, "log_ratio_limit": 1.0,
    "limit": 0.5, "ddof": 0,
}  # fmt: skip
STEPS = np.sqrt([2, 3, 5, 7, 11, 13, 17])  # irrational, another for each parameter
WITHOUT = ("rejection_sample",)  # it draws: there is nothing to compare


def names():
    """Every public loss, estimator, advantage and average that has golden values."""
    return [name for name in losses.__all__ if name not in WITHOUT]


def golden_cases(name):
    """Three calls of a loss: {what it shows: (arrays by name, numbers by name)}."""
    numbers = numbers_of(name)
    other = numbers | {n: OTHER[n] for n in numbers if n in OTHER}
    return {
        "ordinary numbers": (arrays_of(name, seed=0), numbers),
        "other settings": (arrays_of(name, seed=7), other),
        "far out": (arrays_of(name, seed=3, far=True), numbers),
    }


def parameters(name):
    return inspect.signature(getattr(losses, name)).parameters.values()


def arrays_of(name, seed, far=False):
    """An array for every positional parameter, each with numbers of its own."""
    wanted = [p.name for p in parameters(name) if p.kind is p.POSITIONAL_OR_KEYWORD]
    return {p: array_of(name, p, seed, STEPS[i], far) for i, p in enumerate(wanted)}


def array_of(name, parameter, seed, step, far):
    """The array of one parameter: multiples of an irrational step, modulo 1, over its range."""
    if parameter in FIXED and (name, parameter) not in OTHERWISE:
        return FIXED[parameter].copy()
    shape, low, high, far_ones = RANGES[kind_of(name, parameter)]
    count = int(np.prod(shape))
    if far:
        return np.resize(np.roll(far_ones, round(7 * step)), count).reshape(shape)
    spread = (np.arange(seed + 1, seed + count + 1) * step) % 1.0
    return np.round(low + (high - low) * spread, 3).reshape(shape)


def kind_of(name, parameter):
    """What a parameter of a loss holds: by exception, by its name, or by how its name ends."""
    if (name, parameter) in OTHERWISE:
        return OTHERWISE[name, parameter]
    if parameter in KINDS:
        return KINDS[parameter]
    return next(kind for ending, kind in ENDINGS.items() if parameter.endswith(ending))


def numbers_of(name):
    """The numbers of a loss: its defaults, and ours where it has none.

    An axis stays the last; a mask that may be left out is left out.
    """
    found = {}
    for p in parameters(name):
        if p.kind is p.KEYWORD_ONLY and p.name not in ("axis", "mask"):
            found[p.name] = NEEDED[p.name] if p.default is p.empty else p.default
    return found
