"""A trained policy, read back from its folder and asked: what it writes, and what it nearly wrote.

A finished run keeps two policies: model.safetensors, and before.safetensors, with which its last
stage began.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign import methods, policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.errors import InputError
from tinyalign.losses.numerics import log_softmax
from tinyalign.methods import one_letter
from tinyalign.models import tokenizer
from tinyalign.runs import lookup
from tinyalign.runs.config import MODELS, Config
from tinyalign.runs.dataset import START
from tinyalign.runs.files import read_summaries
from tinyalign.runs.folder import MARKER, has_ended, is_run, read_object
from tinyalign.runs.hugging_face import is_model_folder, read_model_folder
from tinyalign.runs.storage import load_tree

AFTER, BEFORE = "model.safetensors", "before.safetensors"
LONGEST = 80  # characters of an answer that does not end by itself


class Trained(NamedTuple):
    """A policy that can be asked."""

    params: Any
    model: Any  # a module of tinyalign.models
    vocabulary: tokenizer.Vocabulary
    front: str  # what every prompt was given in front while training: START with --data
    task: Any  # toy_envs.task.Task that the policy was trained on, or None


class Answer(NamedTuple):
    """The likeliest answer, token by token, with what else might have stood there."""

    text: str
    finished: bool  # it ended by itself
    choices: list  # a token a row: (the answer before it, (V,) probabilities of its next token)


def find_run(typed):
    """The folder of a run: as typed, or of that name below runs/."""
    places = Path(typed), Path("runs") / typed
    for folder in places:
        if is_run(folder) or is_model_folder(folder):
            return folder
    for folder in places:
        # a comparison on several tasks has a folder for each
        markers = [*folder.glob(f"*/seed*/*/{MARKER}"), *folder.glob(f"seed*/*/{MARKER}")]
        if markers:
            example = min(markers).parent.as_posix()
            raise InputError(f"{typed} is a comparison: name one of its runs, such as {example}")
    raise InputError(f"there is no run {typed}: `tinyalign runs` lists those below runs/")


def read_trained(folder, before=False):
    """The Trained policy of a folder.

    before  the policy with which the last stage of the run began
    raises  InputError where the folder does not hold one
    """
    if is_model_folder(folder):
        if before:
            raise InputError(f"{folder} is no run, so it has no policy before training")
        params, vocabulary = read_model_folder(folder)
        return Trained(params, MODELS["transformer"], vocabulary, "", None)
    if not has_ended(folder):
        raise InputError(
            f"the run {folder} is not finished: type the command that began it again, with --resume"
        )
    path = folder / (BEFORE if before else AFTER)
    if not path.exists():
        raise InputError(f"there is no file {path}: only a finished run has it")
    tree, note = load_tree(path)
    settings = read_object(folder / MARKER) or {}
    if "policy" not in tree or {"env", "digits", "data"} - settings.keys():
        raise InputError(f"{folder} holds no policy: name the folder of a run that trains one")
    task, front = None, START
    if not settings["data"]:
        task = lookup.find_task(Config(env=settings["env"], digits=settings["digits"]))
        front = ""
    vocabulary = tokenizer.Vocabulary(note["alphabet"], note["ends"])
    return Trained(tree["policy"], MODELS[note["model"]], vocabulary, front, task)


def read_prompt(trained, prompt):
    """Token ids of a prompt; InputError for one that the policy cannot read."""
    alphabet = trained.vocabulary.alphabet
    unknown = [letter for letter in prompt if letter not in alphabet]
    if unknown:
        known = alphabet.replace("\n", "")
        raise InputError(f"this policy knows no {unknown[0]!r}: its characters are {known!r}")
    ids = tokenizer.encode(trained.vocabulary, [trained.front + prompt])[0]
    if not ids:
        raise InputError("the prompt is empty, and this policy was trained on none such")
    if len(ids) >= trained.model.context(trained.params):
        limit = trained.model.context(trained.params) - 1
        raise InputError(f"the prompt has {len(ids)} tokens, and this policy reads {limit} at most")
    return ids


def room(trained, ids):
    """Tokens of the longest answer to a prompt of these ids."""
    most = trained.task.max_new_tokens if trained.task else LONGEST
    return int(min(most, trained.model.context(trained.params) - len(ids)))


def next_token_probs(trained, ids):
    """Probability of every next token after these ids, (V,) float64."""
    z = policy.logits(trained.model, trained.params, to_device(np.array([ids])))  # (1, S, V)
    return np.exp(log_softmax(to_host(z)[0, -1].astype(np.float64)))


def likeliest_answer(trained, prompt):
    """The Answer that takes the likeliest token each time."""
    ids = read_prompt(trained, prompt)
    text, choices, eos = "", [], trained.vocabulary.eos
    for _ in range(room(trained, ids)):
        probs = next_token_probs(trained, ids)
        choices.append((text, probs))
        token = int(probs.argmax())
        if token == eos:
            return Answer(text, True, choices)
        ids = [*ids, token]
        text += trained.vocabulary.alphabet[token]
    return Answer(text, eos is None, choices)


def sampled_answers(trained, prompt, count, seed):
    """So many answers drawn at temperature 1: list of (text, whether it ended by itself)."""
    ids = read_prompt(trained, prompt)
    rollout = policy.sample(
        trained.model,
        trained.params,
        [ids],
        np.random.default_rng(seed),
        max_new_tokens=room(trained, ids),
        eos=trained.vocabulary.eos,
        num_generations=count,
    )
    texts, finished = tokenizer.completions(
        trained.vocabulary, to_host(rollout.tokens), to_host(rollout.mask)
    )
    return list(zip(texts, finished.tolist(), strict=True))


def reward_of(trained, prompt, text, finished):
    """The task's reward of an answer; None where there is no task, or the prompt is not of it."""
    if trained.task is None:
        return None
    try:
        return float(trained.task.reward([prompt], [text], np.array([finished]))[0])
    except (ValueError, KeyError, IndexError):
        return None


