"""`python -m tinyalign.laws check …`, `… scan …` and `… museum …`."""

import sys

import tyro

from tinyalign.laws.check.arguments import OPTIONS, Check, Museum
from tinyalign.laws.scan.arguments import Scan

COMMANDS = {"check": Check, "scan": Scan, "museum": Museum}


def main(arguments=None):
    """The exit status of what was typed, done."""
    run = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, prog="python -m tinyalign.laws", args=arguments, config=OPTIONS
    )
    return run()


if __name__ == "__main__":
    sys.exit(main())
