"""`tinyalign check` and `tinyalign museum`: verdicts, likely causes, and how both are printed."""
