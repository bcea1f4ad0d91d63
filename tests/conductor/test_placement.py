"""The reporter against the real OpenStack Placement: what is told, when others write too, when it is away, when we die."""

import contextlib
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import pytest
import sqlalchemy as sa

from ingot import concurrency, config, errors
from ingot.conductor.service import Service
from ingot.db import allocation, event, lease, models, placement, power, row
from ingot.db import node as nodes
from tests import databases
from tests.conductor.conftest import SECONDS, House
from tests.conductor.test_rules import act, add_rule
from tests.placement import TOKEN
from tests.placement import placement as running

OUTBOX, TOLD = models.placement_outbox, models.placement_told


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """A Placement for all tests here: their nodes have uuids of their own."""
    with running(tmp_path_factory.mktemp('placement')) as server:
        yield server


@pytest.fixture
def site(house, server):
    return Site(house, server)


class Site:
    """A house whose conductor tells Placement, and somebody else who writes there too."""

    def __init__(self, house, server):
        self.house, self.server, self.database = house, server, house.database
        self.service = house.service(**self.options)
        self.reporter = self.service.crew.reporter

    @property
    def options(self):
        return {'placement__endpoint': self.server.url, 'placement__token': TOKEN}

    def ask(self, method, path, body=None):
        """(status, document) of a request of somebody else."""
        request = urllib.request.Request(
            self.server.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={'X-Auth-Token': TOKEN, 'OpenStack-API-Version': 'placement 1.26', 'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, json.loads(answer.read() or 'null')
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or 'null')

    def node(self, **values):
        values = {'resource_class': 'bm.gold', 'traits': [], **values}
        created = {name: values.pop(name) for name in ('provision_state', 'power_state') if name in values}
        node = str(uuid.uuid4())
        nodes.create(self.database, {'uuid': node, 'driver': 'fake-hardware', 'provision_state': 'available',
                                     'power_state': 'power off', **created, **values}, [nodes.TABLE.c.id])
        return node

    def edit(self, node, **values):
        nodes.edit(self.database, node, [nodes.TABLE.c.id], lambda current: values)

    def held(self, node):
        """{class: reserved} and the traits that Placement holds of ``node``; None where there is no provider."""
        status, found = self.ask('GET', f'/resource_providers/{node}/inventories')
        if status == 404:
            return None
        _, traits = self.ask('GET', f'/resource_providers/{node}/traits')
        return {name: one['reserved'] for name, one in found['inventories'].items()}, sorted(traits['traits'])

    def generation(self, node):
        return self.ask('GET', f'/resource_providers/{node}')[1]['generation']

    def allocate(self, node, name='CUSTOM_BM_GOLD'):
        """Somebody takes it; (status, the uuid of who has it)."""
        consumer = str(uuid.uuid4())
        status, _ = self.ask('PUT', f'/allocations/{consumer}', {
            'allocations': {node: {'resources': {name: 1}}}, 'project_id': 'p', 'user_id': 'u'})
        return status, consumer

    def waiting(self):
        with self.database.read() as connection:
            return connection.execute(sa.select(OUTBOX.c.node)).scalars().all()

    def told(self, node):
        return placement.look(self.database, node)[1]

    def count(self, do):
        """How many requests of [method, path] are sent while ``do()`` runs."""
        asked, providers = [], self.reporter._asked()
        ask = providers._ask

        def noted(method, path, *args, **kwargs):
            asked.append((method, path))
            return ask(method, path, *args, **kwargs)
        providers._ask = noted
        try:
            do()
        finally:
            providers._ask = ask
        return asked


@pytest.fixture
def house(tmp_path):
    house = House(databases.empty(tmp_path), tmp_path)
    yield house
    for service in house.services:
        service.crew.reporter.close()
    house.database.close()


def test_a_node_is_one_of_its_class_while_it_can_be_scheduled(site):
    node = site.node(traits=['CUSTOM_A', 'HW_CPU_X86_VMX'])
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, ['CUSTOM_A', 'HW_CPU_X86_VMX'])
    site.edit(node, maintenance=True)
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1}, ['CUSTOM_A', 'HW_CPU_X86_VMX'])
    assert site.allocate(node)[0] == 409, 'it is reserved'
    site.edit(node, maintenance=False, traits=['CUSTOM_B'], resource_class='silver')
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_SILVER': 0}, ['CUSTOM_B'])
    assert site.allocate(node, 'CUSTOM_SILVER')[0] == 204
    assert site.waiting() == []


