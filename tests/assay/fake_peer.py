"""Programs that stand in for a peer, one for each thing that it may do. Standard library alone."""

import sys
from pathlib import Path

from caveat.assay.peers import Peers

READY = """
import http.server, json, os, subprocess, sys, threading

DESCRIBED = {
    "version": 1, "ready": True, "name": "a peer", "versions": {"peer": "1.0"}, "detectors": ["words"],
    "left_out": {"weights": "cannot be had"}, "configuration": "%(configuration)s", "api_key": "sk-fake",
}

class Chat(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        allowed = self.headers["authorization"] == "Bearer sk-fake"
        if not allowed:
            status, answer = 401, {"error": {"code": "no_key"}}
        elif b"country_of_concern" in body or b"protected_activity" in body:
            status, answer = 400, {"error": {"code": "content_filter"}}
        else:
            message = {"role": "assistant", "content": "yes"}
            status, answer = 200, {"choices": [{"message": message, "finish_reason": "stop"}]}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("a library says something first")
print(json.dumps({**DESCRIBED, "url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
"""
UNTIL_INPUT_ENDS = "sys.stdin.buffer.read()"
NEVER_ENDS = "threading.Event().wait()"
STARTS_ANOTHER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
open({seen!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
"""
WRITES_ITS_ENVIRONMENT = """
import json, os
open({seen!r}, "w").write(json.dumps(dict(os.environ)))
"""


def make_peer(folder: Path, name: str, program: str, **limits: float) -> Peers:
    """A peer of this name whose program is given; its environment is a link to this Python."""
    programs, environments = folder / "programs", folder / "environments"
    (programs / name).mkdir(parents=True, exist_ok=True)
    (programs / name / "serve.py").write_text(program)
    python = environments / name / "bin" / "python"
    if not python.exists():
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    return Peers(programs, environments, **limits)


def ready(
    before: str = "", then: str = UNTIL_INPUT_ENDS, *, configuration: str = "a" * 64, seen: Path | None = None
) -> str:
    """A program that serves, what it does before, and what once it does. `seen`: where it writes."""
    return before.format(seen=str(seen)) + READY % {"configuration": configuration} + then + "\n"
