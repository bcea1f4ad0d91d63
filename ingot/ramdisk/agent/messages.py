"""What the core is told (messages) and what it wants done (effects); plain values.

Each message is answered by effects, and each Call and Run by one more message with the same number.
"""

from typing import NamedTuple


# -- messages ----------------------------------------------------------------------------------------------------------
class Started(NamedTuple):
    """The network is up."""


class Answered(NamedTuple):
    call: int
    status: int
    body: dict


class Unanswered(NamedTuple):
    call: int
    reason: str


class Woken(NamedTuple):
    timer: object


class Told(NamedTuple):
    """The running action has something to tell: kind and data of an event."""

    index: int
    kind: str
    data: dict


class Done(NamedTuple):
    index: int
    data: dict
    seconds: float


class Failed(NamedTuple):
    """``error``: {'code', 'message', 'remedy'}; the code 'stopped' means that it obeyed a Stop."""

    index: int
    error: dict
    seconds: float


# -- effects -----------------------------------------------------------------------------------------------------------
class Call(NamedTuple):
    """POST ``body`` to ``path``; answered by Answered or Unanswered with the same number."""

    call: int
    path: str
    body: dict
    session: str | None


class Wake(NamedTuple):
    timer: object
    seconds: float


class Run(NamedTuple):
    """Carry out one action; ``data`` is what those before it found out. Answered by Done or Failed."""

    index: int
    action: dict
    data: dict


class Stop(NamedTuple):
    """Tell the running action to stop."""


class Say(NamedTuple):
    text: str


class End(NamedTuple):
    then: str                 # 'power off' | 'reboot' | 'wait'
    seconds: float            # to wait before
