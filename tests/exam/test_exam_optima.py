"""Where exams end: by other means than those that found it."""

import math
from fractions import Fraction

import autograd.numpy as np
import pytest
from autograd import grad
from autograd.tracer import getval
from planted import paper_for

import tinyalign as ta
from tinyalign.exam import examples, optima, points
from tinyalign.exam.evidence import NEAR
from tinyalign.exam.methods import METHODS
from tinyalign.exam.tree import (
    at_temperature,
    fixed_point,
    forward_kl_best,
    reverse_kl_best,
)


def log_ratio(paper, logp):
    return logp - paper.ref_logp


@pytest.mark.parametrize("name", METHODS)
def test_every_optimum_is_a_policy_far_from_the_reference(name):
    """Ten times farther than what counts as having arrived."""
    paper, _, _ = paper_for(name)
    best = METHODS[name].optimum(paper)
    assert np.allclose(np.exp(best).sum(axis=1), 1)
    assert np.allclose(np.exp(paper.ref_logp).sum(axis=1), 1)
    assert np.all(np.sum(np.exp(best) * log_ratio(paper, best), axis=1) > 10 * NEAR)


@pytest.mark.parametrize(
    ("name", "counts", "loss"),
    [
        ("dpo", examples.bradley_terry_counts, lambda z, s: -math.log(1 / (1 + math.exp(-z)))),
        ("cdpo", examples.smooth_counts, lambda z, s: 0.9 * math.log1p(math.exp(-z))
         + 0.1 * math.log1p(math.exp(z))),
        ("ipo", examples.linear_counts, lambda z, s: (z - 1 / (2 * s["tau"])) ** 2),
        ("simpo", examples.shifted_counts, lambda z, s: math.log1p(math.exp(s["gamma"] - z))),
    ],
)  # fmt: skip
def test_whole_number_odds_put_each_pair_at_its_own_minimum(name, counts, loss):
    """The loss of one pair's lines has no slope at the optimum: by differences, in plain Python."""
    paper, _, _ = paper_for(name)
    method, count = METHODS[name], counts(paper)
    statistic = method.score(paper) * method.slope(paper)
    times = {"ipo": 1.0}.get(name, paper.settings.get("beta"))
    for x, i, j in np.ndindex(count.shape):
        if i < j:
            margin = times * (statistic[x, i] - statistic[x, j])

            def mean(z, win=count[x, i, j], lose=count[x, j, i]):
                return win * loss(z, paper.settings) + lose * loss(-z, paper.settings)

            assert count[x, i, j] >= 0 and math.gcd(count[x, i, j], count[x, j, i]) == 1
            assert abs(mean(margin + 1e-5) - mean(margin - 1e-5)) / 2e-5 < 1e-4 * count[x].max()


def test_the_odds_of_pairs_are_those_of_the_weights():
    paper, _, _ = paper_for("dpo")
    count = examples.bradley_terry_counts(paper)
    odds = Fraction(int(count[0, 0, 1]), int(count[0, 1, 0]))
    assert odds == Fraction(int(paper.weights[0, 0]), int(paper.weights[0, 1]))


@pytest.mark.parametrize("name", ["orpo", "kto"])
def test_no_policy_near_a_numeric_optimum_has_less_loss(name):
    """The lines' own mean loss, from the library's losses, at a hundred neighbours."""
    paper, _, _ = paper_for(name)
    best, length = METHODS[name].optimum(paper), paper.mask.sum(axis=1)
    rows = METHODS[name].rows(paper)
    x = np.array([paper.prompts.index(row["prompt"]) for row in rows])
    first, second = (
        np.array([paper.answers.index(row[key]) for row in rows]) if key in rows[0] else None
        for key in ("chosen" if name == "orpo" else "completion", "rejected")
    )

    def loss(logp):
        if name == "orpo":
            mean = logp / length
            nll = -mean[x, first]
            return ta.orpo(mean[x, first], mean[x, second], nll, lam=paper.settings["lam"]).mean()
        ratio, still = log_ratio(paper, logp), log_ratio(paper, best)
        z0 = max(0.0, still[x][:, first].mean())  # a constant to the gradient
        up = np.array([row["label"] for row in rows])
        return ta.kto(ratio[x, first], 0 * ratio[x, first], up, z0, beta=0.5).mean()

    rng = np.random.default_rng(0)
    for _ in range(100):
        near = best + 1e-3 * rng.standard_normal(best.shape)
        assert loss(near - np.log(np.sum(np.exp(near), axis=1, keepdims=True))) > loss(best)


SHAPED = "in the reward"
ENDS = {  # where the KL stands: a point that recursion gives, or the closed form
    "k2": (ta.k2, reverse_kl_best),
    "k3": (ta.k3, forward_kl_best),
    SHAPED: (lambda logp, ref_logp: 0.0 * logp, None),
}


