"""The audit service: follows the journal into a store of its own, and answers DUMPLOG from there."""
