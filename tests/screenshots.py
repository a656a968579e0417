"""Takes a picture of every page and state (scenes.py): `make screenshots` writes them to screenshots/.

Each in a real Chromium, of a real portal with its stand-ins, from a small phone to dark, Spanish and more contrast.
`make screenshots ARGS="row phone"` takes those whose names hold all these words.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

from tests import staff_scenes  # noqa: F401 - adds its scenes
from tests.browser.conftest import ARGUMENTS, World
from tests.scenes import SCENES, Scene
from tests.support.portal import Portal
from tests.support.stand_ins import StandIns, free_ports

FOLDER = Path(__file__).resolve().parent.parent / "screenshots"
_DESKTOP = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
_PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "has_touch": True, "is_mobile": True}
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": _DESKTOP,
    "phone": _PHONE,
    "dark": {**_DESKTOP, "color_scheme": "dark"},
    "phone-dark": {**_PHONE, "color_scheme": "dark"},
    "tablet": {"viewport": {"width": 768, "height": 1024}, "color_scheme": "light"},
    "spanish": {**_DESKTOP, "locale": "es-ES"},
    "phone-spanish": {**_PHONE, "locale": "es-ES"},
    "contrast": {**_DESKTOP, "contrast": "more"},
    "contrast-dark": {**_DESKTOP, "contrast": "more", "color_scheme": "dark"},
    "forced": {**_DESKTOP, "forced_colors": "active"},
    "no-script": {**_DESKTOP, "java_script_enabled": False},
}
_TALLEST = 1400  # pixels; a longer page goes on like that
EVERY = ("desktop", "phone", "dark")
_TABLES = ("notice", "openrename", "renameevent", "batchrow", "batch", "rename", "draft", "snapshot", "gate")


@contextmanager
def open_world() -> Iterator[World]:
    """A portal with a local administrator, and the stand-ins."""
    port = free_ports(1)[0]
    limits = {"SIGN_IN_RATE_ADDRESS": "100000", "SIGN_IN_RATE_BROWSER": "3", "AOS_TIMEOUT": "2", "BATCH_CALLS": "1"}
    with StandIns(portal_url=f"http://127.0.0.1:{port}") as stand_ins:
        aps = {"APS_CLIENT_ID": stand_ins.client_id, "APS_CLIENT_SECRET": stand_ins.client_secret}
        hosts = {"APS_ISSUER": stand_ins.aps_url, "AOS_BASE_URL": stand_ins.aos_url}
        portal = Portal(port, LOCAL_ADMIN="on", **aps, **hosts, **limits)
        make_admin = "from django.contrib.auth.models import User; User.objects.create_superuser('root', '', 'root')"
        portal.manage("shell", "-c", make_admin)
        yield World(portal, stand_ins)
        portal.stop()


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The browser that CHROMIUM names."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=ARGUMENTS)
        yield browser
        browser.close()


def take(words: list[str]) -> int:
    """Take the pictures whose names hold all these words; return how many there are."""
    FOLDER.mkdir(exist_ok=True)
    count = 0
    with open_world() as world, open_chromium() as browser:
        for look in LOOKS:
            for name, scene in SCENES.items():
                if look in (*EVERY, *scene.looks) and all(word in f"{name}-{look}" for word in words):
                    _take(browser, world, scene, LOOKS[look], FOLDER / f"{name}-{look}.png")
                    count += 1
    return count


def _take(browser: Browser, world: World, scene: Scene, options: dict[str, Any], path: Path) -> None:
    """From fine weather and an empty ledger, so that a picture does not depend on those before."""
    world.stand_ins.weather(do="reset")
    for table in _TABLES:
        world.portal.execute(f"DELETE FROM subscriptions_{table}")
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(15_000)
    try:
        scene.make(page, world)
        page.wait_for_load_state()
        height = max(options["viewport"]["height"], page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({**options["viewport"], "height": min(height, _TALLEST)})
        page.screenshot(path=path, animations="disabled")
    except (Error, AssertionError) as problem:
        sys.stdout.write(f"No {path.name}: {problem}\n")
    context.close()


if __name__ == "__main__":
    sys.stdout.write(f"{take(sys.argv[1:])} pictures in {FOLDER}\n")
