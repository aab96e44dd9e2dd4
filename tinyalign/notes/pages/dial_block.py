"""A dial as HTML: its first picture, and the numbers of all pictures for dials.js."""

import json
import re

from tinyalign.notes.dials.axes import in_words, panel_svg
from tinyalign.notes.dials.frame import setting_text
from tinyalign.notes.pages import markup
from tinyalign.notes.pages.markup import escape

# A value's place in the highlighted lines: a number that no code has.
SENTINEL = 70417000


def html(dial, name):
    """A dial; `name` is its id on the page."""
    frame, limits = dial.frames[dial.start], dial.limits()
    panels = "".join(map(panel_block, frame.panels, limits))
    numbers = "".join(
        f"<div><dt>{escape(what)}</dt><dd>{escape(text)}</dd></div>"
        for what, text in frame.numbers.items()
    )
    sliders = "".join(
        slider(f"{name}-{i}", *setting, dial.start[i])
        for i, setting in enumerate(dial.settings.items())
    )
    return (
        f'<figure class="dial" id="{name}">\n<div class="settings">{sliders}</div>\n'
        f'<div class="panels">{panels}</div>\n<dl class="numbers">{numbers}</dl>\n'
        f'<p class="unseen" role="status"></p>\n{try_block(dial)}'
        f'<script type="application/json">{as_json(dial, limits)}</script>\n</figure>\n'
    )


def slider(name, setting, values, start):
    """A setting: a slider, which waits for the script, and the value that stands there."""
    text = escape(setting_text(start))
    return (
        f'<div><label for="{name}">{escape(setting)}</label> '
        f'<input type="range" id="{name}" min="0" max="{len(values) - 1}" step="1" '
        f'value="{values.index(start)}" aria-valuetext="{text}" hidden>'
        f'<output for="{name}">{text}</output></div>'
    )


def panel_block(panel, limits):
    """The axes of a panel, and which colour means what."""
    legend = "".join(
        f'<li class="{type(mark).__name__.lower()} own{i}">{escape(mark.label)}</li>'
        for i, mark in enumerate(panel.marks)
    )
    picture = panel_svg(panel, limits, in_words(panel))
    heading = f'<p class="title">{escape(panel.title)}</p>'
    return f'<div class="panel">{heading}{picture}<ul class="legend">{legend}</ul></div>'


def try_block(dial):
    """Lines of Python that give the numbers of the picture; the script puts the values in."""
    code = dial.try_it
    for i, setting in enumerate(dial.settings):
        code = code.replace(f"<{setting}>", str(SENTINEL + i))
    values = [str(value) for value in dial.start]
    shown = re.sub(
        rf"{SENTINEL // 1000}(\d\d\d)",
        lambda found: f'<span data-setting="{int(found[1])}">{values[int(found[1])]}</span>',
        markup.code_block(code),
    )
    summary = "<summary>Try it: these lines give the same numbers</summary>"
    return f"<details>{summary}\n{shown}</details>\n"


def as_json(dial, limits):
    """All that the script needs to draw: texts of the settings, panels, and every frame."""
    frames = list(dial.frames.values())
    # What is the same in every frame stands once, with the panel.
    every = zip(*(frame.panels for frame in frames), strict=True)
    panels = [panel_once(one, limit) for one, limit in zip(every, limits, strict=True)]
    data = {
        "settings": [[*map(setting_text, values)] for values in dial.settings.values()],
        "panels": panels,
        "frames": [frame_data(frame, panels) for frame in frames],
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("</", "<\\/")  # a closing tag in a text would end the script


def panel_once(panels, limit):
    """What is the same in one panel of every frame."""
    first = panels[0]
    every = zip(*(panel.marks for panel in panels), strict=True)
    words = [first.title, first.y, first.x]
    marks = [mark_once(mark) for mark in every]
    return {"words": words, "limits": limit, "names": first.names, "marks": marks}


def mark_once(marks):
    """What is the same in one mark of every frame: its kind, label, and perhaps its coordinates."""
    first = marks[0]
    once = {"kind": type(first).__name__.lower(), "label": first.label}
    for axis in ("x", "y"):
        values = getattr(first, axis)
        if all(getattr(mark, axis) == values for mark in marks):
            once[axis] = values
    return once


def frame_data(frame, panels):
    """Numbers of a frame, and for each mark of each panel the coordinates that change."""
    changes = [
        [
            {axis: getattr(mark, axis) for axis in ("x", "y") if axis not in once}
            for mark, once in zip(panel.marks, known["marks"], strict=True)
        ]
        for panel, known in zip(frame.panels, panels, strict=True)
    ]
    return {"numbers": list(frame.numbers.values()), "panels": changes}
