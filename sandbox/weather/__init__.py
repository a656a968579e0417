"""What makes the stand-ins fail on purpose, and what was lately called."""