@pytest.mark.parametrize('values', [
    {'provision_state': 'manageable'}, {'power_state': None}, {'power_state': 'error'}, {'maintenance': True},
    {'instance_uuid': '8a1cf8e7-4b5f-4c0a-a01a-e5a1a3ee6f0f'}])
def test_what_cannot_be_scheduled_is_reserved(site, values):
    node = site.node(**values)
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1}, [])


def test_without_a_class_there_is_nothing_to_have(site):
    node = site.node(resource_class=None)
    site.reporter.turn()
    assert site.held(node) == ({}, [])


def test_ten_changes_are_one_push_and_what_comes_to_the_same_is_none(site):
    node = site.node()
    site.reporter.turn()
    for number in range(10):
        site.edit(node, maintenance=not number % 2)
    assert len(site.waiting()) >= 10
    assert site.count(site.reporter.turn) == []
    site.edit(node, maintenance=True)
    asked = site.count(site.reporter.turn)
    assert [method for method, _ in asked] == ['PUT'], 'one request, where only that changed'
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1}, [])


def test_traits_that_change_alone_are_told(site):
    node = site.node(traits=['CUSTOM_A', 'CUSTOM_B'])
    site.reporter.turn()
    site.edit(node, traits=['CUSTOM_B', 'CUSTOM_C'])
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, ['CUSTOM_B', 'CUSTOM_C'])


def test_what_others_put_there_stays(site):
    node = site.node(traits=['CUSTOM_A'])
    site.reporter.turn()
    site.ask('PUT', '/resource_classes/CUSTOM_LICENCE')
    site.ask('PUT', '/traits/CUSTOM_THEIRS')
    _, found = site.ask('GET', f'/resource_providers/{node}/inventories')
    found['inventories']['CUSTOM_LICENCE'] = {'total': 5}
    assert site.ask('PUT', f'/resource_providers/{node}/inventories', found)[0] == 200
    assert site.ask('PUT', f'/resource_providers/{node}/traits', {
        'resource_provider_generation': site.generation(node), 'traits': ['CUSTOM_A', 'CUSTOM_THEIRS']})[0] == 200
    site.edit(node, maintenance=True, traits=['CUSTOM_C'])
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1, 'CUSTOM_LICENCE': 0}, ['CUSTOM_C', 'CUSTOM_THEIRS'])


def test_who_writes_in_between_is_not_overwritten_by_older_facts(site):
    """A second reporter tells newer facts after ours has read its own."""
    node = site.node()
    site.reporter.turn()
    other = site.house.service('there', **site.options).crew.reporter
    asked = site.reporter._asked()
    switch = asked._switch

    def slow(uuid, wanted, told):
        site.edit(node, maintenance=False)                  # news, and the other one tells it first
        other.turn()
        return switch(uuid, wanted, told)
    site.edit(node, maintenance=True)
    asked._switch = slow
    rows = placement.waiting(site.database)
    result = asked.tell(node, lambda: placement.look(site.database, node))
    placement.settle(site.database, [found.id for found in rows], {node: result})
    asked._switch = switch
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, [])
    assert site.told(node)['said']['reserved'] == 0
    assert site.told(node)['provider_generation'] == site.generation(node)


def test_an_older_word_does_not_take_the_place_of_a_newer_one(site):
    node = site.node()
    site.reporter.turn()
    new, old = site.told(node), {'resource_class': 'CUSTOM_OLD', 'reserved': 1, 'traits': []}
    placement.settle(site.database, [], {node: placement.Result(old, new['provider_generation'] - 1, 0)})
    assert site.told(node)['said'] == new['said']
    assert site.waiting() == [node], 'and it is looked at again'
    site.ask('DELETE', f'/resource_providers/{node}')                   # made anew, it counts from 0
    site.reporter.reconcile()
    site.reporter.turn()
    assert site.waiting() == []
    assert site.told(node)['provider_generation'] == site.generation(node) < new['provider_generation'] + 1
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, [])


