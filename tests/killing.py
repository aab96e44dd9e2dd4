"""A command in a process that can be killed, and what it leaves but for seconds.

The processes are forked off a server that has everything imported, so that a kill costs little.
"""

import json
import multiprocessing
import os
import time

# They hold seconds, or what this machine took; the lock is empty.
UNLIKE = ("report.html", "checkpoint.safetensors", ".lock")


def open_server():
    """The context that processes are started with; they find the package imported."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tinyalign.cli", "tinyalign.cli.screen", "matplotlib.figure"])
    return server


def end_with_status(argv):
    """Run a command in this process, silently, and end with its status."""
    from tinyalign import cli

    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    os._exit(cli.main(argv))


def start(server, argv):
    """A process that runs the command."""
    process = server.Process(target=end_with_status, args=(argv,))
    process.start()
    return process


def finish(server, argv):
    """(status, seconds) of the command in a process that nobody disturbs."""
    began = time.perf_counter()
    process = start(server, argv)
    process.join(120)
    return process.exitcode, time.perf_counter() - began


def left_of(folder):
    """{path: content} of what a command leaves below a folder, but for seconds and its own place.

    A checkpoint holds seconds; what a run hands on is in model.safetensors.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    kept = [path for path in paths if path.name not in UNLIKE and path.stem != "costs"]
    return {str(path.relative_to(folder)): content(path, str(folder)) for path in kept}


def content(path, place):
    """What a file holds: rows and summaries without their seconds, everything else as bytes."""
    held = path.read_bytes().replace(place.encode(), b"")
    if path.name == "metrics.jsonl":
        return [untimed(row) for row in map(json.loads, held.splitlines())]
    if path.name == "summary.json":
        return [untimed(row) for row in json.loads(held)]
    return held


def untimed(row):
    return {name: value for name, value in row.items() if name != "train_seconds"}
