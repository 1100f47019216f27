"""Whole replicas simulated from one seed: one store, many faults, no real waiting."""
