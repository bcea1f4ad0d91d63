import threading
import time

import orjson

from ingot.api import app
from ingot.db import event
from tests.api.conftest import Client


def add(database, kind='step', node=None, **data):
    with database.write() as connection:
        event.add(connection, kind, node=node, data=data)


def test_the_feed_goes_on_where_the_reader_stopped(api, database):
    first, second = api.node(name='n1')['uuid'], api.node(name='n2')['uuid']
    feed = api.get('/v1/feed?since=0').json
    assert [(one['seq'], one['kind'], one['node']) for one in feed['events']] == [
        (1, 'node.created', first), (2, 'node.created', second)]
    assert feed['events'][0]['data'] == {'name': 'n1', 'driver': 'fake-hardware'}
    assert feed['next'] == 2
    assert api.get('/v1/feed?since=2').json == {'events': [], 'next': 2}
    add(database, node=first, flow='deploy')
    assert [one['seq'] for one in api.get('/v1/feed?since=1').json['events']] == [2, 3]
    for ident in ('n1', first):
        assert [one['seq'] for one in api.get(f'/v1/feed?since=0&node={ident}').json['events']] == [1, 3]
    page = api.get('/v1/feed?since=0&limit=1').json
    assert (len(page['events']), page['next']) == (1, 1)


def test_without_a_start_the_feed_begins_with_what_comes_next(api, database):
    api.node(name='n1')
    assert api.get('/v1/feed').json == {'events': [], 'next': 1}


def test_a_reader_from_another_life_of_the_database_is_not_deaf(api, database):
    """A database that came from a backup counts on from a lower seq than readers have seen."""
    api.node(name='n1')
    assert api.get('/v1/feed?since=1000').json == {'events': [], 'next': 1}
    add(database)
    assert [one['seq'] for one in api.get('/v1/feed?since=1').json['events']] == [2]


def test_bad_questions_are_refused(api):
    for query in ('since=-1', 'since=x', 'wait=61', 'wait=-1', 'wait=0.5', 'limit=0', 'zzz=1', 'since=99999999999999999999'):
        assert api.get(f'/v1/feed?{query}').status_code == 400, query
    assert api.get('/v1/feed?node=nobody').status_code == 404


def test_a_long_poll_ends_with_the_change_it_waits_for(api, database):
    answers = []
    reader = threading.Thread(target=lambda: answers.append(api.get('/v1/feed?since=0&wait=60').json))
    started = time.monotonic()
    reader.start()
    add(database, 'maintenance', **{'from': False, 'to': True})
    reader.join(30)
    assert time.monotonic() - started < 30
    assert [one['kind'] for one in answers[0]['events']] == ['maintenance']


def test_a_long_poll_without_a_change_ends_in_time(api):
    started = time.monotonic()
    assert api.get('/v1/feed?wait=1').json == {'events': [], 'next': 0}
    assert time.monotonic() - started >= 1


def stream(api, path, **headers):
    """The events of a stream: (answer, iterator of dicts)."""
    answer = api.get(path, Accept='text/event-stream', **headers)

    def read():
        for chunk in answer.app_iter:
            fields = dict(line.split(': ', 1) for line in chunk.decode().strip().split('\n'))
            if 'data' in fields:
                yield {**fields, 'data': orjson.loads(fields['data'])}
    return answer, read()


def test_server_sent_events(api, database):
    node = api.node(name='n1')['uuid']
    answer, events = stream(api, '/v1/feed?since=0')
    assert answer.headers['Content-Type'].startswith('text/event-stream')
    first = next(events)
    assert (first['id'], first['event'], first['data']['node']) == ('1', 'node.created', node)
    add(database, 'error', node=node, text='two\nlines')
    assert next(events)['data']['data'] == {'text': 'two\nlines'}
    answer.app_iter.close()
    answer, events = stream(api, '/v1/feed', Last_Event_ID='1')
    assert next(events)['id'] == '2'
    answer.app_iter.close()


def test_a_stream_without_a_start_shows_what_is_new(api, database):
    api.node(name='n1')
    answer, events = stream(api, '/v1/feed')
    add(database, 'error')
    assert next(events)['id'] == '2'
    answer.app_iter.close()


def test_readers_that_wait_do_not_take_all_threads(conf, database, conductor):
    conf.set_override('threads', 2, 'api')
    api = Client(app.build(conf, database, conductor))
    add(database)
    answer, events = stream(api, '/v1/feed?since=0')
    assert next(events)['id'] == '1'                                  # it has the only seat now
    assert api.get('/v1/feed?wait=60').headers['Retry-After'] == '1'
    second = api.get('/v1/feed?since=0', Accept='text/event-stream')
    assert list(second.app_iter)[-1] == b'retry: 2000\n\n'
    answer.app_iter.close()
    assert 'Retry-After' not in api.get('/v1/feed?wait=1').headers
