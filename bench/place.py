"""Where the benchmark takes place: APS, AOS, and the programs, each in processes of its own, with people signed in."""

import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import trustme

from bench.browser import Answer, Browser, form_token
from bench.upstream import PATH
from tests.environment import FIXED
from tests.support.fake_aps import FakeAPS
from tests.support.portal import ROOT, Database, Portal
from tests.support.servers import Reply, Request, Server
from tests.support.stand_ins import free_ports
from tests.support.workers import workers_of

WORKERS, THREADS = 2, 64
_TENANT = "/t"  # MSAL takes no issuer without a path


class Certificates:
    """A test authority, as files for other processes; `context` is for servers in this one."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.bundle, self.certificate = str(folder / "ca.pem"), str(folder / "localhost.pem")
        authority.cert_pem.write_to_path(self.bundle)
        issued = authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(self.certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self.context)


class AOS:
    """The upstream process."""

    def __init__(self, certificates: Certificates) -> None:
        (self.port,) = free_ports(1)
        self.url = f"https://localhost:{self.port}"
        self._trust = ssl.create_default_context(cafile=certificates.bundle)
        command = [sys.executable, "-m", "bench.upstream", str(self.port), certificates.certificate]
        self._process = subprocess.Popen(command, cwd=ROOT)
        _wait_until(self._answers)

    def set(self, rows: int, delay: float) -> None:
        """List so many rows from now on, after so many seconds."""
        connection = http.client.HTTPSConnection("localhost", self.port, context=self._trust, timeout=10)
        connection.request("PUT", "/_set", json.dumps({"rows": rows, "delay": delay}))
        assert connection.getresponse().status == 200
        connection.close()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            self.set(20, 0)
            return True
        return False

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


class Program:
    """One of the programs beside the portal, under the same gunicorn: as many workers and threads, the same log."""

    sign_in_at, page = "/", "/"

    def __init__(self, module: str, place: "Place") -> None:
        (self.port,) = free_ports(1)
        self.database = Database(place.folder)
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ},
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(WORKERS),
            "WEB_THREADS": str(THREADS),
            "APS_ISSUER": place.aps.issuer,
            "APS_CLIENT_ID": FIXED["APS_CLIENT_ID"],
            "APS_CLIENT_SECRET": FIXED["APS_CLIENT_SECRET"],
            "AOS_URL": place.aos.url + PATH,
            "BUNDLE": place.certificates.bundle,
            "REQUESTS_CA_BUNDLE": place.certificates.bundle,
            "DATABASE_URL": self.database.url,
        }
        if module != "bench.floor":
            migrate = (
                f"import {module}; from django.core.management import call_command as c; c('migrate', verbosity=0)"
            )
            subprocess.run([sys.executable, "-c", migrate], cwd=ROOT, env=self.environment, check=True)
        log = (place.folder / f"{module}.log").open("wb")
        command = [sys.executable, "-m", "gunicorn", f"{module}:application"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        _wait_until(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            Browser(self.port).get(self.page)
            return True
        return False

    def begin_sign_in(self, browser: Browser) -> str:
        """Press the button; return the address at APS, which one of the peers gives in a page."""
        answer = browser.get(self.sign_in_at, gzip=False)
        if b"csrfmiddlewaretoken" in answer.body:
            answer = browser.post("/login/oidc/", {"csrfmiddlewaretoken": form_token(answer)})
        found = re.search(rb"https://localhost[^\"'\s<]+/authorize[^\"'\s<]+", answer.head + answer.body)
        return unescape(found[0].decode())

    def stop(self) -> None:
        """End it, and remove its database."""
        self.process.terminate()
        self.process.wait()
        self.database.drop()


class Mozilla(Program):
    """Its button is a link."""

    sign_in_at = "/oidc/authenticate/"


class ThePortal:
    """The portal itself, as `make serve` runs it."""

    page = "/subscriptions/"

    def __init__(self, place: "Place", **variables: str) -> None:
        self.portal = Portal(
            APS_ISSUER=place.aps.issuer,
            AOS_BASE_URL=place.aos.url,
            CA_BUNDLE=place.certificates.bundle,
            WEB_CONCURRENCY=str(WORKERS),
            WEB_THREADS=str(THREADS),
            SIGN_IN_RATE_ADDRESS="100000",
            SIGN_IN_RATE_BROWSER="100000",
            DATABASE_CONNECTIONS="10",
            LOG_LEVEL="INFO",
            **variables,
        )
        self.port, self.process, self.database = self.portal.port, self.portal.process, self.portal.database
        self.stop = self.portal.stop

    def begin_sign_in(self, browser: Browser) -> str:
        """Press the button; return the address at APS."""
        form = {"csrfmiddlewaretoken": form_token(browser.get("/login/", gzip=False))}
        return browser.post("/login/aps/", form).header("Location")


class Place:
    """APS in this process, AOS in another, and the programs. Used in a `with` block, it leaves nothing behind."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._folder.name)
        self.certificates = Certificates(self.folder)
        self.aps = FakeAPS()
        self.aps.answer = {"expires_in": 24 * 3600}
        self.aps_seconds = 0.0  # how long a token takes
        self.aps.hold = lambda moment: time.sleep(self.aps_seconds if moment == "before" else 0)
        self._server = Server(self._without_tenant, self.certificates.context)
        self.aps.issuer = self._server.url + _TENANT
        self.aos = AOS(self.certificates)
        self._running: list[Program | ThePortal] = []

    def _without_tenant(self, request: Request) -> Reply:
        request.url = request.url.replace(_TENANT, "", 1)
        request.body = request.body or ""
        return self.aps(request)

    def start(
        self, make: Callable[..., "Program | ThePortal"], *arguments: object, **more: str
    ) -> "Program | ThePortal":
        """Start a program, which ends with this place."""
        program = make(*arguments, place=self, **more)
        self._running.append(program)
        return program

    def people(self, program: "Program | ThePortal", count: int) -> list[Browser]:
        """So many new people, each signed in by the authorization-code grant."""
        return [self.person(program, f"p{number}") for number in range(count)]

    def person(self, program: "Program | ThePortal", name: str) -> Browser:
        """One person, signed in."""
        browser = Browser(program.port)
        query = dict(parse_qsl(urlsplit(program.begin_sign_in(browser)).query))
        claims = {"sub": f"sub-{name}", "name": name.title(), "email": f"{name}@corp.test"}
        self.aps.person = claims  # for userinfo
        code = self.aps.authorize(query, claims)
        path = urlsplit(query["redirect_uri"]).path
        answer = browser.get(f"{path}?state={query['state']}&code={code}")
        assert answer.status == 302, (answer.status, answer.body[:2000])
        assert page_is_whole(browser.get(program.page, gzip=False)), name
        return browser

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *details: object) -> None:
        for program in self._running:
            program.stop()
        self.aos.stop()
        self._server.stop()
        self._folder.cleanup()


def page_is_whole(answer: Answer) -> bool:
    """Whether it shows the rows, and not a sign-in page."""
    return answer.status == 200 and b"Warehouse" in answer.body


def resident(program: "Program | ThePortal") -> float:
    """The memory of its largest worker, in MB (VmRSS)."""
    pids = workers_of(program)  # type: ignore[arg-type] - it looks at .process alone
    return max(_status(pid) for pid in pids)


def _status(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def _wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "a program did not start"
        time.sleep(0.1)


@contextlib.contextmanager
def busy(browsers: list[Browser], ask: Callable[[Browser], object]) -> Iterator[list[float]]:
    """Meanwhile each browser asks again and again, in a thread of its own; gives the seconds of each answer."""
    seconds: list[float] = []
    over = threading.Event()

    def work(browser: Browser) -> None:
        while not over.is_set():
            began = time.perf_counter()
            ask(browser)
            seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    yield seconds
    over.set()
    for thread in threads:
        thread.join()
