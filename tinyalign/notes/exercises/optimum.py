"""Exercises of pages 04 to 06: KL, the best policy, best-of-n and rejection sampling."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.exercises.comparing import require_parameters, require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful
from tinyalign.optimum import optimal_policy, rlhf_objective


def my_k3(logp, ref_logp):
    """arrays of one shape -> the same shape

    Write k3. Mind the direction of the ratio.

    Hint: With the log-ratio $d = \\log\\pi_{ref} - \\log\\pi$, k3 is $e^d - 1 - d$.

    Hint: `np.expm1` is $e^d - 1$ without rounding for small $d$.
    """
    gap = ref_logp - logp
    return np.expm1(gap) - gap


def check_my_k3(solution):
    require_lawful(solution, my_k3, "k3", {
        "That is k1, the log-ratio.": lambda logp, ref: logp - ref,
        "That is k2, half the square of the log-ratio.": lambda logp, ref: (logp - ref) ** 2 / 2,
        "The ratio is upside down: want π_ref/π, for the samples come from π.":
            lambda logp, ref: my_k3(ref, logp),
        "The sign is turned: k3 is never below 0.": lambda logp, ref: -my_k3(logp, ref),
        "The 1 is missing: at equality k3 is 0.": lambda logp, ref: my_k3(logp, ref) + 1,
    })  # fmt: skip


def my_exact_kl(logits, ref_logits):
    """(…, V), (…, V) -> (…)

    Write the exact KL(policy ‖ reference) from two arrays of logits, over the last axis.

    Hint: The KL is the expectation of $\\log\\pi - \\log\\pi_{ref}$ under $\\pi$.

    Hint: Take `softmax` of the logits for the weights and `log_softmax` for both logarithms.
    """
    return np.sum(softmax(logits) * (log_softmax(logits) - log_softmax(ref_logits)), axis=-1)


def check_my_exact_kl(solution):
    require_lawful(solution, my_exact_kl, "exact_kl", {
        "That is KL(reference ‖ policy): the weights have to be the policy's.":
            lambda z, ref: my_exact_kl(ref, z),
        "The weights are missing: want the expectation under the policy.":
            lambda z, ref: np.sum(log_softmax(z) - log_softmax(ref), axis=-1),
        "Logits are no log-probabilities: log_softmax is missing.":
            lambda z, ref: np.sum(softmax(z) * (z - ref), axis=-1),
        "That is the cross-entropy: the policy's own entropy has to be subtracted.":
            lambda z, ref: -np.sum(softmax(z) * log_softmax(ref), axis=-1),
        "The sign is turned: a KL is never below 0.": lambda z, ref: -my_exact_kl(z, ref),
    })  # fmt: skip


def my_forward_loss(logp, ref_logp):
    """log-probabilities of samples, twice -> one number per sample

    Write a per-sample loss whose expected gradient, on the policy's own samples, is the
    gradient of KL(reference ‖ policy). Its *value* need not be that KL. The loss can be
    shorter than k3.

    Hint: The gradient of KL(π_ref ‖ π) is $-\\sum_y \\pi_{ref}(y) \\nabla\\log\\pi(y)$. Write it
    as an expectation under $\\pi$.

    Hint: The expectation is that of $-\\frac{\\pi_{ref}}{\\pi} \\nabla\\log\\pi$. Which function
    of $\\log\\pi$ has the derivative $-\\pi_{ref}/\\pi$?
    """
    return np.exp(ref_logp - logp)


def check_my_forward_loss(solution):
    """Against the gradient of the exact KL, on four answers that are all listed."""
    require_parameters(solution, my_forward_loss)
    draw = np.random.default_rng(6)
    inputs = [dict(zip(("logits", "ref_logits"), draw.normal(size=(2, 4)).round(1), strict=True))]
    slope = "expected gradient"
    require_same(expected_slope(solution), expected_slope(my_forward_loss), inputs, {
        "That is the gradient of k1, whose expectation is 0.":
            expected_slope(lambda logp, ref: logp - ref),
        "That is the gradient of k2, which belongs to KL(policy ‖ reference).":
            expected_slope(lambda logp, ref: (logp - ref) ** 2 / 2),
        "The ratio is upside down: want π_ref/π.":
            expected_slope(lambda logp, ref: np.exp(logp - ref)),
        "The sign is turned: this loss pushes away from the reference.":
            expected_slope(lambda logp, ref: -np.exp(ref - logp)),
        "The samples come from the policy already: weigh by the ratio, not by π_ref alone.":
            expected_slope(lambda logp, ref: np.exp(ref) * (ref - logp)),
    }, wanted=lambda z, ref: softmax(z) - softmax(ref), what=slope)  # fmt: skip


def expected_slope(loss):
    """The expectation, under the policy, of the loss's gradient in the logits."""

    def slope(logits, ref_logits):
        weights, ref_logp = softmax(logits), log_softmax(ref_logits)
        return grad(lambda z: np.sum(weights * loss(log_softmax(z), ref_logp)))(logits)

    return slope


