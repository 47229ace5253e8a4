"""Codes: alphabets, packing, what people type (section 5)."""

from . import Refused

BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SYMBOLS = {"decimal": BASE32[:10], "base32": BASE32}
LOOK_ALIKES = {"O": "0", "I": "1", "L": "1"}
DASHES = "-\u2010\u2011\u2013\u2212"
MAX_SET_CODES = 250


def check_digits(digits):
    if not 4 <= digits <= 12:
        raise Refused("digits")


def packed_len(alphabet, digits, count):
    largest = len(SYMBOLS[alphabet]) ** (digits * count) - 1
    return (largest.bit_length() + 7) // 8


def pack(alphabet, digits, codes):
    check_digits(digits)
    if not codes:
        raise Refused("set-empty")
    if len(codes) > MAX_SET_CODES:
        raise Refused("set-too-many")
    symbols = SYMBOLS[alphabet]
    number = 0
    for symbol in "".join(codes):
        number = number * len(symbols) + symbols.index(symbol)
    return number.to_bytes(packed_len(alphabet, digits, len(codes)), "big")


def unpack(alphabet, digits, count, packed):
    check_digits(digits)
    if not 1 <= count <= MAX_SET_CODES:
        raise Refused("count")
    if len(packed) != packed_len(alphabet, digits, count):
        raise Refused("packed-length")
    symbols = SYMBOLS[alphabet]
    number = int.from_bytes(packed, "big")
    text = []
    for _ in range(digits * count):
        number, symbol = divmod(number, len(symbols))
        text.append(symbols[symbol])
    if number:
        raise Refused("packed-too-large")
    text = "".join(reversed(text))
    return [text[at : at + digits] for at in range(0, len(text), digits)]


def parse(alphabet, digits, typed):
    """What a person typed, as it is printed (MB-COD-4)."""
    check_digits(digits)
    code = ""
    for symbol in typed:
        if symbol.isspace() or symbol in DASHES:
            continue
        symbol = symbol.upper() if symbol.isascii() else symbol
        if alphabet == "base32":
            symbol = LOOK_ALIKES.get(symbol, symbol)
        if symbol not in SYMBOLS[alphabet]:
            raise Refused("symbol")
        if len(code) == digits:
            raise Refused("too-long")
        code += symbol
    if len(code) < digits:
        raise Refused("too-short")
    return code
