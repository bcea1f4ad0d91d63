"""Three conductors and an API as processes of their own: one is killed, one is put to sleep, one is drained; nothing is lost."""

import collections
import contextlib
import re
import signal

import pytest

from ingot import concurrency
from ingot.cli import client
from tests.cli.processes import running

SECONDS = 120
COUNT = 18
EVENTLET = ('--set=concurrency=eventlet',)
VERSION = {'X-OpenStack-Ironic-API-Version': '1.115'}


class Cluster:
    """The API, and the conductors by name."""

    def __init__(self, folder, options, stack, words=()):
        self.folder, self.options, self.stack, self.words = folder, options, stack, words
        self.conductors = {}
        _, where = stack.enter_context(running(folder, 'api', options))
        self.api = client.connect(re.search(r'http://\S+', where)[0])

    def start(self, name):
        self.conductors[name], _ = self.stack.enter_context(
            running(self.folder, 'conductor', [f'--set=host={name}', '--set=conductor.automated_clean=false',
                                               *self.options, *self.words], name))

    def get(self, path):
        return self.api.get(path, headers=VERSION, timeout=60).json()

    def nodes(self):
        return self.get('/nodes?fields=uuid,conductor,provision_state,last_error,reservation')['nodes']

    def owners(self):
        return collections.Counter(node['conductor'] for node in self.nodes())

    def ask(self, verb):
        for node in self.nodes():
            answer = self.api.put(f'/nodes/{node["uuid"]}/states/provision', json={'target': verb}, headers=VERSION, timeout=60)
            assert answer.status_code == 202, answer.text

    def await_all(self, state):
        def missing():
            return [node for node in self.nodes() if node['provision_state'] != state or node['reservation']]
        assert concurrency.wait_for(lambda: not missing(), SECONDS, every=0.2), missing()

    def await_owners(self, *names):
        assert concurrency.wait_for(lambda: self.owners().keys() == set(names), SECONDS, every=0.1), self.owners()


@pytest.fixture
def cluster(request, tmp_path, server_options):
    words = getattr(request, 'param', ())
    if words == EVENTLET and not any('pymysql' in option for option in server_options):
        pytest.skip('the driver of this database holds up eventlet')
    with contextlib.ExitStack() as stack:
        cluster = Cluster(tmp_path, server_options, stack, words)
        for name in ('c1', 'c2', 'c3'):
            cluster.start(name)
        for number in range(COUNT):
            node = cluster.api.create_node(driver='fake-hardware', instance_info={'image_source': 'file:///os.raw'}, driver_info={
                'fake': {'deploy.fetch': {'delay': 2}}})
            cluster.api.create_port(node_uuid=node.id, address=f'52:54:00:00:00:{number:02x}')
        for verb, state in (('manage', 'manageable'), ('provide', 'available')):
            cluster.ask(verb)
            cluster.await_all(state)
        yield cluster
        for node in cluster.nodes():
            cluster.api.put(f'/nodes/{node["uuid"]}/maintenance', headers=VERSION)
            cluster.api.delete(f'/nodes/{node["uuid"]}', headers=VERSION)


def test_all_have_their_share(cluster):
    assert cluster.owners().keys() == {'c1', 'c2', 'c3'}
    listed = {name: {node['uuid'] for node in cluster.get(f'/nodes?conductor={name}')['nodes']} for name in cluster.conductors}
    assert sum(map(len, listed.values())) == COUNT
    assert {name: len(nodes) for name, nodes in listed.items()} == dict(cluster.owners())


@pytest.mark.parametrize('cluster', [(), EVENTLET], ids=['threads', 'eventlet'], indirect=True)
def test_the_nodes_of_a_killed_conductor_go_on_with_others(cluster):
    cluster.ask('active')
    cluster.conductors['c1'].send_signal(signal.SIGKILL)
    for node in cluster.nodes():        # nobody hangs, whoever was asked
        answer = cluster.api.get(f'/nodes/{node["uuid"]}/validate', headers=VERSION, timeout=30)
        assert answer.status_code == 200, answer.text
    cluster.await_all('active')
    cluster.await_owners('c2', 'c3')
    cluster.start('c1')
    cluster.await_owners('c1', 'c2', 'c3')


def test_who_slept_notices_that_others_have_its_nodes(cluster):
    cluster.ask('active')
    cluster.conductors['c2'].send_signal(signal.SIGSTOP)
    try:
        cluster.await_all('active')
        cluster.await_owners('c1', 'c3')
    finally:
        cluster.conductors['c2'].send_signal(signal.SIGCONT)
    cluster.await_owners('c1', 'c2', 'c3')
    assert {node['provision_state'] for node in cluster.nodes()} == {'active'}
    assert not any(node['last_error'] for node in cluster.nodes())


def test_who_is_drained_finishes_first(cluster):
    cluster.ask('active')
    cluster.conductors['c3'].send_signal(signal.SIGUSR2)
    cluster.await_owners('c1', 'c2')
    assert cluster.conductors['c3'].wait(SECONDS) == 0
    cluster.await_all('active')
    assert not any(node['last_error'] for node in cluster.nodes())


def test_a_rolling_restart_of_all_under_load_loses_nothing(cluster):
    """Each conductor is stopped and started again while deployments run and requests come in: every one of them is accepted."""
    nodes, asked = [node['uuid'] for node in cluster.nodes()], collections.Counter()

    def ask(count):
        for _ in range(count):
            answer = cluster.api.put(f'/nodes/{nodes.pop()}/states/provision', json={'target': 'active'}, headers=VERSION,
                                     timeout=30, retriable_status_codes=[])
            asked[answer.status_code] += 1
    for name, how in (('c1', signal.SIGTERM), ('c2', signal.SIGUSR2), ('c3', signal.SIGTERM)):
        ask(2)
        cluster.conductors[name].send_signal(how)
        ask(4)
        assert cluster.conductors[name].wait(SECONDS) == 0
        cluster.start(name)
    assert asked == {202: COUNT}
    cluster.await_all('active')
    assert not any(node['last_error'] for node in cluster.nodes())
    cluster.await_owners('c1', 'c2', 'c3')
