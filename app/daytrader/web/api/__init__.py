"""`/api/v1`: the commands as a JSON API, over the same way to a decision as `/command/`."""
