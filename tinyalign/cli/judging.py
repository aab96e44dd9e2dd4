"""tinyalign check, tinyalign museum: both stand in laws, which can be used by itself."""

from tinyalign.laws.check.arguments import Check, Museum

__all__ = ["Check", "Museum"]
