"""How dates and times are written, by language; the rest is as Django has it."""
