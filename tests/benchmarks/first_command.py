"""The wall's seconds of README's first command, once everything is installed."""

import os
import resource
import subprocess
import sys
import tempfile
import time

from tinyalign.engine.threads import THREADS

COMMAND = ("-m", "tinyalign", "compare")


def measure(threads):
    """Seconds until the table is there, and the processors' seconds of all its processes."""
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    with tempfile.TemporaryDirectory() as folder:
        used, begin = processor_seconds(), time.perf_counter()
        command = [sys.executable, *COMMAND, "--output", folder]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        wall = time.perf_counter() - begin
    return {"threads": threads, "wall": wall, "processors": processor_seconds() - used}


def processor_seconds():
    """What the processes that this one started and that have ended took."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime
