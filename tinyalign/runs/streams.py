"""The random numbers of a run: a stream of its own for every purpose, stage and step.

A stream is a function of (purpose, seed, stage, step), always all four: NumPy fills a shorter seed
up with zeros, so that [seed] and [seed, 0, 0] would be one stream.
"""

import numpy as np

WEIGHTS, EXAMPLES, TRAINING, EVALUATION, COMPLETIONS = range(1, 6)
SCORER, ANSWERS = 6, 7  # of the measures of notes.claims
# In config.json. It rises when a run of the same settings draws other numbers than before, because
# a checkpoint of the older kind cannot go on with the newer.
VERSION = 2


def random_stream(purpose, seed, stage=0, step=0):
    """A numpy Generator.

    purpose  WEIGHTS the initial parameters; EXAMPLES what a stage draws before its first step;
             TRAINING its steps; EVALUATION of the policy that a step leaves; COMPLETIONS of that
             policy to read; SCORER verdicts with errors; ANSWERS that claims are measured on
    stage    index of the stage, 0 for the first
    step     steps done in the stage
    """
    return np.random.default_rng([purpose, seed, stage, step])
