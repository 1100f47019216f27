"""Proving from the log and the accounts alone that nothing was lost, doubled, or decided against the rules."""
