"""`python -m daytrader` is the same as `daytrader`."""

from daytrader.cli.main import main

main()
