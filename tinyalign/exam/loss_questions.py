"""Questions about the loss: its value before an update and after one, alone and in batches.

A question returns whether the trainer is right, None where that cannot be said, and a finding.
"""

import numpy as np

from tinyalign.exam import first_step, hooks
from tinyalign.exam.hooks import CLOSE, worst

MOVED = 50 * CLOSE  # less than this tells no deviation from rounding


def first_loss(bench):
    """Before the first update the loss is that of ratio 1 and KL 0."""
    places = first_step.places(bench.paper)
    scored = read(bench, bench.make())
    right = first_step.row_values(bench.paper, places, scored)
    got = values(bench, bench.make(), places)
    if is_close(got, right):
        return True, f"{got.mean():.4f}, mean of {len(got)} lines"
    return False, wrong_value(bench, places, scored, right, got)


def loss_after_a_step(bench):
    """After an update a line's loss is that of all its tokens, EOS too, against the old model."""
    places, trainer = first_step.places(bench.paper), bench.make()
    trainer.step([first_step.lines_at(bench.paper, places)])
    scored = read(bench, trainer)
    moved = worst(scored.logp, bench.paper.reference)
    if moved < MOVED:
        return None, f"a step moved no score by more than {moved:.1g} nats: raise the learning rate"
    right = first_step.row_values(bench.paper, places, scored)
    got = values(bench, trainer, places)
    if not is_close(got, right):
        return False, wrong_value(bench, places, scored, right, got)
    seen = f"within {worst(got, right):.1g}; scores moved by up to {moved:.2g} nats"
    by_eos = eos_effect(bench, places, scored, right)
    if by_eos:
        return None, f"{by_eos}; the other tokens and the reference: {seen}"
    return True, seen


def eos_effect(bench, places, scored, right):
    """A sentence where the loss without EOS is the same but for rounding, else an empty text."""
    without = first_step.row_values(bench.paper, places, first_step.without_end(scored))
    if not is_close(without, right):
        return ""
    far = worst(without, right)
    return f"EOS cannot be seen on this task (it moves the loss by {far:.1g}): use --task words"


def whole_batch(bench):
    """The loss of many lines together is the mean that the method says."""
    places, trainer = first_step.places(bench.paper), bench.make()
    trainer.step([first_step.lines_at(bench.paper, places)])
    got = hooks.number(trainer.loss(first_step.lines_at(bench.paper, places)))
    alone = values(bench, trainer, places)
    tokens = bench.paper.mask.sum(axis=1)[[place[1] for place in places]]
    weight = tokens if bench.paper.method == "sft" else np.ones(len(alone))
    right = float(np.average(alone, weights=weight))
    if is_close(got, right):
        return True, f"{got:.5f}"
    others = {"the mean of the lines' losses": alone.mean(), "their sum": alone.sum(),
              "the sum over tokens": (alone * tokens).sum()}  # fmt: skip
    named = [f": that is {name}" for name, value in others.items() if is_close(got, value)]
    return False, f"{got:.5f}, want {right:.5f}{''.join(named[:1])}"


def micro_batches(bench):
    """An update from two micro-batches is that from both together."""
    places = first_step.places(bench.paper)
    places = sorted(places, key=lambda place: len(bench.paper.answers[place[1]]))  # uneven tokens
    lines = first_step.lines_at(bench.paper, places)
    moved = []
    for batches in ([lines], [lines[: len(lines) // 2], lines[len(lines) // 2 :]]):
        trainer = bench.make()
        trainer.step(batches)
        moved.append(hooks.answer_scores(bench, trainer) - bench.paper.reference)
    size = worst(moved[0], 0.0)
    if size < MOVED:
        return None, f"a step moved no score by more than {size:.1g} nats: raise the learning rate"
    share = worst(*moved) / size
    return share <= 0.02, f"they differ by {share:.1%} of the largest change"


def is_close(ours, theirs):
    """Whether losses are equal but for float32's rounding."""
    return worst(ours, theirs) <= CLOSE * max(1.0, float(np.max(np.abs(theirs))))


def values(bench, trainer, places):
    """The trainer's loss on each place alone."""
    return np.array(
        [hooks.number(trainer.loss([line])) for line in first_step.lines_at(bench.paper, places)]
    )


def read(bench, trainer):
    """What the trainer's loss is read from: first_step.Scored, against the exam's reference."""
    everything = np.zeros_like(bench.mask)
    for row, own in enumerate(bench.mask):
        everything[row, : int(np.flatnonzero(own)[-1]) + 1] = 1
    rows = hooks.scores_alone(trainer, bench.tokens, everything)
    prompt_mask = everything - bench.mask
    shape = (*bench.paper.reference.shape[:2], -1)
    mask = np.broadcast_to(bench.paper.mask, bench.paper.reference.shape)
    return first_step.Scored(
        hooks.per_answer(bench, rows), bench.paper.reference, mask, bench.paper.settings,
        (rows * prompt_mask).reshape(shape), prompt_mask.reshape(shape),
    )  # fmt: skip


def wrong_value(bench, places, scored, right, got):
    """A sentence about losses that are not right: the deviation that has these values, if any."""
    far = worst(got, right)
    for name, change in first_step.suspects(bench.paper).items():
        value = first_step.row_values(bench.paper, places, change(scored))
        if is_close(got, value) and not is_close(value, right):
            return f"up to {far:.2g} from the right loss; it is that of a trainer that {name}"
    return f"up to {far:.2g} from the right loss"
