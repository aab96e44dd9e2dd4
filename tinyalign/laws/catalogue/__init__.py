"""The laws themselves, a file a family, and the table of specs that `--as` accepts."""
