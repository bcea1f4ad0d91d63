"""All sensors of a machine, read with the formulas of its sensor data records (IPMI 2.0 sections 35.14 and 43)."""

import struct

import pyghmi.constants
import pyghmi.exceptions
from pyghmi.ipmi import sdr
from pyghmi.ipmi.private import constants
from pyghmi.ipmi.private.util import get_ipmi_error

from ingot import errors

_HEALTH = ((pyghmi.constants.Health.Failed, 'failed'), (pyghmi.constants.Health.Critical, 'critical'),
           (pyghmi.constants.Health.Warning, 'warning'))
_ABSENT = 0xcb       # completion code: the sensor is not there (an empty slot)


def read(owner, address):
    """{'Temperature': {'CPU1 Temp': {'value', 'units', 'health'}}, ...}; discrete sensors have their states as value."""
    asker = _Asker(owner, address)
    groups = {}
    if not any(owner.ask(address, 0x0a, 0x20)[1:3]):      # no record at all, which pyghmi does not expect (section 33.9)
        return groups
    try:
        records = sdr.SDR(asker)
        for number in records.get_sensor_numbers():
            record = records.sensors[number]
            answer = asker.raw_command(4, 0x2d, data=[record.sensor_number], rslun=record.sensor_lun)
            if answer['code'] == 0:
                _add(groups, record.decode_sensor_reading(asker, answer['data']))
            elif answer['code'] != _ABSENT:
                raise errors.BmcRefused(f'{address} refused to read sensor {record.name}: {answer["error"]}.')
    except (pyghmi.exceptions.PyghmiException, NotImplementedError, struct.error, IndexError, KeyError, TypeError,
            ValueError) as error:
        raise errors.BmcRefused(f'{address} has sensor records that are not understood: {type(error).__name__} {error}.',
                                remedy='Update the firmware of the BMC.') from error
    return groups


def _add(groups, reading):
    if reading is not None and not reading.unavailable:
        health = next((name for bit, name in _HEALTH if reading.health & bit), 'ok')
        value = reading.value if reading.value is not None else ', '.join(map(str, reading.states)) or None
        groups.setdefault(reading.type, {})[reading.name] = {
            'value': value, 'units': (reading.units or '').strip() or None, 'health': health}


class _Asker:
    """What pyghmi's SDR reader needs of pyghmi's Command."""

    def __init__(self, owner, address):
        self._owner, self._address = owner, address

    def raw_command(self, netfn, command, data=(), rslun=0):
        answer = self._owner.exchange(self._address, netfn, command, data, lun=rslun)
        return {**answer, 'error': get_ipmi_error(answer)} if answer['code'] else answer

    def xraw_command(self, netfn, command, data=(), rslun=0):
        answer = self.raw_command(netfn, command, data, rslun)
        if answer['code']:
            raise pyghmi.exceptions.IpmiException(answer['error'], answer['code'])
        return answer

    def get_event_constants(self):
        return constants
