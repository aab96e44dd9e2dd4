"""The community notes: their claims, the course about them, and the choice of a method."""
