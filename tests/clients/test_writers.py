"""Many clients write at once, over HTTP, to a server with real threads: what was acknowledged is there."""

import concurrent.futures
import http.client
import threading

import orjson
import pytest

from ingot import config
from ingot.api import app, server
from tests import databases
from tests.api.conftest import Conductor, add_conductor

CLIENTS, PATCHES = 16, 100
HEADERS = {'X-OpenStack-Ironic-API-Version': '1.115', 'Content-Type': 'application/json'}


@pytest.fixture
def port(tmp_path):
    database = databases.empty(tmp_path)
    add_conductor(database)
    running = server.Server(app.build(config.load(state_dir=str(tmp_path)), database, Conductor()), '127.0.0.1', 0, CLIENTS)
    running.start()
    yield running.port
    running.stop()
    database.close()


class Client:
    """One connection that stays open."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection('127.0.0.1', port, timeout=120)

    def __call__(self, method, path, document=None, **headers):
        body = None if document is None else orjson.dumps(document)
        self.connection.request(method, path, body, HEADERS | headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, orjson.loads(text) if text else None


def together(port, work):
    """What ``work(client, number)`` gives for each of CLIENTS clients that begin at the same moment."""
    begin = threading.Barrier(CLIENTS)

    def one(number):
        client = Client(port)
        begin.wait(60)
        return work(client, number)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(one, range(CLIENTS)))


def node(port, **values):
    status, document = Client(port)('POST', '/v1/nodes', {'driver': 'fake-hardware', **values})
    assert status == 201, document
    return document['uuid']


def test_no_acknowledged_patch_is_lost(port):
    path = f'/v1/nodes/{node(port)}'

    def work(client, number):
        keys = [f'c{number}-{round_}' for round_ in range(PATCHES)]
        return {key: client('PATCH', path, [{'op': 'add', 'path': f'/extra/{key}', 'value': number}])[0] for key in keys}
    answers = {key: status for part in together(port, work) for key, status in part.items()}
    assert set(answers.values()) == {200}
    assert len(answers) == CLIENTS * PATCHES == 1600
    _, document = Client(port)('GET', path)
    assert document['extra'] == {key: int(key[1:].partition('-')[0]) for key in answers}


def test_a_claim_of_a_node_has_one_winner(port):
    claims = [f'11111111-0000-4000-8000-{number:012}' for number in range(CLIENTS)]
    for _ in range(10):
        path = f'/v1/nodes/{node(port)}'

        def work(client, number, path=path):
            return client('PATCH', path, [{'op': 'add', 'path': '/instance_uuid', 'value': claims[number]}])[0]
        statuses = together(port, work)
        assert sorted(statuses) == [200] + [409] * (CLIENTS - 1)
        assert Client(port)('GET', path)[1]['instance_uuid'] == claims[statuses.index(200)]
        assert Client(port)('PATCH', path, [{'op': 'remove', 'path': '/instance_uuid'}])[0] == 200


def test_of_writers_with_the_same_etag_one_wins(port):
    path = f'/v1/nodes/{node(port)}'

    def work(client, number):
        return client('PATCH', path, [{'op': 'add', 'path': '/extra/winner', 'value': number}], **{'If-Match': '"1"'})[0]
    statuses = together(port, work)
    assert sorted(statuses) == [200] + [412] * (CLIENTS - 1)
    assert Client(port)('GET', path)[1]['extra'] == {'winner': statuses.index(200)}


def test_a_name_and_an_address_are_given_once(port):
    owner = node(port)
    for document, path in (({'driver': 'fake-hardware', 'name': 'n1'}, '/v1/nodes'),
                           ({'node_uuid': owner, 'address': '52:54:00:00:00:01'}, '/v1/ports')):
        statuses = together(port, lambda client, _, path=path, document=document: client('POST', path, document)[0])
        assert sorted(statuses) == [201] + [409] * (CLIENTS - 1)


def test_creating_changing_and_deleting_at_once_never_fails(port):
    def work(client, number):
        statuses = set()
        for round_ in range(20):
            status, document = client('POST', '/v1/nodes', {'driver': 'fake-hardware', 'name': f'n{number}-{round_}'})
            statuses.add(status)
            path = f'/v1/nodes/{document["uuid"]}'
            address = f'52:54:00:00:{number:02x}:{round_:02x}'
            statuses.add(client('POST', '/v1/ports', {'node_uuid': document['uuid'], 'address': address})[0])
            statuses.add(client('PATCH', path, [{'op': 'add', 'path': '/extra/a', 'value': 1}])[0])
            statuses.add(client('GET', '/v1/nodes?limit=5')[0])
            statuses.add(client('DELETE', path)[0])
        return statuses
    assert set().union(*together(port, work)) == {200, 201, 204}
    assert Client(port)('GET', '/v1/nodes')[1] == {'nodes': []}
