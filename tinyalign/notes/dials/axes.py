"""A panel of a dial as SVG. The script of the pages draws the marks again with the same numbers."""

import math
from html import escape
from typing import NamedTuple

from tinyalign.notes.dials.frame import Bars, Line, Points, short

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 14, 40
ACROSS, UP = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
MOST_LABELS = 6  # bars of a panel that carry their number


class Limits(NamedTuple):
    """The ends of both axes of a panel, the same in all its frames."""

    x: tuple
    y: tuple


def limits(panels):
    """The Limits that hold one panel in all its frames."""
    marks = [mark for panel in panels for mark in panel.marks]
    across = [value for mark in marks for value in mark.x]
    up = [value for mark in marks for value in mark.y]
    if not any(isinstance(mark, Bars) for mark in marks):
        return Limits(span(across, 0.03), span(up, 0.08))
    # Bars stand on 0; the other end leaves room for their numbers.
    low, high = span([0, *up], 0.08)
    return Limits(span(across, 0.03), (0 if min(up) >= 0 else low, 0 if max(up) <= 0 else high))


def span(values, margin):
    """The smallest and largest finite value, moved apart by a share of their distance."""
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values), max(values)
    room = margin * (high - low) or 0.5
    return short(low - room), short(high + room)


def tenth(value):
    """A coordinate with one decimal, halves upwards as in JavaScript."""
    value = math.floor(value * 10 + 0.5) / 10
    return int(value) if value == int(value) else value


def across(value, limits):
    """Pixels from the left of a value on the axis below."""
    low, high = limits.x
    return tenth(LEFT + (min(max(value, low), high) - low) / (high - low) * ACROSS)


def down(value, limits):
    """Pixels from the top of a value on the axis on the left."""
    low, high = limits.y
    return tenth(HEIGHT - BOTTOM - (min(max(value, low), high) - low) / (high - low) * UP)


def panel_svg(panel, limits, words):
    """A panel with its axes; `words` say what stands there."""
    marks = "".join(
        f'<g class="mark {type(mark).__name__.lower()} own{i}">{mark_svg(panel, i, limits)}</g>'
        for i, mark in enumerate(panel.marks)
    )
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{axes_svg(panel, limits)}{marks}</svg>"
    )


def mark_svg(panel, i, limits):
    """The shapes of one mark of a panel."""
    mark = panel.marks[i]
    if isinstance(mark, Bars):
        return bars_svg(panel, i, limits)
    places = [
        (across(x, limits), down(y, limits))
        for x, y in zip(mark.x, mark.y, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if isinstance(mark, Line):
        return f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}"></polyline>'
    return "".join(f'<circle cx="{x}" cy="{y}" r="5"></circle>' for x, y in places)


def bars_svg(panel, i, limits):
    """The bars of one row, with their numbers where there is room."""
    rows = [j for j, mark in enumerate(panel.marks) if isinstance(mark, Bars)]
    step = ACROSS / len(panel.names)
    width = 0.8 * step / len(rows)
    shapes = []
    for k, height in enumerate(panel.marks[i].y):
        x = tenth(LEFT + (k + 0.1) * step + rows.index(i) * width)
        top, foot = down(max(height, 0), limits), down(min(height, 0), limits)
        size = f'width="{tenth(width)}" height="{tenth(foot - top)}"'
        shapes.append(f'<rect x="{x}" y="{top}" {size}></rect>')
        if len(rows) * len(panel.names) <= MOST_LABELS:
            middle, above = tenth(x + width / 2), tenth(top - 3)
            label = str(height).replace("-", "−")
            shapes.append(f'<text x="{middle}" y="{above}">{label}</text>')
    return "".join(shapes)


def axes_svg(panel, limits):
    """Lines of the axes, ticks, and what the axes mean."""
    base = HEIGHT - BOTTOM
    parts = [
        f'<text class="ticks up" x="{LEFT - 5}" y="{down(tick, limits) + 4}">'
        f"{str(tick).replace('-', '−')}</text>"
        f'<path class="grid" d="M{LEFT} {down(tick, limits)}H{WIDTH - RIGHT}"></path>'
        for tick in ticks(*limits.y)
    ]
    if panel.names:
        step = ACROSS / len(panel.names)
        below = [(tenth(LEFT + (k + 0.5) * step), name) for k, name in enumerate(panel.names)]
    else:
        below = [(across(tick, limits), tick) for tick in ticks(*limits.x)]
    parts += [
        f'<text class="ticks" x="{x}" y="{base + 14}">{escape(str(word).replace("-", "−"))}</text>'
        for x, word in below
    ]
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"></path>')
    parts.append(
        f'<text class="name" x="{LEFT + ACROSS / 2}" y="{HEIGHT - 8}">{escape(panel.x)}</text>'
        f'<text class="name" transform="translate(11 {TOP + UP / 2}) rotate(-90)">'
        f"{escape(panel.y)}</text>"
    )
    return "".join(parts)


def ticks(low, high):
    """Four to eight round numbers between two ends."""
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if (high - low) / (size * k) <= 6)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [short(k * step) for k in range(first, last + 1)]


def in_words(panel):
    """A panel for a reader who does not see the picture."""
    parts = [f"{panel.y} against {panel.x}"]
    for mark in panel.marks:
        if isinstance(mark, Bars):
            heights = zip(panel.names, mark.y, strict=False)
            parts.append(f"{mark.label}: " + ", ".join(f"{name} {y}" for name, y in heights))
        elif isinstance(mark, Points):
            places = zip(mark.x, mark.y, strict=True)
            parts.append(f"{mark.label} at " + ", ".join(f"{x}, {y}" for x, y in places))
        else:
            parts.append(f"{mark.label}, a line from {mark.y[0]} to {mark.y[-1]}")
    return f"Plot: {panel.title}. " + ". ".join(parts) + "."
