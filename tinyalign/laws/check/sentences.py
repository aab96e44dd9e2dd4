"""What a report says in words: what was assumed, and what a function was read as."""

from tinyalign.laws.binding.holders import guesses, has_of_its_own
from tinyalign.laws.catalogue.general import MASKED
from tinyalign.laws.check.defaults import default_sentences
from tinyalign.laws.forms.wrapper import Wrapper
from tinyalign.laws.harness.judge import BROKEN, HOLDS
from tinyalign.laws.harness.subject import OFFSET


def assumptions(subject, conventions, options):
    """What was taken for granted, one sentence each.

    options  those at their default, which nothing varies
    """
    # said with the array that is not there
    without = {n for s in subject.caller.substitutes.values() for n in s.numbers}
    fixed = [
        f"{subject.label} has no parameter for {n}: taken as fixed at {shown(value)}"
        f"{_by_constant(subject, n)} (declare with --convention {n}=…)."
        for n, value in subject.caller.fixed.items()
        if n not in conventions and value is not None and n not in without
    ]
    # their parameter -> all numbers of ours that it stands for
    ours = {}
    for name, theirs in subject.caller.parameters.items():
        ours.setdefault(theirs, []).append(name)
    shared = [
        f"{theirs} stands for {' and '.join(names)}: judged where they are equal."
        for theirs, names in ours.items()
        if len(names) > 1
    ]
    return fixed + shared + array_assumptions(subject) + default_sentences(subject.caller, options)


def _by_constant(subject, number):
    """Which constant of the module, or attribute of the instance, says so."""
    name = subject.caller.constants.get(number)
    return f", which {name} is" if name else ""


def array_assumptions(subject):
    """What was filled in, and what other names or only the order of the parameters decided."""
    binding = subject.caller.binding
    sentences = [
        f"{subject.label} takes no {n}: {f.sentence}."
        for n, f in subject.caller.substitutes.items()
    ]
    sentences += filled_assumptions(subject)
    sentences += holder_assumptions(subject)
    taken, fn = subject.caller.outputs.sentence, subject.caller.fn
    sentences += [taken] if taken else []
    sentences += fn.sentences() if isinstance(fn, Wrapper) else []
    sentences += [
        f"{n} is taken as 0, so no KL term is judged (declare with --convention {n}=…)."
        for n in subject.caller.kl_weights
    ]
    if binding.by_alias:
        sentences.append(f"Matched by name: {pairs_of(binding.by_alias)}.")
    if binding.by_position:
        sentences.append(f"Matched by position: {pairs_of(binding.by_position)}.")
    return sentences


def filled_assumptions(subject):
    """The parameters that are given a mask, a word or nothing."""
    caller, mask = subject.caller, subject.caller.binding.mask
    kind = "True" if caller.masks_are_bool else "ones"
    filled = f"{mask} is filled with {kind}: every token counts, but for the law {MASKED.name}."
    return [
        *([filled] if mask else []),
        *(
            f"{n} is set to {word!r}, the {_kind(word)} for {subject.spec.name}."
            if word
            else f"{n} is never read: None is given."
            for n, word in caller.words.items()
        ),
    ]


def holder_assumptions(subject):
    """What is read from a batch or a config, and which of its numbers are guessed."""
    binding, sentences = subject.caller.binding, []
    for holder, read in binding.holders.items():
        held = {n: t for n, t in binding.numbers.items() if t.startswith(holder + ".")}
        if held:
            sentences.append(f"Read from {holder}: {pairs_of(held)}.")
        taken = guesses(subject.caller.fn, holder, read)
        sentences += [
            f"{holder}.{n} is taken as {shown(taken[n])} "
            f"(declare with --convention {holder}.{n}=…)."
            for n in guessed_names(subject.caller, holder, taken, held)
        ]
    return sentences


