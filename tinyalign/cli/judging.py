"""tinyalign check, museum, exam: the first two stand in laws, which can be used by itself."""

from tinyalign.exam.arguments import Exam
from tinyalign.laws.check.arguments import Check, Museum

__all__ = ["Check", "Exam", "Museum"]
