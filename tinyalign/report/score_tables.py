"""The score tables of many methods or seeds: one for each kind of feedback."""

from tinyalign.report.matched import matched_kl, scores_at_kl
from tinyalign.report.rows import (
    DIGITS,
    SCALE,
    by_method,
    failures,
    samples_to_goal,
    score_name,
    updates_to_goal,
)
from tinyalign.report.tables import (
    accuracy_cell,
    count_cell,
    goal_cell,
    mean_cell,
    measured_columns,
)

HEADINGS = {  # of rows.TABLES
    "demonstrations": "From demonstrations",
    "fixed feedback": "From fixed feedback",
    "rewards": "From rewards",
    "test time": "At test time",
}
DRAWING = {"rewards", "test time"}  # tables whose methods draw completions; others get labels
SCORE_COLUMNS = {"accuracy": "accuracy, %", "reward": "reward"}
STAR = " *"  # behind the name of a method with a caveat
SETTINGS = ("method", "settings")  # columns


def score_table(rows):
    """(columns, cells) of one table, from its results with the start among them."""
    groups = by_method(rows)
    failed = [method for method, _ in failures(rows)]
    seeds = [f"{failed.count(name)}/{len(group)}" for name, group in groups.items()]
    amounts = completion_columns if rows[0].table in DRAWING else label_columns
    columns = score_columns(rows, groups.values()) | amounts(rows, groups.values())
    return measured_columns(columns | {"failed seeds": seeds})


def score_columns(rows, groups):
    """{column: a cell for each method}: how good, and how far from the start."""
    score, at_kl = score_name(rows), scores_at_kl(rows)
    return {
        "method": [marked_name(group[0]) for group in groups],
        SCORE_COLUMNS[score]: [score_cell(group, score) for group in groups],
        f"at KL {matched_kl(rows):.2g}": [
            matched_cell(at_kl[group[0].method], score) for group in groups
        ],
        "KL, nats": [mean_cell([row.kl for row in group], ".3f") for group in groups],
        "KL to optimum": [mean_cell([row.optimum_kl for row in group], ".2g") for group in groups],
    }


def label_columns(rows, groups):
    """{column: a cell for each method} where all methods get their feedback before they train."""
    return {
        "labels": [count_cell([row.labels for row in group]) for group in groups],
        "updates": [count_cell([row.updates for row in group]) for group in groups],
        "sensitivity": sensitivities(rows, groups),
        f"updates to {rows[0].goal.words}": [goal_cell(group, updates_to_goal) for group in groups],
    }


def completion_columns(rows, groups):
    """{column: a cell for each method} where methods draw completions and see their rewards."""
    goal = f"completions to {rows[0].goal.words}"
    return {
        "completions": [count_cell([row.samples for row in group]) for group in groups],
        "updates": [count_cell([row.updates for row in group]) for group in groups],
        "sensitivity": sensitivities(rows, groups),
        goal: [goal_cell(group, samples_to_goal) for group in groups],
    }


def sensitivities(rows, groups):
    """A cell for each method: what a setting costs that is not the chosen one."""
    return [scaled_mean([row.sensitivity for row in group], score_name(rows)) for group in groups]


def marked_name(row):
    """The method's name, with a star where a caveat stands below the table."""
    return row.method + (STAR if row.caveat else "")


def score_cell(group, score):
    """76.6 [70.1, 81.0] for accuracy, 0.504 [0.45, 0.56] for reward."""
    if score == "accuracy":
        return accuracy_cell(group)
    return mean_cell([row.reward for row in group], ".3f", ".2f")


def scaled_mean(values, score):
    """A mean in units of the score's column: accuracy in per cent."""
    return mean_cell([SCALE[score] * value for value in values], f".{DIGITS[score]}f")


def matched_cell(values, score):
    """The mean at the matched KL, and how many seeds reached it where that is not all of them."""
    far = [value for value in values if value == value]  # NaN is not equal to itself
    share = f" ({len(far)}/{len(values)})" if 0 < len(far) < len(values) else ""
    return scaled_mean(values, score) + share


def figure_name(name):
    """The file of the picture of a table, without its ending."""
    return f"scores_{name.replace(' ', '_')}"


def caveats(rows):
    """The footnotes below a table: a line for each method with a star."""
    marked = {row.method: row.caveat for row in rows if row.caveat}
    return [f"* {method}: {caveat}" for method, caveat in marked.items()]


def settings_cells(rows):
    """A line for each method whose settings are known, in the order of SETTINGS."""
    return [
        (method, group[0].settings)
        for method, group in by_method(rows).items()
        if group[0].settings
    ]
