"""Dials of the walkthroughs: turn a setting and see what the library computes for it.

    frame    what a dial shows at one setting
    axes     a frame as SVG, for the pages
    dial     the grid of frames; the picture of a notebook

Every other file holds the numbers of one dial: a function of its settings that returns a Frame, and
the lines of Python that print the same numbers without this package.
"""

from tinyalign.notes.dials.dial import dial
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

__all__ = ["Bars", "Frame", "Line", "Panel", "Points", "dial"]
