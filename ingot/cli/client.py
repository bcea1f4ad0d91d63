"""A connection to a running Ingot (or Ironic), on openstacksdk, and the feed on top of it."""

import os
import sys
import time

from ingot import errors

DEFAULT_URL = 'http://127.0.0.1:6385'
#: The newest version of the API that the commands here rely on.
VERSION = '1.110'
#: openstacksdk sends again what is refused with 409 or 503, each time after twice as long, also where that is of no use.
RETRIES = 3
#: Seconds for which the API may be away (a restart) while we wait for something.
PATIENCE = 60
#: Seconds for one answer; a conductor has 60 of them ([rpc] timeout).
_ANSWER_SECONDS = 90


def arguments(parser):
    parser.add_argument('--url', default=os.environ.get('INGOT_URL'),
                        help=f'the API (default: $INGOT_URL; with OS_CLOUD set, that cloud; else {DEFAULT_URL})')


def actions(parser, noun, single=None):
    """``add(name, text, action)`` for the actions of ``ingot NOUN``: the parser of one, with what all of them take.

    ``single``: the argument of those that are about one thing, which all are that are not added with ``is_single=False``.
    """
    commands = parser.add_subparsers(dest='what', required=True, metavar='ACTION')

    def add(name, text, action, *, is_single=True):
        sub = commands.add_parser(name, help=text, description=f'ingot {noun} {name}: {text}.')
        arguments(sub)
        sub.add_argument('-o', '--output', choices=['table', 'json'], default='table')
        if single and is_single:
            sub.add_argument(single, help='uuid or name')
        sub.set_defaults(action=action)
        return sub
    return add


def connect(url=None):
    """openstacksdk's bare metal proxy for ``url``, or for the cloud that the environment names."""
    import openstack
    if url is None and os.environ.get('OS_CLOUD'):
        return openstack.connect().baremetal
    url = url or DEFAULT_URL
    return openstack.connect(load_yaml_config=False, load_envvars=False, auth_type='none', auth={'endpoint': url},
                             baremetal_endpoint_override=url, baremetal_api_version='1', api_timeout=_ANSWER_SECONDS,
                             baremetal_status_code_retries=RETRIES).baremetal


def ask(method, path, **kwargs):
    """The answer to a request that openstacksdk has no words for; ``method`` is one of its proxy (baremetal.get ...)."""
    from openstack import exceptions
    answer = method(path, headers={'X-OpenStack-Ironic-API-Version': VERSION}, **kwargs)
    exceptions.raise_from_response(answer)
    return answer


def pages(baremetal, path, noun, query, key='uuid'):
    """Every item of a list, page by page; the ``key`` of its last item is where a page ends."""
    while True:
        page = ask(baremetal.get, path, params=query).json()
        yield from page[noun]
        if 'next' not in page:
            return
        query = {**query, 'marker': page[noun][-1][key]}


def abort(baremetal, uuid):
    """Stop what is under way. By hand, since openstacksdk asks for a version that cannot abort a deployment (1.110)."""
    ask(baremetal.put, f'/nodes/{uuid}/states/provision', json={'target': 'abort'})


def reporting(action):
    """What ``action`` returns; where it fails, the exit status that ``ingot`` has for it, and the reason on standard error."""
    import keystoneauth1.exceptions as keystone
    import openstack.exceptions as sdk
    try:
        return action()
    except errors.Invalid as error:
        status, words = 2, error.explain()
    except sdk.HttpException as error:
        status, words = 3, f'the API refused: {refusal(error)}'
    except (sdk.SDKException, keystone.ClientException) as error:
        status, words = 4, f'no answer from the API: {error}'
    except errors.DeadlineExceeded as error:
        status, words = 5, str(error)
    print(f'ingot: {words}', file=sys.stderr)
    return status


def refusal(error):
    """What the API said, with the remedy that it may know."""
    try:
        remedy = error.response.json().get('remedy')
    except (AttributeError, ValueError):
        remedy = None
    return f'{error.details or error}{f" Remedy: {remedy}" if remedy else ""}'


def steadily(call, *args, **kwargs):
    """What ``call`` returns; it is made again while the API cannot be reached, for PATIENCE seconds at most."""
    from keystoneauth1.exceptions import ConnectFailure
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(*args, **kwargs)
        except ConnectFailure:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


class Feed:
    """The change feed of one API, from now on or from ``since``."""

    def __init__(self, baremetal, *, since=None):
        self._baremetal = baremetal
        self.seq = since if since is not None else self._get()['next']

    def _get(self, **query):
        from openstack import exceptions
        answer = self._baremetal.get('/feed', params=query, headers={'X-OpenStack-Ironic-API-Version': VERSION},
                                     timeout=query.get('wait', 0) + 30)
        exceptions.raise_from_response(answer)
        if query.get('wait') and 'Retry-After' in answer.headers:      # nobody may wait there just now: wait here
            time.sleep(float(answer.headers['Retry-After']))
        return answer.json()

    def read(self, wait=10):
        """Events since the last call; waits up to ``wait`` seconds for the first one, and longer for an API that restarts."""
        answer = steadily(self._get, since=self.seq, wait=wait)
        self.seq = answer['next']
        return answer['events']
