"""Resource: a place in the tree of URLs. Its handlers and its children say which requests there are."""

import contextlib
import dataclasses
import functools

from ingot import concurrency, errors
from ingot.api import versions
from ingot.api.expose import Answer, expose
from ingot.api.types import scalar
from ingot.db.kept import Kept

ON_COLLECTION = {'GET': 'list', 'POST': 'create', 'PUT': 'put', 'DELETE': 'clear', 'PATCH': 'change'}
ON_ITEM = {'GET': 'get', 'PATCH': 'patch', 'DELETE': 'delete', 'PUT': 'replace', 'POST': 'call'}
#: Below this minor ``.json`` at the end of an ident was a way to ask for JSON, and no part of it.
_SUFFIX_IS_NAME = 91


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

    @functools.cached_property
    def line(self):
        """Held while somebody looks at the queue for what is remembered of it: others go on with what there was."""
        return concurrency.Lock()

    @functools.cached_property
    def kept(self):
        """The facts of all nodes, for decisions that look at all of them."""
        return Kept(concurrency.Lock())


class Resource:
    """Handlers on the collection: ``list create put clear``; on one item: ``get patch delete replace``.

    ``fixed`` are resources at words of their own (``nodes/detail``), ``children`` those below an item (``nodes/N/states``).
    ``since``: the minor that brought it. ``writes_since``: {method: minor} where clients of older ones expect 405, not 404.
    ``names_since``: the minor from which on a name is as good as a uuid.
    """

    since = 1
    writes_since = {}
    names_since = 1

    def __init__(self, site, *, fixed=None, children=None, since=None):
        self.site = site
        self.fixed, self.children = fixed or {}, children or {}
        if since:
            self.since = since

    @property
    def has_items(self):
        return bool(self.children) or any(hasattr(self, name) for name in ON_ITEM.values())

    @expose(answer={})
    def options_list(self, call, *idents):
        return Answer(None, Allow=', '.join(self.allow(ON_COLLECTION)))

    @expose(answer={})
    def options_item(self, call, *idents):
        return Answer(None, Allow=', '.join(self.allow(ON_ITEM)))

    def allow(self, verbs):
        """The methods that there are here, of ``verbs``."""
        known = [method for method, name in verbs.items() if hasattr(self, name)]
        return [*(['HEAD'] if 'GET' in known else []), *known, 'OPTIONS'] if known else []

    def takes(self, word):
        """True for what could be the uuid or name of an item."""
        return is_ident(word)


def find(root, request, path):
    """(handler, idents) for the words of ``path`` below ``root``; NotFound, or MethodNotAllowed with what is allowed."""
    method, minor = request.method, request.environ['ingot.minor']
    words = path[1:].removesuffix('/').split('/') if path.strip('/') or path[1:] else []
    if words and minor < _SUFFIX_IS_NAME and words[-1] not in root.fixed:
        words[-1] = words[-1].removesuffix('.json')
    resource, verbs, idents, since = root, ON_COLLECTION, [], root.since
    for word in words:
        branches = resource.fixed if verbs is ON_COLLECTION else resource.children
        if word in branches:
            resource, verbs = branches[word], ON_COLLECTION
        elif verbs is ON_COLLECTION and resource.has_items and resource.takes(word):
            if resource.names_since > minor and not scalar.is_uuid(word):
                raise _nothing(path)
            idents.append(word)
            verbs = ON_ITEM
        else:
            raise _nothing(path)
        since = max(since, resource.since)
    handler = _handler(resource, verbs, method, path)
    if since > minor:
        raise _not_yet(words, method, path)
    return handler, idents


def is_ident(word):
    """True for what could be the uuid or name of something."""
    return scalar.is_uuid(word) or scalar.is_name(word)


def _handler(resource, verbs, method, path):
    name = verbs.get('GET' if method == 'HEAD' else method, '')
    if hasattr(resource, name):
        return getattr(resource, name)
    allow = resource.allow(verbs)
    if not allow:
        raise _nothing(path)
    if method == 'OPTIONS':
        return resource.options_list if verbs is ON_COLLECTION else resource.options_item
    raise _no_method(method, allow)


def _not_yet(words, method, path):
    """What is newer than the request's version: nothing there, but some collections say that they cannot be written to."""
    is_read = method in ('GET', 'HEAD', 'OPTIONS')
    is_known = versions.READ_ONLY_BEFORE & {*words[-2:]}        # itself, or an item of it; what is below an item is not
    return _no_method(method, ['OPTIONS']) if is_known and not is_read else _nothing(path)


def _no_method(method, allow):
    error = errors.MethodNotAllowed(f'{method[:20]} is not possible here; {", ".join(allow)}: yes.')
    error.allow = allow
    return error


def _nothing(path):
    return errors.NotFound(f'There is nothing at {path[:200]}.')
