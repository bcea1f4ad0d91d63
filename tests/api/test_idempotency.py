"""Idempotency-Key: the same request twice is one, another request with the key is refused, what may change is not kept."""

import threading

import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.db import idempotency, models

KEY = '8e03978e-40d5-43dd-bc93-6894a57f9324'
BODY = {'driver': 'fake-hardware', 'name': 'n1'}


def post(api, body=BODY, path='/v1/nodes', key=KEY, **kwargs):
    return api.post(path, body, Idempotency_Key=key, **kwargs)


def kept(database):
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(models.idempotency_keys)).scalar()


def test_the_first_answer_comes_again(api):
    first, again = post(api), post(api)
    assert first.status_code == again.status_code == 201
    assert first.body == again.body
    for name in ('Location', 'ETag', 'Content-Type'):
        assert first.headers[name] == again.headers[name]
    assert 'Idempotency-Replayed' not in first.headers
    assert again.headers['Idempotency-Replayed'] == 'true'
    assert first.headers['openstack-request-id'] != again.headers['openstack-request-id']
    assert len(api.get('/v1/nodes').json['nodes']) == 1


def test_quotes_and_the_path_without_v1_make_no_difference(api):
    first = post(api)
    assert post(api, key=f'"{KEY}"', path='/nodes').body == first.body


@pytest.mark.parametrize(('body', 'path', 'version'), [
    ({**BODY, 'name': 'n2'}, '/v1/nodes', '1.115'), (BODY, '/v1/chassis', '1.115'), (BODY, '/v1/nodes', '1.100')])
def test_the_key_is_for_one_request(api, body, path, version):
    post(api)
    answer = post(api, body, path, version=version)
    assert answer.status_code == 422
    assert answer.json['code'] == 'idempotency-key-reused'
    assert answer.json['retryable'] is False


def test_refusals_that_will_not_change_come_again(api):
    first, again = post(api, {'driver': 'nobody'}), post(api, {'driver': 'nobody'})
    assert first.status_code == again.status_code == 400
    assert first.body == again.body
    assert again.headers['Idempotency-Replayed'] == 'true'


def test_a_conflict_is_asked_again(api, database):
    api.node(name='n1')
    assert post(api).status_code == 409
    assert kept(database) == 0
    api.delete('/v1/nodes/n1')
    assert post(api).status_code == 201


@pytest.mark.parametrize('error', [errors.Locked('n1 is locked.'), errors.Unavailable('no conductor'), RuntimeError('a bug')])
def test_what_may_work_later_is_not_kept(api, database, conductor, error):
    uuid = api.node()['uuid']
    conductor.error = error
    answer = api.put(f'/v1/nodes/{uuid}/states/power', {'target': 'power on'}, Idempotency_Key=KEY)
    assert answer.status_code in (409, 500, 503)
    assert kept(database) == 0
    conductor.error = None
    assert api.put(f'/v1/nodes/{uuid}/states/power', {'target': 'power on'}, Idempotency_Key=KEY).status_code == 202


def test_a_verb_is_sent_to_the_conductor_once(api, conductor):
    uuid = api.node()['uuid']
    for _ in range(3):
        answer = api.put(f'/v1/nodes/{uuid}/states/provision', {'target': 'manage'}, Idempotency_Key=KEY)
        assert answer.status_code == 202
        assert answer.headers['Location'].endswith(f'/v1/nodes/{uuid}/states')
    assert [call[0] for call in conductor.calls] == ['provision']


def test_two_at_once_do_the_work_once(api, conductor):
    uuid, inside, go_on = api.node()['uuid'], threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        assert go_on.wait(20)
    conductor.power = slow
    answers = []
    first = threading.Thread(target=lambda: answers.append(
        api.put(f'/v1/nodes/{uuid}/states/power', {'target': 'power on'}, Idempotency_Key=KEY)))
    first.start()
    try:
        assert inside.wait(20)
        second = api.put(f'/v1/nodes/{uuid}/states/power', {'target': 'power on'}, Idempotency_Key=KEY)
    finally:
        go_on.set()
        first.join(20)
    assert answers[0].status_code == 202
    assert second.status_code == 409
    assert second.headers['Retry-After'] == '2'
    assert second.json['code'] == 'idempotency-key-in-use'
    assert second.json['retryable'] is True


@pytest.mark.parametrize('key', ['', ' ', 'k' * 256, 'a b', '"', 'ü'])
def test_a_key_is_printable(api, key):
    assert post(api, key=key).status_code == 400


def test_the_header_means_nothing_elsewhere(api, database):
    api.node(name='n1')
    for answer in (api.get('/v1/nodes', Idempotency_Key=KEY), api.delete('/v1/nodes/n1', Idempotency_Key=KEY)):
        assert answer.status_code in (200, 204)
    assert kept(database) == 0


def test_answers_are_forgotten_after_a_day_and_abandoned_claims_sooner(api, database):
    post(api)
    assert idempotency.claim(database, 'abandoned', 'f') is None
    _age(database, idempotency.ABANDONED + 1)
    assert idempotency.claim(database, 'abandoned', 'f') is None, 'nobody works on it any more'
    assert idempotency.prune(database) == 0
    _age(database, idempotency.KEPT)
    assert idempotency.prune(database) == 2
    assert kept(database) == 0


def test_a_key_that_is_too_old_is_new(api, database):
    post(api)
    _age(database, idempotency.KEPT + 1)
    assert post(api, {**BODY, 'name': 'n2'}).status_code == 201


def _age(database, seconds):
    with database.write() as connection:
        column = models.idempotency_keys.c.made_at
        connection.execute(sa.update(models.idempotency_keys).values(made_at=column - seconds))
