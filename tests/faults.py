"""The system refuses once: the n-th open, write, fsync, rename or new folder of a command fails."""

import builtins
import errno
import io
import os

ERRORS = {
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "input and output": lambda: OSError(errno.EIO, "Input/output error"),
    "permission": lambda: PermissionError(errno.EACCES, "Permission denied"),
    "memory": MemoryError,
}
CALLS = [(os, "fsync"), (os, "replace"), (os, "open"), (os, "mkdir")]


class Fault:
    """Makes the n-th call of some functions of the system fail; counts them all.

    Only calls count that are about a folder `mine` or an open file: Python itself opens others.
    """

    def __init__(self, monkeypatch, error, n=None):
        self.error, self.n, self.calls = error, n, 0
        for owner, name in CALLS:
            monkeypatch.setattr(owner, name, self.failing(getattr(owner, name)))
        opened = self.failing(builtins.open, lambda file: File(file, self))
        for owner in (builtins, io):  # pathlib takes the second
            monkeypatch.setattr(owner, "open", opened)

    def failing(self, function, wrapped=lambda result: result):
        def call(*args, **named):
            if not (isinstance(args[0], int) or "mine" in str(args[0])):
                return function(*args, **named)
            self.count()
            return wrapped(function(*args, **named))

        return call

    def count(self):
        self.calls += 1
        if self.calls == self.n:
            raise self.error()


class File:
    """An open file whose writes count; the one that fails has written half of its bytes."""

    def __init__(self, file, fault):
        self.file, self.fault = file, fault

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __iter__(self):
        return iter(self.file)

    def write(self, content):
        try:
            self.fault.count()
        except BaseException:
            self.file.write(content[: len(content) // 2])
            raise
        return self.file.write(content)