def my_optimal_policy(ref_probs, reward, *, beta):
    """(…, K), (…, K) -> (…, K)

    Write the optimal policy. Rewards may be in the hundreds: mind the overflow.

    Hint: The optimum is proportional to $\\pi_{ref}(y)\\, e^{r(y)/\\beta}$.

    Hint: Subtract the largest reward before the exponential, that of an answer whose reference
    probability is not 0, and divide by the sum at the end.
    """
    possible = ref_probs > 0
    best = np.max(np.where(possible, reward, -np.inf), axis=-1, keepdims=True)
    weight = ref_probs * np.exp(np.where(possible, reward - best, 0.0) / beta)
    return weight / np.sum(weight, axis=-1, keepdims=True)


def check_my_optimal_policy(solution):
    require_lawful(solution, my_optimal_policy, "optimal_policy", {
        "The rewards are multiplied by beta: divide.":
            lambda ref, r, *, beta: my_optimal_policy(ref, r, beta=1 / beta),
        "The reference is not used.":
            lambda ref, r, *, beta: my_optimal_policy(np.ones_like(ref), r, beta=beta),
        "The weights are not divided by their sum.":
            lambda ref, r, *, beta: ref * np.exp(r / beta),
        "beta is not used.": lambda ref, r, *, beta: my_optimal_policy(ref, r, beta=1.0),
        "The exponential overflows: subtract the largest reward first.":
            lambda ref, r, *, beta: ref * np.exp(r / beta)
            / np.sum(ref * np.exp(r / beta), axis=-1, keepdims=True),
    })  # fmt: skip


def my_best_objective(ref_probs, reward, *, beta):
    """(K,), (K,) -> one number

    Write the largest value that $J(\\pi) = \\mathbb{E}_\\pi[r] - \\beta\\,
    \\mathrm{KL}(\\pi \\| \\pi_{ref})$ can take, without computing a policy.

    Hint: Put the optimal policy into $J$: all but the normaliser cancels.

    Hint: The answer is $\\beta \\log \\sum_y \\pi_{ref}(y)\\, e^{r(y)/\\beta}$. Take the largest
    reward out of the sum.
    """
    top = np.max(reward)
    return top + beta * np.log(np.sum(ref_probs * np.exp((reward - top) / beta)))


def check_my_best_objective(solution):
    """Against what the optimal policy earns."""
    draw = np.random.default_rng(2)
    small, large = softmax(draw.normal(size=2)).round(1), softmax(draw.normal(size=5))
    inputs = [{"ref_probs": small, "reward": np.array([0.0, 1.0]), "beta": 0.5}]
    inputs += [
        {"ref_probs": large, "reward": 20 * draw.normal(size=5), "beta": b} for b in (0.01, 5)
    ]
    require_same(solution, my_best_objective, inputs, {
        "The reference is taken to be uniform.":
            lambda ref, r, *, beta: my_best_objective(np.full(len(r), 1 / len(r)), r, beta=beta),
        "The factor beta before the logarithm is missing.":
            lambda ref, r, *, beta: my_best_objective(ref, r, beta=beta) / beta,
        "That is the largest reward: the KL has its price.": lambda ref, r, *, beta: np.max(r),
        "That is what the reference earns.": lambda ref, r, *, beta: ref @ r,
        "The exponential overflows: take the largest reward out of the sum.":
            lambda ref, r, *, beta: beta * np.log(ref @ np.exp(r / beta)),
    }, wanted=earned_by_the_optimum)  # fmt: skip


def earned_by_the_optimum(ref_probs, reward, *, beta):
    """The objective at the optimal policy."""
    best = optimal_policy(ref_probs, reward, beta=beta)
    return rlhf_objective(best, ref_probs, reward, beta=beta)


EXERCISES = (
    exercise("04.1", my_k3, check_my_k3),
    exercise("04.2", my_exact_kl, check_my_exact_kl),
    exercise("04.3", my_forward_loss, check_my_forward_loss),
    exercise("05.1", my_optimal_policy, check_my_optimal_policy),
    exercise("05.2", my_best_objective, check_my_best_objective),
)
