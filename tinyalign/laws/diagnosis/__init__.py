"""What is wrong with a function that breaks laws, in a sentence that says what to change."""