def test_generations_that_change_all_the_time_do_not_stop_us_for_good(site):
    node = site.node()
    site.reporter.turn()
    asked, ask = site.reporter._asked(), site.reporter._asked()._ask

    def disturbed(method, path, *args, **kwargs):
        if method == 'PUT' and node in path:
            site.ask('PUT', f'/resource_providers/{node}/inventories/CUSTOM_BM_GOLD', {
                'resource_provider_generation': site.generation(node), 'total': 1})
        return ask(method, path, *args, **kwargs)
    asked._ask = disturbed
    site.edit(node, maintenance=True)
    site.reporter.turn()
    assert 'changed by others' in site.told(node)['error']
    assert site.told(node)['failures'] == 1
    assert site.waiting() == []
    asked._ask = ask
    with site.database.write() as connection:                          # time passes
        connection.execute(sa.update(TOLD).values(told_at=TOLD.c.told_at - placement._RETRY_MOST - 1))
    site.reporter._retry_at = 0
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1}, [])
    assert (site.told(node)['error'], site.told(node)['failures']) == (None, 0)


def test_a_deleted_node_has_no_provider(site):
    node = site.node()
    site.reporter.turn()
    nodes.delete(site.database, node, lambda current: None)
    site.reporter.turn()
    assert (site.held(node), site.told(node), site.waiting()) == (None, None, [])


def test_a_node_that_came_and_went_was_never_told(site):
    node = site.node()
    nodes.delete(site.database, node, lambda current: None)
    assert [method for method, _ in site.count(site.reporter.turn)] == ['DELETE']
    assert site.held(node) is None


def test_the_provider_of_a_deleted_node_stays_while_something_is_allocated_from_it(site):
    node = site.node()
    site.reporter.turn()
    status, consumer = site.allocate(node)
    assert status == 204
    nodes.delete(site.database, node, lambda current: None)
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 1}, []), 'nothing new comes to it'
    assert 'in use' in site.told(node)['error']
    assert [one['node'] for one in placement.status(site.database)['nodes']] == [node]
    site.ask('DELETE', f'/allocations/{consumer}')
    site.reporter.reconcile()
    site.reporter.turn()
    assert (site.held(node), site.told(node)) == (None, None)


def test_a_class_in_use_is_kept_and_said(site):
    node = site.node()
    site.reporter.turn()
    _, consumer = site.allocate(node)
    site.edit(node, resource_class='other')
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, [])
    assert 'in use' in site.told(node)['error']
    site.ask('DELETE', f'/allocations/{consumer}')
    site.reporter.reconcile()
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_OTHER': 0}, [])


def test_a_trait_that_placement_does_not_know_is_left_out_and_said(site):
    node = site.node(traits=['CUSTOM_A', 'HW_NOBODY_KNOWS'])
    site.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, ['CUSTOM_A'])
    assert site.told(node)['error'] == 'Placement does not know, and was not told: HW_NOBODY_KNOWS.'
    site.reporter.turn()
    assert site.waiting() == []


def test_reconciling_mends_what_drifted_and_tells_what_was_there_before_us(site):
    quiet = House(site.database, site.house.folder)            # somebody without [placement]
    old = quiet.node(resource_class='old')
    drifted, lost, _ = site.node(), site.node(), site.node()
    site.reporter.turn()
    site.ask('PUT', f'/resource_providers/{drifted}/inventories/CUSTOM_BM_GOLD', {
        'resource_provider_generation': site.generation(drifted), 'total': 1, 'reserved': 1})
    site.ask('DELETE', f'/resource_providers/{lost}')
    theirs = str(uuid.uuid4())
    site.ask('POST', '/resource_providers', {'name': theirs, 'uuid': theirs})
    site.reporter.reconcile()
    assert set(site.waiting()) == {old, drifted, lost}
    site.reporter.turn()
    assert site.held(drifted) == site.held(lost) == ({'CUSTOM_BM_GOLD': 0}, [])
    assert site.held(old) == ({'CUSTOM_OLD': 0}, [])
    assert site.held(theirs) == ({}, [])
    site.reporter.reconcile()
    assert site.waiting() == [], 'nothing drifts of itself'


