"""How a law ends that does not hold: broken, not about this function, not about this input."""

import numpy as np


class Broken(AssertionError):
    """The function under test contradicts a law; the message says what it gave and what was due.

    gap  by how much, relative to what was due where that exceeds 1; infinite if it has no size
    """

    def __init__(self, message, gap=np.inf):
        super().__init__(message)
        self.gap = gap


class NotApplicable(Exception):
    """The law asks for something this function fixes, such as another beta."""


class OutOfDomain(Exception):
    """The law asks for inputs that this function has no form for: it is tried on others."""
