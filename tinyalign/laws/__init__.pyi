"""Types of tinyalign.laws, for editors and type checkers."""

from collections.abc import Callable
from typing import Any

METHODS: list[Any]
Law: Any
Verdict: Any

class Broken(AssertionError): ...
class CannotCall(Exception): ...

def laws_of(method: str) -> list[Any]: ...
def assert_lawful(
    fn: Callable[..., Any],
    method: str,
    *,
    framework: str | None = None,
    dtype: str = "float64",
    **conventions: str,
) -> None: ...
