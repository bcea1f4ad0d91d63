"""Errors as clients see them: Ironic's double-encoded body, with more members that old clients do not look at.

    {"error_message": "{\\"faultcode\\": \\"Client\\", \\"faultstring\\": \\"...\\", \\"debuginfo\\": null}",
     "code": "locked", "remedy": "...", "retryable": true}
"""

import logging

import orjson

from ingot import errors

log = logging.getLogger(__name__)

#: What each status is called.
REASONS = {200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 400: 'Bad Request', 401: 'Unauthorized',
           403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 409: 'Conflict',
           410: 'Gone', 412: 'Precondition Failed', 413: 'Content Too Large', 415: 'Unsupported Media Type',
           422: 'Unprocessable Content', 500: 'Internal Server Error', 503: 'Service Unavailable'}
#: Characters of a message: lists of what is possible may be long, what a client has sent is not repeated at length.
_LONGEST = 1500
#: Seconds after which a refused request may be worth sending again.
_RETRY_AFTER = '2'


def catch(app):
    """Middleware: whatever ``app`` raises becomes an answer; what nobody foresaw is logged and not shown."""
    def call(environ, start_response):
        try:
            return app(environ, start_response)
        except errors.IngotError as error:
            return answer(error, start_response)
        except Exception:
            log.exception('%s %r failed', environ.get('REQUEST_METHOD'), environ.get('PATH_INFO'))
            return answer(errors.IngotError(
                f'Ingot failed to answer; request {environ.get("ingot.request_id")} in its log says why.'), start_response)
    return call


def answer(error, start_response):
    """Start the response that tells ``error``; returns its body."""
    text = body(error)
    headers = [('Content-Type', 'application/json'), ('Content-Length', str(len(text)))]
    if error.retryable and error.status in (409, 503):
        headers.append(('Retry-After', _RETRY_AFTER))
    if getattr(error, 'allow', None):
        headers.append(('Allow', ', '.join(error.allow)))
    start_response(f'{error.status} {REASONS.get(error.status, "Error")}', headers)
    return [text]


def body(error):
    """The body (bytes) that tells ``error``."""
    fault = {'faultcode': 'Client' if error.status < 500 else 'Server', 'faultstring': _brief(str(error)),
             'debuginfo': None}
    return orjson.dumps({'error_message': orjson.dumps(fault).decode(), 'code': error.code,
                         'remedy': error.remedy and _brief(error.remedy), 'retryable': error.retryable})


def _brief(text):
    """``text`` without its middle where it is too long, and without what is no character (half a surrogate pair)."""
    text = text if len(text) <= _LONGEST else f'{text[:_LONGEST - 200]} ... {text[-190:]}'
    return text.encode(errors='replace').decode()
