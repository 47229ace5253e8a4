#!/usr/bin/env python3
"""Stands in for matchbook-reader: a reader with a card in it that answers what a test wants. It holds nothing secret.

CARD_LIFE    "new", or anything else for a card in use
CARD_LABEL, CARD_SERVER   what the card says of its account
CARD_WAITS   "1": the card waits for an answer of the server
CARD_SAYS    "COMMAND=ANSWER ...": the answer, in hexadecimal, to commands that begin so; "gone": the reader
             loses the card, for good
CARD_BUSY    a file: while it is there, another program holds the card
CARD_LOG     a file that takes every command, a line each
"""

import os
import sys


GONE = "no card it is gone"


def of(name, otherwise=""):
    return os.environ.get(name, otherwise)


def data(tag):
    """What GET DATA gives."""
    if tag == 0x01:
        return b"\x07" * 8
    if tag == 0x02:
        return bytes(2) + b"\x03" + bytes(12) + b"\x01" + bytes([of("CARD_WAITS") == "1"])
    if tag == 0x03:
        return bytes(4)
    if tag == 0x04:
        return bytes([3 if of("CARD_LIFE") == "new" else 5, 1, 3, 10])
    if tag == 0x06:
        texts = [text.encode() for text in ("sea", of("CARD_LABEL", "ship"), of("CARD_SERVER", "https://127.0.0.1:1"))]
        return b"".join(bytes([len(text)]) + text for text in texts)
    return b"\x01"


def transmit(command):
    if of("CARD_LOG"):
        with open(of("CARD_LOG"), "a", encoding="ascii") as log:
            log.write(command.hex() + "\n")
    for says in of("CARD_SAYS").split():
        begins, answer = says.split("=")
        if command.hex().startswith(begins):
            return GONE if answer == "gone" else "ok " + answer
    if command[1] == 0xCA:
        return "ok " + data(command[3]).hex() + "9000"
    # No message goes out by itself.
    return "ok 6a88" if command[:2] == b"\x80\x40" else "ok 9000"


said = ""
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "list":
        said = "ok " + of("CARD_READER", "Fake reader").encode().hex() + "+"
    elif word == "connect":
        said = "no use it is held" if of("CARD_BUSY") and os.path.exists(of("CARD_BUSY")) else "ok 3b00"
    elif said != GONE:
        said = transmit(bytes.fromhex(rest))
    print(said, flush=True)
