"""Where exams end: by other means than those that found it."""

import math
from fractions import Fraction

import numpy as np
import pytest
from planted import paper_for

import tinyalign as ta
from tinyalign.exam import examples, optima, points
from tinyalign.exam.evidence import NEAR
from tinyalign.exam.methods import METHODS
from tinyalign.exam.tree import at_temperature, fixed_point


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
        assert loss(near - np.logaddexp.reduce(near, axis=1)[:, None]) > loss(best)


def test_the_fixed_point_is_not_the_closed_form_where_answers_have_several_tokens():
    paper, _, _ = paper_for("rloo", "words")
    closed = optima.rlhf(paper)
    hard = fixed_point(paper.reference, paper.tokens, paper.reward, beta=0.5)
    assert np.sum(np.exp(hard) * (hard - closed), axis=1).mean() > 0.01


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
