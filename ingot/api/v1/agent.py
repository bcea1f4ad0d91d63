"""The machine's side: /v1/agent/OPERATION/hello, events and report (docs/agent-protocol.md)."""

import logging
import re

import orjson
from wsme import types

from ingot import errors
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types import scalar
from ingot.db import operation

log = logging.getLogger(__name__)

_SECRET = scalar.Text(128, shortest=32, pattern='[A-Za-z0-9_-]+', is_nullable=False)
_BEARER = re.compile(r'Bearer ([A-Za-z0-9_-]{1,128})', re.ASCII)


def tree(site):
    agent = Resource(site, fixed={'agent': Operations(site, children={
        'hello': Hello(site), 'events': Events(site), 'report': Report(site)})})
    return Resource(site, fixed={'v1': agent})


class Operations(Resource):
    """/v1/agent: nothing by itself."""


class Greeting(types.Base):
    version = types.wsattr(scalar.Integer(1, is_nullable=False), mandatory=True)
    token = types.wsattr(_SECRET, mandatory=True)
    session = types.wsattr(_SECRET, mandatory=True)
    boot_id = types.wsattr(scalar.Text(64))
    macs = types.wsattr(scalar.Anything())


class News(types.Base):
    events = types.wsattr(scalar.Anything(), mandatory=True)


class LastWord(types.Base):
    seq = types.wsattr(scalar.Integer(1, is_nullable=False), mandatory=True)
    result = types.wsattr(scalar.Choice('done', 'failed', is_nullable=False), mandatory=True)
    error = types.wsattr(scalar.Object())
    data = types.wsattr(scalar.Object())


class Hello(Resource):

    @expose(body=Greeting)
    def create(self, call, body, uuid):
        if body['version'] != 1:
            raise errors.Invalid(f'This side speaks version 1 of the protocol, not {body["version"]}.')
        macs = _list(body.get('macs') or [], str)
        plan = operation.hello(self.site.database, uuid, body['token'], body['session'], body.get('boot_id'), macs)
        return Answer(orjson.Fragment(plan))


class Events(Resource):

    @expose(body=News)
    def create(self, call, body, uuid):
        events = _list(body['events'], dict)
        for event in events:
            _check_seq(event)
        return {'seq': operation.record(self.site.database, uuid, _session(call), events)}


class Report(Resource):

    @expose(body=LastWord)
    def create(self, call, body, uuid):
        answer = operation.report(self.site.database, uuid, _session(call), body)
        go_on(self.site, uuid)
        return answer


def _session(call):
    match = _BEARER.fullmatch(call.environ.get('HTTP_AUTHORIZATION', ''))
    if not match:
        raise errors.NotAuthorized('The session is missing: "Authorization: Bearer SESSION".')
    return match[1]


def go_on(site, uuid):
    """Tell the conductor that the machine has reported; when it cannot be told, it looks by itself later."""
    try:
        site.conductor.continue_operation(uuid)
    except Exception as error:
        log.warning('operation %s: the conductor could not be told of the report: %s', uuid, error)


def _list(value, kind):
    if not isinstance(value, list) or len(value) > 1000 or not all(isinstance(item, kind) for item in value):
        raise errors.Invalid(f'Expected a list of at most 1000 values of type {kind.__name__}.')
    return value


def _check_seq(event):
    if type(event.get('seq')) is not int or not 0 < event['seq'] < 2**31:
        raise errors.Invalid('The seq of an event is a whole number from 1 to 2147483647.')
