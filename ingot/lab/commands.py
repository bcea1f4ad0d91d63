"""Every IPMI command that a virtual BMC obeys: one table of (network function, command) -> (least privilege, handler).

A handler takes (bmc, session, data) and returns the data of the answer; it raises ``Refused`` with a completion code.
Source: IPMI 2.0 rev 1.1, the section at each handler; completion codes: table 5-2; privileges: appendix G.
"""

import struct

from ingot.lab import rakp, sensor
from ingot.lab.session import ADMINISTRATOR, OPERATOR, USER

INVALID, TOO_SHORT, NOT_IN_STATE, NO_PRIVILEGE, NOT_PRESENT, OUT_OF_RANGE = 0xC1, 0xC7, 0xD5, 0xD4, 0xCB, 0xC9
BAD_FIELD, NOT_SUPPORTED_PARAMETER = 0xCC, 0x80
ANYBODY = 0                       # also outside of a session


class Refused(Exception):
    """The command is refused with this completion code."""

    def __init__(self, code):
        super().__init__(f'completion code 0x{code:02x}')
        self.code = code


def get_device_id(bmc, session, data):
    """20.1: firmware 1.0, IPMI 2.0; chassis, FRU, SDR repository and sensors are there; no manufacturer's number."""
    return struct.pack('<BBBBBB3xHI', 0x20, 0x01, 0x01, 0x00, 0x02, 0x8B, 1, 0)


def reset_bmc(bmc, session, data):
    """20.2: answers, then drops every session."""
    bmc.after(0, bmc.reset)
    return b''


def test_self(bmc, session, data):
    """20.4: no error."""
    return b'\x55\x00'


def get_guid(bmc, session, data):
    """20.8, 22.14: the machine's UUID with its fields in the byte order of SMBIOS."""
    return bmc.guid


def get_authentication(bmc, session, data):
    """22.13: RMCP+ alone, with a user name; asked in the old way (bit 7 is 0) there is nothing to offer."""
    _need(data, 2)
    return bytes((1, data[0] & 0x80, 0x04, 0x02 if data[0] & 0x80 else 0, 0, 0, 0, 0))


def get_cipher_suites(bmc, session, data):
    """22.15: 16 bytes of records a time; the list is shorter than that."""
    _need(data, 3)
    records = b''.join(bytes((0xC0, suite.number, suite.authentication, 0x40 | suite.integrity, 0x80 | suite.confidentiality))
                       for suite in rakp.SUITES)
    start = (data[2] & 0x3F) * 16
    return b'\x01' + records[start:start + 16]


def set_privilege(bmc, session, data):
    """22.18: up to what RAKP 1 asked for; 0 asks for the present level."""
    _need(data, 1)
    wanted = data[0] & 0x0F
    if wanted == 1 or wanted > ADMINISTRATOR:
        raise Refused(0x80)
    if wanted > session.most_privilege:
        raise Refused(0x81)
    session.privilege = wanted or session.privilege
    return bytes((session.privilege,))


def close_session(bmc, session, data):
    """22.19: one's own session or, as administrator, another one; it ends once the answer is out."""
    _need(data, 4)
    number = struct.unpack_from('<I', data)[0]
    if number != session.bmc_id and session.privilege < ADMINISTRATOR:
        raise Refused(NO_PRIVILEGE)
    if bmc.sessions.active(number) is None:
        raise Refused(0x87)
    bmc.after(0, lambda: bmc.sessions.close(number))
    return b''


def get_chassis_status(bmc, session, data):
    """28.2: power is on or off; the last power event came by IPMI; restore policy is 'stay off'."""
    return bytes((0x01 if bmc.is_on else 0x00, 0x10, 0x40, 0))


def control_chassis(bmc, session, data):
    """28.3: done in the background; cycle and reset need a machine that is on (completion code D5h)."""
    _need(data, 1)
    action = {0: 'off', 1: 'on', 2: 'cycle', 3: 'reset', 5: 'soft off'}.get(data[0] & 0x0F)
    if action is None:
        raise Refused(BAD_FIELD)
    if action in ('cycle', 'reset') and not bmc.is_on:
        raise Refused(NOT_IN_STATE)
    bmc.control(action)
    return b''


def identify_chassis(bmc, session, data):
    """28.5: there is no lamp to light."""
    return b''


def set_boot_options(bmc, session, data):
    """28.12: parameter 5 goes to the machine, the others are kept and given back."""
    _need(data, 1)
    number, value = data[0] & 0x7F, data[1:]
    size = BOOT_PARAMETERS.get(number)
    if size is None:
        raise Refused(NOT_SUPPORTED_PARAMETER)
    if value and len(value) < min(size, 2):
        raise Refused(TOO_SHORT)
    if number == 5 and value:
        bmc.machine.boot.decode(value)
    elif value:
        bmc.boot_parameters[number] = value[:size].ljust(size, b'\0')
    return b''


