"""tinyalign: LLM alignment methods from scratch, in NumPy, small enough to read whole."""
