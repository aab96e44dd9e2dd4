"""tinyalign write, tinyalign runs"""

import dataclasses
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.errors import InputError, shown

MOST = 5  # next tokens that a line shows
FEW = 10  # prompts that are all named
SMALLEST = 0.0005  # probability of one that is still shown: 0.1 % as printed


@dataclasses.dataclass(frozen=True)
class Write:
    """Ask a trained model: its likeliest answer, and the probabilities of its next tokens.

    Without a prompt it reads prompts, one a line, until an empty line or Ctrl-D.
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """Folder of a run, or its name below runs/ as `tinyalign runs` lists it."""
    prompt: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="[PROMPT]", help_behavior_hint=""),
    ] = None
    """What the model is to continue, for example "12+34="."""
    before: bool = False
    """Ask the policy with which the last stage of the run began, too."""
    samples: int = 0
    """Answers to draw at temperature 1 besides the likeliest one."""
    seed: int = 0
    """Same seed, same samples."""

    def __call__(self):
        from tinyalign.runs import asking

        if not 0 <= self.samples <= 10**5:
            raise InputError(f"--samples is {self.samples}, want a number from 0 to 100000")
        folder = asking.find_run(self.run)
        asked = {"after": asking.read_trained(folder)}
        if self.before:
            asked = {"before": asking.read_trained(folder, before=True)} | asked
        known = asking.known_answer(folder, asked["after"])
        if self.prompt is not None:
            self.print_answers(asked, known, self.prompt)
            return 0
        for prompt in typed_prompts(asked["after"]):
            try:
                self.print_answers(asked, known, prompt)
            except InputError as error:  # the next prompt may be a better one
                print(error)
        return 0

    def print_answers(self, asked, known, prompt):
        """What each policy answers, and what it should answer; names only where there are two.

        asked  {"before" or "after": asking.Trained}
        known  asking.known_answer
        """
        for name, trained in asked.items():
            title = f"{name} training: " if len(asked) > 1 else ""
            print_answer(trained, prompt, title)
            if self.samples:
                print_samples(trained, prompt, self.samples, self.seed)
        if prompt in known:
            vocabulary = asked["after"].vocabulary
            print(f"known answer: {next_tokens(vocabulary, known[prompt])}\n")


def typed_prompts(trained):
    """Prompts from the terminal, or from the lines of standard input."""
    asks = sys.stdin.isatty()
    if asks:
        alphabet = trained.vocabulary.alphabet.replace("\n", "")
        like = f", for example {trained.task.held_out[0]}" if trained.task else ""
        print(f"characters: {shown(alphabet)}{like}; an empty line ends")
    while True:
        try:
            prompt = input("prompt: " if asks else "")
        except EOFError:
            return
        if not prompt and asks:
            return
        yield prompt


def print_answer(trained, prompt, title):
    """The likeliest answer, what the task says of it, and the next tokens at each place."""
    from tinyalign.runs import asking

    answer = asking.likeliest_answer(trained, prompt)
    reward = asking.reward_of(trained, prompt, answer.text, answer.finished)
    notes = [] if answer.finished else ["it does not end by itself"]
    if reward is not None:
        notes.append(f"reward {reward:g}")
    elif trained.task is not None:
        notes.append(f"no prompt of {trained.task.name}: {prompts_of(trained.task)}")
    said = f"   ({'; '.join(notes)})" if notes else ""
    print(f"{title}{visible(prompt + answer.text)}{said}")
    places = [visible(prompt + before) for before, _ in answer.choices]
    width = max(map(len, places), default=0)
    for place, (_, probs) in zip(places, answer.choices, strict=True):
        print(f"  {place:{width}}  {next_tokens(trained.vocabulary, probs)}".rstrip())
    better = None if reward is None else asking.better_answer(trained, prompt, reward)
    if better is not None:
        text, probability = better
        print(
            f"  right: {visible(text)}, which it writes with probability {100 * probability:.1f} %"
        )
    print()


def prompts_of(task):
    """What a task's prompts are: all of a few, or one of many."""
    few = len(task.held_out) <= FEW
    return f"its prompts are {', '.join(task.held_out)}" if few else f"like {task.held_out[0]}"


def next_tokens(vocabulary, probs):
    """The likeliest next tokens with their probabilities: "4 98.2 %  3 1.1 %"."""
    names = [*map(visible, vocabulary.alphabet), "end"]
    # Stable: of equals the first stands first, as argmax takes it.
    best = [i for i in (-probs).argsort(kind="stable")[:MOST] if probs[i] >= SMALLEST]
    return "  ".join(f"{names[i]} {100 * probs[i]:.1f} %" for i in best)


def print_samples(trained, prompt, count, seed):
    """Each different answer that was drawn, and how often."""
    from tinyalign.runs import asking

    answers = asking.sampled_answers(trained, prompt, count, seed)
    print(f"{count} samples at temperature 1:")
    for (text, finished), times in Counter(answers).most_common(10):
        reward = asking.reward_of(trained, prompt, text, finished)
        notes = ([] if reward is None else [f"reward {reward:g}"]) + ["…"] * (not finished)
        print(f"  {times:{len(str(count))}} × {visible(text)}  {'  '.join(notes)}".rstrip())
    print()


def visible(text):
    """Text on one line, its spaces at the ends and its line breaks as signs."""
    inner = text.strip(" ")
    left, _, right = text.partition(inner) if inner else (text, "", "")
    return shown("␣" * len(left) + inner + "␣" * len(right)).replace("\n", "↵")


@dataclasses.dataclass(frozen=True)
class Runs:
    """List the runs and comparisons of a folder: what was typed, and how they ended."""

    folder: Annotated[
        tyro.conf.Positional[Path], tyro.conf.arg(metavar="[FOLDER]", help_behavior_hint="")
    ] = Path("runs")
    """Where runs are kept, or the folder of a comparison. [default: runs]"""

    def __call__(self):
        from rich.markup import escape
        from rich.table import Table

        from tinyalign import report
        from tinyalign.cli import screen
        from tinyalign.runs import listing

        rows = listing.list_runs(self.folder)
        if not rows:
            raise InputError(f"there is no run in {self.folder}: `tinyalign run dpo` makes one")
        table = Table(**report.PLAIN)
        for name in ("run, and what was typed", *listing.COLUMNS[2:]):
            words = name.startswith("run")  # may break in two lines
            side = "left" if words else "right"
            table.add_column(name, justify=side, overflow="fold", no_wrap=not words)
        for row in rows:
            name, typed, *scores = (escape(shown(cell)) for cell in row)
            table.add_row(name, *scores)  # a name of its own line can be copied whole
            table.add_row(f"  {typed}", style="dim")
        screen.printer().print(table)
        below = "" if self.folder == Path("runs") else f"{self.folder.as_posix()}/"
        print(f"\nto ask one of them: tinyalign write {below}RUN PROMPT")
        if any(typed.startswith("compare ") for _, typed, *_ in rows):
            print(f"the runs of a comparison: tinyalign runs {self.folder.as_posix()}/COMPARISON")
        return 0
