"""Where a trainer ends that does what its paper says: log-probabilities of the answers, (P, K).

Closed forms where there are any. ORPO and KTO have none: their point is found by Newton's method on
the exact loss, over all policies that give the answers of a prompt probabilities that sum to 1.
"""

import autograd.numpy as np
from autograd import grad, jacobian

from tinyalign.exam.examples import bradley_terry_counts
from tinyalign.exam.tree import fixed_point
from tinyalign.losses.numerics import log_softmax, sigmoid
from tinyalign.losses.reference_free import orpo
from tinyalign.optimum import best_of_n


def tilted(paper, score, beta):
    """π_ref·e^{score/β}/Z."""
    return log_softmax(paper.ref_logp + score / beta)


def rlhf(paper):
    """Optimum of DPO on Bradley–Terry labels, and of policy gradients with the KL in the reward."""
    return tilted(paper, paper.reward, paper.settings["beta"])


def group_beta(paper):
    """β·G/(G−1): a group's mean contains the sample, which shrinks its advantage by (G−1)/G."""
    group = paper.settings["num_generations"]
    return paper.settings["beta"] * group / (group - 1)


def own_group(paper):
    """(G−1)/G, by which a group's mean shrinks the advantage because it contains the sample."""
    return 1 - 1 / paper.settings.get("num_generations", np.inf)


def grpo(paper):
    """The point at which each token has paid its own KL alone, at β·G/(G−1)."""
    return fixed_point(paper.reference, paper.tokens, paper.reward, beta=group_beta(paper))


def ipo(paper):
    """π_ref·e^{P(y ≻ μ)/τ}/Z, with P(y ≻ μ) = w/16 + a constant."""
    return tilted(paper, paper.weights / 16, paper.settings["tau"])


def sft(paper):
    """The shares of the demonstrations."""
    return log_softmax(paper.reward)


def raft(paper):
    """Best of n draws from the reference."""
    probs = np.exp(log_softmax(paper.ref_logp))
    return np.log(best_of_n(probs, paper.reward, paper.settings["num_generations"]))


def means(paper):
    """SimPO: means per token that are log w/β plus a constant, with probabilities that sum to 1."""
    length = paper.mask.sum(axis=1)
    low, high = np.full((len(paper.prompts), 1), -50.0), np.full((len(paper.prompts), 1), 50.0)
    for _ in range(100):
        middle = (low + high) / 2
        logp = length * (paper.reward / paper.settings["beta"] + middle)  # (P, K)
        more = np.sum(np.exp(logp), axis=1, keepdims=True) < 1
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return logp


def orpo_point(paper):
    """Minimum of ORPO's mean loss over the lines of the file."""
    counts, length = bradley_terry_counts(paper), paper.mask.sum(axis=1)
    x, i, j = np.nonzero(counts)

    def loss(logits):
        average = log_softmax(logits) / length
        each = orpo(average[x, i], average[x, j], -average[x, i], lam=paper.settings["lam"])
        return np.sum(counts[x, i, j] * each)

    return minimum(loss, paper.ref_logp)


def kto_point(paper, net=None, length=1.0):
    """Minimum of KTO's mean loss, its z0 worked out from the same policy and held constant.

    net     (P, K) thumbs up less thumbs down of each answer; None: its w
    length  (K,) what an answer's log-ratio is divided by: 1 for KTO
    """
    net, z0 = paper.weights if net is None else net, 0.0
    beta, ref = paper.settings["beta"], paper.ref_logp
    seen = paper.weights + 2  # (P, K) lines with each answer: w + 1 up and 1 down

    def loss(logits, z0):
        # u thumbs up and d down cost u·(1 − σ(z)) + d·σ(z) = u − (u − d)·σ(z)
        return -np.sum(net * sigmoid(beta * ((log_softmax(logits) - ref) / length - z0)))

    logp = ref
    for _ in range(30):
        logp = minimum(lambda logits, z0=z0: loss(logits, z0), logp)
        last, z0 = z0, mismatched_kl((logp - ref) / length, seen)
        if abs(last - z0) < 1e-8:
            break
    return logp


def mismatched_kl(log_ratio, seen):
    """KTO's z0: mean log-ratio of other lines' answers to this line's prompt, and not below 0."""
    prompts, answers = seen.sum(axis=1) / seen.sum(), seen.sum(axis=0) / seen.sum()
    return max(0.0, float(prompts @ log_ratio @ answers))


def minimum(loss, start, rounds=100):
    """Log-probabilities log_softmax(logits), (P, K), that minimise loss(logits)."""
    shape, logits = np.shape(start), np.ravel(start)

    def flat(x):
        return loss(np.reshape(x, shape))

    slope = grad(flat)
    curvature = jacobian(slope)
    for _ in range(rounds):
        here = slope(logits)
        if np.max(np.abs(here)) < 1e-11:
            break
        bend, axes = np.linalg.eigh(curvature(logits))
        # Where the loss bends downward, or not at all, the step is the slope's direction.
        step = axes @ (axes.T @ here / (np.abs(bend) + 1e-9 + 1e-3 * np.max(np.abs(here))))
        length = min(1.0, 2.0 / (np.max(np.abs(step)) + 1e-30))
        while length > 1e-9 and flat(logits - length * step) > flat(logits):
            length /= 2
        logits = logits - length * step
    return log_softmax(np.reshape(logits, shape))


def pair_minimum(paper, counts, loss):
    """Minimum of a pair loss over the lines of a file, from counts of who was chosen, (P, K, K).

    loss  (chosen, rejected, ref_chosen, ref_rejected, length of chosen, of rejected) -> (B,)
    """
    x, i, j = np.nonzero(counts)
    ref, length = paper.ref_logp, paper.mask.sum(axis=1)

    def mean(logits):
        logp = log_softmax(logits)
        each = loss(logp[x, i], logp[x, j], ref[x, i], ref[x, j], length[i], length[j])
        return np.sum(counts[x, i, j] * each)

    return minimum(mean, ref)
