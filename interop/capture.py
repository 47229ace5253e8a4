"""Opens what a real server and a real device said to each other over HTTP, with an off-the-shelf COSE library.

Usage: capture.py PATH-OF-MATCHBOOK

A server and two software devices run as processes of their own. A recording proxy stands between them. From the enrolment
file comes the activation secret, from the device's vault its private key and its later keys: with these the library opens
what went over the wire, in shared-key mode and in public-key mode, and the codes in it are those that the device shows.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from second import cose, enrolment, opening, vault, wire
from second.profile import Party, activation_key

PASSPHRASE = "three words suffice"
REALM, USER = "ship-17", "alice"
START_S, CALL_S = 30, 60


class Matchbook:
    """The binary, in a home of its own."""

    def __init__(self, binary, home):
        self.binary, self.home = binary, home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MATCHBOOK_", "XDG_"))}
        self.env = {**kept, "HOME": str(home), "MATCHBOOK_PASSPHRASE": PASSPHRASE}

    def __call__(self, *words):
        done = subprocess.run(
            [self.binary, "--quiet", *map(str, words)],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=CALL_S,
            check=True,
        )
        return done.stdout.strip()

    def serve(self, port, public_url):
        self.env["MATCHBOOK_SERVER"] = f"http://127.0.0.1:{port}"
        words = ["serve", "--log", "warn", "--listen", f"127.0.0.1:{port}", "--public-url", public_url]
        server = subprocess.Popen([self.binary, *words], cwd=self.home, env=self.env, stdin=subprocess.DEVNULL)
        for _ in range(START_S * 10):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                    return server
            except OSError:
                time.sleep(0.1)
        server.kill()
        raise SystemExit("the server did not get ready")


class Recorder:
    """Stands between device and server, and keeps every body."""

    def __init__(self, port):
        self.up, self.down = [], []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                request = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", body, headers)
                with urllib.request.urlopen(request, timeout=CALL_S) as answer:
                    content = answer.read()
                    recorder.up.append(body)
                    recorder.down.extend(cose.split_sequence(content))
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self):
        """What was recorded since the last time: messages up and down, in their COSE form."""
        (up, self.up), (down, self.down) = (self.up, []), (self.down, [])
        return up, down


def main():
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        matchbook, recorder = Matchbook(sys.argv[1], Path(home)), Recorder(port)
        matchbook("init")
        server = matchbook.serve(port, recorder.url)
        try:
            matchbook("realm", "create", REALM)
            matchbook("user", "create", "--realm", REALM, USER)
            check_device(matchbook, recorder, "shared")
            check_device(matchbook, recorder, "public-key", "--public-key")
            check_bearer(matchbook, recorder, port)
        finally:
            server.terminate()
            server.wait(timeout=CALL_S)


def check_device(matchbook, recorder, name, *flags):
    """One device: its first set under the activation secret's key, and a set under a key that was replaced."""
    uri_file, vault_file = matchbook.home / f"{name}.txt", matchbook.home / f"{name}.vault"
    matchbook("device", "enrol", "--realm", REALM, USER, "--label", name, "--out", uri_file, *flags)
    wallet = lambda *words: matchbook("wallet", "--vault", vault_file, *words)  # noqa: E731
    wallet("enrol", "--file", uri_file, "--yes")
    wallet("sync")
    handed = enrolment.from_uri(uri_file.read_text().strip())
    party = Party(bytes.fromhex(handed["id"]), handed["profile"])
    activation = activation_key(bytes.fromhex(handed["activation_secret"]), party)
    (stored,) = vault.read(vault_file.read_bytes(), PASSPHRASE)
    secret = stored[3]

    up, down = recorder.take()
    enrols = [message for message in map(cose.compress_uplink, up) if message[0] & 0x1F == wire.ENROL]
    sent = opening.open_uplink(enrols[0], party, 0, activation)
    expect(sent["public_key"], X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex())
    first = open_set(down, party, 0, activation, secret)
    expect(wallet("take", "--code", first["first"]), first["codes"][0])

    wallet("rotate")
    wallet("sync")
    recorder.take()
    wallet("request")
    wallet("sync")
    (stored,) = vault.read(vault_file.read_bytes(), PASSPHRASE)
    _, epoch, key, _ = stored
    expect(epoch, 1)
    second = open_set(recorder.take()[1], party, epoch, key, secret)
    expect(wallet("take", "--code", second["first"] + 1), second["codes"][1])
    sets = f"codes {first['first']} and {second['first'] + 1}"
    print(f"{name}: the library opened ENROL and two sets from the wire; {sets} are those that the device shows")


def check_bearer(matchbook, recorder, port):
    """What strangers and replays get, and how a push reaches a device that waits."""
    wallet = lambda *words: matchbook("wallet", "--vault", matchbook.home / "shared.vault", *words)  # noqa: E731
    recorder.take()
    wallet("sync")
    request = recorder.take()[0][-1]
    forged = request[:-1] + bytes([request[-1] ^ 1])
    # d0 83 40 a2 04 4a, byte 0, then the identification code
    unknown = request[:7] + bytes(8) + request[15:]
    for message in (forged, unknown, b"", b"\xff" * 50):
        # MB-HTP-1, MB-SRV-5: nothing at all, whatever is wrong, and whatever waits for the device
        expect(post(port, message), (204, b""))
    started = time.monotonic()
    post(port, request, wait=20)
    # MB-HTP-2: a replay holds no connection
    expect(time.monotonic() - started < 5, True)

    device = cose.compress_uplink(request)[1:9].hex()
    waiting = threading.Thread(target=wallet, args=("sync", "--wait", "30"))
    waiting.start()
    time.sleep(2)
    started = time.monotonic()
    matchbook("device", "push", "--realm", REALM, device)
    while not any(cose.read(message, (16, 96))[0] & 0x1F == wire.SET for message in recorder.down):
        expect(time.monotonic() - started < 10, True)
        time.sleep(0.05)
    # MB-HTP-3: on the request that waited since before the push, and at once
    expect(len(recorder.up) <= 2, True)
    waiting.join()
    print("bearer: strangers and replays get nothing, and a push reaches a device that waits")


def post(port, message, wait=0):
    """Status and body of a message that is sent straight to the server."""
    headers = {"Content-Type": "application/cose", "Prefer": f"wait={wait}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/device/messages", message, headers)
    with urllib.request.urlopen(request, timeout=CALL_S) as answer:
        return answer.status, answer.read()


def open_set(down, party, epoch, key, secret):
    """The first set among captured messages, opened with the COSE library."""
    kind = wire.SET_PK if party.is_public_key else wire.SET
    messages = [cose.compress_downlink(message, party) for message in down]
    sets = [message for message in messages if message[0] & 0x1F == kind and message[2] == epoch]
    if not sets:
        raise SystemExit(f"no set was captured, but {[message[0] for message in messages]}")
    return opening.open_downlink(sets[0], party, epoch, key, sets[0][1], secret)


def expect(found, wanted):
    if found != wanted:
        raise SystemExit(f"found {found!r} where {wanted!r} should be")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
