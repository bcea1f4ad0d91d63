"""What every request has in common."""

import gc

import pytest
import webob


@pytest.mark.parametrize(('method', 'path', 'status'), [
    ('GET', '/v1/nodes/detail', 200), ('GET', '/v1/nodes/n1', 200), ('GET', '/v1/nodes/n2', 404),
    ('PATCH', '/v1/nodes/n1', 400)])
def test_an_answer_goes_when_it_is_sent(api, method, path, status):
    """A circle of references would keep pages of megabytes until the garbage collector comes."""
    api.node(name='n1')
    answered(api.app, 'GET', path)             # what is made once
    gc.collect()
    gc.disable()
    try:
        assert answered(api.app, method, path) == status
        assert gc.collect() == 0
    finally:
        gc.enable()


def answered(app, method, path):
    """The status of an answer that nobody keeps."""
    statuses = []
    environ = webob.Request.blank(path, method=method, headers={'X-OpenStack-Ironic-API-Version': '1.115'}).environ
    list(app(environ, lambda status, headers: statuses.append(int(status[:3]))))
    return statuses[0]
