"""M1 to M11 with a card as the device: a PC/SC reader by pyscard, the server by HTTP, and nothing of this project between.

requirements.py URL OPERATOR_TOKEN: reader 0 and reader 1 have a new card each. Prints a line for each requirement, and
ends at the first that does not hold."""

import io
import json
import sys
import threading
import urllib.error
import urllib.request

import cbor2
from reader import Card, Refused

PIN, PUK = b"1234", b"87654321"
SET, SET_PK, ROT_SYM, ROT_PK, SYNC = 1, 2, 3, 4, 5
POLICY = {"mode": "next-in-order", "look_ahead": 10, "set_size": 12, "threshold": 2}


class Server:
    """The server as a host of cards and a relying party see it."""

    def __init__(self, url, token):
        self.url, self.token, self.operation = url, token, 0
        self.call("/v1/realms", {"id": "sea", "policy": POLICY})
        made = self.call("/v1/tokens", {"role": "relying-party", "realm": "sea", "name": "door"})
        self.relying_party = made["token"]

    def call(self, path, body, token=None):
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def enrolment(self, user, suite, delivery):
        self.call("/v1/realms/sea/users", {"id": user})
        body = {"user": user, "label": user, "suite": suite, "delivery": delivery}
        return self.call("/v1/realms/sea/enrolments", body)["uri"]

    def accepts(self, user, code):
        self.operation += 1
        body = {"operation_id": f"card-{self.operation}", "user": user, "code": code}
        return self.call("/v1/verify", body, self.relying_party)["accepted"]

    def exchange(self, message, wait=0):
        """Takes a message there in its COSE form, and brings what comes back in the compressed form."""
        headers = {"Content-Type": "application/cose", "Accept": "application/cbor-seq"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        request = urllib.request.Request(f"{self.url}/v1/device/messages", expand(message), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [compress(came) for came in sequence(answer.read())]


def expand(message):
    """docs/spec/protocol.md, 6: an uplink's clear header is byte 0, the identification code, the epoch, and the IV."""
    kid, iv, sealed = message[:10], message[10:22], message[22:]
    return cbor2.dumps(cbor2.CBORTag(16, [b"", {4: kid, 5: iv}, sealed]))


def compress(message):
    headers, content = message.value[1], message.value[2]
    if message.tag == 16:
        return headers[4] + headers.get(5, headers.get(-4, b"")) + content
    _, recipient, wrapped = message.value[3][0]
    return headers[4] + headers[5] + recipient[-4] + wrapped + content


def sequence(data):
    stream, messages = io.BytesIO(data), []
    while stream.tell() < len(data):
        messages.append(cbor2.CBORDecoder(stream).decode())
    return messages


def kind(message):
    return message[0] & 0x0F


def relay(card, server, what=0):
    """Carries messages until both are quiet; gives all that came down."""
    came, message = [], card.message(what)
    for _ in range(8):
        if message is None:
            return came
        for answer in server.exchange(message):
            came.append(answer)
            card.command(0x80, 0x42, 0x00, 0x00, answer)
        message = card.message()
    sys.exit("the card never rests")


def personalise(number, uri):
    card = Card(number)
    card.select()
    card.extended(0x00, 0xDA, 0x01, 0x10, uri.encode())
    card.put(0x12, PIN.ljust(8, b"\xff") + PUK + bytes([3, 5]))
    card.command(0x00, 0x44, 0x00, 0x00)
    return card


def holds(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def told(requirement, evidence):
    print(f"{requirement}  {evidence}", flush=True)


def first_set(server):
    card = personalise(0, server.enrolment("ada", "symmetric", "shared"))
    identity, first = card.get(0x01), card.message()
    holds(first[1:9] == identity, "the message does not carry the identification code")
    told("M1", f"the card keeps a key and sent its identification code {identity.hex()} in {len(first)} bytes")
    came = relay(card, server)
    sets = [message for message in came if kind(message) == SET]
    holds(len(sets) == 1, f"{len(sets)} sets came")
    told("M2", f"the server looked the key up, and answered with 12 codes sealed in {len(sets[0])} bytes")
    try:
        card.take()
        sys.exit("FAILED: a code without the PIN")
    except Refused as refused:
        holds(refused.word == 0x6982, str(refused))
    card.verify(PIN)
    index, code = card.take()
    holds(server.accepts("ada", code), "the code was refused")
    told("M3", f"the card opened them and keeps {card.unused()}; code {index} of them was accepted")
    holds(not server.accepts("ada", code), "a code was accepted twice")
    try:
        card.take(index)
        sys.exit("FAILED: a code was shown twice")
    except Refused as refused:
        holds(refused.word == 0x6985, str(refused))
    told("M11", f"code {index} was refused the second time, and the card does not show it again")
    return card


def device_counts(card, server):
    threshold = card.get(0x02)[2]
    while card.unused() > threshold + 1:
        card.take()
    holds(card.message() is None, "the card asks before its threshold")
    card.take()
    request = card.message()
    holds(request is not None, "the card asks for nothing")
    holds(request == card.message(), "other bytes the second time")
    relay(card, server)
    holds(card.unused() == threshold + 12, f"{card.unused()} codes")
    told("M5", f"with {threshold} unused codes left the card asked by itself, and 12 came")
    return threshold


def server_counts(card, server, threshold):
    for index in (11, 21):
        holds(server.accepts("ada", card.take(index)[1]), f"code {index} was refused")
    code, unused, came = card.take(22)[1], card.unused(), []
    status = card.message(3)
    waiting = threading.Thread(target=lambda: came.extend(server.exchange(status, wait=20)))
    waiting.start()
    holds(server.accepts("ada", code), "code 22 was refused")
    waiting.join()
    holds([SET] == [kind(message) for message in came if kind(message) == SET], f"{came}")
    for message in came:
        card.command(0x80, 0x42, 0x00, 0x00, message)
    relay(card, server)
    holds(card.unused() == unused + 12 > threshold, f"{card.unused()} codes")
    told("M4", "a new set came at the threshold twice: counted by the card, counted by the server")
    told("M6", f"the server counted 2 unspent codes and pushed 12, while the card counted {unused}")


def user_asks(card, server):
    before = card.unused()
    relay(card, server, 1)
    holds(card.unused() == before + 12, f"{card.unused()} codes")
    told("M7", f"asked for by hand with {before} codes left, 12 came")


def key_replaced(card, server):
    came = relay(card, server, 2)
    holds(any(kind(message) in (ROT_SYM, ROT_PK) for message in came), "no key came")
    epoch = int.from_bytes(card.get(0x03), "big")
    holds(epoch == 1, f"epoch {epoch}")
    told("M8", "the server sealed a new key under the old one, and the card replaced it: epoch 1")
    came = relay(card, server, 1)
    sets = [message for message in came if kind(message) == SET]
    holds(len(sets) == 1 and sets[0][2] == 1, "no set under the new key")
    newest = int.from_bytes(card.get(0x02)[3:7], "big")
    for index in (32, 42, 52):
        holds(server.accepts("ada", card.take(index)[1]), f"code {index} was refused")
    holds(newest - 12 < 52 <= newest, f"code 52 is not of the newest set, which ends with {newest}")
    told("M9", "a set sealed under the new key was opened with it; code 52 of it was accepted")


def public_key(server):
    card = personalise(1, server.enrolment("bob", "p256", "public-key"))
    came = relay(card, server)
    sets = [message for message in came if kind(message) == SET_PK]
    holds(len(sets) == 1, f"{len(sets)} sets came")
    card.verify(PIN)
    index, code = card.take()
    holds(server.accepts("bob", code), "the code was refused")
    told("M10", f"a card made a P-256 key pair, got a set under a session key sealed to it; code {index} was accepted")


def main(url, token):
    server = Server(url, token)
    try:
        card = first_set(server)
        threshold = device_counts(card, server)
        server_counts(card, server, threshold)
        user_asks(card, server)
        key_replaced(card, server)
        public_key(server)
    except urllib.error.HTTPError as error:
        sys.exit(f"FAILED: {error} {error.read().decode()}")


main(*sys.argv[1:])
