"""python -m tinyalign is the command tinyalign."""

import sys

from tinyalign.cli import main

if __name__ == "__main__":  # MPI's workers import what the first process runs
    sys.exit(main())
