"""Read a training log and say which known symptoms it shows.

log       rows of a file as columns, under one name for TRL's keys and ours
measures  what the signs measure: early and late means, and how sure they are
general, of_pairs, of_samples  one function for each symptom, with its threshold
report    all findings in words
"""
