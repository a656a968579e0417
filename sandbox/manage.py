"""The stand-ins' command line: `prepare`, then `serve aps` and `serve aos`."""

import os
import sys
from pathlib import Path

# The checkout, not this folder: inside, `passport` and `subscriptions` are only ever `sandbox.…`.
sys.path[0] = str(Path(__file__).resolve().parent.parent)


def main() -> None:
    """Run one command, or say in one line why not."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.INSTALLED_APPS  # noqa: B018 (the first touch reads the environment)
    except ImproperlyConfigured as problem:
        sys.exit(str(problem))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
