"""`python -m tinyalign.laws check …` and `… museum …`."""

import argparse
import sys

from tinyalign.laws.command import check, museum


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tinyalign.laws")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check", help="judge FILE.py:FUNCTION as a method")
    one.add_argument("target", metavar="FILE.py:FUNCTION")
    one.add_argument("--as", dest="method", required=True, metavar="METHOD")
    one.add_argument("--framework", default="numpy")
    one.add_argument("--convention", nargs="*", action="extend", default=[], metavar="KEY=VALUE")
    one.add_argument("--json", action="store_true")
    one.add_argument("--float32", action="store_true")
    two = commands.add_parser("museum", help="wrong losses with their stories")
    two.add_argument("name", nargs="?")
    chosen = parser.parse_args(arguments)
    if chosen.command == "museum":
        return museum(chosen.name)
    return check(
        chosen.target,
        chosen.method,
        framework=chosen.framework,
        convention=chosen.convention,
        as_json=chosen.json,
        float32=chosen.float32,
    )


if __name__ == "__main__":
    sys.exit(main())
