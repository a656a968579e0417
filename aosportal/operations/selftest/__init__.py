"""`manage.py selftest`: whether this installation will do, and what to do where it will not. See docs/selftest.md."""
