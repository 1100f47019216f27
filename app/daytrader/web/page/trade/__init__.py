"""The trader's page: an account live, with a form for each command."""
