"""What a subscriber is handed (section 7.1): the URI, and the groups to type."""

import base64
import binascii
import re
import unicodedata

from . import Refused
from .codes import BASE32, LOOK_ALIKES
from .profile import check_profile

PREFIX = "matchbook:enrol?"
NAMES = ("v", "k", "s", "r", "l")
LIMITS = {"server": 255, "realm": 64, "label": 128}
MAX_URI_LEN = len(PREFIX) + 64 + 3 * sum(LIMITS.values())
CHECK_SYMBOLS = BASE32 + "*~$=U"
SYMBOLS, GROUP = 42, 5
X_WING = 4


def from_uri(uri):
    if len(uri.encode()) > MAX_URI_LEN:
        raise Refused("too-long")
    if uri[: len(PREFIX)].lower() != PREFIX:
        raise Refused("scheme")
    found = {}
    for parameter in uri[len(PREFIX) :].split("&"):
        name, equals, value = parameter.partition("=")
        if not equals or name not in NAMES:
            raise Refused("parameter")
        if name in found:
            raise Refused("duplicate")
        found[name] = value
    if set(found) != set(NAMES):
        raise Refused("missing")
    if found["v"] != "1":
        raise Refused("version")
    payload = read_payload(decode_key(found["k"]))
    return with_texts(payload, *(unescape(found[name]) for name in ("s", "r", "l")))


def decode_key(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Refused("key")
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Refused("key") from error
    if base64.urlsafe_b64encode(key).rstrip(b"=").decode() != text:
        raise Refused("key")
    return key


def unescape(text):
    data = bytearray()
    rest = text.encode()
    while rest:
        if rest[0] != ord("%"):
            data.append(rest[0])
            rest = rest[1:]
            continue
        if not re.fullmatch(rb"[0-9A-Fa-f]{2}", rest[1:3]):
            raise Refused("percent")
        data.append(int(rest[1:3], 16))
        rest = rest[3:]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused("percent") from error


def read_payload(data):
    """version 1, profile 1, identification code 8, activation secret 16"""
    if len(data) < 2:
        raise Refused("key")
    if data[0] != 1:
        raise Refused("version")
    check_profile(data[1])
    if len(data) != 26:
        raise Refused("key")
    return {"profile": data[1], "id": data[2:10].hex(), "activation_secret": data[10:].hex()}


def with_texts(payload, server, realm, label):
    is_url = server.startswith(("https://", "http://"))
    is_number = re.fullmatch(r"sms:\+?[0-9]{1,15}", server) and payload["profile"] & 0x0F != X_WING
    if server and not is_url and not is_number:
        raise Refused("server")
    texts = {"server": server, "realm": realm, "label": label}
    for name, text in texts.items():
        if len(text.encode()) > LIMITS[name] or any(unicodedata.category(c) == "Cc" for c in text):
            raise Refused(name)
    return {**payload, **texts}


def from_typed(groups, server, realm, label):
    wanted_groups = -(-SYMBOLS // GROUP)
    if len(groups) != wanted_groups:
        raise Refused("group-count")
    symbols = []
    for number, group in enumerate(groups, 1):
        values = read_group(group, min(SYMBOLS - len(symbols), GROUP))
        if values is None:
            raise Refused("group", {"group": number})
        symbols += values
    value = 0
    for symbol in symbols:
        value = value << 5 | symbol
    spare = 5 * SYMBOLS - 8 * 26
    if value & (1 << spare) - 1:
        raise Refused("group", {"group": wanted_groups})
    return with_texts(read_payload((value >> spare).to_bytes(26, "big")), server, realm, label)


def read_group(typed, wanted):
    """The values of a group, or None when it is mistyped (MB-ENR-2)."""
    symbols = [LOOK_ALIKES.get(c.upper(), c.upper()) for c in typed if not c.isspace() and c != "-"]
    if len(symbols) != wanted + 1 or any(symbol not in BASE32 for symbol in symbols[:wanted]):
        return None
    values = [BASE32.index(symbol) for symbol in symbols[:wanted]]
    value = 0
    for digit in values:
        value = value << 5 | digit
    return values if symbols[wanted] == CHECK_SYMBOLS[value % 37] else None
