"""Vendor methods of a node (/v1/nodes/IDENT/vendor_passthru), or of a driver (/v1/drivers/NAME/vendor_passthru).

The method's name stands in the query (``?method=name``) or in the path; the body is for the method to understand.
"""

from ingot import errors
from ingot.api import nodes
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.vendor import VendorQuery, read
from ingot.db import driver

_METHODS = {'type': 'object', 'additionalProperties': {'type': 'object', 'properties': {
    'http_methods': {'type': 'array', 'items': {'type': 'string'}}, 'async': {'type': 'boolean'},
    'attach': {'type': 'boolean'}, 'require_exclusive_lock': {'type': 'boolean'}, 'description': {'type': 'string'}}}}


def tree(site):
    return Passthru(site, fixed={'methods': Methods(site)})


def of_driver(site):
    return DriverPassthru(site, fixed={'methods': DriverMethods(site)})


class Methods(Resource):

    @expose(answer=_METHODS)
    def list(self, call, ident):
        return self.site.conductor.vendor_methods(nodes.uuid(self.site, ident, call))


class DriverMethods(Resource):

    @expose(answer=_METHODS)
    def list(self, call, name):
        return self.site.conductor.driver_methods(driver.get(self.site.database, name)['name'])


def _named(self, call, body, ident):
    if 'method' not in call.query:
        raise errors.Invalid('The request lacks the query argument method: the name of a vendor method.')
    return _answer(self.carry_out(call, ident, call.query['method'], body))


def _at(self, call, body, ident, method):
    return _answer(self.carry_out(call, ident, method, body))


def _answer(told):
    if told['async']:
        return Answer(None, 202)
    if told['attach']:
        return Answer(_file(told['answer']), 200, Content_Type='application/octet-stream')
    return Answer(told['answer'], 200)


def _file(text):
    yield (text or '').encode()


class Passthru(Resource):
    """Any HTTP method: which ones a vendor method takes is up to it."""

    list, create, put, clear, change = (expose(query=VendorQuery, body=read, is_optional=True, answer={}, also=(202,))(_named)
                                        for _ in range(5))
    get, call, replace, delete, patch = (expose(body=read, is_optional=True, answer={}, also=(202,))(_at) for _ in range(5))

    def carry_out(self, call, ident, method, arguments):
        return self.site.conductor.vendor_call(nodes.uuid(self.site, ident, call), method, call.environ['REQUEST_METHOD'],
                                               arguments)


class DriverPassthru(Passthru):

    def carry_out(self, call, name, method, arguments):
        return self.site.conductor.driver_call(driver.get(self.site.database, name)['name'], method,
                                               call.environ['REQUEST_METHOD'], arguments)
