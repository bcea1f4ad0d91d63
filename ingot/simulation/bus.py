"""The bus of a simulated site: what ``rpc.Bus`` does over RabbitMQ, on virtual time, with conductors that die and sleep."""

import concurrent.futures
import contextlib
import time

import orjson

from ingot import concurrency, errors, rpc
from ingot.db import clock
from ingot.simulation.conductor import Death


class Bus:
    """A transport for ``conductor.client.Client``: answers, errors and silence as they would come over the wire."""

    def __init__(self, site):
        self._site = site

    def call(self, host, method, arguments):
        """Raises what the conductor raises; NotBegun when its queue went with it, NoAnswer when nobody answers for so long as
        the real bus waits."""
        conductor = self._site.conductors.get(host)
        if conductor is None and self._site.clock.random.random() < 0.5:
            raise errors.NotBegun(f'Conductor {host} does not listen ({method}).')
        reply = concurrency.Future()
        concurrency.spawn(self._carry, conductor, {'sent_at': clock.time()}, method, orjson.dumps(arguments), reply)
        while True:
            with contextlib.suppress(concurrent.futures.TimeoutError):
                return rpc.unpack(orjson.loads(reply.result(rpc.MONITOR_SECONDS)))
            if conductor is None or not conductor.is_awake:
                raise errors.NoAnswer(f'Conductor {host} does not answer ({method}).')

    def _carry(self, conductor, context, method, arguments, reply):
        """There and back; whoever died has said nothing, and who sleeps reads it when it is awake again."""
        time.sleep(self._site.clock.random.uniform(0.001, 0.02))
        if conductor is None:
            return
        with contextlib.suppress(Death):
            conductor.breathe(0.002)
            answer = orjson.dumps(rpc.Endpoint(conductor.service, clock.time).call(context, method, orjson.loads(arguments)))
            conductor.breathe(0.002)
            reply.set_result(answer)
