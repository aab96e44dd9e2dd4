"""Small trainers for the exam: a tree of next-token choices, trained in NumPy, right or with a bug.

A trainer is given the paper and a generator of random numbers, and returns two checkpoints.
"""

import autograd.numpy as np
from autograd import grad

from tinyalign.exam.methods import METHODS
from tinyalign.exam.paper import Paper
from tinyalign.exam.tasks import SHARES, TASKS, WEIGHTS, alphabet, token_rows
from tinyalign.exam.tree import next_tokens


class Tree:
    """Logits for every token that can follow a beginning of an answer."""

    def __init__(self, answers):
        prefixes = sorted({a[:t] for a in answers for t in range(len(a))})
        edges = [(p, token) for p in prefixes for token in next_tokens(answers, p)]
        self.answers = answers
        self.group = np.array([[p == q for q in prefixes] for p, _ in edges], float)  # (E, nodes)
        width = max(map(len, answers))
        self.path = np.zeros((len(answers), width), int)  # (K, T) the edge that a token takes
        self.mask = np.zeros((len(answers), width))
        for k, answer in enumerate(answers):
            for t, token in enumerate(answer):
                self.path[k, t], self.mask[k, t] = edges.index((answer[:t], token)), 1

    def token_logp(self, logits, temperature=1.0):
        """(P, E) -> (P, K, T)."""
        z = logits / temperature
        total = np.log(np.exp(z) @ self.group)  # (P, nodes)
        return (z - total @ self.group.T)[:, self.path] * self.mask

    def logits_of(self, probs):
        """(P, K) probabilities of the answers -> (P, E) logits that give them."""
        logits = np.zeros((len(probs), len(self.group)))
        for k, answer in enumerate(self.answers):
            for t in range(len(answer)):
                through = [other[: t + 1] == answer[: t + 1] for other in self.answers]
                logits[:, self.path[k, t]] = np.log(probs[:, through].sum(axis=1))
        return logits


def paper_for(name, task=None, **settings):
    """The Paper of an exam with an exact reference, and its Tree and the reference's logits."""
    method = METHODS[name]
    asked = TASKS[task or method.task]
    ends = asked.name == "words" or not method.samples
    tree = Tree(token_rows(asked.answers, ends))
    shares = np.array(SHARES, float)
    logits = tree.logits_of(shares / shares.sum(axis=1, keepdims=True))
    paper = Paper(
        name, asked.name, {**method.settings, **settings}, list(asked.prompts), list(asked.answers),
        ends, alphabet(asked), np.array(WEIGHTS), tree.token_logp(logits),
    )  # fmt: skip
    return paper, tree, logits


def adam(slope, logits, steps, rate=0.1):
    """Logits after half of the steps, and after all of them; the rate falls to zero."""
    mean, square, half = np.zeros_like(logits), np.zeros_like(logits), None
    for step in range(1, steps + 1):
        g = slope(logits, step)
        mean, square = 0.9 * mean + 0.1 * g, 0.99 * square + 0.01 * g * g
        move = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        logits = logits - rate * min(1.0, 2 * (1 - step / (steps + 1))) * move
        if step == steps // 2:
            half = logits
    return half, logits


def examples(paper):
    """The paper's lines as numbers: prompt, and answers or a label."""
    prompt, answer = paper.prompts.index, paper.answers.index
    rows = METHODS[paper.method].rows(paper)
    if "chosen" in rows[0]:
        return np.array(
            [(prompt(r["prompt"]), answer(r["chosen"]), answer(r["rejected"])) for r in rows]
        )
    return np.array(
        [(prompt(r["prompt"]), answer(r["completion"]), r.get("label", 1)) for r in rows]
    )


def train_on_lines(paper, tree, logits, loss, rng, *, steps=400, batch=None, temperature=1.0):
    """Checkpoints of a policy that minimises loss(token_logp (P, K, T), lines (B, 3))."""
    lines = examples(paper)

    def slope(now, step):
        own = lines if batch is None else lines[rng.integers(len(lines), size=batch)]
        return grad(lambda free: loss(tree.token_logp(free, temperature), own))(now)

    half, end = adam(slope, logits, steps)
    return tree.token_logp(half), tree.token_logp(end)
