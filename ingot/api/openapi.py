"""The OpenAPI 3.1 document, from what requests really meet: the tree of resources, what handlers declare, and the WSME types.

``x-since`` is the minor version that brought an operation, a parameter or a field; what has none has been there since 1.1.
"""

import inspect

from ingot import __version__
from ingot.api import answers, idempotency, versions
from ingot.api.resource import ON_COLLECTION, ON_ITEM
from ingot.api.types import document as typed
from ingot.api.types.query import PageQuery

#: What an ident below a word of the path is called, where that is not the word without its last "s".
_IDENT = {'chassis': 'chassis', 'history': 'entry', 'bios': 'setting', 'policies': 'scope', 'stats': 'provider'}
#: Statuses that any request may meet; see errors.py.
_REFUSALS = (400, 403, 404, 405, 406, 409, 413, 415, 500, 503)
_HEADERS = {'openstack-request-id': 'Names the request in the log.',
            versions.HEADER: 'The API version that the answer is written in.'}


def describe(root):
    """The document (a dict) of everything below ``root``, except the paths without /v1 that mean the same."""
    parts = answers.Parts()
    paths = {path: operations for path, operations in (
        (path, _operations(parts, path, resource, verbs, since)) for path, resource, verbs, since in places(root)) if operations}
    return {'openapi': '3.1.0', 'jsonSchemaDialect': 'https://json-schema.org/draft/2020-12/schema',
            'info': {'title': 'Ingot', 'version': __version__, 'license': {'name': 'Apache-2.0', 'identifier': 'Apache-2.0'},
                     'description': 'Bare metal provisioning with the API of OpenStack Ironic, microversions '
                                    f'1.{versions.LEAST} to 1.{versions.MOST}.'},
            'servers': [{'url': '/'}], 'paths': dict(sorted(paths.items())),
            'components': {'schemas': parts.schemas(), 'responses': answers.refusals((*_REFUSALS, 412, 422)),
                           'parameters': _common()}}


def places(root):
    """(path, resource, its table of methods, the minor that brought it) for every place where there may be handlers."""
    apart = {id(resource) for resource in root.fixed['v1'].fixed.values()}
    yield '/', root, ON_COLLECTION, 1
    for word, resource in root.fixed.items():
        if id(resource) not in apart:
            yield from _below(f'/{word}', resource, 1)


def _below(path, resource, since):
    since = max(since, resource.since)
    yield path, resource, ON_COLLECTION, since
    for word, child in resource.fixed.items():
        yield from _below(f'{path}/{word}', child, since)
    if resource.has_items:
        item = f'{path}/{{{ident(path)}}}'
        yield item, resource, ON_ITEM, since
        for word, child in resource.children.items():
            yield from _below(f'{item}/{word}', child, since)


def ident(path):
    """What the next ident of ``path`` is called."""
    word = path.rpartition('/')[2]
    name = _IDENT.get(word, word.removesuffix('s'))
    return f'{name}_2' if f'{{{name}}}' in path else name


def _operations(parts, path, resource, verbs, since):
    known = {method: getattr(resource, name) for method, name in verbs.items() if hasattr(resource, name)}
    return {method.lower(): _operation(parts, path, method, handler, since) for method, handler in known.items()}


def _operation(parts, path, method, handler, since):
    declared = handler.declared
    found = {'operationId': _name(method, path), 'summary': _summary(handler, method, path),
             **({'x-since': since} if since > 1 else {}),
             'parameters': [{'$ref': '#/components/parameters/version'}, *_idents(path), *_query(declared),
                            *_offers(method, path)]}
    if declared['body'] is not None:
        found['requestBody'] = {'required': not declared['is_optional'], 'content': parts.body(declared)}
    is_list = inspect.isclass(declared['query']) and issubclass(declared['query'], PageQuery)
    refused = {str(status): {'$ref': f'#/components/responses/{status}'} for status in _refusals(method, path)}
    answer = _answer(parts, declared, is_list)
    return {**found, 'responses': {str(status): answer for status in (declared['status'], *declared['also'])} | refused}


def _name(method, path):
    return '_'.join([method.lower(), *path.replace('{', '').replace('}', '').replace('.', '_').strip('/').split('/')]).strip('_')


def _summary(handler, method, path):
    words = (handler.__doc__ or '').strip().partition('\n')[0]
    return words or f'{method} {path}'


def _idents(path):
    return [{'name': word[1:-1], 'in': 'path', 'required': True, 'schema': {'type': 'string'},
             'description': 'A UUID, or a name where there are names.'} for word in path.split('/') if word.startswith('{')]


def _query(declared):
    cls, noun = declared['query'], declared['noun']
    if not cls:
        return []
    since = versions.FILTERS.get(noun.name if noun else cls.__name__.removesuffix('Query').lower(), {})
    return [{'name': name, 'in': 'query', 'schema': attribute.datatype.describe(), 'description': attribute.datatype.accepts,
             **({'style': 'form', 'explode': False} if attribute.datatype.basetype is list else {}),
             **({'x-since': since[name]} if name in since else {})} for name, attribute in typed.attributes(cls).items()]


def _offers(method, path):
    names = ['if_match'] if _is_conditional(method, path) else []
    names += ['idempotency_key'] if idempotency.is_for(method, path) else []
    return [{'$ref': f'#/components/parameters/{name}'} for name in names]


def _is_conditional(method, path):
    """Whether If-Match counts: for what changes something that is there."""
    return method in ('PATCH', 'PUT', 'DELETE') or (method == 'POST' and path.startswith('/v1/nodes/{'))


def _refusals(method, path):
    more = [412] if _is_conditional(method, path) else []
    return sorted([*_REFUSALS, *more, *([422] if idempotency.is_for(method, path) else [])])


def _answer(parts, declared, is_list):
    headers = dict(_HEADERS)
    if declared['status'] == 201:
        headers['Location'] = 'Where it is from now on.'
    if declared['noun'] and not is_list:
        headers['ETag'] = 'The generation of what is shown, for If-Match.'
    answer = {'description': 'Done.' if declared['status'] != 202 else 'Accepted; it goes on.',
              'headers': {name: {'description': words, 'schema': {'type': 'string'}} for name, words in headers.items()}}
    content = parts.answer(declared, is_list=is_list)
    return {**answer, 'content': content} if content else answer


def _common():
    return {'version': _header(versions.HEADER, 'The API version that is spoken, 1.N or "latest". Without it: 1.1, the oldest.',
                               pattern=r'^(1\.[0-9]{1,3}|latest)$'),
            'if_match': _header('If-Match', 'The ETag that the change is meant for; 412 when there is a newer one.'),
            'idempotency_key': _header(idempotency.HEADER, 'A key of your choice. A request that comes again with it within a '
                                       'day gets the first answer again, with "Idempotency-Replayed: true".',
                                       minLength=1, maxLength=257, pattern=r'^("[\x20-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$')}


def _header(name, words, **schema):
    return {'name': name, 'in': 'header', 'required': False, 'description': words, 'schema': {'type': 'string', **schema}}
