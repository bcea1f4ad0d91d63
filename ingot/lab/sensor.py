"""The sensors of a virtual machine: a temperature and a fan, described by full sensor records.

Source: IPMI 2.0 rev 1.1, 33 (SDR repository), 35.14 (Get Sensor Reading), 43.1 (type 01h), 43.15 (type/length).
"""

import struct
from typing import NamedTuple

SDR_VERSION = 0x51
CELSIUS, RPM = 1, 18


class Sensor(NamedTuple):
    number: int
    name: str
    kind: int                # table 42-3: 1 temperature, 4 fan
    entity: int              # table 43-13: 7 system board, 29 fan
    unit: int                # table 43-15
    factor: int              # value = reading * factor
    when_off: int            # readings, raw
    when_on: int

    def reading(self, *, is_on):
        """Data of Get Sensor Reading: the raw value; scanning is enabled; no threshold is crossed."""
        return bytes((self.when_on if is_on else self.when_off, 0xC0, 0xC0))


SENSORS = (Sensor(1, 'System Temp', 1, 7, CELSIUS, 1, 21, 38), Sensor(2, 'Fan 1', 4, 29, RPM, 50, 0, 72))
BY_NUMBER = {sensor.number: sensor for sensor in SENSORS}


def _record(position, sensor):
    """Full sensor record 01h with the id ``position``; no events, no thresholds, linear."""
    owner = (0x20, 0, sensor.number, sensor.entity, 1, 0x01, 0x03, sensor.kind, 0x01)        # bytes 6 to 14 of table 43-1
    units = (0, sensor.unit, 0, 0, sensor.factor)                                            # 21 to 25
    name = sensor.name.encode()
    body = bytes(owner) + bytes(6) + bytes(units) + bytes(9) + b'\xff\x00' + bytes(11) + bytes((0xC0 | len(name),)) + name
    return struct.pack('<HBBB', position, SDR_VERSION, 0x01, len(body)) + body


_RECORDS = [_record(position, sensor) for position, sensor in enumerate(SENSORS)]


def repository_info():
    """Data of Get SDR Repository Info (33.9): nothing is ever added; reservations are supported."""
    return struct.pack('<BHHIIB', SDR_VERSION, len(_RECORDS), 0, 0, 0, 0x02)


def read_record(position, offset, size):
    """(id of the next record, part of this one) for Get SDR (33.12), or None when there is no such record."""
    if position >= len(_RECORDS):
        return None
    following = position + 1 if position + 1 < len(_RECORDS) else 0xFFFF
    record = _RECORDS[position]
    return following, record[offset:] if size == 0xFF else record[offset:offset + size]
