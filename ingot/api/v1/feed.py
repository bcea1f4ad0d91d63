"""/v1/feed: every change in order, by long poll or as server-sent events."""

import time

import orjson

from ingot import concurrency
from ingot.api import nodes
from ingot.api.answers import shape, some
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types import scalar
from ingot.api.types.query import FeedQuery
from ingot.db import event

#: Seconds between two looks at the database.
_POLL_SECONDS = 0.2
#: Seconds after which a silent stream shows that it lives.
_KEEP_ALIVE_SECONDS = 10
#: Seconds after which a stream ends; clients come back with Last-Event-ID.
_STREAM_SECONDS = 600


class Feed(Resource):
    """GET /v1/feed?since=SEQ&node=IDENT&wait=SECONDS; at most half of the server's threads wait for changes.

    Without ``since`` it begins with what comes next.
    """""

    def __init__(self, site, **kwargs):
        super().__init__(site, **kwargs)
        self._seats = [None] * max(1, site.conf.api.threads // 2)      # pop and append are atomic

    @expose(query=FeedQuery, answer=shape(events=some(dict), next=int))
    def list(self, call):
        query = call.query
        newest, since = event.newest(self.site.database), query.get('since', _last_id(call))
        since = newest if since is None else min(since, newest)        # not deaf after the database came from a backup
        is_stopping = call.environ.get('ingot.is_stopping', bool)
        reader = Reader(self.site.database, since, _node(self.site, query.get('node')), query.get('limit', 1000), is_stopping)
        if 'text/event-stream' in call.environ['ingot.accept']:
            return Answer(self._stream(reader), Content_Type='text/event-stream', Cache_Control='no-store')
        return self._poll(reader, query.get('wait', 0))

    def _poll(self, reader, seconds):
        """Answer with what there is, or wait for it; when all seats are taken, at once, with Retry-After."""
        events, headers = reader.read(), {}
        if not events and seconds:
            if self._sit():
                try:
                    events = reader.wait(seconds)
                finally:
                    self._seats.append(None)
            else:
                headers = {'Retry_After': '1'}
        return Answer({'events': events, 'next': reader.seq}, **headers)

    def _stream(self, reader):
        yield b': these are the changes\n\n'
        if not self._sit():
            yield b'retry: 2000\n\n'
            return
        try:
            yield from reader.stream(time.monotonic() + _STREAM_SECONDS)
        finally:
            self._seats.append(None)

    def _sit(self):
        try:
            self._seats.pop()
        except IndexError:
            return False
        return True


class Reader:
    """Reads on in the feed; ``seq`` is how far it has come."""

    def __init__(self, database, seq, node, limit, is_stopping):
        self.database, self.seq, self.node, self.limit, self.is_stopping = database, seq, node, limit, is_stopping

    def read(self):
        """The next events, a list that may be empty."""
        events = event.since(self.database, self.seq, node=self.node, limit=self.limit)
        if events:
            self.seq = events[-1]['seq']
        return events

    def wait(self, seconds):
        """The next events as soon as there are any; none after ``seconds``, or when the server is to stop."""
        found = concurrency.wait_for(lambda: self.read() or self.is_stopping(), seconds, every=_POLL_SECONDS)
        return found if isinstance(found, list) else []

    def stream(self, deadline):
        """Server-sent events (bytes) until ``deadline`` (monotonic)."""
        told = time.monotonic()
        while time.monotonic() < deadline and not self.is_stopping():
            events = self.wait(1)
            for one in events:
                yield b'id: %d\nevent: %s\ndata: %s\n\n' % (one['seq'], one['kind'].encode(), orjson.dumps(one))
            if events:
                told = time.monotonic()
            elif time.monotonic() - told > _KEEP_ALIVE_SECONDS:
                told = time.monotonic()
                yield b': still here\n\n'


def _last_id(call):
    given = call.environ.get('HTTP_LAST_EVENT_ID', '')
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _node(site, ident):
    """The uuid to look for: of the node with this name, or as given (the node may be deleted already)."""
    return ident if ident is None or scalar.is_uuid(ident) else nodes.uuid(site, ident)
