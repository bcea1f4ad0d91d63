"""How the API reaches a conductor: ``call(host, method, arguments)`` with JSON values only.

``Local`` is the embedded default: the conductor lives in the same process and is called directly. Arguments and answers
go through JSON all the same, so that nothing works here that would not work over a bus.
"""

import orjson


class Local:
    """The transport of one process: a function call."""

    def __init__(self, service):
        self._service = service

    def call(self, host, method, arguments):
        """What ``method`` of the conductor answers; it raises what the conductor raises."""
        del host
        arguments = orjson.loads(orjson.dumps(arguments))
        return orjson.loads(orjson.dumps(getattr(self._service, method)(**arguments)))
