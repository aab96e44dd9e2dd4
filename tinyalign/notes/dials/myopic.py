"""Page 21: KL in the reward counts the KL to come, KL in the loss of each token does not."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from tinyalign.optimum import expectation, kl, optimal_policy

EVEN, ENDS, BETAS = np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.geomspace(0.05, 5, 40)
TRY = """
import numpy as np
from tinyalign.optimum import expectation, kl, optimal_policy
even, ends = np.array([0.5, 0.5]), np.array([1.0, 0.0])
second = optimal_policy(even, ends, beta=<β>)  # after a: reward 1 or 0
earned, cost = expectation(second, ends), <β> * kl(second, even)
for worth in (earned - cost, earned):  # KL in the reward, KL in the loss
    first = optimal_policy(even, np.array([worth, <reward of b>]), beta=<β>)
    print("worth of a", worth, "P(a)", first[0])
"""


def first_token(beta, reward_of_b):
    """P(a) and worth of a: with the KL to come counted, and without. (2,) and (2,)"""
    second = optimal_policy(EVEN, ENDS, beta=beta)
    earned = expectation(second, ENDS)
    worth = np.array([earned - beta * kl(second, EVEN), earned])
    values = np.stack([worth, np.full(2, reward_of_b)], axis=1)  # (counted or not, token)
    return optimal_policy(np.stack([EVEN, EVEN]), values, beta=beta)[:, 0], worth


def frame(beta, reward_of_b):
    """The first token of two trainers with one β."""
    shares, worth = first_token(beta, reward_of_b)
    curves = np.array([first_token(b, reward_of_b)[0] for b in BETAS]).T
    panels = [
        Panel("The first token", "", "probability",
              [Bars("KL in the reward", [shares[0], 1 - shares[0]]),
               Bars("KL in the loss", [shares[1], 1 - shares[1]])], ("a", "b")),
        Panel("P(a) for every β", "log β", "P(a)",
              [Line("KL in the reward", np.log(BETAS), curves[0]),
               Line("KL in the loss", np.log(BETAS), curves[1]),
               Points("this β", [np.log(beta)] * 2, shares)]),
    ]  # fmt: skip
    names = ("P(a), KL in the reward", "P(a), KL in the loss")
    numbers = dict(zip(names, shares, strict=True))
    return Frame(panels, {**numbers, "worth of a, counted": worth[0], "not counted": worth[1]})
