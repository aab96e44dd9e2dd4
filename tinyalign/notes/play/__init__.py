"""`tinyalign play`: turn the dials of a small run to any value, and see where the run ends.

engine  settings -> policy, reference, optimum and numbers, all by the library
server  one page and one address that computes, on this machine only
"""

from tinyalign.notes.play.server import play

__all__ = ["play"]
