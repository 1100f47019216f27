"""`python -m tests.cluster`."""

from tests.cluster.command import main

main()
