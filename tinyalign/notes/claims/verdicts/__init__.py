"""The verdicts: each note's claim beside the function that judges it.

A function takes the figures of some measures and returns a Finding: a verdict, a sentence, and the
interval where something was estimated.
"""

from tinyalign.notes.claims.verdicts import (
    advantages,
    costs,
    data,
    elsewhere,
    groups,
    known_answers,
    losses_read,
    memory_use,
    networks,
    rankings,
    scorers,
    stages,
    steady_runs,
    training_time,
)

# {theme: its claims}, in the order in which they are shown.
THEMES = {
    "networks in memory": networks.CLAIMS,
    "memory": memory_use.CLAIMS,
    "stages": stages.CLAIMS,
    "cost": costs.CLAIMS + training_time.CLAIMS,
    "what losses read": losses_read.CLAIMS,
    "known answers": known_answers.CLAIMS,
    "data": data.CLAIMS,
    "group size": groups.CLAIMS,
    "advantages": advantages.CLAIMS,
    "scorers": scorers.CLAIMS,
    "sample efficiency": groups.SAMPLE_CLAIMS,
    "stability": steady_runs.CLAIMS,
    "accuracy": rankings.CLAIMS,
    "elsewhere": elsewhere.CLAIMS,
}
