"""All findings of a log, in words."""

from tinyalign.errors import shown
from tinyalign.notes.explain import general, of_pairs, of_samples
from tinyalign.notes.explain.log import read_log
from tinyalign.notes.explain.measures import NOT_SEEN, SEEN, UNDECIDED
from tinyalign.notes.symptoms import SYMPTOMS

SIGNS = {**general.SIGNS, **of_pairs.SIGNS, **of_samples.SIGNS}  # symptom -> function


def findings(log):
    """symptom -> Finding, for the symptoms of which the log has the numbers."""
    found = {name: sign(log) for name, sign in SIGNS.items()}
    return {name: finding for name, finding in found.items() if finding is not None}


def explain(path):
    """`tinyalign explain`: print what the log shows, what it means, and where to read on."""
    logs = read_log(path)
    for log in logs:
        if len(logs) > 1 or log.stage:
            print(f"stage {shown(log.stage or '1')}, {len(log.rows)} rows")
        print_findings(findings(log))
    return 0


def print_findings(found):
    """The symptoms that are seen, with their evidence; then the undecided ones, and a count."""
    for name, finding in found.items():
        if finding.state == SEEN:
            symptom = SYMPTOMS[name]
            print(f"\n{symptom.says}\n  Seen: {finding.evidence}.\n  {symptom.means}")
            print(f"  Read on: tinyalign read {symptom.page}")
    open_ones = [(SYMPTOMS[n].says, f) for n, f in found.items() if f.state == UNDECIDED]
    if open_ones:
        print("\nUndecided:")
        for says, finding in open_ones:
            print(f"  {says} {finding.evidence}.")
    absent = sum(finding.state == NOT_SEEN for finding in found.values())
    print(f"\n{absent} of {len(found)} symptoms that this log can show are not seen.")
