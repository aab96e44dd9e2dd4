"""What `[tool.tinyalign]` in pyproject.toml says of a function, so that it need not be typed."""

from pathlib import Path

from tinyalign.laws.binding.signature import CannotCall

KEYS = {"as": str, "framework": str, "float32": bool, "seconds": (int, float), "convention": dict}


def settings_for(target):
    """{key: value} from the pyproject.toml above the file of the target, or above this folder.

    [tool.tinyalign] holds for every function, [tool.tinyalign."losses.py:dpo"], with the path from
    the folder of pyproject.toml, for one.
    """
    general, own = _general_and_own(target)
    both = {**general.get("convention", {}), **own.get("convention", {})}
    return {**general, **own, "convention": both}


def own_settings(target):
    """{key: value} of the table that is for this function alone."""
    return _general_and_own(target)[1]


def _general_and_own(target):
    path, _, name = target.rpartition(":")
    start = Path(path).resolve().parent if path.endswith(".py") else Path.cwd()
    folder = next((f for f in (start, *start.parents) if (f / "pyproject.toml").is_file()), None)
    if folder is None:
        return {}, {}
    table = _table(folder / "pyproject.toml")
    general = {k: v for k, v in table.items() if not isinstance(v, dict) or k == "convention"}
    inside = Path(path).resolve().relative_to(folder).as_posix() if path.endswith(".py") else path
    own = table.get(f"{inside}:{name}", {})
    if not isinstance(own, dict):
        raise CannotCall(f"[tool.tinyalign] has {inside}:{name} = {own!r}, want a table.")
    for key, value in (general | own).items():
        _require_known(key, value)
    return general, own


def _table(path):
    text = path.read_text(encoding="utf8")
    if "[tool.tinyalign" not in text:
        return {}
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        raise CannotCall(f"[tool.tinyalign] in {path} wants Python 3.11.") from None
    try:
        table = tomllib.loads(text).get("tool", {}).get("tinyalign", {})
    except tomllib.TOMLDecodeError as error:
        raise CannotCall(f"{path} is no TOML: {error}") from None
    except AttributeError:
        table = None
    if not isinstance(table, dict):
        raise CannotCall(f"tool.tinyalign in {path} is no table.")
    return table


def _require_known(key, value):
    if key not in KEYS:
        raise CannotCall(f"[tool.tinyalign] has {key!r}; there are {', '.join(KEYS)}.")
    if not isinstance(value, KEYS[key]):
        raise CannotCall(f"[tool.tinyalign] has {key} = {value!r}, want another type.")
