"""The policy of a run as a Hugging Face folder, and such a folder as a run."""

import json
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs.folder import require_unused
from tinyalign.runs.hugging_face import read_model_folder, write_model_folder
from tinyalign.runs.storage import load_tree, save_tree, write_atomically


def export_run(run, folder):
    """Write the policy of a run as a folder that transformers loads.

    run      folder of a finished run
    folder   new, empty, or written by an earlier export
    returns  (params, Vocabulary) of the policy
    raises   InputError if there is no policy in the run, or if it is no transformer
    """
    params, note = load_tree(Path(run) / "model.safetensors")
    facts = note if isinstance(note, dict) else {}
    if "policy" not in params or not {"model", "alphabet", "ends"} <= set(facts):
        raise InputError(f"{run} holds no policy: give the folder of a run such as sft or dpo")
    if facts["model"] != "transformer":
        raise InputError(
            f"{run} holds a policy of the model {facts['model']}, which transformers has no class "
            "for: train one with --model transformer"
        )
    vocabulary = Vocabulary(facts["alphabet"], facts["ends"])
    write_model_folder(folder, params["policy"], vocabulary)
    return params["policy"], vocabulary


def import_folder(source, folder):
    """Write a Hugging Face folder as a run that has trained nothing yet: `--init_from` reads it.

    source   folder of a GPT-2-shaped model with a tokenizer of characters
    folder   of the run to be
    returns  (params, Vocabulary) of the policy
    raises   InputError for any other model, or if the folder holds a run
    """
    params, vocabulary = read_model_folder(source)
    require_unused(folder)
    facts = {"model": "transformer", "alphabet": vocabulary.alphabet, "ends": vocabulary.ends}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"imported_from": str(source)}, indent=1)
        write_atomically(folder / "config.json", content.encode())
        save_tree(folder / "model.safetensors", {"policy": params}, facts)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    return params, vocabulary