def test_nothing_is_lost_while_placement_is_away(site):
    known, gone, same = site.node(), site.node(), site.node()
    site.reporter.turn()
    site.server.stop()
    try:
        new = site.node()
        site.edit(same, maintenance=True)
        site.edit(same, maintenance=False)                  # about which there is nothing to tell
        site.edit(known, maintenance=True)
        nodes.delete(site.database, gone, lambda current: None)
        site.reporter.turn()
        assert set(site.waiting()) == {known, gone, new}
        assert site.count(site.reporter.turn) == [], 'it is left alone for a while'
        assert placement.status(site.database)['waiting'] == 3
        assert placement.status(site.database)['lag'] > 0
    finally:
        site.server.start()
    assert concurrency.wait_for(lambda: site.reporter.turn() or not site.waiting(), SECONDS)
    assert (site.held(known), site.held(gone), site.held(new)) == (
        ({'CUSTOM_BM_GOLD': 1}, []), None, ({'CUSTOM_BM_GOLD': 0}, []))


@pytest.mark.parametrize('change', [{'maintenance': True}, {'traits': ['CUSTOM_Z']}, {'resource_class': 'x'}, None])
def test_who_dies_between_the_push_and_the_end_of_its_row_has_told_it_twice(site, monkeypatch, change):
    node = site.node()
    site.reporter.turn()
    if change:
        site.edit(node, **change)
    else:
        nodes.delete(site.database, node, lambda current: None)

    def die(*args):
        raise site.house.Death
    with monkeypatch.context() as patch:
        patch.setattr(placement, 'settle', die)
        with contextlib.suppress(site.house.Death):
            site.reporter.turn()
    after = site.held(node)
    assert set(site.waiting()) == {node}
    again = Site(site.house, site.server)                                   # its next life
    again.reporter.turn()
    assert (site.held(node), site.waiting()) == (after, [])
    wanted, told = placement.look(site.database, node)
    assert (told and told['said']) == wanted
    assert told is None or told['provider_generation'] == site.generation(node)


#: A reporter that is killed at the moment at which Placement knows, and our database does not know that it does.
_VICTIM = """
import os, signal, sys
from ingot import config
from ingot.conductor.crew import Crew
from ingot.db import placement
from ingot.db.engine import Database
placement.settle = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
conf = config.load(state_dir='/nonexistent', host='here', placement__endpoint=sys.argv[2], placement__token=sys.argv[3])
Crew(conf, Database(sys.argv[1]), None).reporter.turn()
"""


def test_who_is_killed_before_its_row_is_gone_has_told_it_twice(site):
    node = site.node()
    url = site.database.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, '-c', _VICTIM, url, site.server.url, TOKEN], check=False, timeout=SECONDS * 2)
    assert ended.returncode == -signal.SIGKILL
    assert (site.held(node), site.told(node), site.waiting()) == (({'CUSTOM_BM_GOLD': 0}, []), None, [node])
    asked = site.count(site.reporter.turn)
    assert [method for method, _ in asked] == ['GET', 'GET'], 'it looks, and finds nothing to change'
    assert (site.told(node)['said'], site.waiting()) == (placement.look(site.database, node)[0], [])


def test_each_conductor_tells_its_share_and_takes_what_nobody_told(site):
    # Nobody renews their membership here.
    here, there = (site.house.service(host, conductor__lease_seconds=600, **site.options) for host in ('a', 'b'))
    from ingot.conductor import members
    for service in (here, there):
        members.join(service.conf, site.database, site.house.drivers)
    site.database.forget('hosts')
    made = [site.node() for _ in range(12)]
    here.crew.reporter.turn()
    left = set(site.waiting())
    assert set() < left < set(made)
    assert all(placement.is_share(node, 'b', ['a', 'b']) for node in left)
    with site.database.write() as connection:
        connection.execute(sa.update(OUTBOX).values(at=OUTBOX.c.at - placement.OVERDUE - 1))
    here.crew.reporter.turn()
    assert site.waiting() == []


