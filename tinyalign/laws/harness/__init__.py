"""Call somebody's function as a spec says, try laws on it, and write counterexamples down."""
