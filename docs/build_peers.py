"""Judge the losses of other projects with `tinyalign scan`, and write them into docs/peers.md.

python docs/build_peers.py PROJECT FOLDER COMMIT DATE FILE…   scans files of a copy in FOLDER, and
                                                             keeps the verdicts in docs/peers.json
python docs/build_peers.py                                   writes the page from docs/peers.json

The copies are not kept: docs/peers.json says the commit of each. What is broken is explained in
REASONS, by hand, after reading the source.
"""

import datetime
import json
import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
DATA, PAGE = DOCS / "peers.json", DOCS / "peers.md"
BEGIN, END = "<!-- scan: begin -->\n", "<!-- scan: end -->\n"
KEPT = ("function", "said", "method", "verdict", "sentence")
CLAMP = (
    "Deliberate: the estimate is clamped at 10, so the slope is 0 for the tokens that went "
    "furthest; the option does not say so."
)
UPSIDE_DOWN = "Defect: reports/rlhf-book-kl.md."
# project -> {function: why it is broken, by reading its source}
REASONS = {
    "alibaba/ROLL": {
        "compute_approx_kl": CLAMP,
        "agg_loss": "Harmless where it is called: reports/roll-token-mean.md.",
    },
    "natolambert/rlhf-book": {
        "approx_kl1": UPSIDE_DOWN,
        "approx_kl3": UPSIDE_DOWN,
        "get_approx_kl": UPSIDE_DOWN,
        "ORPOLoss.forward": "Deliberate: the log-probability is clamped at -1e-6, so nearer to 0 "
        "its slope is 0.",
    },
    "OpenRLHF/OpenRLHF": {
        "LogExpLoss.forward": "Defect: reports/openrlhf-logexploss.md.",
        "compute_approx_kl": CLAMP,
    },
    "hpcaitech/ColossalAI": {"LogExpLoss.forward": "Defect: reports/colossalai-logexploss.md."},
    "InternLM/xtuner": {"kl_penalty": CLAMP},
    "NVIDIA-NeMo/RL": {"calculate_kl": CLAMP},
    "volcengine/verl": {"kl_penalty_forward": CLAMP, "kl_penalty": CLAMP},
    "hiyouga/EasyR1": {
        "compute_gae_advantage_return": "Defect: reports/easyr1-gae.md.",
        "compute_kl": CLAMP,
    },
    "NovaSky-AI/SkyRL": {
        "compute_gae_advantage_return": "Defect: reports/skyrl-gae.md.",
        "compute_approx_kl": CLAMP,
    },
    "hiyouga/LLaMA-Factory": {
        "CustomDPOTrainer.odds_ratio_loss": "Defect: reports/llama-factory-orpo.md.",
    },
    "linkedin/Liger-Kernel": {
        "LigerFusedLinearORPOFunction.preference_loss_fn": "Defect: reports/liger-kernel-orpo.md.",
    },
    "homzer/llama-rlhf": {
        "PairwiseScoreLoss.forward": "Defect: reports/llama-rlhf-pairwise-score.md.",
    },
    "sunzeyeah/RLHF": {"PairWiseLoss.forward": "Defect: reports/sunzeyeah-rlhf-pairwise.md."},
}
# project -> what reading its losses shows and no scan: a function that is no loss by itself
READ = {
    "allenai/open-instruct": "wpo_loss takes its weights from sums: reports/open-instruct-wpo.md.",
    "GanjinZero/RRHF": "Lengths count prompt and padding: reports/rrhf-length.md.",
    "CarperAI/trlx": "whiten has no mask: reports/trlx-whiten.md.",
    "homzer/llama-rlhf": "ReverseKLDivLoss is no KL divergence: reports/llama-rlhf-reverse-kl.md.",
    "OpenLMLab/MOSS-RLHF": "whiten counts the padding in its mean: reports/moss-rlhf-whiten.md.",
}


def scanned(folder, files):
    """The rows of a scan of some files, with their paths in the folder."""
    from tinyalign.laws.scan.command import guessed, rows_of

    os.chdir(folder)
    rows = [row for file in files for row in rows_of(guessed(Path(file).resolve()))]
    return [{k: getattr(row, k) for k in KEPT} | {"file": row.where} for row in rows]


def keep(project, folder, commit, date, *files):
    """Scan and write to docs/peers.json, in place of what stood there of the project."""
    rows = scanned(folder, files)
    found = json.loads(DATA.read_text(encoding="utf8")) if DATA.exists() else {}
    found[project] = {
        "commit": commit,
        "date": date,
        "scanned": datetime.date.today().isoformat(),
        "rows": rows,
    }
    text = json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False)
    DATA.write_text(text + "\n", encoding="utf8")


def with_links(text):
    """The reports that are named as links."""
    return re.sub(r"reports/[\w-]+\.md", lambda found: f"[{found[0]}]({found[0]})", text)


def table(project, entry):
    """The judged functions of one project as Markdown."""
    lines = ["| function | judged as | verdict | what to know |", "|---|---|---|---|"]
    for row in (r for r in entry["rows"] if r["verdict"] != "not judged"):
        said = f" ({row['said']})" if row["said"] else ""
        why = row["sentence"]
        if row["verdict"] == "broken":
            # why it is broken, by reading
            why = f"{why} **{with_links(REASONS[project][row['function']])}**"
        cells = (f"`{row['function']}`{said}, {row['file']}", f"`{row['method']}`", row["verdict"])
        lines.append("| " + " | ".join((*cells, why.replace("|", "\\|"))) + " |")
    return "\n".join(lines)


def section(project, entry):
    rows = entry["rows"]
    judged = [r for r in rows if r["verdict"] != "not judged"]
    broken = sum(r["verdict"] == "broken" for r in rows)
    head = (
        f"### {project}, commit {entry['commit']} of {entry['date']}\n\n"
        f"{len(judged)} judged, {broken} of them broken; {len(rows) - len(judged)} found and not "
        f"judged. Scanned {entry['scanned']}."
    )
    head += f" **Found by reading: {with_links(READ[project])}**" if project in READ else ""
    return f"{head}\n\n{table(project, entry)}" if judged else head


def part():
    """The part of docs/peers.md that comes from scans."""
    found = json.loads(DATA.read_text(encoding="utf8"))
    rows = [row for entry in found.values() for row in entry["rows"]]
    count = {v: sum(r["verdict"] == v for r in rows) for v in ("lawful", "broken", "not judged")}
    head = (
        f"## {len(found)} projects more, by `tinyalign scan`\n\n"
        f"Made by `python docs/build_peers.py` from docs/peers.json. Each function was cut out of "
        f"the file named, without an adapter, and judged as what its name says; nothing was "
        f"imported, and no code of theirs is kept here. {sum(count.values())} judgements: "
        f"{count['lawful']} lawful, {count['broken']} broken, {count['not judged']} not judged, "
        f"which accuses nobody. Bold is what reading the source says of a broken one: a defect has "
        f"a report in docs/reports, which was not sent."
    )
    return "\n\n".join([head, *(section(*item) for item in found.items())]) + "\n"


def write():
    """Replace what stands between the two marks of docs/peers.md, or add it at the end."""
    text = PAGE.read_text(encoding="utf8")
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}{END}"
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + part() + END + rest.split(END)[1], encoding="utf8")


if __name__ == "__main__":
    keep(*sys.argv[1:]) if len(sys.argv) > 1 else write()
