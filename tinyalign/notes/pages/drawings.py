"""Concept drawings of the pages: what a fence with one of these names shows instead of its text.

A notebook and a reader of the script see the text between the fences.
"""

from html import escape

import numpy as np

from tinyalign.losses.advantage import gae, group_center, group_standardize, leave_one_out

WIDTH = 380  # units of a drawing; about the pixels of the column on a desk and on a phone
ARROWHEAD = (
    '<marker id="{0}-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z"></path></marker>'
)


def figure(name):
    """The drawing with this name, described for screen readers."""
    words, height, shapes = DRAWINGS[name]()
    head = ARROWHEAD.format(name)
    shapes = "".join(shapes).replace("HEAD", f"url(#{name}-head)")
    return (
        f'<figure class="concept"><svg role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {WIDTH} {height}"><defs>{head}</defs>{shapes}</svg></figure>\n'
    )


def text(x, y, words, kind=""):
    """Words with their middle at x."""
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'


def box(x, y, width, words, kind=""):
    """A box with words in its middle; `kind` is its CSS class."""
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="28" rx="5" class="{kind}"></rect>'
    return shape + text(x + width / 2, y + 19, words)


def line(*points, kind=""):
    """A line through points (x, y)."""
    places = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{places}" class="{kind}"></polyline>'


def arrow(*points):
    """A line through points (x, y) with a head at its end."""
    return line(*points).replace("></", ' marker-end="HEAD"></')


def stages():
    """SFT, reward model, PPO: what goes in, and what comes out."""
    rows = (
        ("demonstrations", "1  SFT", "policy"),
        ("judged pairs", "2  reward model", "scores"),
        ("policy + scores", "3  PPO", "new policy"),
    )
    between = ("the policy writes answers, a judge compares", "the reward model scores new answers")
    shapes = []
    for k, (data, stage, result) in enumerate(rows):
        y = 4 + 68 * k
        shapes += [box(2, y, 118, data), box(144, y, 118, stage, "own0"), box(286, y, 92, result)]
        shapes += [arrow((120, y + 14), (143, y + 14)), arrow((262, y + 14), (285, y + 14))]
    for k, words in enumerate(between):
        y = 32 + 68 * k
        path = ((332, y), (332, y + 11), (60, y + 11), (60, y + 39))
        shapes += [arrow(*path), text(206, y + 29, words, "small")]
    words = (
        "Three stages. Demonstrations train the policy by SFT. Judged pairs of the policy's "
        "answers train the reward model. The policy and the scores of the reward model go into "
        "PPO, which gives the new policy."
    )
    return words, 172, shapes


def trajectory():
    """One answer of three tokens: rewards, guesses of the critic, and advantages."""
    rewards, guesses = np.array([0.0, 0.0, 1.0]), np.array([0.4, 0.6, 0.9])
    advantages, _ = gae(rewards[None], guesses[None], np.ones((1, 3)), gamma=1.0, lam=1.0)
    rows = (("reward", rewards), ("critic's guess", guesses), ("advantage", advantages[0]))
    shapes = [box(2, 6, 96, "prompt"), arrow((98, 20), (129, 20))]
    for t in range(3):
        x = 130 + 84 * t
        shapes += [box(x, 6, 60, f"token {t + 1}", "own0")]
        shapes += [arrow((x + 60, 20), (x + 83, 20))] if t < 2 else []
        for k, (_, values) in enumerate(rows):
            shapes.append(text(x + 30, 62 + 28 * k, f"{values[t]:.1f}", "strong" if k == 2 else ""))
    shapes += [text(50, 62 + 28 * k, name) for k, (name, _) in enumerate(rows)]
    words = ". ".join(
        f"{name} of the three tokens: {', '.join(f'{value:.1f}' for value in values)}"
        for name, values in rows
    )
    return f"A prompt and an answer of three tokens. {words}.", 126, shapes