def get_boot_options(bmc, session, data):
    """28.13: parameter version 1, the number, the data."""
    _need(data, 3)
    number = data[0] & 0x7F
    if number not in BOOT_PARAMETERS:
        raise Refused(NOT_SUPPORTED_PARAMETER)
    value = bmc.machine.boot.encode() if number == 5 else bmc.boot_parameters.get(number, bytes(BOOT_PARAMETERS[number]))
    return bytes((0x01, number)) + value


def get_reading(bmc, session, data):
    """35.14."""
    _need(data, 1)
    found = sensor.BY_NUMBER.get(data[0])
    if found is None:
        raise Refused(NOT_PRESENT)
    return found.reading(is_on=bmc.is_on)


def get_thresholds(bmc, session, data):
    """35.9: none can be read."""
    return bytes(7)


def get_repository_info(bmc, session, data):
    """33.9."""
    return sensor.repository_info()


def reserve_repository(bmc, session, data):
    """33.11: nothing changes, so one reservation serves all."""
    return b'\x01\x00'


def get_record(bmc, session, data):
    """33.12."""
    _need(data, 6)
    position, offset, size = struct.unpack_from('<HBB', data, 2)
    found = sensor.read_record(position, offset, size)
    if found is None:
        raise Refused(NOT_PRESENT)
    return struct.pack('<H', found[0]) + found[1]


def get_inventory_info(bmc, session, data):
    """34.1: FRU 0 alone, by bytes."""
    _need(data, 1)
    return struct.pack('<HB', len(_inventory(bmc, data[0])), 0)


def read_inventory(bmc, session, data):
    """34.2: at most 128 bytes a time."""
    _need(data, 4)
    start, size = struct.unpack_from('<HB', data, 1)
    part = _inventory(bmc, data[0])[start:start + min(size, 128)]
    if not part:
        raise Refused(OUT_OF_RANGE)
    return bytes((len(part),)) + part


def get_log_info(bmc, session, data):
    """31.2: an event log that is empty, for ever."""
    return struct.pack('<BHHIIB', 0x51, 0, 0, 0, 0, 0)


def _inventory(bmc, number):
    if number:
        raise Refused(NOT_PRESENT)
    return bmc.inventory


def _need(data, size):
    if len(data) < size:
        raise Refused(TOO_SHORT)


#: Boot option parameter -> bytes of its data (table 28-14).
BOOT_PARAMETERS = {0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 5, 6: 9, 7: 17}
CHASSIS, SENSOR, APPLICATION, STORAGE = 0x00, 0x04, 0x06, 0x0A
COMMANDS = {
    (APPLICATION, 0x01): (USER, get_device_id),
    (APPLICATION, 0x02): (ADMINISTRATOR, reset_bmc),
    (APPLICATION, 0x03): (ADMINISTRATOR, reset_bmc),
    (APPLICATION, 0x04): (USER, test_self),
    (APPLICATION, 0x08): (USER, get_guid),
    (APPLICATION, 0x37): (ANYBODY, get_guid),
    (APPLICATION, 0x38): (ANYBODY, get_authentication),
    (APPLICATION, 0x54): (ANYBODY, get_cipher_suites),
    (APPLICATION, 0x3B): (USER, set_privilege),
    (APPLICATION, 0x3C): (USER, close_session),
    (CHASSIS, 0x01): (USER, get_chassis_status),
    (CHASSIS, 0x02): (OPERATOR, control_chassis),
    (CHASSIS, 0x04): (OPERATOR, identify_chassis),
    (CHASSIS, 0x08): (OPERATOR, set_boot_options),
    (CHASSIS, 0x09): (OPERATOR, get_boot_options),
    (SENSOR, 0x27): (USER, get_thresholds),
    (SENSOR, 0x2D): (USER, get_reading),
    (STORAGE, 0x10): (USER, get_inventory_info),
    (STORAGE, 0x11): (USER, read_inventory),
    (STORAGE, 0x20): (USER, get_repository_info),
    (STORAGE, 0x22): (USER, reserve_repository),
    (STORAGE, 0x23): (USER, get_record),
    (STORAGE, 0x40): (USER, get_log_info),
}


def carry_out(bmc, session, message):
    """(completion code, data) of the answer to ``message``; ``session`` is None outside of one."""
    least, handler = COMMANDS.get((message.netfn, message.command), (USER, None))
    if (session.privilege if session else ANYBODY) < least:
        return NO_PRIVILEGE, b''
    if handler is None:
        return INVALID, b''
    try:
        return 0, handler(bmc, session, message.data)
    except Refused as refusal:
        return refusal.code, b''
