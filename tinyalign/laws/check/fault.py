"""A mistake of the checker's own: one sentence, and a file to report it with."""

import importlib.metadata
import os
import platform
import sys
import tempfile
import traceback


def fault(error, request):
    """The answer, of status 3, to a request that the checker itself failed at."""
    handle, path = tempfile.mkstemp(prefix="tinyalign-fault-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf8") as file:
        file.write("\n".join(_account(error, request)))
    return {
        "status": 3,
        "reason": f"The checker itself failed ({type(error).__name__}), which is no fault of "
        f"{request['target']}: please report it with {path}.",
    }


def _account(error, request):
    yield f"python {sys.version}\n{platform.platform()}"
    for name in ("tinyalign", "numpy", "hypothesis", "autograd", "torch", "jax"):
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} not installed"
    yield from (f"{key}: {value}" for key, value in request.items())
    yield "".join(traceback.format_exception(error))


def is_theirs(error, path):
    """Whether what was raised passed through a file of theirs, or was no mistake of anybody's."""
    if isinstance(error, KeyboardInterrupt):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return any(os.path.realpath(frame.filename) == path for frame in frames)
