"""How the API reaches a conductor: ``call(host, method, arguments)`` with JSON values only.

``Local`` is the embedded default: the conductor lives in the same process and is called directly. ``Bus`` goes over
oslo.messaging (RabbitMQ). Both raise what the conductor raises, as the same class with the same remedy.
"""

import inspect
import logging

import orjson

from ingot import errors

LOG = logging.getLogger(__name__)
EXCHANGE, TOPIC = 'ingot', 'conductor'
#: Seconds without a sign of life from a conductor that is working on a call; a healthy call may take longer.
MONITOR_SECONDS = 3
#: What the process of a service does with it, and nobody else.
_LIFE = frozenset({'start', 'stop', 'drain', 'leave'})
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
        self._clock, self._has_met = clock, False
        self._options = self._messaging.TransportOptions(at_least_once=True)
        self._timeout = conf.rpc.timeout
        from kombu import exceptions
        # The library lets through what its own library raises when a connection that it makes anew is refused.
        self._lost = self._messaging.MessageDeliveryFailure, exceptions.OperationalError, ConnectionError

    def call(self, host, method, arguments):
        client = self._messaging.get_rpc_client(
            self._transport, _target(self._messaging, host), timeout=self._timeout,
            call_monitor_timeout=min(MONITOR_SECONDS, self._timeout), transport_options=self._options, retry=_RETRIES)
        try:
            self._meet()
            reply = client.call({'sent_at': self._clock()}, 'call', name=method, arguments=arguments)
        except self._messaging.MessageUndeliverable:
            raise errors.NotBegun(f'Conductor {host} does not listen ({method}).',
                                  remedy='Look whether "ingot conductor" runs there; send the request again.') from None
        except self._messaging.MessagingTimeout:
            raise errors.NoAnswer(f'Conductor {host} does not answer ({method}).',
                                  remedy='Look whether the request was carried out before you send it again.') from None
        except self._lost:
            raise errors.Unavailable(f'The message bus does not answer ({method} for conductor {host}).',
                                     remedy='Check that the server of [rpc] transport_url runs.') from None
        return unpack(reply)

    def tell(self, host, method, arguments):
        """As ``call``, without an answer, and without a word when it is lost: for what is found without it, but later."""
        client = self._messaging.get_rpc_client(self._transport, _target(self._messaging, host), retry=_RETRIES)
        try:
            client.cast({'sent_at': self._clock()}, 'call', name=method, arguments=arguments)
        except (self._messaging.MessagingException, *self._lost) as error:
            LOG.info('Conductor %s was not told to %s: %s', host, method, error)

    def _meet(self):
        """Raise when there is no bus yet: the library would look for one without end, to make the queue of the answers."""
        if not self._has_met:
            nobody = self._messaging.Target(topic=TOPIC, server='nobody')
            self._messaging.get_rpc_client(self._transport, nobody, retry=_RETRIES).cast({}, 'greet')
            self._has_met = True

    def close(self):
        self._transport.cleanup()


class Listener:
    """The conductor's end of the bus: carries out calls on ``service`` until ``stop``."""

    def __init__(self, conf, service, clock):
        messaging, self._transport = connect(conf)
        self._server = messaging.get_rpc_server(
            self._transport, _target(messaging, conf.host), [Endpoint(service, clock)])

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
    """The answer of a call as it goes over the bus: ``{'answer': ...}``, or ``{'error': [class, message, remedy], 'kinds':
    [class, its base, ...]}``."""
    try:
        return {'answer': _method(service, method, arguments)(**arguments)}
    except errors.IngotError as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, errors.IngotError)]
        return {'error': [kinds[0], str(error), error.remedy], 'kinds': kinds}


def _method(service, name, arguments):
    """What is to be called; OtherRelease when the caller knows more than we do: nothing was begun then."""
    found = None if name.startswith('_') or name in _LIFE else getattr(service, name, None)
    if found is None:
        raise errors.OtherRelease(f'This conductor knows no "{name}".')
    try:
        inspect.signature(found).bind(**arguments)
    except TypeError as error:
        raise errors.OtherRelease(f'This conductor knows no "{name}" like that: {error}.') from None
    return found


def unpack(reply):
    """What the call returned; raises the error that it raised."""
    if 'error' in reply:
        name, message, remedy = reply['error']
        # Of a newer release there may be errors that we do not know: the nearest that we do.
        kinds = [getattr(errors, kind, None) for kind in (name, *reply.get('kinds', ()))]
        raise next(filter(None, kinds), errors.IngotError)(message, remedy=remedy)
    return reply['answer']


def _target(messaging, host):
    """The exchange is named here: what is set in the configuration counts for the transports that are made after it."""
    return messaging.Target(exchange=EXCHANGE, topic=TOPIC, server=host)


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
    return oslo_messaging, transport
