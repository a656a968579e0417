"""`make serve`: which environments it refuses, and what gunicorn is told."""

import runpy

import pytest

from tools import serving
from tools.basics import ROOT, Trouble

HTTPS = {"PORTAL_URL": "https://portal.example.com"}


@pytest.mark.parametrize("proxies", ["", "0", " "])
def test_https_without_anything_that_ends_tls_is_refused(proxies):
    with pytest.raises(Trouble, match="nothing here ends TLS") as trouble:
        serving.refuse_without_tls({**HTTPS, "TRUST_PROXY_HEADERS": proxies})

    assert trouble.value.code != 0
    assert "\n" not in str(trouble.value)


@pytest.mark.parametrize(
    "env",
    [
        {**HTTPS, "TRUST_PROXY_HEADERS": "1"},
        {**HTTPS, "TLS_CERT_FILE": "c.pem", "TLS_KEY_FILE": "k.pem"},
        {**HTTPS, "DEBUG": "on"},
        {"PORTAL_URL": "http://127.0.0.1:8000"},
    ],
)
def test_what_can_be_served_is(env):
    serving.refuse_without_tls(env)


def test_half_a_certificate_is_refused():
    with pytest.raises(Trouble, match="TLS_KEY_FILE is not set"):
        serving.refuse_without_tls({**HTTPS, "TLS_CERT_FILE": "c.pem"})


@pytest.mark.parametrize("text", ["two", "0", "-1", "1.5"])
def test_odd_number_of_workers_is_refused(text):
    with pytest.raises(Trouble, match=r"WEB_CONCURRENCY=.* is no whole number"):
        serving.refuse_odd_numbers({"WEB_CONCURRENCY": text})


def test_refusal_comes_before_anything_else(monkeypatch):
    monkeypatch.setattr(serving, "_install", lambda command: pytest.fail("installed first"))
    monkeypatch.setenv("PORTAL_URL", "https://portal.example.com")
    for name in ("TRUST_PROXY_HEADERS", "TLS_CERT_FILE", "TLS_KEY_FILE", "DEBUG"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(Trouble, match="nothing here ends TLS"):
        serving.serve()


def test_gunicorn_listens_and_counts_as_the_environment_says(monkeypatch):
    for name, value in {"HOST": "0.0.0.0", "PORT": "9000", "WEB_CONCURRENCY": "3"}.items():
        monkeypatch.setenv(name, value)
    told = runpy.run_path(str(ROOT / "gunicorn.conf.py"))

    assert (told["bind"], told["workers"]) == ("0.0.0.0:9000", 3)


def test_gunicorn_defaults(monkeypatch):
    for name in ("HOST", "PORT", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    told = runpy.run_path(str(ROOT / "gunicorn.conf.py"))

    assert (told["bind"], told["workers"]) == ("127.0.0.1:8000", 2)


def test_no_query_string_reaches_gunicorns_logs(caplog):
    told = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    from gunicorn.config import Config

    logger = told["CarefulLogger"](Config())
    logger.error_log.propagate = True
    logger.exception("Error handling request %s %s", "GET", "/complete/aps/?code=canary&state=s")
    logger.warning("Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'GET /complete/aps/?code=canary'")

    logger.access_log.propagate = True
    logger.access_log.setLevel("INFO")
    logger.access_log.info("%s", "GET /x\n[24/Nov/2026] POST /logout/ 200\x1b[1m")

    assert "GET /x\\n[24/Nov/2026] POST /logout/ 200\\x1b[1m" in caplog.text
    assert "/complete/aps/" in caplog.text
    assert "canary" not in caplog.text
    assert not any(field in told["access_log_format"] for field in ("%(r)s", "%(q)s", "%(f)s", "{"))
