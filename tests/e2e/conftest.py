"""Machines to test on: the demo's stage, with the ramdisk and the image built once."""

import os
import pathlib

import pytest

from ingot.cli import client, stage
from ingot.concurrency import wait_for
from ingot.lab import image
from ingot.ramdisk import build

CACHE = pathlib.Path(os.environ.get('INGOT_CACHE') or pathlib.Path.home() / '.cache' / 'ingot')
#: Seconds for anything that a quiet machine does within a minute.
LONG = 400


def pytest_collection_modifyitems(items):
    for item in items:
        if 'e2e' in item.path.parts:
            item.add_marker(pytest.mark.e2e)


class Site(stage.Stage):
    """A stage with the operator's view of it: nodes by machine name, their events, and waiting for either."""

    kernel = None          # the same everywhere; the tests of the demo try KVM

    def open(self):
        self.set_up()
        self.baremetal = client.connect(self.url)
        self.machine = {machine['name']: machine for machine in self.rack['machines']}

    def build(self):
        """An image with more data and smaller gaps than the demo's, so that a write can be caught in the middle."""
        build.build(self.built / 'ramdisk')
        return image.build(self.built / 'image', size_mib=256, data_mib=96)

    def enrol(self, name, **values):
        """A node for the machine, available without cleaning; returns its uuid."""
        machine = self.machine[name]
        node = self.baremetal.create_node(
            name=name, driver='ipmi', is_automated_clean_enabled=False,
            properties={'capabilities': f'boot_mode:{machine["firmware"]}', **values.pop('properties', {})},
            driver_info={'ipmi_address': machine['bmc_address'], 'ipmi_port': machine['bmc_port'],
                         'ipmi_username': machine['user'], 'ipmi_password': machine['password']},
            instance_info={'image_source': f'file://{self.image}', 'image_os_hash_algo': 'sha256',
                           'image_os_hash_value': stage.digest(self.image), **values.pop('instance_info', {})}, **values)
        self.baremetal.create_port(node_uuid=node.id, address=machine['mac'])
        for verb, state in (('manage', 'manageable'), ('provide', 'available')):
            self.ask(node.id, verb)
            self.await_state(node.id, state)
        return node.id

    def ask(self, uuid, verb, **values):
        self.baremetal.set_node_provision_state(uuid, verb, **values)

    def deploy(self, uuid):
        self.ask(uuid, 'active', config_drive={'meta_data': {'hostname': self.node(uuid).name}})

    def node(self, uuid):
        return self.baremetal.get_node(uuid)

    def await_state(self, uuid, *wanted, seconds=LONG):
        """Wait for one of the states; fails with what the node says instead."""
        def look():
            node = self.node(uuid)
            return node if node.provision_state in wanted else None
        node = wait_for(look, seconds)
        last = self.node(uuid)
        assert node, f'{last.name} is {last.provision_state}, not {wanted}: {last.last_error}'
        return node

    def events(self, uuid, kind=None):
        """All events of the node so far, [data, ...] of one kind if that is given."""
        found = self.baremetal.get('/feed', params={'since': 0, 'node': uuid, 'limit': 1000}).json()['events']
        return found if kind is None else [event['data'] for event in found if event['kind'] == kind]

    def await_writing(self, uuid):
        """Wait until the machine has written some of its image."""
        def is_writing():
            return any(data['phase'] == 'write image' and data['done'] > 0 for data in self.events(uuid, 'agent.progress'))
        assert wait_for(is_writing, LONG), self.events(uuid)[-5:]

    def said(self, name):
        """What the machine said on its serial console, all its life."""
        path = pathlib.Path(self.machine[name]['console_log'])
        return path.read_text(errors='replace') if path.exists() else ''


@pytest.fixture(scope='session')
def built():
    """Ramdisk and image, built once and kept."""
    folder = CACHE / 'e2e'
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def make_site(tmp_path, built):
    """Make a Site of some machines; it ends with the test."""
    sites = []

    def make(machines, **options):
        site = Site(tmp_path / f'site{len(sites)}', 'user', machines, built=built, options=options)
        site.folder.mkdir()
        sites.append(site)
        site.open()
        return site

    yield make
    for site in sites:
        site.tear_down()
