"""Small models as Hugging Face folders, ways to change these, and the reward in a file."""

import importlib.util
import json
import sys

import numpy as np
from devices import fetched, frozen, here, sent
from safetensors.numpy import load_file, save_file

from tinyalign.engine.tree import tree_map
from tinyalign.models import transformer
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs.hugging_face import read_model_folder, write_model_folder

SHAPES = [  # vocab, width, layers, heads, context
    (2, 2, 1, 1, 2), (3, 4, 1, 2, 5), (6, 8, 2, 2, 12), (5, 12, 3, 3, 9), (13, 16, 2, 4, 10),
    (28, 16, 1, 16, 32), (7, 10, 4, 5, 6), (40, 32, 2, 4, 24), (11, 6, 12, 1, 4), (6, 24, 2, 3, 48),
]  # fmt: skip
LETTERS = '\n abcdefghijklmnopqrstuvwxyzÄ"\\\u2028😀0123456789'


def model(shape=(6, 8, 2, 2, 12), seed=0):
    """Float32 parameters, none of them 0 or 1, and a vocabulary that ends."""
    vocab, width, layers, heads, context = shape
    rng = np.random.default_rng(seed)
    params = here(transformer).init(
        rng, vocab=vocab, width=width, layers=layers, heads=heads, context=context
    )
    params = tree_map(
        lambda leaf: (leaf + 0.2 * rng.standard_normal(leaf.shape)).astype(np.float32), params
    )
    return frozen(params), Vocabulary(LETTERS[: vocab - 1], True)


def written(folder, params, vocabulary):
    write_model_folder(folder, sent(params), vocabulary)
    return folder


def read(folder):
    params, vocabulary = read_model_folder(folder)
    return fetched(params), vocabulary


def changed(path, change):
    """Rewrite a JSON file through a function of its content."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def reweighted(path, change):
    """Rewrite a file of weights through a function of its arrays."""
    arrays = {name: array.copy() for name, array in load_file(path).items()}
    change(arrays)
    save_file(arrays, path)


def reward_in(folder):
    """The function of a folder's reward.py."""
    spec = importlib.util.spec_from_file_location("exported_reward", folder / "reward.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module.reward
