"""docs/peers.md says what docs/peers.json holds, and why each broken one is broken."""

import json
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_data_say():
    """docs/peers.md holds what `python docs/build_peers.py` writes now."""
    build = runpy.run_path(str(DOCS / "build_peers.py"))
    part = build["BEGIN"] + build["part"]() + build["END"]
    assert part in build["PAGE"].read_text("utf8"), "python docs/build.py --derived writes it"


def test_at_least_ten_projects_with_file_commit_and_date():
    found = json.loads((DOCS / "peers.json").read_text("utf8"))
    assert len(found) >= 10
    for entry in found.values():
        assert entry["commit"] and entry["date"] and entry["scanned"]
        assert all(row["file"].partition(":")[0].endswith(".py") for row in entry["rows"])


def test_no_report_claims_to_have_been_sent():
    reports = [p for p in (DOCS / "reports").glob("*.md") if p.name != "README.md"]
    index = (DOCS / "reports" / "README.md").read_text("utf8")
    assert len(reports) >= 9
    for path in reports:
        text = path.read_text("utf8")
        assert "Not sent." in text and f"({path.name})" in index
        assert all(f"## {part}" in text for part in ("Reproduction", "Expected", "Proposed change"))
