"""Inventories of real boards: what the agent reads from their sysfs is what their files say, and what the host keeps of it."""

import board_tree
import pytest
from agent_bench import Bench

from ingot.conductor import inventory as rows
from ingot.ramdisk.agent.actions import inventory
from ingot.scheduler.reserved import place, reserved


@pytest.fixture(params=board_tree.FILES, ids=lambda path: path.stem)
def board(request, tmp_path):
    return Board(board_tree.load(request.param), tmp_path)


class Board:
    """A board's file, and what the agent found on it."""

    def __init__(self, data, folder):
        self.data, self.machine = data, board_tree.build(data, folder)
        nics = {name: net for one in data['devices'] for name, net in (one.get('net') or {}).items()}
        self.pxe = nics[data['pxe']]['mac']
        bench = Bench(self.machine)
        bench.job.line = bench.job.line._replace(mac=self.pxe)
        self.found = inventory.run({'action': 'inventory', 'root_device': {}}, bench.job)['inventory']
        self.devices = {one['address']: one for one in self.found['pci_devices']}

    @property
    def expected(self):
        """The devices of the file, functions included."""
        return [*self.data['devices'], *board_tree.functions(self.data)]


def test_every_device_is_found_with_its_numbers(board):
    assert len(board.devices) >= len(board.expected)
    for wanted in board.expected:
        one = board.devices[board_tree.address(wanted)]
        assert f'{one["vendor_id"]}:{one["product_id"]}' == wanted['id']
        assert f'{one["subsystem_vendor_id"]}:{one["subsystem_id"]}' == wanted.get('sub', 'None:None')
        assert (one['class'], one['revision'], one['driver']) == (wanted['class'], wanted['rev'], wanted.get('driver'))
        assert one['numa_node'] == wanted.get('numa')


def test_links_as_they_are_and_could_be(board):
    for wanted in board.expected:
        one = board.devices[board_tree.address(wanted)]
        for text, found in ((wanted.get('link'), (one['link_speed'], one['link_width'])),
                            (wanted.get('most'), (one['max_link_speed'], one['max_link_width']))):
            speed, _, width = (text or '0.0 x0').partition(' x')
            is_known = width not in ('0', '255')
            assert found == ((float(speed), int(width)) if is_known else (None, None))
    narrow = [address for address, one in board.devices.items() if one['link_width'] != one['max_link_width']]
    assert sorted(narrow) == board.data['expect'].get('narrow', [])


def test_functions_know_their_parents_and_parents_how_many_there_can_be(board):
    parents = {board_tree.address(one): one['parent'] for one in board_tree.functions(board.data)}
    assert {address: one['parent'] for address, one in board.devices.items() if one['function'] == 'vf'} == parents
    most = {board_tree.address(one): one['sriov']['total'] for one in board.data['devices'] if 'sriov' in one}
    assert {address: one['max_vfs'] for address, one in board.devices.items() if one['function'] == 'pf'} == most
    expect = board.data['expect']
    assert expect.get('max_vfs', most) == most
    for address, count in expect.get('vfs', {}).items():
        assert list(parents.values()).count(address) == count


def test_serial_numbers_of_product_data_or_of_the_configuration_space(board):
    for wanted in board.data['devices']:
        number = int(wanted.get('dsn', '0'), 16)
        assert board.devices[board_tree.address(wanted)]['serial'] == (
            wanted.get('vpd') or (number.to_bytes(8).hex('-') if number else None))
    assert {one['serial'] for one in board.devices.values() if one['function'] == 'vf'} <= {None}


def test_what_is_near_to_which_processor(board):
    assert {address: board.devices[address]['numa_node'] for address in board.data['expect'].get('numa', {})} == (
        board.data['expect'].get('numa', {}))


def test_network_cards_are_devices(board):
    wanted = {name: (one, net) for one in board.data['devices'] for name, net in (one.get('net') or {}).items()}
    assert {nic['name'] for nic in board.found['interfaces']} == set(wanted)
    for nic in board.found['interfaces']:
        device, net = wanted[nic['name']]
        assert (nic['pci_address'], nic['mac_address']) == (board_tree.address(device), net['mac'])
        assert (nic['speed_mbps'], nic['has_carrier']) == (net.get('speed'), net['carrier'] == 1)
        assert nic['driver'] == net.get('driver', device.get('driver'))
        assert nic['lldp'] is None, 'nobody listened'


def test_the_root_disk_and_where_it_hangs(board):
    assert len(board.found['disks']) == len(board.data['disks'])
    assert [one['name'].rpartition('/')[2] for one in board.found['disks'] if one['role'] == 'root'] == (
        [board.data['root']] if 'root' in board.data else [])


def test_what_the_machine_says_of_itself(board):
    vendor, dmi = board.found['system_vendor'], board.data['dmi']
    assert (vendor['manufacturer'], vendor['product_name'], vendor['serial_number']) == (
        dmi['sys_vendor'], dmi['product_name'], dmi.get('product_serial'))
    assert (board.found['cpu']['count'], board.found['boot']) == (board.data['cpus']['count'], {
        'current_boot_mode': 'uefi' if board.data['efi'] else 'bios', 'pxe_interface': board.pxe})


def test_what_the_host_keeps_for_itself(board):
    devices = [{**dict.fromkeys(('vendor_id', 'product_id', 'class_id', 'parent')), **one}
               for one in rows.devices(board.found, {})]
    assert len(devices) == len(board.devices), 'every device has a row'
    disks = [place(one['by_path']) for one in rows.disks(board.found, {}) if one['role'] == 'root']
    assert reserved(devices, rows.nics(board.found, {}), disks, {board.pxe}) == (
        board.data['expect']['reserved'] | ({disks[0]: 'boot disk'} if disks and disks[0] in board.devices else {}))


def test_there_are_boards_of_many_kinds():
    assert len(board_tree.FILES) >= 8
    assert sum(len(list(board_tree.functions(board_tree.load(path)))) for path in board_tree.FILES) >= 64
