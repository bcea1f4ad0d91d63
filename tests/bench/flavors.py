"""``python -m tests.bench.flavors``: what questions about PCI flavors cost over many devices; writes a table of docs/figures.md.

Each node has eight devices: the card that it boots from, three graphics processors of two kinds, a network card and three of its
functions; half of what is offered is ready. Three rounds, the best counts.
"""

import argparse
import pathlib
import random
import tempfile
import time
import uuid

import sqlalchemy as sa

from ingot.db import models, offer, pci_device, pci_flavor, row
from ingot.db.engine import now
from ingot.scheduler.offer import Information
from tests import databases

MATCHES = {
    'preview: ids, 1 in 8': [{'vendor_id': '10de', 'product_id': '20b5'}],
    'preview: ids and lanes, 3 in 8': [{'vendor_id': '10de', 'link_width': {'>=': 16}}],
    'preview: a glob, 4 in 8': [{'class_id': {'glob': '0200*'}, 'max_link_width': {'!=': 1}}],
    'preview: a label, 3 in 8': [{'group': 'a'}],
}
_LIST = Information({'default': [{'match': {'vendor_id': '10de'}, 'extra_info': {'group': 'a'}}, {'match': {'function': 'vf'}}]})


def devices():
    """The eight devices of a node, without their addresses."""
    gpu = {'vendor_id': '10de', 'product_id': '20f1', 'class_id': '030200', 'link_width': 16, 'max_link_width': 16,
           'extra_info': {'group': 'a'}, 'offered': True}
    nic = {'vendor_id': '8086', 'product_id': '1592', 'class_id': '020000', 'max_link_width': 16, 'function': 'pf'}
    vf = {**nic, 'product_id': '1889', 'function': 'vf', 'parent': '0000:07:00.0', 'offered': True}
    boot = {'vendor_id': '1af4', 'product_id': '1000', 'class_id': '020000', 'reserved_for': 'pxe'}
    return [boot, gpu, gpu, {**gpu, 'product_id': '20b5'}, vf, vf, vf, nic]


def fill(database, nodes, chance):
    """``nodes`` nodes that may be given, inspected, with their devices."""
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes), [
            {'uuid': str(uuid.UUID(int=chance.getrandbits(128))), 'driver': 'fake-hardware', 'created_at': now(), 'slot': 0,
             'name': f'n{number}', 'provision_state': 'available', 'power_state': 'power off'} for number in range(nodes)])
        ids = connection.execute(sa.select(models.nodes.c.id)).scalars().all()
        connection.execute(sa.insert(models.node_inventory), [
            {'node_id': key, 'created_at': now(), 'offer_digest': _LIST.of(_ANY).digest} for key in ids])
        names = {name for one in devices() for name in one} - {'extra_info'}
        connection.execute(sa.insert(models.devices), [
            {**dict.fromkeys(names), **row.dump(models.devices, {'extra_info': {}, 'offered': False, **one}), 'node_id': key,
             'uuid': str(uuid.UUID(int=chance.getrandbits(128))), 'created_at': now(), 'address': f'0000:{number:02x}:00.0',
             'state': 'ready' if one.get('offered') and chance.random() < 0.5 else 'not_ready'}
            for key in ids for number, one in enumerate(devices())])
        connection.execute(sa.insert(models.pci_flavors), [row.dump(models.pci_flavors, {
            'uuid': str(uuid.UUID(int=number + 1)), 'created_at': now(), 'name': f'f{number}', 'match': match})
            for number, match in enumerate(MATCHES.values())])


_ANY = {'uuid': '', 'name': '', 'resource_class': None, 'conductor_group': ''}


def best(work, rounds=3):
    """CPU milliseconds of the quickest round, SQLite's own included."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found) * 1000


def questions(database):
    """{what: a function}"""
    columns = tuple(pci_device.STORE.shown.values())
    found = {what: lambda match=match: pci_flavor.count(database, match) for what, match in MATCHES.items()}
    nothing = [{'vendor_id': '10de', 'link_width': 32}]
    return found | {
        'a warning: nothing matches, the nearest is told': lambda: pci_flavor.warning(database, nothing),
        'first 1,000 devices of a flavor': lambda: pci_flavor.rows(database, columns, {'flavor': 'f1'}, limit=1000),
        'capacity of one of four flavors': lambda: pci_flavor.capacity(database, 'f0'),
        'a turn of the host\'s lists, nothing has changed': lambda: list(offer.differing(database, _LIST)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--nodes', default='1250,12500', help='numbers, separated by commas')
    options = parser.parse_args()
    sizes = [int(word) for word in options.nodes.split(',')]
    rows = {}
    for nodes in sizes:
        with tempfile.TemporaryDirectory(prefix='ingot-flavors-') as folder:
            database = databases.empty(pathlib.Path(folder))
            fill(database, nodes, random.Random(1))
            for what, work in questions(database).items():
                rows.setdefault(what, []).append(best(work))
            database.close()
    print('| CPU ms | ' + ' | '.join(f'{8 * nodes:,} devices' for nodes in sizes) + ' |')
    print('|---' * (1 + len(sizes)) + '|')
    for what, values in rows.items():
        print(f'| {what} | ' + ' | '.join(f'{value:.0f}' for value in values) + ' |')


if __name__ == '__main__':
    main()
