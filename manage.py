#!/usr/bin/env python
"""Django's command line for AOS Portal."""

import os
import sys


def main() -> None:
    """Run one command; an unusable environment is said in plain lines, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aosportal.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Next: make run (or .venv/bin/python manage.py …)")
    try:
        settings.configured or settings.DEBUG  # noqa: B018 - reading a setting loads them all
    except ImproperlyConfigured as refusal:
        sys.exit(str(refusal))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