def test_one_node_that_placement_fails_on_does_not_hold_up_others(site):
    bad, good = site.node(), site.node()
    asked = site.reporter._asked()
    ask = asked._ask

    def fail(method, path, *args, **kwargs):
        if bad in path:
            raise errors.Unavailable('OpenStack Placement answers with 500.')
        return ask(method, path, *args, **kwargs)
    asked._ask = fail
    site.reporter.turn()
    assert (site.held(good), site.waiting(), site.told(bad)['error']) == (
        ({'CUSTOM_BM_GOLD': 0}, []), [], 'OpenStack Placement answers with 500.')
    asked._ask = ask
    site.edit(good, maintenance=True)
    site.reporter.turn()
    assert site.held(good) == ({'CUSTOM_BM_GOLD': 1}, []), 'and there is no pause'
    site.reporter.reconcile()
    site.reporter.turn()
    assert site.held(bad) == ({'CUSTOM_BM_GOLD': 0}, [])


def test_a_wrong_endpoint_is_said_once_and_costs_nothing_else(house, caplog):
    service = house.service(placement__endpoint='http://127.0.0.1:9', placement__token=TOKEN)
    nodes.create(house.database, {'uuid': str(uuid.uuid4()), 'driver': 'fake-hardware'}, [nodes.TABLE.c.id])
    for _ in range(3):
        service.crew.reporter._not_before = 0
        service.crew.reporter.turn()
    service.crew.reporter.reconcile()
    assert sum('OpenStack Placement cannot be asked' in one.message for one in caplog.records) == 1
    assert TOKEN not in caplog.text
    assert placement.status(house.database)['waiting'] == 1


def test_placement_is_found_by_clouds_yaml(site, monkeypatch, tmp_path):
    file = tmp_path / 'clouds.yaml'
    file.write_text(json.dumps({'clouds': {'site': {
        'auth_type': 'admin_token', 'auth': {'endpoint': site.server.url, 'token': TOKEN}}}}))
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
    node = site.node()
    assert site.house.service('a', placement__cloud='none-such').crew.reporter.turn() is None
    assert site.waiting() == [node], 'there is no such cloud'
    site.house.service('b', placement__cloud='site').crew.reporter.turn()
    assert site.held(node) == ({'CUSTOM_BM_GOLD': 0}, [])


def test_who_may_not_write_there_is_told_so(site, caplog):
    node = site.node()
    site.house.service('a', placement__endpoint=site.server.url, placement__token='somebody').crew.reporter.turn()
    assert 'OpenStack Placement answers GET /resource_providers' in caplog.text
    assert 'with 403' in caplog.text
    assert site.waiting() == [node]


def test_a_conductor_that_runs_tells(site):
    service = Service(site.house.conf('here', **site.options), site.database, site.house.drivers)
    service.start()
    try:
        node = site.node()
        assert concurrency.wait_for(lambda: site.held(node) == ({'CUSTOM_BM_GOLD': 0}, []), SECONDS)
        assert concurrency.wait_for(lambda: not site.waiting(), SECONDS)
    finally:
        service.stop()


# The outbox.

def test_nothing_is_written_where_nobody_is_told(house):
    assert not config.tells_placement(house.conf())
    house.service()
    node = str(uuid.uuid4())
    nodes.create(house.database, {'uuid': node, 'driver': 'fake-hardware'}, [nodes.TABLE.c.id])
    with house.database.read() as connection:
        assert connection.execute(sa.select(OUTBOX)).all() == []


def test_a_change_that_fails_is_not_told(site):
    node = site.node()
    site.reporter.turn()

    def fail():
        with site.database.write() as connection:
            event.add(connection, 'maintenance', node=node, data={'from': False, 'to': True})
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        fail()
    assert site.waiting() == []


