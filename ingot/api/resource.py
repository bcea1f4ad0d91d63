"""Resource: a place in the tree of URLs. Its handlers and its children say which requests there are."""

import contextlib
import dataclasses
import functools

from ingot import concurrency, errors
from ingot.api.types import scalar

_ON_COLLECTION = {'GET': 'list', 'POST': 'create', 'PUT': 'put', 'DELETE': 'clear', 'PATCH': 'change'}
_ON_ITEM = {'GET': 'get', 'PATCH': 'patch', 'DELETE': 'delete', 'PUT': 'replace', 'POST': 'call'}


@dataclasses.dataclass(frozen=True)
class Site:
    """What handlers work with."""

    conf: object
    database: object
    conductor: object

    @functools.cached_property
    def turn(self):
        """Held while a page is read and rendered. SQLite gives the interpreter away at every row: two threads with a list each
        would hand it to and fro a thousand times, for twice the work."""
        return concurrency.Lock() if self.database.is_sqlite else contextlib.nullcontext()


class Resource:
    """Handlers on the collection: ``list create put clear``; on one item: ``get patch delete replace``.

    ``fixed`` are resources at words of their own (``nodes/detail``), ``children`` those below an item (``nodes/N/states``).
    ``since``: the minor that brought it. ``writes_since``: {method: minor} where clients of older ones expect 405, not 404.
    """

    since = 1
    writes_since = {}

    def __init__(self, site, *, fixed=None, children=None, since=None):
        self.site = site
        self.fixed, self.children = fixed or {}, children or {}
        if since:
            self.since = since

    @property
    def has_items(self):
        return bool(self.children) or any(hasattr(self, name) for name in _ON_ITEM.values())

    def takes(self, word):
        """True for what could be the uuid or name of an item."""
        return is_ident(word)


def find(root, request, path):
    """(handler, idents) for the words of ``path`` below ``root``; NotFound, or MethodNotAllowed with what is allowed."""
    resource, verbs, idents = root, _ON_COLLECTION, []
    for word in path.strip('/').split('/') if path.strip('/') else ():
        branches = resource.fixed if verbs is _ON_COLLECTION else resource.children
        if word in branches:
            resource, verbs = branches[word], _ON_COLLECTION
        elif verbs is _ON_COLLECTION and resource.has_items and resource.takes(word):
            idents.append(word)
            verbs = _ON_ITEM
        else:
            raise _nothing(path)
        if resource.since > request.environ['ingot.minor'] and request.method not in resource.writes_since:
            raise _nothing(path)
    if resource.writes_since.get(request.method, 1) > request.environ['ingot.minor']:
        raise _refusal(request.method, [method for method in verbs if method not in resource.writes_since])
    return _handler(resource, verbs, request.method, path), idents


def is_ident(word):
    """True for what could be the uuid or name of something."""
    return scalar.is_uuid(word) or scalar.is_name(word)


def _handler(resource, verbs, method, path):
    handler = getattr(resource, verbs.get(method, ''), None)
    if handler is None:
        allow = [known for known, name in verbs.items() if hasattr(resource, name)]
        if not allow:
            raise _nothing(path)
        raise _refusal(method, allow)
    return handler


def _refusal(method, allow):
    error = errors.MethodNotAllowed(f'{method[:20]} is not possible here.')
    error.allow = allow
    return error


def _nothing(path):
    return errors.NotFound(f'There is nothing at {path[:200]}.')
