"""The lines of a file of your own, shared out: a tenth is held out, the rest is trained on."""

import json

import numpy as np

from tinyalign.errors import InputError
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs import dataset
from toy_envs.feedback import Thumbs


def attach_dataset(stages, config, vocabulary, content):
    """Give every stage its lines of the file: (stages, vocabulary).

    vocabulary  of the policy to start from, or None: the characters of the file
    content     of the file, as bytes
    """
    for stage in stages:
        if stage.method.learns_from not in dataset.COLUMNS:
            raise InputError(
                f"{stage.method.name} learns from {stage.method.learns_from}, which "
                "--data cannot hold: use sft, reward or dpo, or an --env"
            )
    vocabulary = vocabulary or file_vocabulary(content)
    attached = []
    for stage in stages:
        data = load(stage, len(stages), config, vocabulary, content)
        train, held_out = split(data, config.data)
        attached.append(stage._replace(target=None, data=train, held_out_data=held_out))
    return attached, vocabulary


def load(stage, count, config, vocabulary, content):
    """The dataset.Data of one stage of `count`; InputError for a line that it cannot read."""
    limits = {"context": config.context, "vocabulary": vocabulary}
    kind = stage.method.learns_from
    try:
        return dataset.load(config.data, kind, **limits, content=content)
    except dataset.DataError as error:
        if count == 1:
            raise
        raise dataset.DataError(
            f"{error} (read for {stage.method.name}; with --init_from no {stage.method.name} is "
            "put in front)"
            if stage.method.imitates
            else f"{error} (read for {stage.method.name})"
        ) from None


def file_vocabulary(content):
    """A token for each character of all texts of a file, whichever columns a method reads.

    So a policy that was trained on some columns can be trained on the others. None for a file that
    is no JSON, which is told with its line later.
    """
    characters = set(dataset.START)
    try:
        records = [
            json.loads(line) for line in content.decode("utf-8-sig").split("\n") if line.strip()
        ]
    except (ValueError, RecursionError):
        return None
    for record in filter(lambda record: isinstance(record, dict), records):
        for column in dataset.TEXT_COLUMNS & record.keys():
            texts = record[column] if isinstance(record[column], list) else [record[column]]
            characters.update(*(text for text in texts if isinstance(text, str)))
    # Half a surrogate pair is no character; a line that holds one is refused where it is read.
    return Vocabulary("".join(sorted(c for c in characters if not "\ud800" <= c <= "\udfff")), True)


def split(data, path):
    """(lines to train on, lines held out): Data each; the latter are a tenth, at least one."""
    if len(data.prompts) < 2:
        raise InputError(f"{path} has one example, want at least two: one is held out")
    order = np.random.default_rng(0).permutation(len(data.prompts))
    cut = max(1, len(order) // 10)
    held_out, train = order[:cut], order[cut:]
    if isinstance(data.feedback, Thumbs):
        keep_both_labels(train, held_out, data.feedback.desirable, path)
    return dataset.select(data, train), dataset.select(data, held_out)


def keep_both_labels(train, held_out, desirable, path):
    """Where all lines to train on have one label, exchange one for a line held out, in place."""
    for label in (True, False):
        if (desirable[train] != label).all():
            place = int(np.argmax(desirable[held_out] == label))
            train[-1], held_out[place] = held_out[place], train[-1]
    if desirable[train].all() or not desirable[train].any():
        raise InputError(f"{path} has two lines, want at least three: one is held out")
