"""Simulated agents at a real conductor and a real listener: whole lives, and faults that all end as they should."""

import pathlib
import time

import pytest

from ingot import concurrency, config, errors
from ingot.api import server
from ingot.cli import process, stage
from ingot.conductor.client import Client
from ingot import rpc
from ingot.lab.fleet import trouble
from ingot.lab.fleet.computer import mac
from ingot.lab.fleet.world import World
from tests import databases
from tests.conductor.conftest import House

SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}
SILENCE = 8
LONG = 90


class Site:
    """A conductor that works by itself, the machines' listener, and fake hardware whose inside is a fleet."""

    def __init__(self, folder, **options):
        self.house = House(databases.empty(folder), folder)
        port = stage.free_ports(1)[0]
        self.service = self.house.service(agent__port=port, conductor__heartbeat_seconds=0.3,
                                          conductor__silence_timeout=SILENCE, conductor__power_sync_seconds=0)
        client = Client(rpc.Local(self.service), self.house.database)
        self.listener, _ = process.http_servers(self.service.conf, self.house.database, client)
        self.nodes = {}
        self.fleet = World(lines=self.line, tell=self.told, **{'pace': 10, 'boot_seconds': 0.1, **options})
        self.house.world.after = self.after

    def start(self):
        for part in (self.service, self.listener, self.fleet):
            part.start()
        for machine in self.fleet.machines:
            self.nodes[self.house.node(driver_info=SILENT)] = machine.number

    def stop(self):
        for part in (self.fleet, self.listener, self.service, self.house.database):
            getattr(part, 'stop', None) and part.stop()
        self.house.database.close()

    def after(self, kind, method, node):
        """What the conductor did to a fake machine happens to the simulated one."""
        if (kind, method) == ('power', 'set'):
            machine = self.house.world.machine(node['uuid'])
            self.fleet.switch(self.nodes[node['uuid']], machine.power, machine.booted_from)

    def told(self, number, state):
        self.house.world.machine(self.node(number)).press(state)

    def line(self, address):
        node = self.node(int(address[9:].replace(':', ''), 16))
        record = self.house.world.records.get(self.house.mac(node))
        return record and ' '.join(f'{name}={value}' for name, value in record[1].parameters.items())

    def node(self, number):
        return list(self.nodes)[number]

    def deploy(self, numbers):
        for number in numbers:
            self.service.provision(self.node(number), 'active')

    def row(self, number):
        return self.house.row(self.node(number))

    def settled(self, numbers, seconds=LONG):
        ends = ('active', 'deploy failed')
        assert concurrency.wait_for(lambda: all(self.row(one)['provision_state'] in ends for one in numbers), seconds), [
            (one, self.row(one)['provision_state'], self.fleet.machines[one].said) for one in numbers
            if self.row(one)['provision_state'] not in ends]


@pytest.fixture
def make_site(tmp_path):
    sites = []

    def make(**options):
        sites.append(Site(tmp_path, **options))
        sites[-1].start()
        return sites[-1]
    yield make
    for site in sites:
        site.stop()


def test_fifty(make_site):
    site = make_site(count=50)
    began = time.time()
    site.deploy(range(50))
    site.settled(range(50))
    print(time.time()-began)
    print({site.row(n)['provision_state'] for n in range(50)}, site.row(0)['last_error'])
    print(site.fleet.counts()[:2])
    assert 0