@pytest.mark.parametrize("where", ENDS)
def test_the_exact_gradient_of_a_per_token_kl_ends_at_the_recursion_s_point(where):
    """Every answer counts by its probability, so there is no noise: down to a slope of 1e-12."""
    paper, tree, logits = paper_for("rloo", "words")
    beta, (estimate, best) = paper.settings["beta"], ENDS[where]

    def loss(free):
        logp = tree.token_logp(free)
        whole = logp.sum(axis=2)
        probs, ratio = np.exp(getval(whole)), getval(whole) - paper.ref_logp
        shaped = paper.reward - (beta * ratio if where == SHAPED else 0.0)
        held = np.sum(estimate(logp, paper.reference) * tree.mask, axis=2)  # 0 where it is shaped
        return np.sum(probs * (beta * held - shaped * whole))

    uses = (tree.path[:, :, None] == np.arange(logits.shape[1])) * tree.mask[:, :, None]
    slope = grad(loss)(logits)
    while abs(slope).max() > 1e-12:
        taken = np.exp(tree.token_logp(logits).sum(axis=2)) @ uses.sum(axis=1)  # (P, E)
        logits = logits - 0.2 * slope / taken  # a choice that is seldom met is not learned slowly
        slope = grad(loss)(logits)
    end, closed = tree.token_logp(logits).sum(axis=2), optima.rlhf(paper)
    point = closed
    if best is not None:
        point = fixed_point(paper.reference, paper.tokens, paper.reward, beta=beta, best=best)
        assert np.sum(np.exp(end) * (end - closed), axis=1).mean() > 0.01
    assert abs(end - point).max() < 1e-10


@pytest.mark.parametrize("best", [reverse_kl_best, forward_kl_best])
def test_no_next_token_distribution_is_better_than_the_best(best):
    """Each solves its own problem: a thousand others gain no more reward less their KL."""
    rng, beta = np.random.default_rng(0), 0.3
    ref, value = np.log(rng.dirichlet(np.ones(5), size=4)), rng.normal(size=(4, 5))

    def gain(logp):
        first, second = (logp, ref) if best is reverse_kl_best else (ref, logp)
        kl = np.sum(np.exp(first) * (first - second), axis=-1)
        return np.sum(np.exp(logp) * value, axis=-1) - beta * kl

    found = best(ref, value, beta)
    assert np.allclose(np.exp(found).sum(axis=1), 1)
    others = found + rng.normal(size=(1000, 4, 5)) * rng.choice([1e-3, 0.1, 1], size=(1000, 1, 1))
    others = others - np.log(np.sum(np.exp(others), axis=-1, keepdims=True))
    assert np.all(gain(others) <= gain(found) + 1e-12)


def test_the_fixed_point_is_the_closed_form_where_answers_have_one_token():
    paper, _, _ = paper_for("rloo", "bandit")
    hard = fixed_point(paper.reference, paper.tokens, paper.reward, beta=0.5)
    assert abs(hard - optima.rlhf(paper)).max() < 1e-13


def test_each_token_of_the_fixed_point_is_best_given_the_later_ones():
    """No single next-token distribution can be changed and gain reward less its own KL."""
    paper, tree, _ = paper_for("grpo", "words")
    beta = optima.group_beta(paper)
    best = tree.token_logp(tree.logits_of(np.exp(optima.grpo(paper))))
    rng = np.random.default_rng(0)
    logits = tree.logits_of(np.exp(optima.grpo(paper)))

    def gain(changed, node):
        """E[reward] under the changed policy less β times the KL at one prefix, where it is met."""
        now = tree.token_logp(changed)
        probs = np.exp(now.sum(axis=2))
        own = tree.group[tree.path, node] * tree.mask  # (K, T) tokens that this prefix predicts
        paid = beta * np.sum(((now - paper.reference) * own).sum(axis=2) * probs, axis=1)
        return np.sum(probs * paper.reward, axis=1) - paid

    assert np.allclose(best, tree.token_logp(logits))
    for node in range(tree.group.shape[1]):
        here = gain(logits, node)
        for _ in range(20):
            step = 0.05 * rng.standard_normal(logits.shape) * tree.group[:, node]
            assert np.all(gain(logits + step, node) <= here + 1e-12)


def test_temperature_is_that_of_every_next_token():
    paper, tree, logits = paper_for("dpo")
    hot = at_temperature(paper.reference, paper.tokens, 2.0)
    assert np.allclose(hot, tree.token_logp(logits, 2.0))


def test_compositions_are_all_ways_to_fill_a_group():
    ways = points.compositions(4, 3)
    assert len(ways) == 15 and len(np.unique(ways, axis=0)) == 15
    assert np.all(ways.sum(axis=1) == 4) and ways.min() == 0
