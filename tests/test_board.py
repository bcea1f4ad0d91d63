"""Pretended PCI devices: shapes of real cards, always the same for a seed."""

import hashlib

from ingot import board

SEEDS = [hashlib.sha256(str(number).encode()).digest() for number in range(40)]


def test_devices_have_one_shape_and_addresses_of_their_own():
    for seed in SEEDS:
        found = board.devices(seed)
        assert found == board.devices(seed)
        assert len({one['address'] for one in found}) == len(found)
        assert {tuple(one) for one in found} == {tuple(board._NOTHING)}


def test_virtual_functions_name_their_parent_and_serials_differ_between_machines():
    for seed in SEEDS:
        found = {one['address']: one for one in board.devices(seed)}
        parents = {one['parent'] for one in found.values() if one['function'] == 'vf'}
        assert parents == {address for address, one in found.items() if one['function'] == 'pf'} == {'0000:3b:00.0'}
    serials = [one['serial'] for seed in SEEDS for one in board.devices(seed) if one['serial']]
    assert len(set(serials)) == len(serials)


def test_some_machines_have_one_graphics_processor_and_some_two():
    assert {sum(one['class'] == '030200' for one in board.devices(seed)) for seed in SEEDS} == {1, 2}


def test_alterations_take_away_change_and_add():
    found = board.altered(board.devices(SEEDS[0]), {
        '0000:17:00.0': None, '0000:3b:00.0': {'link_width': 8}, '0000:01:00.0': {'vendor_id': '1d0f'}})
    by_address = {one['address']: one for one in found}
    assert '0000:17:00.0' not in by_address
    assert (by_address['0000:3b:00.0']['link_width'], by_address['0000:3b:00.0']['max_link_width']) == (8, 16)
    assert by_address['0000:01:00.0'] == {**board._NOTHING, 'address': '0000:01:00.0', 'vendor_id': '1d0f'}
    assert [one['address'] for one in found] == sorted(by_address)
