"""What a dial shows at one setting: panels of bars, lines and points, and numbers with names."""

import math
from typing import NamedTuple


class Bars(NamedTuple):
    """One bar for each name of the panel; a panel may hold several rows of bars."""

    label: str
    y: list  # heights, one for each name of the panel or fewer

    @property
    def x(self):
        return list(range(len(self.y)))


class Line(NamedTuple):
    """Points joined by a line."""

    label: str
    x: list
    y: list


class Points(NamedTuple):
    """Dots."""

    label: str
    x: list
    y: list


class Panel(NamedTuple):
    """One set of axes and its marks."""

    title: str
    x: str  # what the axis below means
    y: str  # what the axis on the left means
    marks: list  # Bars, Line or Points
    names: tuple = ()  # of the bars


class Frame(NamedTuple):
    """What a dial shows at one setting."""

    panels: list
    numbers: dict  # {name: number or words}


def short(value):
    """A number with four significant digits and at most four decimals; whole ones as int.

    Python and JavaScript write such numbers with the same characters.
    """
    value = float(value)
    if not math.isfinite(value):
        return value
    value = round(float(f"{value:.4g}"), 4)
    return int(value) if value == int(value) else value


def text_of(value):
    """A number or words of a frame as they are shown."""
    if isinstance(value, str):
        return value
    value = short(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "−∞" if value < 0 else "∞"
    return str(value).replace("-", "−")


def setting_text(value):
    """A value of a setting as it is shown: as in code, with a minus sign of type."""
    return str(value).replace("-", "−")


def rounded(frame):
    """The frame with all its numbers short."""
    panels = [
        panel._replace(marks=[rounded_mark(mark) for mark in panel.marks]) for panel in frame.panels
    ]
    return Frame(panels, {name: text_of(value) for name, value in frame.numbers.items()})


def rounded_mark(mark):
    """A mark with short coordinates."""
    y = [short(value) for value in mark.y]
    return mark._replace(y=y, **({} if isinstance(mark, Bars) else {"x": [*map(short, mark.x)]}))
