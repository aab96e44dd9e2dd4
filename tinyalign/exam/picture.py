"""The picture of a grade: the right statistic against the reward, and the mistake's."""

from tinyalign.errors import InputError
from tinyalign.exam.methods import METHODS
from tinyalign.exam.suspects import score_of
from tinyalign.report.straight_lines import straight_lines


def draw(paper, now, verdict, path):
    """Write the picture; InputError if it cannot be written."""
    method = METHODS[paper.method]
    statistic = method.statistic(paper, now.token_logp)[0]
    panels = [("as it should be", method.score(paper), statistic, method.slope(paper))]
    if verdict.drawn is not None:
        suspect = verdict.drawn
        score, slope = score_of(paper), None
        if suspect.point:
            score, slope = suspect.point(paper, now.token_logp), 1.0
        statistic = suspect.statistic(paper, now.token_logp)[0]
        panels.append((suspect.name, score, statistic, slope))
    try:
        straight_lines(panels, paper.prompts, paper.answers, path)
    except (OSError, ValueError) as error:
        raise InputError(f"no picture can be written to {path}: {error}") from None