def guessed_names(caller, holder, taken, held):
    """What a config was given a value for without being a number of the method, nor a form."""
    known = {theirs.split(".")[1] for theirs in held.values()}
    known |= {n.removeprefix(f"{holder}.") for n in caller.held}
    guessed = [n for n, v in taken.items() if n not in known and isinstance(v, bool | float)]
    return [n for n in guessed if not has_of_its_own(caller.fn, holder, n)]


def pairs_of(names):
    return ", ".join(f"{theirs} as {ours}" for ours, theirs in names.items())


def shown(value):
    """A number as it would be typed: 0, not 0.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def reading_sentence(spec, subject, reading, conventions, holds):
    """This is X, where Y was declared or is the default, and how to declare X."""
    changed = reading.spec is not spec
    this, was = ([reading.spec.name], [spec.name]) if changed else ([], [])
    flags = []
    table = {c.name: c for c in reading.spec.conventions}
    for name, new in reading.changed.items():
        flags.append(f"{name}={shown(new)}")
        if name in table:
            this.append(f"{table[name].choices[new]} ({flags[-1]})")
            was.append(table[name].choices[conventions.get(name, table[name].default)])
        elif name == OFFSET:
            this.append(f"{spec.name} with {shown(new)} added ({flags[-1]}; no slope changes)")
            was.append(f"{spec.name} itself")
        else:
            this.append(flags[-1])
            was.append(f"{name}={shown(conventions.get(name, subject.caller.fixed.get(name)))}")
    # as it would be typed
    way = [f"--as {reading.spec.name}"] if changed else []
    way += [f"--convention {' '.join(flags)}"] if flags else []
    typed = any(n in conventions for n in reading.changed)
    judged = "it was judged as" if changed else "you declared" if typed else "the default is"
    right = "Every law holds" if holds else "On ordinary inputs its values are right"
    this = f"This is {' and '.join(this)}; {judged} {' and '.join(was)}."
    said = f"{this} {right} with {' '.join(way)}."
    mixes = reading.changed.get("layout") == "group_first"
    return said + (" Given rewards (prompts, answers) it mixes the prompts." if mixes else "")


def warning_sentence(sentence, reading):
    """What a turned sign or direction means."""
    turned = reading.changed.items()
    if ("direction", "ref_policy") in turned:
        sentence += (
            " That is right only for tokens sampled from the reference; for tokens from the policy,"
            " the usual case, it is the wrong way round: swap the two."
        )
    if ("sign", "objective") in turned:
        sentence += " Minimised as a loss it unlearns: change the sign, or maximise it."
    if {("layout", "one_prompt"), ("layout", "one_column")} & set(turned):
        sentence += " Given several prompts at once it mixes them: call it once for each."
    if ("logp_per", "token") in turned:
        sentence += " SimPO, ORPO and IPO want it so; DPO wants the sum."
    if ("cap", "absolute") in turned:
        sentence += " A clip_high of 0.2, as usual, cuts every weight to 0.2: cap at 1 + clip_high."
    return sentence


def nearly_sentence(subject, verdicts, epsilon_of):
    """What an epsilon or a constant in float32 moves, where laws hold nearly but not quite."""
    nearly = [v for v in verdicts if v.status == HOLDS and v.gap]
    # What breaks a law may be what moves the others.
    if not nearly or any(v.status == BROKEN for v in verdicts):
        return ""
    epsilon = epsilon_of(subject)
    if epsilon:
        return f"{subject.label} adds about {epsilon:.0e} to the count that it divides by: no bug."
    most = max(v.gap for v in nearly)
    names = ", ".join(v.law.name for v in nearly[:3])
    names += f" and {len(nearly) - 3} more" if len(nearly) > 3 else ""
    laws = f"The law {names} holds" if len(nearly) == 1 else f"The laws {names} hold"
    return (
        f"{laws} to {most:.0e} and not to rounding: an epsilon in a denominator, or a number in "
        f"float32, moves results by about that; no bug."
    )


def _kind(word):
    return "switch" if word is True else "word"
