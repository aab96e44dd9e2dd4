"""tinyalign check, scan, museum, exam: the first three stand in laws, which can be used alone."""

from tinyalign.exam.arguments import Exam
from tinyalign.laws.check.arguments import Check, Museum
from tinyalign.laws.scan.arguments import Scan

__all__ = ["Check", "Exam", "Museum", "Scan"]
