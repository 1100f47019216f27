"""Tests of `daytrader.backup`."""
