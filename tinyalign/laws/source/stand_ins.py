"""What stands in a function that was cut out for what was left behind."""

import os


class NotHere(Exception):
    """Something was used that was not cut out with the function."""


class Missing:
    """Anything of a package that is not read: it may be named, and must not be used."""

    def __init__(self, what):
        self._what = what

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._what}.{name}")

    def __call__(self, *_, **__):
        raise NotHere(f"it uses {self._what}, which is not in these files")

    def __instancecheck__(self, other):
        return False

    def __bool__(self):
        raise NotHere(f"it asks for {self._what}, which is not in these files")


class Silent:
    """A logger, or a progress bar: everything can be called, and nothing happens."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_, **__):
        return self

    def __bool__(self):
        return False


class Checks:
    """chex and its like: they only check, and what they say of the number of axes is kept."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._assert_rank if name == "assert_rank" else silent

    @staticmethod
    def _assert_rank(arrays, ranks):
        arrays = arrays if isinstance(arrays, list | tuple) else [arrays]
        ranks = ranks if isinstance(ranks, list | tuple) else [ranks] * len(arrays)
        for array, rank in zip(arrays, ranks, strict=True):
            axes = getattr(array, "ndim", 0)
            assert axes in (rank if isinstance(rank, set) else {rank}), f"{axes} axes, want {rank}"


class System:
    """os, of which the environment and the names of paths can be read, and nothing else."""

    def __init__(self):
        self.environ, self.path, self.sep = dict(os.environ), os.path, os.sep
        self.getenv = self.environ.get

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"os.{name}")


class Alone:
    """torch.distributed, or a helper of that kind, where there is one process."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Alone._answer(name)

    @staticmethod
    def _answer(name):
        """What a function of this name gives to one process that is alone."""
        if "world_size" in name or name.endswith("_size"):
            return lambda *_, **__: 1
        if "rank" in name:
            return lambda *_, **__: 0
        if name.startswith(("is_", "has_")):
            return lambda *_, **__: False
        # a sum or a gather over one process is what was given
        if name.endswith(("reduce", "gather", "broadcast", "_reduce_tensor", "barrier")):
            return lambda given=None, *_, **__: given
        return Alone()

    def __call__(self, given=None, *_, **__):
        return given


alone, checks, silent, system = Alone(), Checks(), Silent(), System()
