"""Watches over machines that work alone: reports that nobody was told of, deadlines, silence."""

from ingot import errors
from ingot.conductor.task import patience
from ingot.db import clock, port
from ingot.db import conductor as conductors
from ingot.db import node as nodes
from ingot.db import operation as operations

#: Seconds after our own start in which a machine may still deliver what it could not while nobody listened; and for which a
#: machine that has not called home is left to a conductor that went away, and may come back.
GRACE = 30


def machines(crew):
    """Of our nodes: go on with reported operations, give up those whose machine is late or silent."""
    longest = max(patience(crew.conf, flow) for flow in ('deploy', 'clean', 'inspect'))
    gone = conductors.gone(crew.database)
    lost = [host for host, seconds in gone.items() if seconds > GRACE]
    for waiting in operations.waiting(crew.database, crew.conf.conductor.silence_timeout, longest, lost):
        if not crew.is_mine((waiting['slot'], waiting['conductor_group'], waiting['driver'])):
            continue
        if waiting['is_reported']:
            crew.resume(waiting['node'], waiting['uuid'], boot_anew=waiting['boot_host'] in gone and _is_gone(waiting))
            continue
        if waiting['heard_at'] is None and waiting['boot_host'] in lost:
            crew.resume(waiting['node'], waiting['uuid'], boot_anew=_is_gone(waiting))
            continue
        problem = overdue(crew.conf, waiting, clock.time(), crew.started_at)
        if problem and waiting['heard_at'] is None and (
                operations.begun(crew.database, waiting['uuid'], 'start ramdisk') <= crew.conf.conductor.boot_retries):
            crew.resume(waiting['node'], waiting['uuid'], boot_anew=str(explain(crew, waiting, problem)))
        elif problem:
            crew.resume(waiting['node'], waiting['uuid'], explain(crew, waiting, problem))


def _is_gone(waiting):
    return f'conductor {waiting["boot_host"]} is gone, from which it was to boot'


def overdue(conf, waiting, present, started_at):
    """What the machine failed to do in time, as a phrase, or None.

    :param started_at: since when we listen; what a machine could not say before does not count against it.
    """
    limit, silence = patience(conf, waiting['flow']), conf.conductor.silence_timeout
    if present > max(waiting['deadline_at'], started_at + GRACE):
        return f'did not finish within {limit:.0f} s'
    heard = max(waiting['heard_at'] or 0, waiting['deadline_at'] - limit, started_at)
    if present > heard + silence:
        return f'{"was silent" if waiting["heard_at"] else "did not call home"} for {silence:.0f} s'
    return None


def explain(crew, waiting, problem):
    """The error to tell: what the machine did last, or how far it came on its way to the ramdisk."""
    node = nodes.get(crew.database, waiting['node'])
    if waiting['heard_at']:
        phase = operations.last_phase(crew.database, waiting['uuid'])
        return errors.DeadlineExceeded(f'the machine {problem}; it did last: {phase}.',
                                       remedy='Look at its console and its network, then try again.')
    seen, macs = _last_seen(crew, node), ', '.join(port.macs(crew.database, node['id']))
    remedy = 'Look at its console; it must reach our agent address after the ramdisk started.' if seen else \
        f'Check that it netboots from a card whose MAC is a port of the node ({macs}), and that DHCP leads to our boot server.'
    return errors.DeadlineExceeded(f'the machine {problem}; seen of it: {seen or "nothing"}.', remedy=remedy)


def _last_seen(crew, node):
    """What the boot interface (where it keeps record) saw of the machine's cards."""
    try:
        boot = crew.drivers.of(node).interface(node, 'boot')
    except errors.InvalidParameter:
        return None
    ask = getattr(boot, 'last_seen', None)
    seen = [f'{mac}: {stage}' for mac in port.macs(crew.database, node['id']) if ask and (stage := ask(mac))]
    return ', '.join(seen)
