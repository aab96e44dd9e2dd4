"""A trainer with the four hooks, in NumPy and autograd, and one flaw if asked for.

Its losses are written out here from their formulas.
"""

import autograd.numpy as np
import numpy as onp
from devices import fetched, sent

from tinyalign import policy
from tinyalign.engine.tree import tree_map, value_and_grad
from tinyalign.models import transformer
from tinyalign.models.tokenizer import batch, encode

RATE = 0.02


def softplus(x):
    return np.logaddexp(0.0, x)


class Trainer:
    """SFT, DPO, conservative DPO, IPO and SimPO on the model and the settings of an exam."""

    def __init__(self, bench, flaw=""):
        self.params, self.words, self.paper, self.flaw = (
            bench.params, bench.words, bench.paper, flaw,
        )  # fmt: skip
        self.reference = bench.params
        self.settings = dict(bench.paper.settings)
        if flaw in ("beta", "tau", "lam", "gamma"):
            self.settings[flaw] *= 2
        if flaw == "flip":
            self.settings["flip"] = 0.0
        self.noise = onp.random.default_rng()

    def score(self, tokens, mask):
        """Log-probabilities of the targets."""
        if self.flaw == "left padding":  # positions are counted from the padding on
            return self.shifted_score(tokens, mask)
        if self.flaw == "dropout":
            drop = self.noise.random(self.params["tok"].shape) > 0.1
            params = self.params | {"tok": self.params["tok"] * sent(drop.astype(onp.float32))}
            return policy.token_logp(transformer, params, sent(tokens))
        temperature = 0.7 if self.flaw == "score temperature" else 1.0
        logp = policy.token_logp(transformer, self.params, sent(tokens), temperature=temperature)
        return onp.roll(fetched(logp), 1, axis=1) if self.flaw == "shift" else logp

    def shifted_score(self, tokens, mask):
        length = mask.shape[1] - (mask[:, ::-1] > 0).argmax(axis=1) + 1
        rows = [onp.roll(row, len(row) - end) for row, end in zip(tokens, length, strict=True)]
        logp = fetched(policy.token_logp(transformer, self.params, sent(onp.array(rows))))
        back = [onp.roll(row, end - len(row) - 1) for row, end in zip(logp, length, strict=True)]
        return onp.array(back)

    def rows(self, lines, column):
        asked = encode(self.words, ["\n" + line["prompt"] for line in lines])
        said = encode(self.words, [line[column] for line in lines], end=True)
        tokens, mask = batch(asked, said, width=12)
        last = mask.shape[1] - 1 - (mask[:, ::-1] > 0).argmax(axis=1)
        if self.flaw == "eos":
            mask[onp.arange(len(mask)), last] = 0
        if self.flaw == "prompt":
            mask[:] = onp.arange(mask.shape[1]) <= last[:, None]
        if self.flaw == "padding":  # to the end of the longest of its neighbours
            mask[:] = (mask > 0) | (onp.arange(mask.shape[1]) > last[:, None])
            mask[:, last.max() + 1 :] = 0
        return tokens, mask

    def sums(self, params, lines, column):
        tokens, mask = map(sent, self.rows(lines, column))
        return (policy.token_logp(transformer, params, tokens) * mask).sum(axis=1), mask.sum(axis=1)

    def value(self, params, lines):
        """The loss of some lines."""
        if self.paper.method == "sft":
            total, count = self.sums(params, lines, "completion")
            if self.flaw == "mean of means":
                return -np.mean(total / count)
            return -np.sum(total) if self.flaw == "sum" else -np.sum(total) / np.sum(count)
        (chosen, n_chosen), (rejected, n_rejected) = (
            self.sums(params, lines, column) for column in ("chosen", "rejected")
        )
        if self.flaw == "neighbours":
            rejected, n_rejected = np.roll(rejected, 1), np.roll(n_rejected, 1)
        if self.paper.method == "simpo":
            gap = chosen / n_chosen - rejected / n_rejected
            return np.mean(softplus(self.settings["gamma"] - self.settings["beta"] * gap))
        reference = self.params if self.flaw == "reference moves" else self.reference
        for_chosen, for_rejected = (
            self.sums(reference, lines, column)[0] for column in ("chosen", "rejected")
        )
        if self.flaw == "no reference":
            for_chosen = for_rejected = 0.0
        first, second = chosen - for_chosen, rejected - for_rejected
        if self.flaw == "means":
            first, second = first / n_chosen, second / n_rejected
        losses = self.pair_loss(first - second)
        return np.sum(losses) if self.flaw == "sum" else np.mean(losses)

    def pair_loss(self, gap):
        s = self.settings
        if self.paper.method == "ipo":
            return (gap - 1 / (2 * s["tau"])) ** 2
        flip, z = s.get("flip", 0.0), s["beta"] * gap
        return (1 - flip) * softplus(-z) + flip * softplus(z)

    def loss(self, lines):
        return self.value(self.params, lines)

    def step(self, batches):
        total = None
        for lines in batches:
            _, _, slope = value_and_grad(lambda p, some=lines: (self.value(p, some), {}))(
                self.params
            )
            share = self.share(lines, batches)
            slope = tree_map(lambda g, c=share: c * g, slope)
            total = slope if total is None else added(total, slope)
        self.params = added(self.params, tree_map(lambda g: -RATE * g, total))

    def share(self, lines, batches):
        """How much a micro-batch counts: its share of the tokens, or of the lines."""
        if self.flaw == "micro-batches":
            return 1 / len(batches)
        if self.flaw == "accumulation":
            return 1.0
        column = "completion" if self.paper.method == "sft" else "chosen"
        sizes = [
            float(self.rows(some, column)[1].sum()) if self.paper.method == "sft" else len(some)
            for some in (lines, [line for part in batches for line in part])
        ]
        return sizes[0] / sizes[1]

    def sample(self, prompts):
        asked = encode(self.words, ["\n" + prompt for prompt in prompts])
        rollout = policy.sample(
            transformer, self.params, asked, onp.random.default_rng(0), max_new_tokens=5,
            eos=self.words.eos, temperature=0.7 if self.flaw == "sample temperature" else 1.0,
        )  # fmt: skip
        tokens, mask = fetched(rollout.tokens), fetched(rollout.mask)
        own = onp.concatenate([onp.zeros((len(asked), 1), bool), mask > 0], axis=1)
        texts = []
        for row, is_own in zip(tokens, own, strict=True):
            ids = [i for i in row[is_own] if i != self.words.eos]
            texts.append("".join(self.words.alphabet[i] for i in ids))
        return texts


def added(tree, other):
    """The sum of two trees."""
    return {
        name: added(branch, other[name]) if isinstance(branch, dict) else branch + other[name]
        for name, branch in tree.items()
    }
