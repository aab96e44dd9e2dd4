"""What a verdict function returns: one of five verdicts, a sentence, and how sure it is."""

from collections.abc import Callable
from typing import NamedTuple

VERDICTS = SUPPORTED, CONTRADICTED, UNDECIDED, CONVENTION, NOT_TESTABLE = (
    "supported",
    "contradicted",
    "undecided at this size",
    "depends on a convention",
    "not testable here",
)
UNCLEAR = "cannot be told apart"
FACT = "yes or no"  # what would matter where nothing is estimated


class Interval(NamedTuple):
    """The confidence interval of a difference, or of a ratio."""

    low: float
    high: float
    none: float = 0.0  # where there is no difference: 0, or 1 for a ratio
    level: float = 0.95
    digits: str = "+.3f"  # how its ends are printed

    @property
    def covers_none(self):
        """Whether no difference lies within the interval."""
        # Not a number, from too few seeds, leaves everything open.
        return not (self.low > self.none or self.high < self.none)

    def __str__(self):
        return f"{100 * self.level:.0f} %: {self.low:{self.digits}} to {self.high:{self.digits}}"


class Finding(NamedTuple):
    """A verdict and what it rests on."""

    verdict: str  # one of VERDICTS
    sentence: str  # the figures in words
    matters: str = FACT  # the effect size that would matter
    interval: Interval | None = None  # None: nothing is estimated
    doubt: str = ""  # why the figures decide nothing, where they do not
    convention: str = ""  # what the verdict depends on, where it depends on a convention

    @property
    def statement(self):
        """The sentence with a capital letter."""
        return self.sentence[:1].upper() + self.sentence[1:]

    @property
    def measured(self):
        """The sentence, with interval and doubt where there are some."""
        # A sentence with several intervals has each beside its own figure.
        said = self.interval is None or str(self.interval) in self.sentence
        interval = "" if said else f" ({self.interval})"
        return f"{self.statement}{interval}" + (f"; {self.doubt}" if self.doubt else "")


class Claim(NamedTuple):
    """A sentence of a note that compares, and the function that judges it."""

    id: str
    note: str  # 000 … 004
    line: int
    heading: str  # of the table or the section that the sentence stands under
    quote: str  # the note's words, as they stand in that line
    reading: str  # the strongest reading of it
    judge: Callable | None = None  # takes the figures of the measures, returns a Finding
    measures: tuple[str, ...] = ()  # names of measures whose figures `judge` takes
    why: str = ""  # why nothing here can test it, where there is no judge


def judge_fact(holds, sentence, matters=FACT):
    """The Finding on a claim about something that is computed and not estimated."""
    return Finding(SUPPORTED if holds else CONTRADICTED, sentence, matters)


def judge_by_convention(holds, convention, sentence):
    """The Finding on a claim that may hold under one convention and not under another.

    holds       two bools: whether the claim holds under the one, and under the other
    convention  what the two conventions disagree about, in words
    """
    if holds[0] == holds[1]:
        return judge_fact(holds[0], sentence)
    return Finding(CONVENTION, sentence, convention=convention)


def forbid_unclear_contradiction(finding, exact):
    """The Finding, undecided where it contradicts a note without an interval that allows it.

    exact  whether all figures behind it are computed without chance

    An interval that contains 0 (for a ratio 1) contradicts nothing; figures with chance in them
    and without an interval contradict nothing either.
    """
    if finding.verdict != CONTRADICTED:
        return finding
    unclear = finding.interval.covers_none if finding.interval else not exact
    return finding._replace(verdict=UNDECIDED, doubt=UNCLEAR) if unclear else finding
