"""What somebody's function raises, in one line that is safe to print."""

LONGEST = 300  # characters


def describe_error(error):
    """Its type and message: one line, no control characters, however long it is."""
    try:
        message = str(error)
    except Exception:  # its own __str__ raises
        message = "(its message cannot be read)"
    name = type(error).__name__
    return f"{name}: {one_line(message)}" if message else f"{name}"


def one_line(text):
    """The text in one line, what a terminal would act on written out, cut where it is too long."""
    words = " ".join(text[: 2 * LONGEST].split())
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in words)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} …"
