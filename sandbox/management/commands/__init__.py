"""The stand-ins' commands."""
