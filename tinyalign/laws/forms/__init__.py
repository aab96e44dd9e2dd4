"""Functions in other forms, such as a batch, labels or dones, made to take arrays as ours do."""
