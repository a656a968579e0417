"""Commands whose output is for people, or for scripts, say themselves what went wrong: log lines would come between."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logging_off(verbosity: int) -> Iterator[None]:
    """Log nothing meanwhile, unless `--verbosity 2` asks for it."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL if verbosity < 2 else before)
    try:
        yield
    finally:
        logging.disable(before)
