"""Serial numbers in the bytes of cards, also of those that say strange things."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.ramdisk.agent import pci

NAME = b'\x82\x04\x00Card'


def vpd(fields, tag=b'\x90'):
    return NAME + tag + struct.pack('<H', len(fields)) + fields + b'\x78'


def config(*capabilities):
    """Extended capabilities one after the other: (id, eight bytes)."""
    data = bytearray(4096)
    for number, (kind, value) in enumerate(capabilities):
        following = 0x110 + 16 * number if number + 1 < len(capabilities) else 0
        struct.pack_into('<I8s', data, 0x100 + 16 * number, kind | 1 << 16 | following << 20, value)
    return bytes(data)


@pytest.mark.parametrize(('data', 'serial'), [
    (vpd(b'PN\x02ABSN\x03X12RV\x01\x00'), 'X12'), (vpd(b'SN\x05X12  '), 'X12'), (vpd(b'SN\x00'), None), (vpd(b'PN\x02AB'), None),
    (vpd(b'SN\x03X12', tag=b'\x91'), None), (vpd(b'SN\x03\xff\xff\xff'), None), (vpd(b'SN\x03X12')[:-5], None), (NAME, None),
    (b'\x82\xff\xff', None), (b'\xff' * 64, None), (b'', None)])
def test_vital_product_data(data, serial):
    found = pci.serial_of_vpd(data)
    assert found == serial or (serial is None and found is None)


@pytest.mark.parametrize(('data', 'serial'), [
    (config((3, bytes.fromhex('0100feffff2db048'))), '48-b0-2d-ff-ff-fe-00-01'),
    (config((1, b'x' * 8), (11, b'x' * 8), (3, bytes([1, 0, 0, 0, 0, 0, 0, 0x80]))), '80-00-00-00-00-00-00-01'),
    (config((3, bytes(8))), None), (config((3, b'\xff' * 8)), None), (config((1, b'x' * 8)), None), (bytes(256), None),
    (b'', None), (bytes(256) + struct.pack('<I', 1 | 0x100 << 20) + bytes(3836), None)])
def test_the_capability_of_the_configuration_space(data, serial):
    assert pci.serial_of_config(data) == serial


@given(st.binary(max_size=600))
def test_whatever_a_card_says_comes_to_an_end(data):
    for found in (pci.serial_of_vpd(data), pci.serial_of_config(data), pci.serial_of_vpd(NAME + b'\x90' + data),
                  pci.serial_of_config(bytes(0x100) + data)):
        assert found is None or (found and found.isprintable())
