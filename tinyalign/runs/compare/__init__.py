"""Many runs side by side: jobs, the processes that carry them out, their results and costs."""
