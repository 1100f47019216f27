"""Backups of the cluster mode: taken while it trades, checked, and restored into an empty installation."""
