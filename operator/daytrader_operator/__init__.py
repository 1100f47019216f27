"""The operator: it forms and keeps MongoDB replica sets, runs workloads, and makes the installation's credentials."""
