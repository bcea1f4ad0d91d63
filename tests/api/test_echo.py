"""No refusal repeats what was sent at length, and none repeats a secret: every field and argument of every operation is tried."""

import dataclasses

import pytest

from ingot import errors
from ingot.api import errors as told
from tests.api.conftest import fault
from tests.fuzz import odd
from tests.fuzz.asked import Asker
from tests.fuzz.fixtures import Fixtures

SECRET = 'hunter2'
LONG, NAME = SECRET * 800, 'k' * 5000
#: Bytes of the longest refusal that is good enough: it may list what is possible.
MOST = 2000
#: What is looked up by its name, which the answer tells: no place for a secret.
NAMES = {'node', 'node_uuid', 'node_ident', 'driver', 'portgroup', 'portgroup_uuid', 'chassis_uuid', 'parent_node', 'runbook',
         'target', 'marker', 'sort_key', 'fields', 'name', 'candidate_nodes', 'traits', 'conductor', 'method'}


class Chance:
    """Every choice is the first; nothing is left to chance."""

    def random(self):
        return 0.5

    def choice(self, among):
        return next(iter(among))

    def randint(self, least, most):
        return least

    def randrange(self, most):
        return 0

    def shuffle(self, items):
        """They stay as they are."""


def made(api):
    own = Fixtures(1)
    for request in own.requests(Chance()):
        api(request.method, request.target, request.body)
    return own.idents


def around(value):
    """The value, in the places where a reader of a body might look at it; and names that nobody knows."""
    step = {'interface': 'bios', 'step': NAME, 'args': {NAME: value}, 'order': 1, 'priority': 1}
    yield from (value, [value], {NAME: value}, [{NAME: value}], [step], [{**step, 'interface': NAME, 'step': 'x'}],
                [{**step, 'step': 'apply_configuration'}], [{'op': NAME, 'args': {}}], [{'op': 'eq', 'args': {NAME: value}}],
                {'logical_disks': [{'raid_level': value, 'size_gb': value, NAME: 1}]}, {'meta_data': value, NAME: value})


def requests(asker, operation):
    """(the field or argument that is tried, the request) for all of ``operation``."""
    for name in operation.arguments:
        yield name, asker.request(operation, arguments={name: LONG})
    for value in around(LONG):
        for name in operation.fields:
            yield name, asker.request(operation, fields={name: value})
        if operation.body is not None:
            yield '', dataclasses.replace(asker.request(operation), body=odd.encode(value))


def test_what_was_sent_comes_not_back(whole):
    asker, tried = Asker(whole.get('/openapi.json').json, made(whole), Chance()), 0
    for operation in asker.operations:
        for name, request in requests(asker, operation) if operation.method != 'DELETE' else ():
            answer = whole(request.method, request.target, request.body)
            told_about = (request.method, request.target[:200], name, answer.text)
            assert answer.status_code < 500, told_about
            if answer.status_code >= 400:
                tried += 1
                assert len(answer.body) <= MOST, told_about
                assert name in NAMES or SECRET not in answer.text, told_about
    assert tried > 1000


@pytest.mark.parametrize('place', ['driver_info', 'instance_info', 'extra', 'properties', 'network_data'])
@pytest.mark.parametrize('value', [SECRET, [SECRET], 1])
def test_a_secret_at_the_wrong_place_is_not_repeated(api, place, value):
    api.node(name='n1')
    for answer in (api.post('/v1/nodes', {'driver': 'fake-hardware', place: value}),
                   api.patch('/v1/nodes/n1', [{'op': 'add', 'path': f'/{place}', 'value': value}]),
                   api.patch('/v1/nodes/n1', [{'op': 'test', 'path': f'/{place}/ipmi_password', 'value': value}])):
        assert answer.status_code == 400
        assert SECRET not in answer.text


@pytest.mark.parametrize('body', [
    {'target': 'rescue', 'rescue_password': [SECRET]}, {'target': 'rescue', 'rescue_password': SECRET * 100},
    {'target': 'active', 'configdrive': f'{SECRET}!'}, {'target': 'active', 'configdrive': {'meta_data': {}, 'x': SECRET}},
    {'target': 'manage', 'rescue_password': SECRET}])
def test_secrets_of_a_verb_are_not_repeated(api, body):
    api.node(name='n1')
    answer = api.put('/v1/nodes/n1/states/provision', body)
    assert answer.status_code == 400
    assert SECRET not in answer.text


def test_a_message_is_cut_in_its_middle(api):
    text = told.body(errors.Invalid('from ' + 'x' * 9000 + ' to', remedy='y' * 9000))
    assert len(text) < 4000
    assert b'from x' in text
    assert b'x to' in text


def test_half_a_character_does_not_spoil_an_answer():
    assert b'"code":"invalid"' in told.body(errors.Invalid('\ud800'))


def test_what_nobody_foresaw_is_not_shown(api, conductor):
    api.node(name='n1')
    conductor.error = RuntimeError(SECRET)
    answer = api.put('/v1/nodes/n1/states/power', {'target': 'power on'})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert answer.headers['openstack-request-id'] in fault(answer)
