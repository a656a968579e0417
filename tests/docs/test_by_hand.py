"""docs/by-hand.md is true: its commands are run against the stand-ins, and print what it shows."""

import json
import os
import shutil

import pytest

from tests.docs import shell_page
from tools.basics import ROOT

PAGE = (ROOT / "docs" / "by-hand.md").read_text(encoding="utf-8")


@pytest.fixture
def printed(stand_ins, tmp_path):
    """What each block printed; the page's addresses and keys are those of this test's own stand-ins."""
    keys = {"APS_CLIENT_ID": stand_ins.client_id, "APS_CLIENT_SECRET": stand_ins.client_secret}
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "keys.json").write_text(json.dumps(keys))
    places = {"APS": stand_ins.aps_url, "AOS": stand_ins.aos_url, "PORTAL": stand_ins.portal_url}
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "LANG": "C.UTF-8"}
    return shell_page.run(PAGE, bare | places, tmp_path)


# `.ci/run` installs curl, and `make test` names each test that was skipped: nothing is left out in silence.
@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_every_block_prints_what_the_page_shows(printed):
    examples = shell_page.examples(PAGE)

    assert len(printed) == len(examples) > 15
    for example, text in zip(examples, printed, strict=True):
        shown = example.shown or ""
        assert shell_page.is_like(shown, text), f"{example.command}\nshown: {shown}\nprinted: {text}"
