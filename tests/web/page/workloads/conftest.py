"""Installations with pages, as the trader's pages have them."""

from tests.web.page.trade.conftest import anybody, people

__all__ = ["anybody", "people"]
