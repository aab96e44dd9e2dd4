"""Parameters on disk: safetensors files with a JSON note, replaced in one motion or not at all."""

import json
import os
from pathlib import Path

from tinyalign.engine.backend import to_device, to_host
from tinyalign.engine.tree import leaves, rebuild
from tinyalign.errors import InputError


def save(path, tree, note):
    """Write a tree of arrays and a note (anything JSON can hold) to `path`.

    The file is written beside its place and moved there, so a killed process leaves the old one.
    """
    from safetensors.numpy import save as to_bytes

    arrays = {name: to_host(leaf).copy() for name, leaf in leaves(tree).items()}
    note = {"order": list(arrays), "note": note}  # the file format sorts names
    write_atomically(path, to_bytes(arrays, {"note": json.dumps(note)}))


def load(path):
    """Read what `save` wrote: (tree, note).

    raises  InputError if the file is missing, cut short or of another kind
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="np") as file:
            flat = {name: to_device(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
            saved = json.loads(file.metadata()["note"])
            return rebuild({name: flat[name] for name in saved["order"]}), saved["note"]
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the folder of a finished run") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as saved weights ({error}): it was cut short or is another "
            "kind of file, so delete the folder and train again"
        ) from None


def write_atomically(path, content):
    """Write bytes to a file so that nobody, ever, sees half of them."""
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
