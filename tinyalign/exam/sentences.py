"""The sentences of a verdict."""

from tinyalign.exam.methods import METHODS
from tinyalign.exam.optima import group_beta, own_group


def numbers(now):
    """The numbers that every sentence needs."""
    return (
        f"{now.kl:.2g} nats from the optimum, slope {now.scale:.3f} of the right one, "
        f"{now.right.unexplained:.2g} of the variance unexplained"
    )


def title(paper):
    return METHODS[paper.method].title


def axes(paper):
    """What the table's lines are drawn through, and the slope that is wanted."""
    method = METHODS[paper.method]
    slope = method.slope(paper)
    named = [f"1/{name} = " for name, value in paper.settings.items() if 1 / value == slope]
    return (
        f"The first row plots {method.axes}: the right slope is {''.join(named[:1])}{slope:.3g}. "
        "Each other row plots what such a trainer makes straight. The straight line is the one "
        "with nearly 0 unexplained."
    )


def praise(paper, now):
    beta = ""
    if paper.method == "grpo":
        beta = f" Its beta counts as β·G/(G−1) = {group_beta(paper):.3f}, as predicted."
    return f"It lands where {title(paper)} ends: {numbers(now)}.{beta}"


def praise_at_beta_itself(paper, now):
    return (
        f"It lands where {title(paper)} ends at beta itself, not at β·G/(G−1): its baseline leaves "
        f"the sample out. Slope {now.scale * own_group(paper):.3f} of that."
    )


HIDDEN_EOS = (
    " EOS cannot be seen on this task: the start says EOS after every answer almost surely, so a "
    "loss that leaves EOS out ends here too. The task words shows EOS (`exam make --task words`)."
)
MAY_PASS = (
    " One checkpoint cannot show that it stays there: give an earlier one too, from half of the "
    "steps or fewer."
)


def passing(now, before):
    return (
        f"It stands where it should, {now.kl:.2g} nats from the optimum, but its slope was "
        f"{before.scale:.3f} of the right one at the earlier checkpoint and is {now.scale:.3f} now:"
        " it may be passing by. Train longer."
    )


def leak(paper, now):
    text = f"The answers have {now.mass:.2f} of the probability left; {numbers(now)}."
    if METHODS[paper.method].holds_mass:
        return f"{text} The method would have kept nearly all of it."
    return f"{text} The loss does not hold the rest, so that alone is no proof of a mistake."


def one_checkpoint(paper, now, suspect):
    return (
        f"It is not where {title(paper)} ends: {numbers(now)}.{resemblance(suspect)} One "
        "checkpoint cannot tell a mistake from too little training: give an earlier one, from half "
        "of the steps or fewer."
    )


def movement(now, before, gone, suspect):
    nearer = "came nearer to" if now.kl < before.kl else "did not come nearer to"
    return (
        f"It still moves, {gone:.2g} nats between the checkpoints, and {nearer} the optimum: "
        f"{before.kl:.2g} nats before, {now.kl:.2g} now. Train longer, or with less noise."
        f"{resemblance(suspect)}"
    )


def resemblance(suspect):
    """What the policy looks like, which is no verdict; empty without a suspect."""
    return f" So far it looks like a trainer that {suspect.does}." if suspect else ""


def accuse(now, line, suspects):
    """The nearest deviation, and those that leave about as little unexplained."""
    does = ", or ".join(suspect.does for suspect in suspects)
    seen = f" (seen in {suspects[0].seen})" if suspects[0].seen else ""
    return (
        f"It looks as if it {does}{seen}: that leaves {line.unexplained:.2g} of the variance "
        f"unexplained, the right line {now.right.unexplained:.2g} at {now.scale:.2f} of the right "
        f"slope; {now.kl:.2g} nats from the optimum."
    )


def turned_sign(now):
    return (
        f"The better an answer, the less of it: slope {now.scale:.2f} of the right one. A sign is "
        "turned, or chosen and rejected are swapped."
    )


def sample_in_baseline(now):
    return (
        f"Slope {now.scale:.3f} of the right one is (G−1)/G: its baseline contains the sample "
        "itself, so that beta counts as β·G/(G−1) (verl PR #7325)."
    )


def other_beta(now):
    return (
        f"It is straight in the reward with slope {now.scale:.3f} of the right one, as if beta "
        f"were {1 / now.scale:.3f} times what the exam says, or its logits were divided by "
        f"{now.scale:.3f} while it trains; {now.kl:.2g} nats from the optimum."
    )


def collapse(now):
    return (
        f"One answer has nearly all of the probability in every prompt, {now.kl:.2g} nats from the "
        "optimum: nothing holds it to the reference (beta 0 is the default of TRL's GRPO), or the "
        "reference moves with it."
    )


def lost(now, answers):
    names = ", ".join(repr(answer) for answer in answers)
    return (
        f"It has nearly ceased to say {names}, and what is not sampled is not trained; on the rest "
        f"its slope is {now.scale:.3f} of the right one, {now.right.unexplained:.2g} of the "
        "variance unexplained. Train again with a smaller learning rate or more samples a step."
    )


def or_other_beta(now):
    return f" A beta of {1 / now.scale:.3f} times what the exam says would look nearly the same."


def running_away(now, before):
    return (
        f"Its slope is {now.scale:.2f} times the right one and grows ({before.scale:.2f} before): "
        "the reference moves (seen in trl #2046), or beta is too small."
    )


def short_prompts(paper, now):
    each = ", ".join(f"{p!r} {d:.2g}" for p, d in zip(paper.prompts, now.kls, strict=True))
    return (
        f"It is right on the longest prompts and wrong on shorter ones ({each} nats): padding on "
        "the left without position ids (seen in trl #6800)."
    )


def unknown(paper, now):
    each = ", ".join(f"{slope:.3g}" for slope in now.right.slopes)
    return (
        f"It ends somewhere else, and no known mistake ends there: {numbers(now)}; slopes of the "
        f"prompts {each}."
    )
