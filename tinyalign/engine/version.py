"""The version, which the package, its metadata and `tinyalign env` all read here."""

VERSION = "0.1.0"
