"""Simulated agents at a real conductor and a real listener: whole lives, and faults that all end as they should."""

import collections

import orjson
import pytest

from ingot import concurrency, rpc
from ingot.cli import process, stage
from ingot.conductor.client import Client
from ingot.lab.fleet import trouble
from ingot.lab.fleet.world import World
from tests import databases
from tests.conductor.conftest import House

SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}
SEED, COUNT, EACH = 7, 50, 3
#: Seconds: of silence until a machine is given up; for all of them to end; of the machines' own time for a plan.
SILENCE, LONG, PLAN = 10, 100, 60
#: Fault -> (what else its line has, how the deployment ends, words of last_error, how often the image was written whole).
ENDS = {
    'delay': ({'amount': 0.5}, 'active', None, 1),
    'lost': ({'amount': 0.3}, 'active', None, 1),
    'twice': ({}, 'active', None, 1),
    'disorder': ({}, 'active', None, 1),
    'stuck': ({}, 'deploy failed', f'The plan was not done within its {PLAN} s; they ended in "write image".', 0),
    'dies': ({'boots': 1}, 'deploy failed', f'the machine was silent for {SILENCE} s; it did last: ', 0),
    'reboots': ({'boots': 1}, 'deploy failed', f'the machine was silent for {SILENCE} s; it did last: ', 0),
    'leap': ({'amount': 3600, 'boots': 1}, 'deploy failed', 'they ended in "write image".', 0),
    'token': ({'boots': 2}, 'deploy failed', f'the machine did not call home for {SILENCE} s', 0),
    'disk': ({}, 'deploy failed', 'the machine reports: /dev/sda (model Fleet Disk, serial FLEET', 0),
    'half': ({}, 'deploy failed', 'gives back other bytes than were written, between byte 0 and', 0),
    'lies': ({}, 'active', None, 0),
    'vanished': ({}, 'deploy failed', 'PCI device 0000:17:00.0: 10de:20f1 was promised, nothing is there.', 0),
    'narrow': ({}, 'deploy failed', 'PCI device 0000:17:00.0: a link of 16 lanes was promised, 8 are up.', 0),
}


class Site:
    """A conductor that works by itself, the machines' listener, and fake hardware whose inside is a fleet."""

    def __init__(self, folder, count, faults=()):
        self.house = House(databases.empty(folder), folder)
        self.service = self.house.service(
            agent__port=stage.free_ports(1)[0], conductor__heartbeat_seconds=0.3, conductor__deploy_timeout=PLAN,
            conductor__silence_timeout=SILENCE, conductor__power_sync_seconds=0)
        client = Client(rpc.Local(self.service), self.house.database)
        self.listener, _ = process.http_servers(self.service.conf, self.house.database, client)
        self.fleet = World(count, lines=self.line, tell=self.told, faults=faults, seed=SEED, pace=10)
        self.nodes = {}
        self.house.world.after = self.after

    def start(self):
        for part in (self.service, self.listener, self.fleet):
            part.start()
        for machine in self.fleet.machines:
            node = self.house.node(driver_info=SILENT)
            self.house.claim(node, {'address': '0000:17:00.0'},
                             {'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592'})
            self.nodes[node] = machine.number

    def stop(self):
        for part in (self.fleet, self.listener, self.service):
            part.stop()
        self.house.database.close()

    def after(self, kind, method, node):
        """What the conductor did to a fake machine happens to the simulated one."""
        if (kind, method) == ('power', 'set'):
            machine = self.house.world.machine(node['uuid'])
            self.fleet.switch(self.nodes[node['uuid']], machine.power, machine.booted_from)

    def told(self, number, state):
        self.house.world.machine(self.node(number)).press(state)

    def line(self, mac):
        """The kernel line that a machine would have got from the boot server."""
        node = self.node(int(mac[9:].replace(':', ''), 16))
        record = self.house.world.records.get(self.house.mac(node))
        return record and ' '.join(f'{name}={value}' for name, value in record[1].parameters.items())

    def node(self, number):
        return list(self.nodes)[number]

    def row(self, number):
        return self.house.row(self.node(number))

    def deploy(self, numbers):
        """Deploy these machines, and wait until each is active or has failed."""
        numbers = list(numbers)
        for number in numbers:
            self.service.provision(self.node(number), 'active')

        def are_over():
            return all(self.row(number)['provision_state'] in ('active', 'deploy failed') for number in numbers)
        assert concurrency.wait_for(are_over, LONG, every=0.2), {
            number: (self.row(number)['provision_state'], self.fleet.machines[number].said) for number in numbers}

    def counts(self, number):
        """{(what, 'begun' or 'done'): how often}, of all operations of a machine; and its boots."""
        found = collections.Counter()
        for key, count in dict(self.fleet.counts())[number].items():
            found[key[1:] if isinstance(key, tuple) else key] += count
        return found


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """Fifty machines, some with each fault, that were all deployed once at the same time."""
    faults = [{'fault': name, 'machines': list(range(EACH * place, EACH * place + EACH)), **more}
              for place, (name, (more, *_)) in enumerate(ENDS.items())]
    site = Site(tmp_path_factory.mktemp('site'), COUNT, trouble.parse(faults))
    site.start()
    site.deploy(range(COUNT))
    yield site
    site.stop()


def those_of(fault):
    first = EACH * list(ENDS).index(fault)
    return range(first, first + EACH)


@pytest.mark.parametrize('fault', ENDS)
def test_each_fault_ends_as_it_should(site, fault):
    _, state, words, writes = ENDS[fault]
    for number in those_of(fault):
        row, counts = site.row(number), site.counts(number)
        assert (row['provision_state'], counts['write image', 'done']) == (state, writes), row['last_error']
        assert words is None or words in row['last_error']
        assert site.house.world.leftovers(site.node(number)) == (['power on'] if state == 'active' else [])
        if fault != 'lies':
            assert site.fleet.machines[number].is_on is (state == 'active')


def test_the_others_are_deployed_with_one_netboot_and_one_write_each(site):
    for number in range(EACH * len(ENDS), COUNT):
        counts = site.counts(number)
        assert site.row(number)['provision_state'] == 'active'
        assert counts == {'power on': 2, 'ramdisk': 1, 'system': 1, ('call home', 'done'): 1, ('verify devices', 'begun'): 1,
                          ('verify devices', 'done'): 1, ('write image', 'begun'): 1, ('write image', 'done'): 1}


def test_a_lie_is_seen_by_the_counts_alone(site):
    for number in those_of('lies'):
        assert site.row(number)['provision_state'] == 'active'
        assert site.counts(number)['nothing'] == 1, 'there was no system to boot'


def test_events_are_stored_in_their_order_whatever_comes_of_the_network(site):
    for fault in ('twice', 'disorder', 'lost'):
        for number in those_of(fault):
            found = [orjson.loads(orjson.dumps(one['data'])) for one in site.house.events('agent.progress', site.node(number))]
            done = [one['done'] for one in found]
            assert done or fault == 'lost', 'where calls get lost, the report may overtake them'
            assert done == sorted(set(done)), fault


def test_what_was_half_done_is_done_again_and_once(site):
    numbers = [*those_of('dies'), *those_of('reboots'), *those_of('leap'), *those_of('token')]
    site.deploy(numbers)
    for number in numbers:
        assert site.row(number)['provision_state'] == 'active', site.row(number)['last_error']
        assert site.counts(number)['write image', 'done'] == 1
    assert site.counts(those_of('dies')[0])['write image', 'begun'] == 2