def test_allocations_and_conductors_are_heard(site):
    """Writers of nodes other than clients: each changes what is to be told, and says so."""
    node = site.node()
    site.reporter.turn()
    allocation.create(site.database, {'resource_class': 'bm.gold', 'candidate_nodes': [], 'traits': [], 'name': 'a1',
                                      'owner': None, 'extra': {}}, [allocation.TABLE.c.uuid])
    assert placement.look(site.database, node)[0]['reserved'] == 1
    assert site.waiting() == [node]
    site.reporter.turn()
    allocation.delete(site.database, 'a1')
    assert placement.look(site.database, node)[0]['reserved'] == 0
    assert site.waiting() == [node]
    site.reporter.turn()
    taken = lease.take(site.database, node, 'here', 'test', 60)
    lease.update(site.database, taken, taken['lock_epoch'], {'power_state': None},
                 [('power_state', {'from': 'power off', 'to': None})])
    assert site.waiting() == [node]


def watch(database, monkeypatch):
    """What the outbox has missed, as a list that grows: transactions after which something else is to be told of a node than
    before, without a row that says so."""
    missed, write = [], database.write
    query = sa.select(*placement._COLUMNS)

    def look(connection):
        found = {one['uuid']: placement.wanted(row.parse(models.nodes, one)) for one in connection.execute(query).mappings()}
        rows = connection.execute(sa.select(OUTBOX.c.id, OUTBOX.c.node)).all()
        return found, rows

    @contextlib.contextmanager
    def watched():
        with write() as connection:
            before, rows = look(connection)
            yield connection
            after, now = look(connection)
            noted = {found.node for found in now if found not in rows}
            missed.extend((node, before.get(node), after.get(node)) for node in {*before, *after}
                          if before.get(node) != after.get(node) and node not in noted)
    monkeypatch.setattr(database, 'write', watched)
    return missed


def test_no_change_gets_around_the_outbox(site, monkeypatch):
    """A node's life, by everybody who writes nodes; each transaction is looked at."""
    add_rule(site.house, [act('add-trait', name='CUSTOM_BIG'), act('set-attribute', path='resource_class', value='big')])
    missed = watch(site.database, monkeypatch)
    house, service, database = site.house, site.service, site.database
    house.drivers.hardware['fake-hardware'].interfaces['inspect']['fake'].needs_agent = False
    node = site.node(provision_state='enroll', power_state=None, resource_class=None)
    seen = []

    def check(*states):
        assert missed == []
        seen.append(house.row(node)['provision_state'])
        assert seen[-1] in states, house.row(node)['last_error']
    house.run(service, node, 'manage')
    check('manageable')
    site.edit(node, inspect_interface='fake', automated_clean=False, instance_info={'image_source': 'file:///image'})
    house.run(service, node, 'inspect')
    check('manageable')
    assert house.row(node)['resource_class'] == 'big'
    house.run(service, node, 'provide')
    check('available')
    power.record(database, house.row(node), 'error')
    power.record(database, house.row(node), 'power off')
    for _ in range(3):
        power.record_failure(database, house.row(node), 'silent', limit=2)
    power.record(database, house.row(node), 'power off')
    allocation.create(database, {'resource_class': 'big', 'candidate_nodes': [], 'traits': ['CUSTOM_BIG'], 'name': 'a1',
                                 'owner': None, 'extra': {}}, [allocation.TABLE.c.uuid])
    assert house.row(node)['instance_uuid']
    house.run(service, node, 'active')
    check('wait call-back', 'active')
    house.run(service, node, 'deleted')
    check('available')
    site.edit(node, traits=[], resource_class='small', maintenance=True)
    site.edit(node, maintenance=False, instance_uuid=str(uuid.uuid4()))
    site.edit(node, instance_uuid=None)
    house.run(service, node, 'manage')
    site.edit(node, retired=True)
    nodes.delete(database, node, lambda current: None)
    assert missed == []
    site.reporter.turn()
    assert site.held(node) is None


def test_what_is_written_without_an_event_is_missed(site, monkeypatch):
    """The watch above sees something."""
    missed = watch(site.database, monkeypatch)
    node = site.node()
    site.house.change(node, maintenance=True)
    assert [found[0] for found in missed] == [node]
