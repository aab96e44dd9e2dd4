"""The one exception that means: the input is wrong, not the program."""


class InputError(ValueError):
    """What was wrong, what was expected and what to do, in one sentence for the person typing."""
