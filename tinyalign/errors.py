"""Wrong input, and what the system refuses: each is one sentence for the person typing."""

import difflib


class InputError(ValueError):
    """What was wrong, what was expected and what to do, in one sentence for the person typing."""


def shown(text):
    """Text from files, names and exceptions as it may reach a terminal: \\x1b instead of escape.

    Line breaks stay. Half a surrogate pair, as in a file name that is no UTF-8, is escaped too.
    """
    return "".join(
        letter if letter == "\n" or letter.isprintable() else ascii(letter)[1:-1]
        for letter in str(text)
    )


def refusal(error):
    """What the system refused, in words, for an OSError, MemoryError or RecursionError."""
    if isinstance(error, MemoryError):
        return "there is not enough memory: a smaller --batch_size or --width needs less"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}"


def folded(word):
    """A word as names are written here: "Dr-GRPO" → "dr_grpo"."""
    return word.strip().casefold().replace("-", "_").replace(" ", "_")


def nearest(word, known):
    """The name that a word nearly is, or "": two letters exchanged are nearer than all else."""
    word = folded(word)
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    near = [name for name in known if name in swaps]
    near = near or difflib.get_close_matches(word, known, n=1)
    return near[0] if near else ""
