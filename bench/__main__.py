"""`python -m bench`, see `make bench`. QUICK=1: a part, in under three minutes. KEEP=1: for docs/performance.md.

SOAK=1: the ten minutes of mixed use instead.
"""

import os
import sys

import tests.environment  # noqa: F401 - first: APS's stand-in reads the portal's settings


def main() -> None:
    """Measure, compare with the last kept result, write what was found."""
    import django

    os.environ |= {"DJANGO_SETTINGS_MODULE": "aosportal.settings", "LOG_LEVEL": "WARNING"}
    django.setup()
    if os.environ.get("SOAK") == "1":
        from bench import soak

        soak.main()
    from bench import report, run

    is_quick = os.environ.get("QUICK") == "1"
    result = run.everything(run.QUICK if is_quick else run.Plan(), _tell)
    report.write(result, keep=os.environ.get("KEEP") == "1" and not is_quick, tell=_tell)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
