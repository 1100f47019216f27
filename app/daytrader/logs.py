"""Structured logs on stderr: one JSON object a line, or readable lines where somebody watches a terminal."""

import logging
import sys
from typing import Any, Final, Literal

import msgspec
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: Level, service: str, replica: str) -> None:
    """Send this program's log, and that of the libraries it uses, to stderr from `level` on.

    Every line carries `service` and `replica`. Libraries are held to "warning" unless `level` is "error".
    """

    def add_origin(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"], event["replica"] = service, replica
        return event

    steps: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_origin,
        structlog.processors.StackInfoRenderer(),
    ]
    if sys.stderr.isatty():
        rendering: list[Processor] = [structlog.dev.ConsoleRenderer()]
    else:
        rendering = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    structlog.configure(
        processors=[*steps, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=max(_LEVELS[level], logging.WARNING), handlers=[handler], force=True)
    # Below "error" it only tells of clients that speak no HTTP: anybody could fill the log that way.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _json(event: EventDict, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
