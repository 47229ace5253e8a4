"""A card in a PC/SC reader, by pyscard (Debian's python3-pyscard): nothing of this project is between it and the card."""

from smartcard.scard import SCARD_UNPOWER_CARD
from smartcard.System import readers

AID = b"\xf0Matchbook\x01"


class Refused(Exception):
    """The card answered with another status word than 9000."""

    def __init__(self, word):
        super().__init__(f"{word:04X}")
        self.word = word


class Card:
    def __init__(self, number):
        """The card in the reader of this number."""
        self.connection = readers()[number].createConnection()
        self.power()

    def power(self):
        """Power on; when it is on already, off first."""
        self.connection.disconnect()
        self.connection.connect(disposition=SCARD_UNPOWER_CARD)

    def transmit(self, command):
        """A command APDU; its answer's data and status word."""
        data, first, second = self.connection.transmit(list(command))
        return bytes(data), first << 8 | second

    def command(self, cla, ins, p1, p2, data=b""):
        """A command in as many chained parts as it takes, and the whole of its answer."""
        parts = [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]
        for part in parts[:-1]:
            _, word = self.transmit(bytes([cla | 0x10, ins, p1, p2, len(part)]) + part)
            if word != 0x9000:
                raise Refused(word)
        last = parts[-1]
        got, word = self.transmit(bytes([cla, ins, p1, p2]) + (bytes([len(last)]) + last if last else b"") + b"\0")
        while word >> 8 == 0x61:
            more, word = self.transmit(bytes([0x00, 0xC0, 0x00, 0x00, word & 0xFF]))
            got += more
        if word != 0x9000:
            raise Refused(word)
        return got

    def extended(self, cla, ins, p1, p2, data=b""):
        """The same in one command with lengths in their extended form."""
        length = b"\0" + len(data).to_bytes(2, "big") if data else b"\0"
        got, word = self.transmit(bytes([cla, ins, p1, p2]) + length + data + b"\0\0")
        if word != 0x9000:
            raise Refused(word)
        return got

    def select(self):
        return self.command(0x00, 0xA4, 0x04, 0x00, AID)

    def get(self, tag):
        return self.command(0x00, 0xCA, 0x01, tag)

    def put(self, tag, data):
        return self.command(0x00, 0xDA, 0x01, tag, data)

    def verify(self, pin):
        return self.command(0x00, 0x20, 0x00, 0x80, pin.ljust(8, b"\xff"))

    def message(self, what=0):
        """What is to go to the server; None: nothing."""
        try:
            return self.command(0x80, 0x40, what, 0x00)
        except Refused as refused:
            if refused.word == 0x6A88:
                return None
            raise

    def take(self, index=None):
        """A code: its number, and what is typed."""
        ins, data = (0x44, b"") if index is None else (0x46, index.to_bytes(4, "big"))
        got = self.command(0x80, ins, 0x00, 0x00, data)
        return int.from_bytes(got[:4], "big"), got[4:].decode()

    def unused(self):
        return int.from_bytes(self.get(0x02)[:2], "big")
