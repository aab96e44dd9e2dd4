"""Parameters are nested dicts of arrays. A leaf's name is its path: "block0.attn.qkv.w"."""

import math

from autograd.core import VJPNode, add_outgrads
from autograd.extend import vspace
from autograd.tracer import getval, isbox, new_box, notrace_primitives, trace_stack

from tinyalign.engine.backend import xp


def leaves(tree, prefix=""):
    """{path: array} of every leaf, in the order of the tree."""
    flat = {}
    for name, branch in tree.items():
        path = f"{prefix}{name}"
        # A branch gives the leaves below it, a leaf itself.
        flat.update(leaves(branch, f"{path}.") if isinstance(branch, dict) else {path: branch})
    return flat


def rebuild(flat):
    """The nested dict whose leaves() are `flat`."""
    tree = {}
    for path, leaf in flat.items():
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})  # down one level, made if it is new
        branch[name] = leaf
    return tree


def tree_map(function, tree):
    """The same tree with function(leaf) at every leaf."""
    return {
        name: tree_map(function, branch) if isinstance(branch, dict) else function(branch)
        for name, branch in tree.items()
    }


def size(tree):
    """How many numbers the tree holds."""
    return sum(math.prod(leaf.shape) for leaf in leaves(tree).values())


def nbytes(tree):
    """How many bytes the tree holds."""
    return sum(leaf.nbytes for leaf in leaves(tree).values())


def ravel(tree):
    """All leaves as one vector, so that an optimizer is a few vector operations."""
    return xp.concatenate([leaf.reshape(-1) for leaf in leaves(tree).values()])


def unravel(vector, like):
    """The tree shaped like `like` whose ravel() is `vector`. Its leaves are views of it."""
    end = 0  # numbers of the vector handed out so far

    def cut(leaf):
        nonlocal end
        begin, end = end, end + math.prod(leaf.shape)
        return vector[begin:end].reshape(leaf.shape)

    return tree_map(cut, like)


def value_and_grad(loss):
    """Differentiate loss(params, *rest) -> (scalar, metrics) with respect to the tree `params`.

    returns  a function of the same arguments that returns (value, metrics, gradients);
             gradients is a tree like params, metrics holds plain arrays

    autograd can do this for a dict too, but then every access to the dict costs a dict of zeros
    in the backward pass. Here each leaf is a root of its own.
    """

    def run(params, *rest):
        tape = []  # every operation that depends on a leaf, in the order of the forward pass
        with trace_stack.new_trace() as trace:
            boxes = tree_map(lambda leaf: new_box(leaf, trace, Recorded.root(tape)), params)
            value, metrics = loss(boxes, *rest)
        if not isbox(value):
            raise ValueError("the loss does not depend on the parameters: nothing to differentiate")
        if value.shape != ():
            raise ValueError(f"the loss must be one number, got shape {value.shape}: average it")
        one = vspace(value._value).ones()  # d loss/d loss
        gradients = backward(tape, {value._node: (one, False)})

        def gradient_of(box):
            if box._node in gradients:
                return gradients[box._node][0]
            return xp.zeros_like(box._value)  # the loss did not read this leaf

        metrics = {name: getval(metric) for name, metric in metrics.items()}
        return value._value, metrics, tree_map(gradient_of, boxes)

    return run


class Recorded(VJPNode):
    """One recorded operation. It puts itself on the tape that its arguments came from."""

    __slots__ = ["tape"]

    def __init__(self, value, function, args, named, argnums, parents):
        super().__init__(value, function, args, named, argnums, parents)
        self.tape = parents[0].tape
        self.tape.append(self)

    @classmethod
    def root(cls, tape):
        """A node for something to differentiate with respect to. It is not on the tape itself."""
        node = cls.new_root()
        node.tape = tape
        return node


notrace_primitives[Recorded] = notrace_primitives[VJPNode]  # >, argmax …: no gradient, no node


def backward(tape, gradients):
    """Play the tape from the end: {node: (gradient, owned)} of the loss -> of the roots.

    `owned` marks arrays that nothing else refers to: further gradients may be added into them in
    place. A node drops its saved values once its gradient has been propagated, so memory falls
    while the backward pass runs.
    """
    while tape:
        node = tape.pop()  # an operation comes after all that it read, so its gradient is complete
        g, _ = gradients.pop(node, (None, False))
        if g is not None:  # None: the loss does not depend on this operation
            for parent, share in zip(node.parents, node.vjp(g)):  # noqa: B905 (vjp may be lazy)
                gradients[parent] = add_outgrads(gradients.get(parent), share)
        node.parents, node.vjp = (), None
    return gradients
