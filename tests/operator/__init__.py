"""Tests of the operator, by its modules."""  # noqa: A005  a package below `tests`, never imported as `operator`
