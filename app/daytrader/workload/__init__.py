"""The load generator: workload files, made and run; and what a run did, checked from the log and the accounts alone."""
