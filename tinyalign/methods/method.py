"""What a row of the table of methods says."""

from collections.abc import Callable
from typing import NamedTuple

from tinyalign.losses import divergence
from tinyalign.methods.steps import needs


class Method(NamedTuple):
    """One method. The fields below `roles` belong to methods that sample while they learn:
    advantage × surrogate × reduce × KL."""

    name: str  # as typed
    title: str  # in full
    paper: str  # authors, year, arXiv id
    learns_from: str  # demonstrations, pairs, triples, thumbs, rankings or rewards
    stage: (
        Callable  # how it is trained: a function of tinyalign.methods.stages, comparisons or online
    )
    loss: Callable  # its loss; the names of its parameters say what it reads
    defaults: dict = {}  # values of config fields that differ from the recipe  # noqa: RUF012
    tie: str | None = "beta"  # the loss's keyword that --beta sets
    fixed: dict = {}  # keywords of the loss that are not its defaults  # noqa: RUF012
    roles: tuple = ("chosen", "rejected")  # the completions that a comparison holds
    choose: Callable | None = None  # comparisons from rewards, where not the usual ones
    collect: Callable | None = None  # samples with rewards, where not the usual ones
    advantages: dict = {}  # choices of --advantage, the first is the default  # noqa: RUF012
    surrogate: Callable | None = None  # (logp, old_logp, advantage, mask, clip) -> (N, T)
    reduce: Callable | None = None  # (x, mask, longest length allowed) -> scalar
    kl_in: str | None = "loss"  # where --beta puts the KL: loss, reward, tokens' rewards or None
    kls: dict = {"k3": divergence.k3, "k2": divergence.k2, "k1": divergence.k1}  # noqa: RUF012
    cannot: str = ""  # why it does not raise accuracy on addition, where it does not

    @property
    def reference(self):
        """Whether its loss reads a frozen reference: a fact about its parameters."""
        read = needs(self.loss)
        return "log_ratio" in read or any(n.startswith("ref_") and "logp" in n for n in read)

    def settings(self, config):
        """The loss's keyword arguments that the command line sets."""
        return self.fixed | ({self.tie: config.beta} if self.tie else {})