def group():
    """Four answers to one prompt: the advantages of three methods as bars."""
    reward = np.array([[1.0, 0.0, 0.0, 0.0]])
    rows = {
        "reward": (72, reward),
        "Dr. GRPO": (136, group_center(reward)),
        "GRPO": (222, group_standardize(reward)),
        "RLOO": (306, leave_one_out(reward)),
    }
    shapes = [text(146 + 66 * i, 16, f"answer {i + 1}", "small") for i in range(4)]
    sentences = []
    for name, (base, values) in rows.items():
        shapes += [text(46, base, name), line((100, base), (378, base))]
        shapes += [bar(146 + 66 * i, base, value) for i, value in enumerate(values[0])]
        sentences.append(f"{name}: {', '.join(f'{value:.2f}' for value in values[0])}")
    return f"One prompt, four answers, as bars. {'. '.join(sentences)}.", 332, shapes


def bar(x, base, value):
    """A bar above or below its base, with its number."""
    tall, up = 34 * abs(value), value > 0
    top, below = (base - tall, base - tall - 4) if up else (base, base + tall + 13)
    number = text(x, f"{below:.1f}", f"{value:+.2f}" if value else "0", "small")
    kind = "own0 full" if up else "own1 full"
    place = f'x="{x - 14}" y="{top:.1f}" width="28" height="{tall:.1f}"'
    return f'<rect {place} class="{kind}"></rect>{number}'


def clip():
    """The objective of a token against its ratio, for a good and for a bad token."""
    words = (
        "The clipped objective against the ratio. A good token has no slope above 1.2. A bad "
        "token has no slope below 0.8. Everywhere else the objective is a straight line."
    )
    good = clip_panel(6, "good token, A > 0", 1, ((0.4, 1.2), (1.2, 1.6)))
    bad = clip_panel(198, "bad token, A < 0", -1, ((0.8, 1.6), (0.4, 0.8)))
    return words, 202, good + bad


def clip_panel(left, name, advantage, pieces):
    """One half of `clip`: the sloping and the flat piece, each from one ratio to another."""
    objective = [
        [min(advantage * ratio, advantage * min(max(ratio, 0.8), 1.2)) for ratio in piece]
        for piece in pieces
    ]
    level = 160 if advantage > 0 else 22
    across = [[round(left + 146 * (ratio - 0.4), 1) for ratio in piece] for piece in pieces]
    down = [[round(level - 82 * value, 1) for value in piece] for piece in objective]
    (_, _), (start, end) = across
    slope, flat = (tuple(zip(*piece, strict=True)) for piece in zip(across, down, strict=True))
    place = f'x="{start}" y="28" width="{end - start:.1f}" height="136"'
    return [
        f'<rect {place} class="shade"></rect>',
        text(left + 88, 16, name, "strong"),
        line((left, 164), (left + 176, 164)),
        line(*slope, kind="own0"),
        line(*flat, kind="own1"),
        text((start + end) / 2, 46 if advantage > 0 else 150, "no slope", "small"),
        *(text(round(left + 146 * (at - 0.4)), 179, f"{at:g}", "small") for at in (0.8, 1, 1.2)),
        text(left + 88, 196, "ratio", "small"),
    ]


def networks():
    """Which network which method holds: trained ones are full, frozen ones are outlines."""
    columns = ("policy", "critic", "reference", "reward model")
    held = {"SFT": "T...", "DPO": "T.F.", "GRPO": "T.fr", "PPO": "TTFr"}
    kinds = {"T": "own0 full", "F": "own1", "f": "own1 dashed", "r": "own2 dashed"}
    shapes = [text(104 + 78 * i, 16, name, "small") for i, name in enumerate(columns)]
    for k, (method, row) in enumerate(held.items()):
        shapes.append(text(30, 45 + 34 * k, method, "strong"))
        shapes += [
            f'<rect x="{80 + 78 * i}" y="{28 + 34 * k}" width="48" height="24" rx="5" '
            f'class="{kinds[letter]}"></rect>'
            for i, letter in enumerate(row)
            if letter in kinds
        ]
    shapes.append(
        text(190, 182, "full: trained · outline: frozen · dashed: where it is used", "small")
    )
    words = (
        "Networks in memory. SFT trains a policy. DPO trains a policy beside a frozen "
        "reference. GRPO trains a policy, and holds a reference and a reward model only where "
        "they are used. PPO trains a policy and a critic beside a frozen reference, and holds "
        "a reward model where the reward is learned."
    )
    return words, 190, shapes


DRAWINGS = {
    "stages": stages,
    "trajectory": trajectory,
    "group": group,
    "clip": clip,
    "networks": networks,
}
