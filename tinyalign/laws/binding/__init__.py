"""Which of a function's parameters is which of ours, by their names and by its source."""
