"""python -m tinyalign is the command tinyalign."""

import sys

from tinyalign.cli import main

sys.exit(main())
