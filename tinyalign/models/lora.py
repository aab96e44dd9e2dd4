"""LoRA: two thin matrices beside each weight matrix. They train, and the weight stays.

A merged tree has the shapes of the base, so every model reads it as it is:

    adapters = add_adapters(base, rank, rng)
    run = value_and_grad(lambda adapters, *rest: loss(merge_adapters(base, adapters, scale), *rest))
"""

import math

from tinyalign.engine import tree
from tinyalign.engine.backend import to_device, xp


def add_adapters(params, rank, rng, *, only=""):
    """Thin matrices A and B for each weight matrix W: A ~ normal(0, 1/rows), B = 0.

    params   tree of parameters; leaves of two or more axes are weight matrices, except biases
             (called "b"); all axes after the first are columns
    rank     whole number ≥ 1, r; columns of A and rows of B
    rng      numpy Generator
    only     text that the path of an adapted leaf contains, such as "attn"; "" takes all matrices
    returns  tree {path of W: {"a": (rows, r), "b": (r, columns)}}, of the numbers' type of W
    raises   ValueError if rank is below 1, or no matrix has `only` in its path

    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1.
    Differs: W is read as x·W, so the paper's B·A is A·B here; all matrices by default, where the
    paper adapts those of the attention; the paper leaves the spread of A open.
    """
    if rank < 1:
        raise ValueError(f"an adapter has a rank of 1 or more, got {rank}")
    flat = {}
    for path, leaf in tree.leaves(params).items():
        bias = path.endswith(".b")  # that of query, key and value has three axes
        if len(leaf.shape) > 1 and not bias and only in path:
            rows, columns = leaf.shape[0], math.prod(leaf.shape[1:])
            a = rng.standard_normal((rows, rank)) / math.sqrt(rows)
            flat[f"{path}.a"] = to_device(a).astype(leaf.dtype)
            flat[f"{path}.b"] = xp.zeros((rank, columns), leaf.dtype)
    if not flat:
        raise ValueError(f"no weight matrix has {only!r} in its path: nothing to adapt")
    return tree.rebuild(flat)


def merge_adapters(params, adapters, scale):
    """The base with its adapters added: W + scale·A·B where there is an adapter, W elsewhere.

    params    tree of parameters, the base
    adapters  tree of `add_adapters` for the same base
    scale     number, α/r; the paper keeps α while the rank changes
    returns   tree like params; a leaf without an adapter is the leaf of the base itself
    raises    ValueError if an adapter has no leaf in the base

    The gradient in the adapters alone trains them alone: B starts at 0, so A has a gradient of 0
    at the first step, and B has not.

    Source: Hu et al. 2021, arXiv:2106.09685, equation 3.
    Differs: the product is added before the forward pass and not inside each layer, which gives
    the same numbers and needs room for one more copy of each adapted matrix.
    """
    merged, parts = dict(tree.leaves(params)), tree.leaves(adapters)
    for path in [name.removesuffix(".a") for name in parts if name.endswith(".a")]:
        if path not in merged:
            raise ValueError(f"the base has no leaf {path!r}, for which there is an adapter")
        product = parts[f"{path}.a"] @ parts[f"{path}.b"]  # (rows, r) · (r, columns)
        merged[path] = merged[path] + scale * product.reshape(merged[path].shape)
    return tree.rebuild(merged)
