"""Devices that a host keeps for itself: the card that it boots from, what its BMC shows, what its root disk hangs on."""

import pytest

from ingot.scheduler.reserved import place, reserved


def device(address, vendor_id='8086', product_id='1592', class_id='020000', parent=None):
    return {'address': address, 'vendor_id': vendor_id, 'product_id': product_id, 'class_id': class_id, 'parent': parent}


DEVICES = [device('0000:3b:00.0'), device('0000:3b:01.0', parent='0000:3b:00.0'), device('0000:3c:00.0'),
           device('0000:5e:00.0', '144d', 'a80a', '010802')]


def nic(mac, place):
    return {'address': mac, 'pci_address': place}


@pytest.mark.parametrize(('nics', 'disks', 'macs', 'kept'), [
    ([], [], set(), {}),
    ([nic('m1', '0000:3b:00.0'), nic('m2', '0000:3c:00.0')], [], {'m2'}, {'0000:3c:00.0': 'pxe'}),
    ([nic('m1', '0000:3b:01.0')], [], {'m1'}, {'0000:3b:00.0': 'pxe', '0000:3b:01.0': 'pxe'}),
    ([nic('m1', None), nic(None, '0000:3c:00.0')], [None], {'m1'}, {}),
    ([nic('m1', '0000:99:00.0')], ['0000:5e:00.0', '0000:98:00.0'], {'m1'}, {'0000:5e:00.0': 'boot disk'}),
    ([nic('m1', '0000:5e:00.0')], ['0000:5e:00.0'], {'m1'}, {'0000:5e:00.0': 'pxe'})])
def test_boot_card_and_boot_disk(nics, disks, macs, kept):
    assert reserved(DEVICES, nics, disks, macs) == kept


@pytest.mark.parametrize(('vendor_id', 'product_id', 'class_id', 'is_bmc'), [
    ('1a03', '2000', '030000', True), ('1a03', '1150', '060400', True), ('102b', '0536', '030000', True),
    ('102b', '2527', '030000', False), ('103c', '3306', '088000', True), ('103c', '1059', '020000', False),
    ('ffff', '0001', '0c0701', True), ('10de', '20f1', '030200', False), (None, None, None, False)])
def test_what_a_bmc_shows_to_its_host(vendor_id, product_id, class_id, is_bmc):
    kept = reserved([device('0000:03:00.0', vendor_id, product_id, class_id)], [], [], set())
    assert kept == ({'0000:03:00.0': 'bmc'} if is_bmc else {})


@pytest.mark.parametrize(('path', 'address'), [
    ('/dev/disk/by-path/pci-0000:5e:00.0-nvme-1', '0000:5e:00.0'), ('/dev/disk/by-path/pci-0000:00:17.0-ata-1', '0000:00:17.0'),
    ('/dev/disk/by-path/pci-0000:e2:00.5-pci-10000:e1:00.0-nvme-1', '10000:e1:00.0'),
    ('/dev/disk/by-path/virtio-0', None), (None, None)])
def test_the_device_that_a_disk_hangs_on(path, address):
    assert place(path) == address
