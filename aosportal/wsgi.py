"""The WSGI entry point for production servers."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

from aosportal import database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aosportal.settings")
_answer = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer a request (PEP 3333). While the answer goes out, to however slow a line, it needs no database any more."""
    answer = _answer(environ, start_response)
    database.let_go()
    return answer


# CPython keeps the frames of a thread in chunks of 16 KB, and frees a chunk when its first frame returns. Where a hot
# function is called right at the end of one, as in templates below twenty middlewares, each call maps and frees memory.
# A frame that asks for 128 KB gets a chunk of 256 KB, where all others find room: pages take two thirds of the time.
application.__code__ = application.__code__.replace(co_stacksize=16_400)
