"""Hypothesis profiles: `default` for the everyday run, `thorough` for a long look."""

import os

from hypothesis import HealthCheck, settings

relaxed = [HealthCheck.too_slow, HealthCheck.differing_executors]
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=relaxed)
settings.register_profile(
    "thorough", max_examples=2000, deadline=None, suppress_health_check=relaxed
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
