"""What a sentence calls an array: by the name that the function has for it."""

from tinyalign.laws.forms.texts import FromLogits


def their_name(subject, array):
    """What the function calls this array of ours."""
    if array == "logp" and isinstance(subject.caller.fn, FromLogits):
        return subject.caller.fn.logits
    return (subject.caller.binding.arrays or {}).get(array, array)
