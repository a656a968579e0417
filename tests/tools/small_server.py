"""A server with a child process of its own, as autoreload has one; the child does not listen to a polite SIGTERM."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"

if __name__ == "__main__":
    port, pids = int(sys.argv[1]), Path(sys.argv[2])
    inner = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    inner.stdout.readline()
    pids.write_text(f"{os.getpid()} {inner.pid}")
    ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler).serve_forever()
