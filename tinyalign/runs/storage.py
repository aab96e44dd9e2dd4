"""Files that are written whole or not at all, and saved arrays that notice a flipped bit."""

import errno
import gzip
import hashlib
import io
import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from tinyalign.engine.backend import to_device, to_host
from tinyalign.engine.tree import leaves, rebuild
from tinyalign.errors import InputError
from tinyalign.report.plots import write_whole


class TooLarge(InputError):
    """A file has more bytes than may be read; says how many, after the file's name."""


class Saved(NamedTuple):
    """A tree of arrays as it lies on disk."""

    tree: dict[str, Any]
    note: Any  # what was saved beside the arrays
    sha256: str  # of both


def write_atomically(path, content):
    """Write bytes whole or not at all, and wait until their name is on the disk.

    returns  the SHA-256 of the bytes
    """
    path = Path(path)
    write_whole(path, content)
    sync_folder(path.parent)
    return hashlib.sha256(content).hexdigest()


def sync_folder(folder):
    """Wait until the names in a folder are on the disk, where the system has a way to say so."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_regular(path, largest=None):
    """The bytes of a regular file; InputError for a pipe or a device, TooLarge beyond `largest`.

    A pipe cannot be read twice, and one that nobody writes to would be waited for without end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise InputError(f"{path} is no regular file: write what it holds into one first")
    with open(descriptor, "rb") as file:
        if largest is not None and status.st_size > largest:
            raise TooLarge(f"has {status.st_size:,} bytes, want at most {largest:,}")
        return file.read()


def unpack(content, largest):
    """The bytes that a gzip file holds; TooLarge for more than `largest`."""
    with gzip.open(io.BytesIO(content)) as file:
        unpacked = file.read(largest + 1)
    if len(unpacked) > largest:
        raise TooLarge(f"holds more than {largest:,} bytes")
    return unpacked


def save_tree(path, tree, note):
    """Write a tree of arrays and a note (anything JSON can hold) to a safetensors file."""
    from safetensors.numpy import save

    arrays = {name: to_host(leaf).copy() for name, leaf in leaves(tree).items()}
    saved = {"order": list(arrays), "note": note}  # the file format sorts names
    saved["sha256"] = checksum(arrays, saved)
    write_atomically(path, save(arrays, {"note": json.dumps(saved)}))


def checksum(arrays, note):
    """The SHA-256 of named arrays, their types and shapes, and of a note."""
    total = hashlib.sha256(json.dumps(note).encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        total.update(arrays[name].tobytes())
    return total.hexdigest()


def load_tree(path):
    """Read what `save_tree` wrote: (tree, note).

    raises  InputError if the file is missing, damaged or of another kind
    """
    return read_saved(path)[:2]


def read_saved(path):
    """Read what `save_tree` wrote: Saved.

    raises  InputError if the file is missing, damaged or of another kind
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = read_regular(path)
        arrays = load(content)
        # The header is JSON, after eight bytes that hold its length.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        saved = json.loads(header["__metadata__"]["note"])
        expected = saved.pop("sha256", None)  # older files have none
        found = checksum(arrays, saved)
        if expected not in (found, None) or saved.keys() != {"order", "note"}:
            raise ValueError("its checksum is another")
        # The order of the leaves is the order in which gradients are laid out.
        flat = {name: to_device(arrays[name]) for name in saved["order"]}
        return Saved(rebuild(flat), saved["note"], found)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the folder of a finished run") from None
    except InputError:
        raise
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as saved weights ({error}): it is damaged or another kind of "
            "file, so take it from a copy, or train again under another --name"
        ) from None
