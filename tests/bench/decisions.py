"""The second half of ``make decide``: the same questions over HTTP, to ``ingot serve`` with the same nodes in its database."""

import contextlib
import pathlib
import tempfile
import time

import requests
import sqlalchemy as sa

from ingot.cli import stage
from ingot.db import models, row
from ingot.db.engine import now
from ingot.scheduler import offer
from tests import databases
from tests.bench import decide
from tests.cli.processes import running

_AT_ONCE = 500
#: As if the conductor had held its list, which is empty, against the nodes already: else it would withdraw what they offer.
_OFFERS = offer.digest([])
VERSION = {'X-OpenStack-Ironic-API-Version': '1.115'}
_DEVICE = ('uuid', 'address', 'numa_node', 'offered', 'state', 'vendor_id', 'product_id', 'class_id', 'link_width', 'function',
           'parent', 'extra_info')


def fill(database, count):
    """The nodes, flavors and groups of ``decide`` as rows."""
    with database.write() as connection:
        for table, rows in ((models.pci_flavors, decide.FLAVORS), (models.placement_groups, decide.GROUPS)):
            _insert(connection, table, [{'uuid': f'{table.name}-{one["name"]}', **one} for one in rows])
    for start in range(0, count, _AT_ONCE):
        facts = [decide.node(number) for number in range(start, min(start + _AT_ONCE, count))]
        with database.write() as connection:
            _insert(connection, models.nodes, map(_node, facts))
            keys = dict(connection.execute(sa.select(models.nodes.c.uuid, models.nodes.c.id).where(
                models.nodes.c.uuid.in_([one['uuid'] for one in facts]))).all())
            _insert(connection, models.node_inventory, (
                {'node_id': keys[one['uuid']], 'inventory': one['attributes'], 'offer_digest': _OFFERS} for one in facts))
            _insert(connection, models.devices, (
                {'node_id': keys[one['uuid']], **{name: each.get(name) for name in _DEVICE},
                 'uuid': f'{one["uuid"][:8]}-0000-4000-8000-{number:012x}', 'extra_info': each.get('extra_info') or {}}
                for one in facts for number, each in enumerate(one['devices'])))


def _node(facts):
    return {'uuid': facts['uuid'], 'name': facts['name'], 'driver': 'fake-hardware', 'provision_state': 'available',
            'power_state': 'power off', 'resource_class': facts['resource_class'], 'traits': facts['traits'],
            'extra': {name: facts['domains'][name] for name in ('rack', 'zone')}, 'maintenance': not facts['is_free']}


def _insert(connection, table, rows):
    connection.execute(sa.insert(table), [row.dump(table, {'created_at': now(), **one}) for one in rows])


class Server:
    """``ingot serve``, asked and measured; between two questions a node changes, as a client does it."""

    def __init__(self, url, pid):
        self._url, self._stat = url, pathlib.Path(f'/proc/{pid}/stat')
        self._session = requests.Session()
        self._session.headers.update(VERSION)

    def decide(self, wanted):
        """(seconds, seconds of processor, the answer)."""
        cpu, began = self.cpu(), time.perf_counter()
        answer = self._session.post(f'{self._url}/v1/decisions', json=wanted, timeout=300)
        seconds = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        return seconds, self.cpu() - cpu, answer.json()

    def change(self, number):
        self._session.patch(f'{self._url}/v1/nodes/node-{number}', timeout=60, json=[
            {'op': 'add', 'path': '/extra/touched', 'value': str(time.time())}]).raise_for_status()

    def cpu(self):
        user, system = self._stat.read_text().rpartition(')')[2].split()[11:13]
        return (int(user) + int(system)) / 100

    def memory(self):
        """MiB."""
        return int(self._stat.with_name('statm').read_text().split()[1]) / 256


def measure(count, rounds):
    """Print the lines of one size."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = databases.empty(folder)
        fill(database, count)
        port = stage.free_ports(1)[0]
        process, _ = stack.enter_context(running(folder, 'serve', [
            '--port', str(port), '--set', f'database.connection={database.url}', '--set', 'conductor.power_sync_seconds=0',
            *(f'--set={name}={value}' for name, value in zip(('agent.port', 'boot.port', 'iscsi.port'), stage.free_ports(3),
                                                             strict=True))]))
        server = Server(f'http://127.0.0.1:{port}', process.pid)
        memory, (first, *_) = server.memory(), server.decide({'resource_class': 'gpu'})
        times = {name: ([], []) for name in decide.REQUESTS}
        for turn in range(rounds):
            for number, (name, (wanted, is_there)) in enumerate(decide.REQUESTS.items()):
                server.change((turn * 10 + number) % count)
                seconds, cpu, told = server.decide({'resource_class': 'gpu', **wanted})
                assert bool(told['candidates']) is is_there, (name, told)
                times[name][0].append(cpu)
                times[name][1].append(seconds)
        decide.show_times(count, times)
        print(f'\n{count:,} nodes over HTTP: the first decision {first:.1f} s, memory before {memory:.0f} MiB, '
              f'after {server.memory():.0f} MiB.\n')
        database.close()
