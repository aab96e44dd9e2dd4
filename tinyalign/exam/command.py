"""`tinyalign exam make`, `grade` and `probe`, as the terminal shows them."""

import json
import sys

import numpy as np

from tinyalign.errors import InputError
from tinyalign.exam import probe, sentences
from tinyalign.exam.grade import nearest, read_checkpoint
from tinyalign.exam.hooks import load_bench
from tinyalign.exam.make import make
from tinyalign.exam.methods import METHODS
from tinyalign.exam.paper import read_paper
from tinyalign.exam.picture import draw
from tinyalign.exam.trained import read_trained, require_early
from tinyalign.exam.verdict import judge

UNMOVED = 1e-9  # nats from the start: no step was taken


def make_exam(folder, name, task, typed):
    """Write the exam and say what to do with it; 0."""
    paper = make(folder, name, task, **typed)
    print(f"{folder}: an exam in {METHODS[paper.method].title}, task {paper.task}")
    print(f"  Train {folder}/model: {folder}/README.md has a program for TRL, and says what any")
    print("  other trainer needs. Keep a checkpoint from half of the steps. Then:")
    print(f"  tinyalign exam grade {folder} TRAINED --before CHECKPOINT")
    return 0


def grade_exam(folder, trained, before=None, picture=None, as_json=False):
    """Print the grade; 0: right; 1: wrong; 2: it could not be said."""
    try:
        paper = read_paper(folder)
        now = read_checkpoint(paper, read_trained(paper, trained))
        if before is not None:
            require_early(before, trained)
        earlier = None if before is None else read_checkpoint(paper, read_trained(paper, before))
    except InputError as reason:
        return refuse(reason, as_json)
    fits = nearest(paper, now)
    verdict = judge(paper, now, earlier, fits)
    if as_json:
        print(json.dumps(as_data(paper, now, fits, verdict), indent=2, ensure_ascii=False))
    else:
        print_grade(paper, now, fits, verdict)
    if picture is not None:  # last: where no picture can be drawn, the grade has been said
        draw(paper, now, verdict, picture)
    return verdict.exit_code


def refuse(reason, as_json):
    """Raise the InputError again, or print the reason as JSON; 2."""
    if not as_json:
        raise reason
    print(json.dumps({"exit_code": 2, "reason": str(reason)}))
    return 2


def as_data(paper, now, fits, verdict):
    """The grade as JSON can hold it."""
    return {
        "method": paper.method,
        "task": paper.task,
        "exit_code": verdict.exit_code,
        "verdict": verdict.word,
        "mistake": verdict.suspect,
        "sentence": verdict.sentence,
        "kl_to_optimum": now.kl,
        "kl_to_optimum_of_prompts": now.kls.tolist(),
        "kl_to_reference": now.moved,
        "mass_on_answers": now.mass,
        "slope_over_right_slope": now.scale,
        "unexplained": now.right.unexplained,
        "slopes_of_prompts": now.right.slopes.tolist(),
        "deviations": [
            {"name": s.name, "slope": line.slope, "unexplained": line.unexplained}
            for s, line in fits
        ],
    }


def print_grade(paper, now, fits, verdict):
    """The numbers as a table, then the sentence."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout)
    if now.moved > UNMOVED:  # else no line says anything
        console.print(table(paper, now, fits))
        console.print(Text(sentences.axes(paper)))
    each = ", ".join(f"{p} {d:.2g}" for p, d in zip(paper.prompts, now.kls, strict=True))
    console.print(Text(f"KL to the optimum {now.kl:.2g} nats ({each})"))
    console.print(Text(f"KL to the reference {now.moved:.2g} nats; mass on answers {now.mass:.3f}"))
    console.print(Text(f"\n{verdict.word}: {verdict.sentence}", style="bold"))


def table(paper, now, fits):
    """The right line and the five nearest deviations."""
    from rich.table import Table

    grid = Table(
        title=f"{METHODS[paper.method].title}: which line is straight?", title_justify="left"
    )
    for name in ("a trainer that", "unexplained", "slope", "slopes of the prompts"):
        grid.add_column(name, overflow="fold")
    lines = [("does what the exam says", now.right), *((s.does, line) for s, line in fits[:5])]
    for does, line in lines:
        slopes = " ".join(f"{slope:.3g}" for slope in np.asarray(line.slopes))
        grid.add_row(does, f"{line.unexplained:.2g}", f"{line.slope:.3g}", slopes)
    return grid


def probe_trainer(folder, spec, as_json=False):
    """Print what a trainer answered; 0: right; 1: something is wrong; 2: it could not be said."""
    try:
        answers, left = probe.ask(load_bench(folder, spec))
    except InputError as reason:
        return refuse(reason, as_json)
    status = probe_status(answers)
    if as_json:
        rows = [answer._asdict() for answer in answers]
        data = {"exit_code": status, "answers": rows, "not_asked": left}
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        print_answers(answers, left)
    return status


def probe_status(answers):
    """1: something is wrong; 0: something is right and no hook raised; 2: nothing can be said."""
    if any(answer.right is False for answer in answers):
        return 1
    raised = any(answer.finding.startswith(probe.RAISED) for answer in answers)
    return 0 if not raised and any(answer.right for answer in answers) else 2


def print_answers(answers, left):
    """A line for each question, a sign in front."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    signs = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
    for answer in answers:
        sign = Text(*signs[answer.right])
        table.add_row(sign, Text(answer.question), Text(answer.finding))
    for question in left:
        table.add_row("·", Text(question, style="dim"), Text("not asked", style="dim"))
    Console(file=sys.stdout).print(table)
