"""Write docs/metrics.md from the table of metrics: python docs/build_metrics.py"""

from pathlib import Path

from tinyalign.cli import metric_table

if __name__ == "__main__":
    page = Path(__file__).parent / "metrics.md"
    page.write_text(metric_table.markdown(), encoding="utf8")
