"""How the API reaches a conductor: ``call(host, method, arguments)`` with JSON values only.

``Local`` is the embedded default: the conductor lives in the same process and is called directly. ``Bus`` goes over
oslo.messaging (RabbitMQ). Both raise what the conductor raises, as the same class with the same remedy.
"""

import orjson

from ingot import errors

EXCHANGE, TOPIC = 'ingot', 'conductor'
#: Seconds without a sign of life from a conductor that is working on a call; a healthy call may take longer.
MONITOR_SECONDS = 3
#: Attempts to reach the bus again before a call is refused.
_RETRIES = 1


class Local:
    """The transport of one process: a function call, with arguments and answers copied through JSON all the same."""

    def __init__(self, service):
        self._service = service

    def call(self, host, method, arguments):
        del host
        arguments = orjson.loads(orjson.dumps(arguments))
        return orjson.loads(orjson.dumps(getattr(self._service, method)(**arguments)))

    def close(self):
        """Nothing is held."""


class Bus:
    """The transport of many processes. One queue a conductor, named by its host.

    ``call`` raises NotBegun, at once, when the conductor has no queue, and NoAnswer after MONITOR_SECONDS without a sign of life
    from it. What it finds in its queue later than that it does not begin (``clock``: seconds, the same for all processes).
    """

    def __init__(self, conf, clock):
        self._messaging, self._transport = connect(conf)
        self._clock = clock
        self._options = self._messaging.TransportOptions(at_least_once=True)
        self._timeout = conf.rpc.timeout

    def call(self, host, method, arguments):
        client = self._messaging.get_rpc_client(
            self._transport, self._messaging.Target(topic=TOPIC, server=host), timeout=self._timeout,
            call_monitor_timeout=min(MONITOR_SECONDS, self._timeout), transport_options=self._options, retry=_RETRIES)
        try:
            reply = client.call({'sent_at': self._clock()}, 'call', name=method, arguments=arguments)
        except self._messaging.MessageUndeliverable:
            raise errors.NotBegun(f'Conductor {host} does not listen ({method}).',
                                  remedy='Look whether "ingot conductor" runs there; send the request again.') from None
        except self._messaging.MessagingTimeout:
            raise errors.NoAnswer(f'Conductor {host} does not answer ({method}).',
                                  remedy='Look whether the request was carried out before you send it again.') from None
        except self._messaging.MessageDeliveryFailure:
            raise errors.Unavailable(f'The message bus does not answer ({method} for conductor {host}).',
                                     remedy='Check that the server of [rpc] transport_url runs.') from None
        return unpack(reply)

    def close(self):
        self._transport.cleanup()


class Listener:
    """The conductor's end of the bus: carries out calls on ``service`` until ``stop``."""

    def __init__(self, conf, service, clock):
        messaging, self._transport = connect(conf)
        self._server = messaging.get_rpc_server(
            self._transport, messaging.Target(topic=TOPIC, server=conf.host), [Endpoint(service, clock)])

    def start(self):
        self._server.start()

    def stop(self):
        self._server.stop()
        self._server.wait()
        self._transport.cleanup()


class Endpoint:
    """Carries out a call that came over a bus, unless it came too late."""

    def __init__(self, service, clock):
        self._service, self._clock = service, clock

    def call(self, context, name, arguments):
        if self._clock() - context.get('sent_at', 0) > MONITOR_SECONDS / 2:      # its first sign of life would come too late
            return {'error': ['NotBegun', f'The request ({name}) came too late; it is not begun.', None]}
        return pack(self._service, name, arguments)


def pack(service, method, arguments):
    """The answer of a call as it goes over the bus: ``{'answer': ...}`` or ``{'error': [class, message, remedy]}``."""
    if method.startswith('_'):
        return {'error': ['Invalid', f'There is no method "{method}".', None]}
    try:
        return {'answer': getattr(service, method)(**arguments)}
    except errors.IngotError as error:
        return {'error': [type(error).__name__, str(error), error.remedy]}


def unpack(reply):
    """What the call returned; raises the error that it raised."""
    if 'error' in reply:
        name, message, remedy = reply['error']
        raise getattr(errors, name, errors.IngotError)(message, remedy=remedy)
    return reply['answer']


def connect(conf):
    """(oslo_messaging, transport) for ``[rpc] transport_url``; the module is imported only where a bus is used."""
    if not conf.rpc.transport_url:
        raise errors.Invalid('[rpc] transport_url is not set: API and conductor of different processes need a bus.',
                             remedy='Set it (rabbit://user:password@host:5672/), or use "ingot serve".')
    import oslo_messaging
    from oslo_messaging._metrics import client as metrics
    from oslo_messaging._tracing import client as tracing
    # The library registers these two groups on the global configuration only, and reads them from ours.
    conf.register_opts(metrics.oslo_messaging_metrics, 'oslo_messaging_metrics')
    conf.register_opts(tracing.oslo_messaging_tracing, 'oslo_messaging_tracing')
    transport = oslo_messaging.get_rpc_transport(conf, conf.rpc.transport_url)
    # Queues can never be changed later without being deleted: durable and replicated from the first day.
    if 'oslo_messaging_rabbit' in conf:
        for name in ('rabbit_quorum_queue', 'rabbit_transient_quorum_queue', 'amqp_durable_queues'):
            conf.set_override(name, True, 'oslo_messaging_rabbit')
    conf.set_override('control_exchange', EXCHANGE)
    return oslo_messaging, transport
