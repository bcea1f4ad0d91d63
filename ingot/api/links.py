"""Links: where a resource is, and where the next page is."""

import urllib.parse


def base(conf, environ):
    """Base URL (no slash at the end) of links: public_endpoint, or where the client says that it found us."""
    if conf.api.public_endpoint:
        return conf.api.public_endpoint.rstrip('/')
    host = environ.get('HTTP_HOST') or f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
    return f'{environ.get("wsgi.url_scheme", "http")}://{urllib.parse.quote(host, safe=":[]")}'


def resource(start, *path):
    """The links 'self' and 'bookmark' of a resource."""
    tail = '/'.join(path)
    return [{'href': f'{start}/v1/{tail}', 'rel': 'self'}, {'href': f'{start}/{tail}', 'rel': 'bookmark'}]


def next_page(start, path, query, marker):
    """URL of the page after ``marker``, with every argument of this one."""
    arguments = [(name, ','.join(value) if isinstance(value, list) else value) for name, value in query.items()]
    arguments = [(name, value) for name, value in arguments if name != 'marker']
    return f'{start}/v1/{path}?{urllib.parse.urlencode([*arguments, ("marker", marker)])}'
