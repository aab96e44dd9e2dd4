"""Count what a command executes of this project: files, functions, and frames down to the loss.

    python tests/house/count_calls.py              the two commands below
    python tests/house/count_calls.py --list       with every file and function

A function counts once, however often it is called; lambdas and comprehensions are part of the
function that holds them. What only runs at import is not counted.
"""

import contextlib
import functools
import io
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {  # what is typed after `tinyalign`, and the loss whose callers are counted
    "run dpo --env bandit --steps 3": "dpo",
    "run grpo --env bandit --steps 3": "clipped_surrogate",
}


def execute(command, loss):
    """({(file, function)}, the frames of ours from the command down to the loss)."""
    sys.path.insert(0, str(ROOT))
    from tinyalign import cli

    entered, stack = set(), []

    def record(frame, event, argument):
        where = own_function(frame) if event == "call" else None
        if where is None:
            return
        entered.add(where)
        if where[1] == loss and not stack:
            stack.extend(own_frames(frame))

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        sys.setprofile(record)
        try:
            status = cli.main([*command.split(), "--output", folder])
        finally:
            sys.setprofile(None)
    assert status == 0, command
    return entered, stack


def own_function(frame):
    """(file, function) of a frame that runs a function of this project, else None."""
    name = frame.f_code.co_name
    file = None if name.startswith("<") else own_file(frame.f_code.co_filename)
    return (file, name) if file else None


@functools.cache
def own_file(name):
    """The path of a file of this project, else None; asked at every call that is made."""
    path = Path(name)
    if not path.is_relative_to(ROOT):
        return None
    path = path.relative_to(ROOT)
    return str(path) if path.parts[0] in ("tinyalign", "toy_envs") else None


def own_frames(frame):
    """The functions of this project on the stack, outermost first."""
    frames = []
    while frame is not None:
        where = own_function(frame)
        frames += [where] if where else []
        frame = frame.f_back
    return frames[::-1]


def main(arguments):
    for command, loss in COMMANDS.items():
        entered, stack = execute(command, loss)
        files = {file for file, _ in entered}
        print(f"{command}: {len(files)} files, {len(entered)} functions, {len(stack)} frames")
        print("  " + " → ".join(f"{Path(file).stem}.{function}" for file, function in stack))
        if "--list" in arguments:
            for file in sorted(files):
                print(f"  {file}: {', '.join(sorted(f for p, f in entered if p == file))}")


if __name__ == "__main__":
    main(sys.argv[1:])
