"""Names that `--as` accepts: those of the table, and those of training methods that use a loss."""

import difflib

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.outputs import OUTPUT
from tinyalign.laws.harness.subject import OFFSET

LOSS_OF = {  # training method -> the row that its loss is judged as; a test compares with ours
    "sft": "cross_entropy",
    "reward": "bradley_terry",
    "rso": "hinge",
    "exo": "exo_pair",
    "rloo": "reinforce",
    "remax": "reinforce",
    "reinforce_pp": "clipped_surrogate",
    "ppo": "clipped_surrogate",
    "grpo": "clipped_surrogate",
    "dr_grpo": "clipped_surrogate",
    "dapo": "clipped_surrogate",
    "gspo": "sequence_clipped_surrogate",
    "cispo": "truncated_importance",
    "maxrl": "clipped_surrogate",
    "gdpo": "clipped_surrogate",
    "raft": "cross_entropy",
    "online_dpo": "dpo",
}

ADVANTAGE_OF = {  # training method -> the row that what it makes of rewards is judged as
    "rloo": "leave_one_out",
    "grpo": "group_standardize",
    "dr_grpo": "group_center",
    "maxrl": "group_maxrl",
    "gdpo": "group_gdpo",
}


def find_spec(name):
    """The method of a name; ValueError with the nearest names where there is none."""
    row = LOSS_OF.get(name, name)
    if row in BY_NAME:
        return BY_NAME[row]
    known = sorted([*BY_NAME, *LOSS_OF])
    # close enough for a typing mistake, too far for another method
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"No method {name!r}; {hint}known: {', '.join(known)}.")


def require_known(spec, conventions):
    """CannotCall for the first name that is neither a convention of the method nor a number."""
    names = [*(c.name for c in spec.conventions), *spec.numbers]
    names += [OFFSET] if spec.is_loss else []
    names += [OUTPUT, *spec.arrays]
    for key in conventions:
        if key not in names:
            if key == "dtype":
                raise CannotCall("dtype is no convention: --float32 judges a loss in float32.")
            known = ", ".join(names)
            raise CannotCall(f"{spec.name} has no convention {key!r}; it has: {known}.")
