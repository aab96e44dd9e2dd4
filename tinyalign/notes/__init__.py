"""Everything about the community notes: their claims, the course, which method to choose."""
