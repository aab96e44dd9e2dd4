"""What a function is read as, by its values: its precision, its reduction, its conventions."""
