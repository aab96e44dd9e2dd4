"""Which settings a run reads: one that was typed and that nothing reads is a mistake."""

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.runs.config import Config
from tinyalign.runs.lookup import OPERATIONS


def samples(row):
    """Whether a method draws completions: examples to be judged, or while it learns."""
    return row.label is not None or scores(row)


def scores(row):
    """Whether a method asks for rewards of its own samples."""
    return row.samples_while_learning or row.learns_from == "rewards"


# The settings that only some methods read: by which.
READ_BY = {
    "beta": lambda row: row.beta_sets and (row.kl_placement or not row.surrogate),
    "kl": lambda row: row.kl_placement == "loss",
    "advantage": lambda row: row.advantages,
    # Methods of the other recipe take no ratio to the policy that sampled, which could be clipped.
    "epsilon": lambda row: row.minibatches and row.recipe != "single_update" and row.clips,
    "entropy_coef": lambda row: row.minibatches,
    "num_iterations": lambda row: row.minibatches,
    "num_minibatches": lambda row: row.minibatches,
    "gamma": lambda row: row.critic,
    "lam": lambda row: row.critic,
    "temperature": samples,
    "num_generations": samples,
    "num_pairs": lambda row: row.label is not None,
    "num_labels": lambda row: row.label is not None,
    "label_temperature": samples,
    "label_noise": samples,
    "reward": scores,
}
# A file says itself what was liked.
NOT_WITH_DATA = (
    "num_generations", "num_pairs", "num_labels", "label_temperature", "label_noise", "digits",
)  # fmt: skip
SIZES = {"width": ("transformer", "lstm"), "layers": ("transformer", "lstm")}
SIZES["heads"] = ("transformer",)


def require_read(rows, config, models, tasks):
    """InputError for the first setting that was typed and that none of these methods reads.

    rows    methods of a run, or of all runs of a comparison
    config  as typed
    models  keys of config.MODELS, of all tasks
    tasks   names of tasks
    """
    usual = vars(Config())
    for name in [name for name, value in vars(config).items() if value != usual[name]]:
        if name in READ_BY and not any(READ_BY[name](row) for row in rows):
            known = [row.name for row in methods.METHODS if READ_BY[name](row)]
            more = " and others" * (len(known) > 3)
            raise InputError(
                f"--{name} is read by {', '.join(known[:3])}{more}, not by "
                f"{', '.join(dict.fromkeys(row.name for row in rows))}: leave it away"
            )
        if name in SIZES and not set(SIZES[name]) & set(models):
            raise InputError(f"--{name} is not read by the model {models[0]}: leave it away")
        if name in NOT_WITH_DATA and config.data:
            raise InputError(f"--{name} is not read with --data: leave it away")
        if name == "digits" and not OPERATIONS.keys() & set(tasks):
            raise InputError(f"--digits is not read by {', '.join(tasks)}: leave it away")
