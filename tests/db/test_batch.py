"""A transaction that is known beforehand: all of it or nothing, whatever the database, and the row as it was stored."""

import uuid

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_db import exception

from ingot import errors
from ingot.db import batch, models, one, operation, row
from ingot.db.engine import now

_nodes, _events = models.nodes, models.events
_INSERT = sa.insert(_nodes).inline()
_NAME = sa.update(_nodes).where(_nodes.c.uuid == sa.bindparam('its_uuid'))
_HELD = sa.select(_nodes.c.id).where(_nodes.c.uuid == sa.bindparam('its_uuid'))
#: An INSERT of a batch has all values: nobody fills in defaults.
_EMPTY = {column.name: column.default.arg if column.default and column.default.is_scalar else None
          for column in _nodes.columns if column.name != 'id'} | {'slot': 1}
_GONE = errors.NotFound('It is not there.')
#: What UTF-8 has, but for NUL, which PostgreSQL's text has not.
_TEXT = st.text(st.characters(exclude_categories=('Cs',), exclude_characters='\0'), max_size=40)


@pytest.fixture(autouse=True)
def met(database):
    """What a server can do is known from the first connection on; until then it gets one write after the other."""
    with database.read():
        assert batch.is_compound(database) == (database.engine.dialect.name in ('mysql', 'mariadb'))


def new(**values):
    values = {'uuid': str(uuid.uuid4()), 'created_at': now(), 'driver': 'fake-hardware', **values}
    return values['uuid'], batch.Write(_INSERT, _EMPTY | row.dump(_nodes, values))


def stored(database, ident):
    with database.read() as connection:
        return one.whole(connection, _nodes, 'uuid', ident)


def test_all_of_it(database):
    ident, write = new(name='a')
    event = {'at': now(), 'node': ident, 'operation': None, 'kind': 'error', 'data': '{}'}
    assert batch.send(database, [write, batch.Write(_NAME, {'its_uuid': ident, 'name': 'b'}, _GONE),
                                 batch.Write(one.insertion(_events).inline(), event)])
    assert stored(database, ident)['name'] == 'b'
    with database.read() as connection:
        assert connection.execute(sa.select(_events.c.node)).scalars().all() == [ident]


def test_a_row_that_is_found_unchanged_is_found(database):
    ident, write = new(name='a')
    assert batch.send(database, [write])
    assert batch.send(database, [batch.Write(_NAME, {'its_uuid': ident, 'name': 'a'}, _GONE)])
    if not batch.is_compound(database):
        assert batch.send(database, [batch.Write(_HELD, {'its_uuid': ident}, _GONE)])
        assert not batch.send(database, [batch.Write(_HELD, {'its_uuid': 'none'}, _GONE)])


@pytest.mark.parametrize('number', range(3))
def test_nothing_of_it_when_a_row_is_missing(database, number):
    ident, write = new(name='a')
    writes = [write, batch.Write(_NAME, {'its_uuid': ident, 'name': 'b'}, _GONE)]
    missing = batch.Write(_NAME, {'its_uuid': 'none', 'name': 'c'}, _GONE)
    assert not batch.send(database, [*writes[:number], missing, *writes[number:]])
    assert stored(database, ident) is None
    assert batch.send(database, writes), 'the connection is as good as before'


def test_a_row_that_may_be_missing(database):
    ident, write = new(name='a')
    assert batch.send(database, [batch.Write(_NAME, {'its_uuid': 'none', 'name': 'c'}), write])
    assert stored(database, ident)['name'] == 'a'


def test_an_error_is_what_it_is_elsewhere_and_leaves_nothing(database):
    ident, write = new(name='taken')
    assert batch.send(database, [write])
    other, again = new(name='taken')
    with pytest.raises(exception.DBDuplicateEntry):
        batch.send(database, [batch.Write(_NAME, {'its_uuid': ident, 'name': 'b'}, _GONE), new(name='free')[1],
                              batch.Write(_NAME, {'its_uuid': ident, 'name': 'taken'}, _GONE), again])
    assert (stored(database, ident)['name'], stored(database, other)) == ('taken', None)
    assert batch.send(database, [new(name='c')[1]]), 'the connection is as good as before'


def named(name):
    return batch.Ask(sa.select(sa.exists(sa.select(_nodes.c.id).where(_nodes.c.name == name))))


def test_what_is_asked_is_asked_when_all_is_written(database):
    ident, write = new(name='100 % a')
    there, gone, refused = named('100 % a'), named('b'), named('100 % a')
    assert batch.send(database, [write], ask=there)
    assert batch.send(database, [batch.Write(_NAME, {'its_uuid': ident, 'name': 'c'}, _GONE)], ask=gone)
    assert not batch.send(database, [batch.Write(_NAME, {'its_uuid': 'none', 'name': 'c'}, _GONE)], ask=refused)
    answers = (there.answer, gone.answer, refused.answer)
    assert answers == ((1, 0, None) if batch.is_compound(database) else (None, None, None))


def test_a_list_is_executed_for_each(database):
    (first, write), (second, other) = new(name='a'), new(name='b')
    assert batch.send(database, [batch.Write(_INSERT, [write.values, other.values])])
    assert stored(database, first)
    assert stored(database, second)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_TEXT, bag=st.dictionaries(_TEXT, _TEXT | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()),
       instant=st.floats(0, 4e9), flags=st.tuples(st.booleans(), st.none() | st.booleans()))
def test_a_row_comes_back_as_a_select_tells_it(database, text, bag, instant, flags):
    ident, write = new(description=text, extra=bag, lock_expires_at=instant, maintenance=flags[0], automated_clean=flags[1])
    found = batch.send(database, [write], _nodes, ident)
    assert dict(found) == dict(stored(database, ident))
    assert row.parse(_nodes, found)['extra'] == bag
    assert (found['description'], found['lock_expires_at']) == (text, instant)
    assert (found['maintenance'], found['automated_clean']) == flags


def test_an_insert_without_all_values_is_refused(database):
    short = batch.Write(_INSERT, {'uuid': str(uuid.uuid4()), 'created_at': now(), 'driver': 'fake-hardware'})
    if batch.is_compound(database):
        with pytest.raises(TypeError, match='generation'):
            batch.send(database, [short])


def test_the_operation_that_a_request_ends(database):
    assert batch.send(database, [operation.ending(str(uuid.uuid4()), 'Ended by the request.')])


def test_a_list_of_values_is_refused(database):
    named = sa.delete(_nodes).where(_nodes.c.name.in_(['a', 'b']))
    if batch.is_compound(database):
        with pytest.raises(TypeError, match='knows no IN'):
            batch.send(database, [batch.Write(named, {})])


def test_no_row(database):
    assert batch.send(database, [new()[1]], _nodes, 'none') is None
