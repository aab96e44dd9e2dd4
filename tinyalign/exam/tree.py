"""Answers as a tree of tokens: what a policy does after each beginning of an answer.

Answers are tuples of tokens. Token log-probabilities are (P, K, T): prompt, answer, place; a place
after an answer's end holds 0. The tree holds the answers alone: it is exact as far as their
probabilities sum to 1.
"""

import numpy as np


def next_tokens(answers, prefix):
    """{token: an answer that has it after the prefix}, in the order of the tokens."""
    n = len(prefix)
    found = {a[n]: k for k, a in enumerate(answers) if len(a) > n and a[:n] == prefix}
    return dict(sorted(found.items()))


def at_temperature(token_logp, answers, temperature):
    """Token log-probabilities of the policy with its logits divided by the temperature: (P, K, T).

    token_logp   (P, K, T) of the policy at temperature 1
    temperature  number > 0
    """
    result = np.zeros_like(token_logp)
    for k, answer in enumerate(answers):
        for t, token in enumerate(answer):
            children = next_tokens(answers, answer[:t])
            # (P, number of tokens that can follow)
            scaled = np.stack([token_logp[:, i, t] / temperature for i in children.values()], 1)
            here = list(children).index(token)
            result[:, k, t] = scaled[:, here] - np.logaddexp.reduce(scaled, axis=1)
    return result


def reverse_kl_best(ref_logp, value, beta):
    """Next-token log-probabilities that maximise E_π[value] − β·KL(π ‖ π_ref): (P, A).

    ref_logp, value  (P, A) of each token that can follow

    They are those of π ∝ π_ref·e^{value/β}.
    """
    z = ref_logp + value / beta
    return z - np.logaddexp.reduce(z, axis=1)[:, None]


def forward_kl_best(ref_logp, value, beta):
    """Next-token log-probabilities that maximise E_π[value] − β·KL(π_ref ‖ π): (P, A).

    They are those of π = β·π_ref/(λ − value); λ, a number above the best value, makes π sum to 1.
    """
    low = value.max(axis=1, keepdims=True)
    high = low + beta  # there the sum is at most 1
    for _ in range(100):
        middle = (low + high) / 2
        with np.errstate(divide="ignore"):  # the gap may round to 0
            total = np.sum(beta * np.exp(ref_logp) / (middle - value), axis=1, keepdims=True)
        low, high = np.where(total > 1, middle, low), np.where(total > 1, high, middle)
    return np.log(beta) + ref_logp - np.log(high - value)


def fixed_point(ref_token_logp, answers, reward, *, beta, best=reverse_kl_best):
    """Log-probabilities of the answers where each token pays for its own KL alone: (P, K).

    π(·| prefix) is the best next token against Q = the reward that π itself gets from there on.

    ref_token_logp  (P, K, T) reference, nats
    reward          (P, K) of each answer
    beta            number > 0, unit of the reward per nat
    best            reverse_kl_best, or forward_kl_best, which is where k3 as a loss ends

    A policy gradient with the KL of each token in the loss ends here, because no advantage sees
    the KL of later tokens; with the KL in the reward it ends at π* = π_ref·e^{r/β}/Z.
    """
    logp = np.zeros(reward.shape)

    def value(prefix):
        """Value of a prefix (P,), and {answer: its log-probability from there on}."""
        children = next_tokens(answers, prefix)
        if not children:
            k = answers.index(prefix)
            return reward[:, k], {k: np.zeros(len(reward))}
        later = [value((*prefix, token)) for token in children]
        q = np.stack([v for v, _ in later], 1)  # (P, children)
        ref = np.stack([ref_token_logp[:, k, len(prefix)] for k in children.values()], 1)
        own = best(ref, q, beta)
        return np.sum(np.exp(own) * q, axis=1), {
            k: own[:, i] + rest for i, (_, d) in enumerate(later) for k, rest in d.items()
        }

    for k, whole in value(())[1].items():
        logp[:, k] = whole
    return logp
