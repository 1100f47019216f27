"""Workload files that a broker uploads and has run from the page."""
