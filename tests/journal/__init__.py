"""Tests of the journal and its adapters."""
