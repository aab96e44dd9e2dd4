"""What an exam's trainer learns from: whole numbers of lines, so that no sampling noise is left.

The columns are TRL's: prompt, chosen, rejected; prompt, completion, label; prompt.
"""

import math

import numpy as np


def win_counts(paper, wins):
    """(P, K, K) how often answer i is chosen over answer j; wins(w_i, w_j) gives the odds."""
    w = paper.weights
    count = np.zeros((*w.shape, w.shape[1]), int)
    for x, i, j in np.ndindex(count.shape):
        if i < j:
            ours, theirs = wins(int(w[x, i]), int(w[x, j])), wins(int(w[x, j]), int(w[x, i]))
            common = math.gcd(ours, theirs)  # 6 to 4 is 3 to 2
            count[x, i, j], count[x, j, i] = ours // common, theirs // common
    return count


def bradley_terry_counts(paper):
    """Odds w_i : w_j, so that P(i over j) = σ(r_i − r_j) with r = log w."""
    return win_counts(paper, lambda ours, theirs: ours)


def smooth_counts(paper):
    """Odds that are w_i : w_j after a share `flip` of the labels was turned round."""
    times = round(1 / paper.settings["flip"])
    return win_counts(paper, lambda ours, theirs: (times - 1) * ours - theirs)


def linear_counts(paper):
    """P(i over j) = ½ + (w_i − w_j)/16: preferences that are straight in w, as IPO's optimum is."""
    return win_counts(paper, lambda ours, theirs: 8 + ours - theirs)


def shifted_counts(paper):
    """Odds at which SimPO with γ = log m stops where β·(a_i − a_j) = log w_i − log w_j."""
    m = round(math.exp(paper.settings["gamma"]))
    return win_counts(paper, lambda ours, theirs: ours * (m * theirs + ours))


def pair_rows(paper, counts):
    """The lines of a preference file."""
    return [
        {"prompt": prompt, "chosen": paper.answers[i], "rejected": paper.answers[j]}
        for x, prompt in enumerate(paper.prompts)
        for i, j in np.ndindex(counts.shape[1:])
        for _ in range(counts[x, i, j])
    ]


def demonstration_rows(paper):
    """Each answer as often as its number says."""
    return [
        {"prompt": prompt, "completion": answer}
        for x, prompt in enumerate(paper.prompts)
        for k, answer in enumerate(paper.answers)
        for _ in range(paper.weights[x, k])
    ]


def thumb_rows(paper):
    """Each answer with one thumb down, and with thumbs up that outnumber it by the answer's w."""
    return [
        {"prompt": prompt, "completion": answer, "label": label}
        for x, prompt in enumerate(paper.prompts)
        for k, answer in enumerate(paper.answers)
        for label in [True] * (paper.weights[x, k] + 1) + [False]
    ]


def prompt_rows(paper):
    """The prompts, often enough for a large batch; reward.py scores what the trainer samples."""
    return [{"prompt": prompt} for _ in range(64) for prompt in paper.prompts]
