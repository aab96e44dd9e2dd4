"""A dial: one or two settings, their values, and the numbers that the library returns for each."""

from itertools import product

from tinyalign.engine.backend import using
from tinyalign.errors import InputError
from tinyalign.notes.dials.axes import Limits, limits
from tinyalign.notes.dials.frame import Bars, Line, rounded, setting_text


class Dial:
    """A grid of frames, computed once.

    settings  {name: tuple of values}, one or two
    start     the values of the first picture
    frames    {values: Frame}, all of them, with rounded numbers
    try_it    lines of Python in which <name> stands for a value
    """

    def __init__(self, frame, settings, start, try_it):
        self.settings, self.start, self.try_it = settings, start, try_it
        with using("numpy"):  # what a page shows is NumPy
            self.frames = {
                values: rounded(frame(*values)) for values in product(*settings.values())
            }

    def limits(self):
        """The Limits of every panel, which hold all its frames."""
        every = [frame.panels for frame in self.frames.values()]
        return [limits(panels) for panels in zip(*every, strict=True)]

    def sentence(self, values):
        """The settings and the numbers of a frame in one line."""
        settings = zip(self.settings, values, strict=True)
        chosen = ", ".join(f"{name} = {setting_text(value)}" for name, value in settings)
        numbers = "; ".join(f"{n} {v}" for n, v in self.frames[values].numbers.items())
        return f"{chosen}: {numbers}"

    def lines(self, values):
        """The lines of Python that give the numbers of a frame."""
        code = self.try_it
        for name, value in zip(self.settings, values, strict=True):
            code = code.replace(f"<{name}>", str(value))
        return code

    def draw(self, *values):
        """A frame as a figure of matplotlib, which is loaded here: a page needs none."""
        from tinyalign.notes.lesson import picture

        panels, limits = self.frames[values].panels, self.limits()
        figure, axes = picture(len(panels), width=1 + 3.6 * len(panels), height=3.2)
        every = [axes] if len(panels) == 1 else axes
        for axis, panel, limit in zip(every, panels, limits, strict=True):
            draw_panel(axis, panel, limit)
        figure.suptitle(self.sentence(values), fontsize="small", wrap=True)
        return figure

    def _ipython_display_(self):
        # Jupyter calls this method for the value of a cell's last line.
        from IPython.display import display

        try:
            from ipywidgets import SelectionSlider, interact
        except ImportError:
            display(self.draw(*self.start))
            return
        sliders = {
            name: SelectionSlider(options=values, value=value, description=name)
            for (name, values), value in zip(self.settings.items(), self.start, strict=True)
        }
        interact(lambda **chosen: display(self.draw(*chosen.values())), **sliders)


def dial(frame, settings, *, start, try_it):
    """A Dial, which a notebook and a page show; a script prints the numbers of its first picture.

    frame     function of one value of each setting -> Frame
    settings  {name: values}, one setting or two
    start     one value of each setting: the first picture
    try_it    at most ten lines of Python that print the frame's numbers; in them <name> stands for
              the value of a setting
    raises    InputError if a value of `start` is not among the values
    """
    settings = {name: tuple(values) for name, values in settings.items()}
    for (name, values), value in zip(settings.items(), start, strict=True):
        if value not in values:
            raise InputError(f"start: {name} is {value}, want one of {values}")
    shown = Dial(frame, settings, tuple(start), try_it.strip("\n"))
    print(shown.sentence(shown.start))
    return shown


def draw_panel(axes, panel, limit: Limits):
    """Draw a panel on the axes of a figure of matplotlib."""
    rows = [mark for mark in panel.marks if isinstance(mark, Bars)]
    for mark in panel.marks:
        if isinstance(mark, Bars):
            width = 0.8 / len(rows)
            places = [k + width * (rows.index(mark) - (len(rows) - 1) / 2) for k in mark.x]
            axes.bar(places, mark.y, width, label=mark.label)
        else:
            axes.plot(mark.x, mark.y, "-" if isinstance(mark, Line) else "o", label=mark.label)
    if panel.names:
        axes.set_xticks(range(len(panel.names)), panel.names)
    else:
        axes.set_xlim(limit.x)
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y, ylim=limit.y)
    axes.legend(fontsize="x-small")
