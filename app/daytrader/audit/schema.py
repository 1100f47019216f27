"""The XSD of the log, as a validator."""

from importlib.resources import files
from typing import Final

from lxml import etree

LOG_XSD: Final = files("daytrader.audit") / "log.xsd"
"""The schema's text, shipped with the package."""


def log_schema() -> etree.XMLSchema:
    """Return a validator of whole logs."""
    return etree.XMLSchema(etree.fromstring(LOG_XSD.read_bytes()))
