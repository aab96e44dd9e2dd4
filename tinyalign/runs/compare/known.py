"""The known answers of a comparison: the best policies there are, where all answers can be listed.

These policies are π_ref·e^{r/β}/Z, one for every β: no other has as much reward at their KL.
"""

import numpy as np

from tinyalign.methods.one_letter import end_point, is_enumerable, letter_probs, letter_rewards
from tinyalign.optimum import optimal_policy
from tinyalign.runs import files
from tinyalign.runs.config import MODELS

BETAS = np.geomspace(30, 0.03, 60)  # of the exact frontier, in units of reward per nat
FINE = np.geomspace(1e4, 1e-3, 1500)  # the same to read a reward off between two of them


def exact_frontier(folders, task):
    """(kl, reward) of the best policies, or () where they are not known.

    folders  of the starts, one a seed; the frontier is the mean over them
    """
    if not is_enumerable(task):
        return ()
    reward = letter_rewards(task)
    frontiers = [frontier_of(run_probs(folder, task), reward) for folder in folders]
    return tuple(np.mean(frontiers, axis=0))  # (seeds, 2, len(BETAS)) -> kl, reward


def frontier_of(ref, reward, betas=BETAS):
    """(2, len(betas)): KL and reward of the best policy at each β; ref and reward (P, K)."""
    best = [optimal_policy(ref, reward, beta=beta) for beta in betas]
    return np.array([end_point(probs, ref, reward) for probs in best]).T


def run_probs(folder, task):
    """A run's probability of every one-letter completion of every prompt, (P, K)."""
    tree, note = files.load_tree(folder / "model.safetensors")
    return letter_probs(MODELS[note["model"]], tree["policy"], task)


def with_known_answers(rows, folder, task):
    """The rows of one seed with their exact end points, and the best reward at their KL.

    folder  of the seed
    """
    if not is_enumerable(task):
        return rows
    ref, reward = run_probs(folder / "start", task), letter_rewards(task)
    frontier = frontier_of(ref, reward, FINE)
    return [with_known_answer(row, folder, task, ref, reward, frontier) for row in rows]


def with_known_answer(row, folder, task, ref, reward, frontier):
    """One row; as it is where its run has failed or trains no policy."""
    # At test time no policy is trained: the folder holds the start.
    if row.failure or row.table == "test time" or not np.isfinite(row.reward):
        return row
    return with_end_point(row, run_probs(folder / row.method, task), ref, reward, frontier)


def with_end_point(row, probs, ref, reward, frontier):
    """A row with the exact KL and reward of its policy, and the best reward at this KL.

    probs, ref, reward  (P, K) of the policy, of its start; the reward of every answer
    frontier            (2, number of betas) of frontier_of
    """
    distance, earned = end_point(probs, ref, reward)
    best = float(np.interp(distance, *frontier))
    return row._replace(exact_kl=distance, exact_reward=earned, known_reward=best)
