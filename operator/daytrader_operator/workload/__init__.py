"""The resource Workload: a load that runs once, as a Job, and its figures in the resource's status."""
