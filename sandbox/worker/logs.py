"""JSON logs on standard error: ids, states and codes, never values from data and never whole requests."""

import logging
import sys

import structlog


def configure_logs(node: str) -> None:
    """Send the node's own log lines, and warnings of libraries without their details, to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(node=node)
    logging.captureWarnings(True)  # Python's own warnings would go to standard error as they are
    root = logging.getLogger()
    root.handlers = [_Library()]
    root.setLevel(logging.WARNING)


class _Library(logging.Handler):
    """Says that a library warned, and where; its message may quote what must not be logged."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning("library", logger=record.name, level=record.levelname, where=record.lineno)
