"""The nginx of deploy/, started with its own configuration file: other names, ports and folders, and nothing else."""

import re
import subprocess
import tempfile
import time
from pathlib import Path

import requests
import trustme

from tests.support.portal import ROOT
from tests.support.stand_ins import free_ports

EXAMPLE = ROOT / "deploy" / "nginx" / "portal.conf"
_MAIN = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/portal.conf;
}}
"""


class Nginx:
    """Speaks https for localhost at `url` and shares the requests between the portal's `ports`; trust `bundle`."""

    def __init__(self, program: str, port: int, *ports: int) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="nginx-")
        folder = self.folder = Path(self._directory.name)
        self.url, self.plain_port = f"https://localhost:{port}", free_ports(1)[0]
        authority = trustme.CA()
        self.bundle = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.bundle)
        certificate = authority.issue_cert("localhost")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        (folder / "portal.conf").write_text(self._example(port, ports))
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        self._process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.PIPE)
        self._wait()

    def _example(self, port: int, ports: tuple[int, ...]) -> str:
        """The example, for this machine. Each pattern must be in it."""
        text = EXAMPLE.read_text()
        for pattern, ours in {
            r"server 10\.0\.0\.11:8000": f"server 127.0.0.1:{ports[0]}",
            r"server 10\.0\.0\.12:8000": f"server 127.0.0.1:{ports[1]}",
            r"listen \[::\].*": "",
            r"listen 443": f"listen 127.0.0.1:{port}",
            r"listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            r"portal\.example\.com": "localhost",
            r"/etc/ssl/portal/\w+\.pem": str(self.folder / "server.pem"),
            r"/var/log/nginx": str(self.folder),
        }.items():
            text, count = re.subn(pattern, ours, text)
            assert count, f"{pattern} is not in {EXAMPLE}"
        return text

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                requests.get(f"http://127.0.0.1:{self.plain_port}", allow_redirects=False, timeout=5)
            except requests.RequestException:
                time.sleep(0.05)
            else:
                return
        self._process.kill()
        said = self._process.communicate()[1].decode()
        raise RuntimeError(f"nginx did not start: {said}")

    def logs(self) -> str:
        """All that it has written."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)
        self._directory.cleanup()
