"""README says what is true of settings; tests/docs looks at commands and links of every page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_lists_what_env_example_lists():
    listed = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    table = README.split("## Settings")[1].split("\n## ")[0]

    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", table, flags=re.MULTILINE)) == listed
