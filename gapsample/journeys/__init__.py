"""From settings to results: what each command does, start to finish."""
