"""What the compiled module has."""

from collections.abc import Callable, Sequence
from typing import Literal, final

from typing_extensions import TypeAlias


__all__ = [
    "Device",
    "Code",
    "Mark",
    "Event",
    "MatchbookError",
    "NotSavedError",
    "EnrolmentError",
    "StateError",
    "BodyError",
    "PeerError",
    "RequestError",
    "TakeError",
]

# How a message is laid out: "compressed", one message, as it goes by SMS or a bearer of your own; "cose", as it goes by
# HTTP, one message to the server (application/cose), none to four from it (application/cbor-seq).
_Form: TypeAlias = Literal["compressed", "cose"]
# Stores a state durably: written, and flushed to where a power cut leaves it. It holds every key and code in clear, so
# seal it where others can read what you store. It returns None, and only when the state is stored: whatever else it
# returns (a coroutine, False) is a TypeError, and the state counts as not stored, as when it raises. It may not call the
# device (MatchbookError, "in-save"), nor wait for a thread that does: calls wait for it.
_Save: TypeAlias = Callable[[bytes], None]

class MatchbookError(Exception):
    """The device did not do what it was asked, and is as it was, where nothing else is said."""

    reason: str
    """The stable name of why, as the protocol has it: "forged". Of our own are "in-save", and "internal", a bug of the
    library: the device is of no more use, and Device.restore goes on from what you stored last."""

class NotSavedError(MatchbookError):
    """An earlier state could not be stored: go on with Device.restore from what you stored last."""

class EnrolmentError(MatchbookError):
    """The text is no enrolment, or cannot be begun."""

    group: int | None
    """The mistyped group of a typed enrolment, from 1."""

class StateError(MatchbookError):
    """The bytes are no state."""

class BodyError(MatchbookError):
    """The bytes are not what a server answers by HTTP. None of it was taken in."""

class PeerError(MatchbookError):
    """A message was refused. Go on as if it had not come."""

class RequestError(MatchbookError):
    """Nothing was asked for."""

class TakeError(MatchbookError):
    """No code was taken."""

@final
class Code:
    """A code that was taken: show it once. Its repr does not have it."""

    @property
    def index(self) -> int:
        """Its index, from 1."""
    @property
    def text(self) -> str:
        """The code, as its user types it."""

@final
class Mark:
    """A code's place in the list that a user sees."""

    @property
    def index(self) -> int:
        """Its index, from 1."""
    @property
    def is_used(self) -> bool:
        """Whether it was taken."""

@final
class Event:
    """Something that the user or the operator should know. What the kind does not name is None."""

    @property
    def kind(
        self,
    ) -> Literal[
        "enrolled",
        "set-accepted",
        "set-conflict",
        "key-replaced",
        "key-conflict",
        "running-low",
        "suspended",
        "resumed",
        "reenrolment-needed",
    ]:
        """What happened."""
    @property
    def first(self) -> int | None:
        """set-accepted, set-conflict: the index of the set's first code."""
    @property
    def last(self) -> int | None:
        """set-accepted, set-conflict: the index of its last code."""
    @property
    def dropped(self) -> int | None:
        """set-accepted: how many unused codes of older sets went."""
    @property
    def epoch(self) -> int | None:
        """key-replaced: the number of the new key."""
    @property
    def remaining(self) -> int | None:
        """running-low: how many unused codes are left."""

@final
class Device:
    """One account at work. Times are in milliseconds since 1970, by your clock; codes and keys do not depend on them.

    Every method that changes the account may raise what ``save`` raises, TypeError when ``save`` returns anything but None,
    and NotSavedError when either happened before. Threads may share a device: a call waits for the one before it.
    """

    @staticmethod
    def enrol(uri: str, *, save: _Save, handle: int = 0) -> Device:
        """Begins an account from an enrolment's URI. It has a message to send. ``handle``, 0 to 255, is your own number
        for the account: where several share a bearer, messages carry it. Raises EnrolmentError."""
    @staticmethod
    def enrol_typed(
        groups: Sequence[str], *, save: _Save, server: str = "", realm: str = "", label: str = "", handle: int = 0
    ) -> Device:
        """As enrol, from the nine groups of the typed form and what they leave out. Raises EnrolmentError."""
    @staticmethod
    def provision(
        id: bytes, key: bytes, *, save: _Save, server: str = "", realm: str = "", label: str = "", handle: int = 0
    ) -> Device:
        """Begins an account of suite 1 whose key was put into the device where it was made: the identification code, 8
        bytes, and K_0, 32 bytes. It has a message to send. Raises EnrolmentError; ValueError for another length."""
    @staticmethod
    def restore(state: bytes, *, save: _Save) -> Device:
        """Goes on from the state that ``save`` was given last. A message that waited for its answer comes again after
        the first tick. Raises StateError."""
    def set_bearer(self, bearer: Literal["data", "short-messages"]) -> None:
        """Sets how eagerly the device sends by itself. "data" until it is set; not stored."""
    def tick(self, now_ms: int) -> None:
        """Lets time pass: what was not answered is to be sent again when it is due, and a set is asked for when few codes
        are left. Call it after restore, at wake_at, and now and then."""
    def request_set(self, now_ms: int) -> None:
        """Asks for a set because the user wants one. Raises RequestError."""
    def request_rotation(self, now_ms: int) -> None:
        """Asks for a new key because the user wants one. Raises RequestError."""
    def request_status(self, now_ms: int) -> None:
        """Says what the device holds, and so learns whether the server has anything for it. Raises RequestError."""
    def receive(self, form: _Form, data: bytes, now_ms: int) -> None:
        """Takes in what came from the server, whoever sent it: it is checked. Raises BodyError, and PeerError for the
        first of the messages that were refused; the others are taken in."""
    def take_code(self, now_ms: int, index: int | None = None) -> Code:
        """Takes the unused code with the lowest index, or the one with ``index``. It is used from now on, whatever becomes
        of it. Raises TakeError."""
    def message(self, form: _Form) -> bytes | None:
        """The message that is to be sent now, once; None when there is none. When no answer comes, tick makes it come
        again."""
    def events(self) -> list[Event]:
        """What happened since the last call, the oldest first: the last 32 of it."""
    @property
    def wake_at(self) -> int | None:
        """When tick is to be called next; None when nothing waits for its answer."""
    @property
    def codes(self) -> list[Mark]:
        """The codes by index, and which are used. Used ones stay until a newer set comes."""
    @property
    def remaining(self) -> int:
        """How many unused codes are held, 0 to 250."""
    @property
    def highest(self) -> int:
        """The highest index ever held; 0 before the first set."""
    @property
    def threshold(self) -> int:
        """A set is asked for when this many unused codes are left or fewer, 0 to 63."""
    @property
    def epoch(self) -> int:
        """The number of the key that the device sends under: 0 until the first rotation."""
    @property
    def phase(self) -> Literal["enrolling", "steady", "switching"]:
        """Where the account stands."""
    @property
    def is_suspended(self) -> bool:
        """Whether the server said that the authenticator is suspended."""
    @property
    def awaits_answer(self) -> bool:
        """Whether a message to the server waits for its answer."""
    @property
    def id(self) -> bytes:
        """The identification code, 8 bytes."""
    @property
    def profile(self) -> int:
        """The profile's byte: the suite, and 128 in public-key mode."""
    @property
    def handle(self) -> int:
        """Your number for the account."""
    @property
    def server(self) -> str:
        """The server's base URL, "sms:" and a number, or nothing."""
    @property
    def realm(self) -> str:
        """The realm."""
    @property
    def label(self) -> str:
        """What the account is called."""
