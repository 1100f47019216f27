"""The benchmark: what the cluster mode does on this machine, and which process spends how much CPU on it."""
