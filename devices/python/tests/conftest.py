"""A real server, and a device that has codes from it."""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

import matchbook

REALM = "ship-17"
START_S, CALL_S = 60, 60
VECTORS = Path(__file__).resolve().parents[3] / "vectors"


def now():
    return time.time_ns() // 1_000_000


class Server:
    """The binary that MATCHBOOK_BINARY names, in a home of its own."""

    def __init__(self, binary, home):
        self.binary, self.home, self.enrolled = binary, home, 0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MATCHBOOK_", "XDG_"))}
        self.env = {**kept, "HOME": str(home), "MATCHBOOK_SERVER": self.url}
        self.run("init")
        words = ["serve", "--log", "warn", "--listen", self.url.removeprefix("http://"), "--public-url", self.url]
        self.process = subprocess.Popen([binary, *words], cwd=home, env=self.env, stdin=subprocess.DEVNULL)
        self.wait()
        self.run("realm", "create", REALM)
        self.run("token", "create", "relying-party", "--realm", REALM, "--name", "vpn", "--out", "vpn.token")

    def run(self, *words, code=0):
        words = [self.binary, "--quiet", *words]
        done = subprocess.run(
            words, cwd=self.home, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=CALL_S
        )
        assert done.returncode == code, (words, done.returncode, done.stdout)
        return done.stdout.strip()

    def wait(self):
        for _ in range(START_S * 10):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server did not get ready")

    def enrolment(self, *flags):
        """A new device's enrolment URI."""
        self.enrolled += 1
        name = f"device-{self.enrolled}"
        user = f"user-{self.enrolled}"
        self.run("user", "create", "--realm", REALM, user)
        self.run("device", "enrol", "--realm", REALM, user, "--label", name, "--out", f"{name}.txt", *flags)
        return user, (self.home / f"{name}.txt").read_text().strip()

    def converse(self, device):
        """Sends what waits and takes in what comes, until both are quiet; says how many messages went."""
        sent = 0
        while message := device.message("cose"):
            headers = {"Content-Type": "application/cose"}
            request = urllib.request.Request(f"{device.server}/v1/device/messages", message, headers)
            with urllib.request.urlopen(request, timeout=CALL_S) as answer:
                device.receive("cose", answer.read(), now())
            sent += 1
        return sent

    def verify(self, user, code, exit_code=0):
        words = ["--quiet", "verify", "--realm", REALM, user, "--code-stdin", "--token-file", "vpn.token"]
        done = subprocess.run(
            [self.binary, *words], cwd=self.home, env=self.env, input=code, capture_output=True, text=True, timeout=CALL_S
        )
        assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    binary = os.environ.get("MATCHBOOK_BINARY")
    if binary is None:
        assert os.environ.get("CI") not in ("true", "1"), "MATCHBOOK_BINARY has to name the binary"
        pytest.skip("MATCHBOOK_BINARY does not name a binary")
    server = Server(binary, Path(tmp_path_factory.mktemp("server")))
    yield server
    server.process.terminate()
    server.process.wait(timeout=CALL_S)


@pytest.fixture(scope="session")
def state_with_codes(server):
    states = []
    device = matchbook.Device.enrol(server.enrolment()[1], save=states.append)
    server.converse(device)
    assert device.remaining == 40
    return states[-1]


@pytest.fixture
def stored():
    """Every state that was stored, in order."""
    return []


@pytest.fixture
def device(stored):
    """A device that needs no server: it has a message to send."""
    return matchbook.Device.provision(
        bytes(range(8)), bytes(32), save=stored.append, server="https://codes.example", realm="ship-17", label="card", handle=7
    )
