"""Structured logs as JSON lines, without content: codes, ids, digests, counts and times only.

The set of fields is closed by `log_event`'s callers, who pass values made by this product; nothing that a
caller wrote is logged, the model's name excepted, which is short and plain by the time it gets here.
"""

import logging
import sys
from typing import BinaryIO

import orjson
import structlog
from structlog.types import EventDict, FilteringBoundLogger


def make_logger(stream: BinaryIO | None = None, level: str = "info") -> FilteringBoundLogger:
    """A logger that writes one JSON object a line to `stream` (standard error by default)."""
    logger = structlog.wrap_logger(
        structlog.BytesLogger(stream if stream is not None else sys.stderr.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # Bound once, here: the proxy that `wrap_logger` gives would be bound anew for every line.
    bound: FilteringBoundLogger = logger.bind()
    return bound


def bridge_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines go to `logging.getLogger(name)`, whose owner says what becomes of them."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.add_log_level,
            _render_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
    )
    bound: FilteringBoundLogger = logger.bind()
    return bound


def _render_text(logger: object, method: str, event: EventDict) -> str:
    return _render(logger, method, event).decode()


def _render(_logger: object, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=_type_name)


def _type_name(value: object) -> str:
    """Anything that is no plain value is logged by its type alone: its text might hold content."""
    return type(value).__name__
