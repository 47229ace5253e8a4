"""Just enough CBOR (RFC 8949) for the COSE form: written deterministically, read item by item."""

from . import Refused


def head(major, argument):
    for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if argument < 24:
            return bytes([major << 5 | argument])
        if argument < 1 << 8 * size:
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError("too large")


def encode(item):
    """Integers, byte strings, texts, lists, maps in the order given, and tags as (tag, item)."""
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, dict):
        return head(5, len(item)) + b"".join(encode(key) + encode(value) for key, value in item.items())
    tag, tagged = item
    return head(6, tag) + encode(tagged)


class Reader:
    """Walks through CBOR. Definite lengths only, as the COSE form has them."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def is_done(self):
        return self.at == len(self.data)

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Refused("cbor")
        self.at += length
        return self.data[self.at - length : self.at]

    def head(self):
        first = self.take(1)[0]
        major, short = first >> 5, first & 0x1F
        if short < 24:
            return major, short
        if short > 27:
            raise Refused("cbor")
        return major, int.from_bytes(self.take(1 << short - 24), "big")

    def expect(self, major, argument=None):
        found, value = self.head()
        if found != major or argument not in (None, value):
            raise Refused("cbor")
        return value

    def tag(self):
        return self.expect(6)

    def bytes(self):
        return self.take(self.expect(2))

    def label(self):
        major, value = self.head()
        if major > 1:
            raise Refused("cbor")
        return value if major == 0 else -1 - value

    def skip(self):
        """One item, with what it holds, without recursion."""
        left = 1
        while left:
            left -= 1
            major, argument = self.head()
            if major in (2, 3):
                self.take(argument)
            elif major in (4, 5):
                left += argument * (major - 3)
            elif major == 6:
                left += 1
