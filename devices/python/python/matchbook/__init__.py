"""A Matchbook device: sets of one-time codes that are sealed to it, each good once.

Bytes in, bytes out: you carry the messages, keep the state, and say what time it is. Each account is a Device. A device
calls the function ``save`` that you give it with its new state, before any method returns what rests on that state: a
message, a code. When ``save`` raises, so does the method; the device is of no more use then, and Device.restore goes on
from the state that you stored last.
"""

from ._matchbook import (
    BodyError,
    Code,
    Device,
    EnrolmentError,
    Event,
    Mark,
    MatchbookError,
    NotSavedError,
    PeerError,
    RequestError,
    StateError,
    TakeError,
)

__all__ = [
    "BodyError",
    "Code",
    "Device",
    "EnrolmentError",
    "Event",
    "Mark",
    "MatchbookError",
    "NotSavedError",
    "PeerError",
    "RequestError",
    "StateError",
    "TakeError",
]
