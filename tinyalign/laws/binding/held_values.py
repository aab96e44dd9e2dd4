"""What stands for a config, for what a class is made with, and for a setting that nobody gave."""

from types import SimpleNamespace

from tinyalign.laws.binding.parameter_names import names_setting, parts


class Values(SimpleNamespace):
    """Numbers by attribute, by key, or by get; a holder inside it is itself.

    _inside  names of the holders inside it
    """

    _inside = ()

    def __getattr__(self, name):
        if name in self._inside:
            return self
        raise AttributeError(
            f"the checker does not know what {name} is: say it with --convention config.{name}=…, "
            f"or what the config is called there"
        )

    def __getitem__(self, name):
        return getattr(self, name)

    def __contains__(self, name):
        return name in self.__dict__

    def get(self, name, default=None):
        return self if name in self._inside else self.__dict__.get(name, default)


class Unknown:
    """Stands for what a class is made with; what is read from it is unknown too."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def guess(name):
    """What an unknown attribute is: a switch is off, a factor 1, any other setting 0."""
    if name.startswith(("use_", "is_", "has_")) or name == "reference_free":
        return False
    if name == "device":
        return "cpu"
    if not names_setting(name):
        return None
    return 1.0 if {"beta", "temperature", "tau", "lambda", "lam"} & set(parts(name)) else 0.0
