"""Judge anybody's trainer: models, data and rewards for it, and where it lands."""
