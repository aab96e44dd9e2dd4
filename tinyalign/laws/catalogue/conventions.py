"""Choices that papers and libraries make differently, and how to get from each to ours."""

from tinyalign.laws.harness.spec import Convention


def renumber(change):
    """The function is called with other numbers."""
    return lambda arrays, numbers: (arrays, change(numbers), lambda value: value)


def rescale(factor):
    """The function's answer is brought to our scale."""
    return lambda arrays, numbers: (arrays, numbers, lambda value: factor * value)


# undo is None: Subject cuts the batch into examples instead
REDUCTION = Convention(
    "reduction",
    "none",
    {
        "none": "one number per example",
        "mean": "a mean over the batch",
        "sum": "a sum over the batch",
        "mean_of_sums": "a mean over the rows, each of them the sum of its tokens",
    },
)
# no undo: nothing is converted, but one more law speaks
DETACH = Convention(
    "detach",
    "outside",
    {"outside": "constants are detached by the caller", "inside": "constants are detached inside"},
)
GAMMA = Convention(
    "gamma_means",
    "margin",
    {"margin": "a margin γ outside β", "ratio": "γ/β, a gap that β multiplies"},
    {"ratio": renumber(lambda p: p | {"gamma": p["gamma"] / p["beta"]})},
)
TAU = Convention(
    "tau_means",
    "tau",
    {"tau": "IPO's τ, target 1/(2τ)", "target": "the target margin itself"},
    {"target": renumber(lambda p: p | {"tau": 1 / (2 * p["tau"])})},
)
# the same word for two losses, since each has its own default
SPPO_HALF = Convention(
    "half", "no", {"no": "without ½", "yes": "with a factor ½"}, {"yes": rescale(2.0)}
)
VALUE_HALF = Convention(
    "half", "yes", {"yes": "with a factor ½", "no": "without ½"}, {"no": rescale(0.5)}
)
SIGN = Convention(
    "sign",
    "loss",
    {"loss": "a loss to minimise", "objective": "an objective to maximise"},
    {"objective": rescale(-1.0)},
)
DIRECTION = Convention(
    "direction",
    "policy_ref",
    {"policy_ref": "KL(policy ‖ reference)", "ref_policy": "KL(reference ‖ policy)"},
    {"ref_policy": lambda arrays, p: (arrays[::-1], p, lambda value: value)},
)
# decides which slope an estimator of the KL has to have
USE = Convention(
    "use",
    "estimate",
    {"estimate": "an estimate to log", "loss": "a loss term", "reward": "part of the reward"},
)
CAP = Convention(
    "cap",
    "one_plus",
    {"one_plus": "a cap at 1 + clip_high", "absolute": "a cap at clip_high itself"},
    {"absolute": renumber(lambda p: p | {"clip_high": 1 + p["clip_high"]})},
)
PACKED = Convention(
    "packed",
    "no",
    {"no": "one episode per row", "yes": "episodes in one row, ended by a masked token"},
)
# no undo: x · mask with NaN in x is the caller's doing, until somebody says that it may be there
PADDING = Convention(
    "padding",
    "finite",
    {"finite": "finite numbers stand in the padding", "nan": "NaN may stand in the padding"},
)
# no undo: where nothing is selected a mean is undefined, until somebody says that it may come
EMPTY_ROWS = Convention(
    "empty_rows",
    "none",
    {"none": "every row has a token", "some": "rows without tokens may come"},
)
