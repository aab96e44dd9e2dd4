"""One run and many: settings, plan, data, loop, files; comparisons in `compare`."""
