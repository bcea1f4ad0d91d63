"""/openapi.json, and a page at /docs that shows it with nothing from outside."""

import base64
import functools
import hashlib
import pathlib
import re

import orjson

from ingot.api import openapi
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource

_PAGE = (pathlib.Path(__file__).parent / 'openapi.html').read_bytes()


def _hash(tag):
    text = re.search(rb'<%s>(.*?)</%s>' % (tag, tag), _PAGE, re.DOTALL)[1]
    return base64.b64encode(hashlib.sha256(text).digest()).decode()


#: Only the page's own script and style run, and only our own document is read.
_POLICY = (f"default-src 'none'; script-src 'sha256-{_hash(b'script')}'; style-src 'sha256-{_hash(b'style')}'; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Document(Resource):
    """GET /openapi.json: what this very server answers, OpenAPI 3.1."""

    root = None      # set once the tree is whole

    @functools.cached_property
    def _text(self):
        return orjson.dumps(openapi.describe(self.root), option=orjson.OPT_NON_STR_KEYS)     # names of columns are a kind of str

    @expose(answer={'type': 'object'})
    def list(self, call):
        return Answer(self._text)


class Page(Resource):
    """GET /docs: the document for people."""

    @expose(answer={'type': 'string', 'contentMediaType': 'text/html'})
    def list(self, call):
        return Answer(_PAGE, Content_Type='text/html; charset=utf-8', Content_Security_Policy=_POLICY,
                      X_Content_Type_Options='nosniff', Referrer_Policy='no-referrer')
