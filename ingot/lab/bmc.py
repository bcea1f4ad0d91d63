"""A virtual BMC: a machine, its one user, its sessions, and the ways in which it can be told to misbehave.

``answer`` is the whole of it: a datagram in, a datagram or nothing out, never an exception. ``ingot.lab.server`` puts it
on the network. Source: IPMI 2.0 rev 1.1, sections 6.12 and 13.
"""

import dataclasses
import time

from ingot import errors
from ingot.lab import commands, fru, rmcp, session


@dataclasses.dataclass(slots=True)
class Knobs:
    """How a BMC misbehaves; the defaults are a healthy one.

    ``delay``: seconds before each answer. ``loss``: share (0 to 1) of datagrams that vanish, either way. ``silent``: hears
    nothing. ``refuse``: every password is wrong. ``stuck``: power commands are accepted and nothing happens. ``slow``:
    seconds until a power command is carried out. ``lie``: 'on' or 'off' is reported, whatever is true; None: the truth.
    ``half``: a cycle or reset ends in "off", and the first "on" after an "off" is lost. ``sessions``: so many, and not one
    more; None: the one that is idle longest makes room.
    """

    delay: float = 0.0
    loss: float = 0.0
    slow: float = 0.0
    silent: bool = False
    refuse: bool = False
    stuck: bool = False
    half: bool = False
    lie: str | None = None
    sessions: int | None = None

    def check(self, name, value):
        """Raises InvalidParameter when there is no such knob, or none with such a value."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}
        if name not in kinds:
            raise errors.InvalidParameter(f'A BMC has no knob "{name}"; it has: {", ".join([*kinds, "reset"])}.')
        wanted, fits = _KINDS[kinds[name]]
        if not fits(value) or (name == 'loss' and value > 1):
            raise errors.InvalidParameter(f'Knob "{name}" cannot be {value!r}; it takes {wanted}.')


_KINDS = {
    float: ('a number, 0 or more (loss: at most 1)', lambda value: type(value) in (int, float) and value >= 0),
    bool: ('true or false', lambda value: isinstance(value, bool)),
    str | None: ('"on", "off" or null', lambda value: value in ('on', 'off', None)),
    int | None: ('a whole number, 0 or more, or null', lambda value: value is None or (type(value) is int and value >= 0)),
}


_HEALTHY = Knobs()                # shared: thousands of BMCs are


def _at_once(_seconds, function):
    function()


class Bmc:
    """The BMC of ``machine``, which has ``is_on``, ``obey(action)``, ``boot`` (BootFlags), ``uuid`` and ``serial``.

    ``obey`` takes 'on', 'off', 'cycle', 'reset' or 'soft off' and returns at once. ``later(seconds, function)`` runs a
    function after the answer is out; without it functions run at once.
    """

    __slots__ = ('__dict__', '_deaf_until', '_is_half_off', 'after', 'boot_parameters', 'guid', 'knobs', 'machine', 'sessions')

    def __init__(self, machine, user, password, *, later=None):
        self.machine, self.knobs = machine, _HEALTHY
        self.guid = machine.uuid.bytes_le
        self.sessions = session.Sessions(self.guid, user, password)
        self.boot_parameters = {}
        self.after = later or _at_once
        self._deaf_until, self._is_half_off = 0.0, False

    @property
    def is_on(self):
        """What the BMC says, which is not always what is."""
        return self.machine.is_on if self.knobs.lie is None else self.knobs.lie == 'on'

    @property
    def is_deaf(self):
        return self.knobs.silent or time.monotonic() < self._deaf_until

    @property
    def inventory(self):
        return fru.build_inventory(self.machine.serial)

    def control(self, action):
        """A power command, as far as the knobs let it through."""
        if self.knobs.half:
            action = self._halve(action)
        if action and not self.knobs.stuck:
            self.after(self.knobs.slow, lambda: self.machine.obey(action))

    def _halve(self, action):
        """What is left of ``action``: 'off' of a cycle or reset, nothing of the first 'on' after an 'off'."""
        if action == 'on' and self._is_half_off:
            self._is_half_off = False
            return None
        self._is_half_off = action in ('off', 'soft off')
        return 'off' if action in ('cycle', 'reset') else action

    def reset(self, seconds=0):
        """Start the BMC anew: every session is lost, and for ``seconds`` it hears nothing. The machine runs on."""
        self.sessions.clear()
        self.boot_parameters.clear()
        self._deaf_until = time.monotonic() + seconds

    def turn(self, name, value):
        """Turn a knob (see Knobs); ``reset`` with seconds resets the BMC now. Raises InvalidParameter."""
        if name == 'reset':
            self.reset(float(value or 0))
            return
        self.knobs.check(name, value)
        self.knobs = dataclasses.replace(self.knobs, **{name: value})
        self.sessions.is_refusing, self.sessions.most = self.knobs.refuse, self.knobs.sessions

    def answer(self, datagram):
        """The datagram that answers this one, or None."""
        packet = rmcp.parse(datagram, self.sessions.keys)
        if packet is None:
            return None
        if packet.session:
            return self._answer_inside(packet)
        if packet.kind == rmcp.IPMI:
            message = rmcp.parse_message(packet.payload)
            reply = message and rmcp.build_answer(message, *commands.carry_out(self, None, message))
            return reply and (rmcp.frame(rmcp.IPMI, reply) if packet.is_plus else rmcp.frame_old(reply))
        reply = self.sessions.negotiate(packet.kind, packet.payload)
        return reply and rmcp.frame(*reply)

    def _answer_inside(self, packet):
        """A command of a session; a packet that comes again gets the answer that it got, and nothing is done twice."""
        login = self.sessions.active(packet.session)
        if login is None:             # a reset by another thread came between
            return None
        if login.last and login.last[0] == packet.sequence:
            return login.last[1]
        message = rmcp.parse_message(packet.payload)
        if packet.kind != rmcp.IPMI or message is None or not login.accept(packet.sequence):
            return None
        login.touched = time.monotonic()
        reply = login.seal(rmcp.build_answer(message, *commands.carry_out(self, login, message)))
        login.last = packet.sequence, reply
        return reply
