"""A trainer as `exam probe` sees it: an object with hooks, and what an exam can ask of these.

    score(tokens, mask)  (N, S) ids padded on the right, (N, S−1) 0 or 1 -> (N, S−1): the
                         log-probability of tokens[:, 1:], as the loss reads it, where mask is 1
    loss(batch)          one number; batch: lines of the exam's data.jsonl, each a dict
    step(batches)        one update of the weights from these micro-batches together
    sample(prompts)      a completion for each prompt, a string without EOS, as it would train on

All arrays may be NumPy's, torch's or JAX's. A question whose hooks are missing is not asked.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.backend import to_host
from tinyalign.errors import InputError
from tinyalign.exam.paper import Paper, read_paper
from tinyalign.exam.tasks import START
from tinyalign.models.tokenizer import Vocabulary, batch, encode
from tinyalign.runs.hugging_face import read_model_folder

CLOSE = 2e-4  # nats: float32 log-probabilities of two programs differ by about 1e-6


class Bench(NamedTuple):
    """What every question is asked with."""

    make: Callable  # () -> a fresh trainer of the exam's model
    paper: Paper
    params: Any  # of the exam's model
    words: Vocabulary
    tokens: np.ndarray  # (P·K, S) every answer to every prompt
    mask: np.ndarray  # (P·K, S−1) 1 on the tokens of the answers


def load_bench(folder, spec):
    """The Bench of an exam's folder and of FILE.py:FUNCTION, which makes a trainer.

    raises  InputError if one of them cannot be read, or if the exam is not of a policy
    """
    paper = read_paper(folder)
    if paper.method == "reward":
        raise InputError("a reward model has no token log-probabilities to ask for: probe a policy")
    params, words = read_model_folder(Path(folder) / "model")
    asked = encode(words, [START + prompt for prompt in paper.prompts for _ in paper.answers])
    said = encode(words, paper.answers * len(paper.prompts), end=paper.ends)
    return Bench(load_factory(spec), paper, params, words, *batch(asked, said))


def load_factory(spec):
    """The function that FILE.py:FUNCTION names; InputError where there is none."""
    name, colon, function = spec.rpartition(":")
    path = Path(name)
    if not colon or not path.is_file():
        raise InputError(f"{spec!r} names no function in a file: want mine.py:trainer")
    if path.suffix != ".py":
        raise InputError(f"{name!r} is no Python file: want mine.py:trainer")
    module = import_file(path)
    if not callable(getattr(module, function, None)):
        raise InputError(f"{path} has no function {function!r}")
    return guarded(getattr(module, function), f"{function} of {path}")


def import_file(path):
    """The module that a file defines; InputError where the file cannot be imported."""
    sys.path.insert(0, str(path.resolve().parent))  # for what the file imports
    source = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(source)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses look their module up by its name
    try:
        source.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        if before is not None:  # what had the name keeps it
            sys.modules[path.stem] = before
    return module


def guarded(make, name):
    """The function that makes a trainer, with an InputError for whatever it raises."""

    def made():
        try:
            return make()
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(f"{name} raised {type(error).__name__}: {error}") from error

    return made


def has(trainer, *hooks):
    """Whether a trainer has these hooks."""
    return all(callable(getattr(trainer, hook, None)) for hook in hooks)


def scores(trainer, tokens, mask):
    """The trainer's score, as float64; 0 where the mask is 0."""
    logp = trainer.score(tokens, mask)
    logp = on_host(logp)
    if logp.shape != mask.shape:
        raise InputError(f"score returned shape {logp.shape}, want {mask.shape} as the mask has")
    return np.where(mask > 0, logp, 0.0).astype(float)


def scores_alone(trainer, tokens, mask):
    """The same, each row in a batch of its own without padding: (N, S−1)."""
    table = np.zeros(mask.shape)
    for row, own in enumerate(mask):
        width = int(np.flatnonzero(own)[-1]) + 2  # column t of the mask speaks of token t + 1
        part = scores(trainer, tokens[row : row + 1, :width], mask[row : row + 1, : width - 1])
        table[row, : width - 1] = part[0]
    return table


def answer_scores(bench, trainer):
    """The trainer's token log-probabilities of every answer: (P, K, T), as the paper has them."""
    return per_answer(bench, scores_alone(trainer, bench.tokens, bench.mask))


def per_answer(bench, rows):
    """Numbers of tokens (P·K, S−1) as (P, K, T)."""
    table = np.zeros(bench.paper.reference.shape)
    own = np.broadcast_to(bench.paper.mask > 0, table.shape)
    table[own] = rows[bench.mask > 0]
    return table


def number(value):
    """What a trainer's loss returned, as a float."""
    return float(on_host(value))


def on_host(array):
    """An array of NumPy, CuPy, torch or JAX as NumPy's."""
    return array.detach().cpu().numpy() if hasattr(array, "detach") else to_host(array)


def worst(ours, theirs):
    """The largest difference."""
    return float(np.max(np.abs(ours - theirs)))
