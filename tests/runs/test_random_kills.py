"""A process that is killed at any moment loses nothing: --resume ends as if nobody had killed it.

SIGKILL leaves a process no time for anything. Each run is killed, resumed and killed again until
one try reaches its end; then everything that lies in its folder is compared, byte for byte.
"""

import itertools
import random
import signal
from collections import Counter

import pytest
from killing import finish, left_of, open_server, start

SMALL = ["--steps", "12", "--batch_size", "4", "--eval_size", "8", "--eval_every", "2"]
BANDIT = ["--env", "bandit", "--num_pairs", "20", *SMALL]
TINY = ["--env", "addition", "--digits", "1", "--width", "8", "--layers", "1", *SMALL]
COMMANDS = {  # the command, and how many kills it has to survive
    "sft,dpo by a table": (["run", "sft,dpo", *BANDIT], 14),
    "reward,ppo by a table": (["run", "reward,ppo", *BANDIT], 14),
    "kto after its start": (["run", "kto", "--num_pairs", "20", "--heads", "1", *TINY], 14),
    "sft,grpo by a transformer": (["run", "sft,grpo", "--heads", "1", *TINY], 14),
    "sft,online_dpo by an LSTM": (["run", "sft,online_dpo", "--model", "lstm", *TINY], 14),
    "a comparison": (["compare", "sft", "dpo", "grpo", "--jobs", "1", *BANDIT], 30),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here"),
]


def command(argv, place):
    """The command that begins in a folder, or goes on there."""
    begun = any(place.glob("mine/**/config.json"))
    return [*argv, "--output", str(place), "--name", "mine", *["--resume"] * begun]


def kill_until_done(server, argv, place, seconds, chance):
    """How often the command was killed before one of its tries reached the end."""
    kills = 0
    for tries in itertools.count():
        process = start(server, command(argv, place))
        # A little longer each time: a machine that has become busier must let it end at last.
        process.join(chance.uniform(0, seconds * (1 + tries / 8)))
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            return kills
        kills += any(place.rglob("config.json"))  # earlier there is nothing to lose


@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_at_any_moment_changes_no_number(tmp_path, capsys, name):
    """100 kills in all, over stages, models and a comparison with its pictures."""
    argv, wanted = COMMANDS[name]
    server, chance, found = open_server(), random.Random(name), Counter()
    assert finish(server, command(argv, tmp_path / "warm"))[0] == 0
    status, seconds = finish(server, command(argv, tmp_path / "whole"))
    assert status == 0
    whole = left_of(tmp_path / "whole" / "mine")
    while found["kills"] < wanted:
        place = tmp_path / str(found["runs"])
        found["kills"] += kill_until_done(server, argv, place, seconds, chance)
        found["runs"] += 1
        found["differences"] += left_of(place / "mine") != whole
    with capsys.disabled():
        print(f"\n{name}: {dict(found)}")
    assert found["differences"] == 0
