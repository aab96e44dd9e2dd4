"""Write docs/claims.md from the ledger: python docs/build_claims.py"""

from pathlib import Path

from tinyalign.notes import claims
from tinyalign.notes.claims import report

if __name__ == "__main__":
    page = Path(__file__).parent / "claims.md"
    page.write_text(report.markdown(claims.rows()), encoding="utf8")
