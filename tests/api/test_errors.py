"""What a refusal tells, for people and for programs."""

import pytest

from ingot import errors
from ingot.api import errors as told
from ingot.db import lease
from tests.api.conftest import fault

NODE = '/v1/nodes/n1'


def family(cls=errors.IngotError):
    yield cls
    for heir in cls.__subclasses__():
        yield from family(heir)


@pytest.mark.parametrize('cls', family(), ids=lambda cls: cls.__name__)
def test_every_error_has_a_code_and_a_status_that_has_a_name(cls):
    answered = []
    told.answer(cls('words'), lambda status, headers: answered.append((status, dict(headers))))
    [(status, headers)] = answered
    assert status.split(' ', 1) == [str(cls.status), told.REASONS[cls.status]]
    assert cls.code == cls.code.lower().replace('_', '-')
    assert ('Retry-After' in headers) == (cls.retryable and cls.status in (409, 503))


def test_codes_tell_errors_apart():
    codes = [cls.code for cls in family()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(('age', 'words'), [(0, 'since 0 s'), (75, 'since 75 s')])
def test_a_lock_says_holder_purpose_and_age(api, database, age, words):
    node = api.node(name='n1')
    lease.take(database, node['uuid'], 'conductor-7', 'deploy', 600)
    with database.write() as connection:
        connection.exec_driver_sql(f'UPDATE nodes SET locked_at = locked_at - {age}')
    port = {'node_uuid': node['uuid'], 'address': '52:54:00:00:00:01'}
    assert api.post('/v1/ports', port).status_code in (201, 409)
    answer = api.delete(NODE)
    assert answer.status_code == 409
    assert f'locked by conductor-7 for "deploy" {words}' in fault(answer)
    assert answer.json['code'] == 'locked'
    assert answer.json['retryable'] is True
    assert answer.json['remedy']
    assert answer.headers['Retry-After'] == '2'


def test_what_will_not_pass_by_itself_is_not_to_be_sent_again(api):
    api.node(name='n1')
    answer = api.post('/v1/nodes', {'driver': 'fake-hardware', 'name': 'n1'})
    assert (answer.status_code, answer.json['retryable']) == (409, False)
    assert 'Retry-After' not in answer.headers
