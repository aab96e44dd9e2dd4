"""What a function needs to be called as a method, in one sentence each."""

from inspect import Parameter

from tinyalign.laws.binding.parameter_names import describe

OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)  # *args and **kwargs


def missing_message(label, spec, parameters, taken, missing):
    """The sentence for a function that takes fewer arrays than the method has."""
    settings = [n for n, q in parameters.items() if n not in taken and q.kind not in OPEN]
    aside = f" ({', '.join(settings)}: taken for settings)" if settings else ""
    rename = ", or rename what is taken for a setting and is an array" if settings else ""
    one = "argument" if len(missing) == 1 else "arguments"
    return (
        f"{label} takes the arrays {', '.join(taken) or 'none'}{aside}; {spec.name} also needs "
        f"{' and '.join(describe(a) for a in missing)}: add the {one}{rename}."
    )


def left_over_message(label, spec, taken, left):
    """The sentence for a function that wants more than the method has, and what to do about it."""
    them = [describe(n) for n in left[:3]]
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    ours = [*spec.arrays, *spec.numbers]
    kl = " A KL term by itself is judged as k1, k2 or k3." if "ref_logp" in left else ""
    return (
        f"{label} also needs {', '.join(them)}{more}, for which {spec.name} has no value "
        f"(taken for its arrays: {', '.join(taken) or 'none'}). If {left[0]} is one of "
        f"{', '.join(ours)}, say which, as in --convention {ours[0]}={left[0]}. Else write a "
        f"function of {', '.join(spec.arrays)} that calls it, and have that one judged.{kl}"
    )
