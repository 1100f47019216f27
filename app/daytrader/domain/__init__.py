"""The rules of trading: pure values and functions, no I/O, no clock, no randomness."""