def better_answer(trained, prompt, reward):
    """(text, probability) of the task's own answer if it earns more than `reward`, or None.

    The probability is that of the whole answer with its end.
    """
    if one_letter.is_enumerable(trained.task):  # known_answer says more
        return None
    text, eos = trained.task.solution(prompt), trained.vocabulary.eos
    if not reward_of(trained, prompt, text, True) > reward:
        return None
    ids, probability = read_prompt(trained, prompt), 1.0
    for token in [*tokenizer.encode(trained.vocabulary, [text])[0], eos]:
        probability *= next_token_probs(trained, ids)[token]
        ids = [*ids, token]
    return text, probability


def known_answer(folder, trained):
    """{prompt: (V,) probabilities at the optimum of the run's last method}; {} if none is known."""
    best = known_optimum(folder, trained)
    return {} if best is None else dict(zip(trained.task.held_out, best, strict=True))


def known_optimum(folder, trained):
    """(P, V) probabilities at the optimum of the run's last method, or None."""
    if not one_letter.is_enumerable(trained.task) or not (folder / BEFORE).exists():
        return None
    summaries = read_summaries(folder)
    config, row = Config(**summaries[-1]["settings"]), methods.find(summaries[-1]["method"])
    if row.optimum is None or config.reward == "model" or row.typed_numbers(config):
        return None
    ref_probs = probs_of(read_trained(folder, before=True))
    return row.optimum(ref_probs, one_letter.letter_rewards(trained.task), config)


def probs_of(trained):
    """A policy's probability of every answer to every prompt, (P, V)."""
    return one_letter.letter_probs(trained.model, trained.params, trained.task)


def end_points(folder):
    """((KL, reward) of a run, reward of its start, (KL, reward) of its optimum or None), exact.

    returns  None where not all answers can be listed, or the last method trains no policy
    """
    trained, last = read_trained(folder), methods.find(read_summaries(folder)[-1]["method"])
    if last.trains != "policy":
        return None
    if not one_letter.is_enumerable(trained.task) or not (folder / BEFORE).exists():
        return None
    start = probs_of(read_trained(folder, before=True))
    reward = one_letter.letter_rewards(trained.task)
    best = known_optimum(folder, trained)
    end = one_letter.end_point(probs_of(trained), start, reward)
    goal = None if best is None else one_letter.end_point(best, start, reward)
    return end, one_letter.end_point(start, start, reward)[1], goal
