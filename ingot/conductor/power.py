"""Power on request, verification of a node's access data, and adoption: what needs the BMC alone."""

import logging

from ingot import errors, states
from ingot.conductor import parts
from ingot.conductor.flow import Step

log = logging.getLogger(__name__)


def switch(task, target, timeout):
    """Bring the machine to ``target``; success and failure are told in the node's row. Lets go of the lock."""
    seconds = timeout or task.conf.conductor[
        'soft_power_timeout' if target in (states.SOFT_POWER_OFF, states.SOFT_REBOOT) else 'power_timeout']
    values = {'target_power_state': None}
    try:
        task.interface('power').set(task.node, target, seconds)
        state = states.POWER_RESULT[target]
    except errors.Stale:
        raise                                   # it is another's by now, or is found as what a dead conductor left
    except Exception as error:
        log.warning('Node %s: %s failed: %s', task.uuid, target, error)
        reason = error.explain() if isinstance(error, errors.IngotError) else f'internal error {type(error).__name__}.'
        values['last_error'] = f'Power action "{target}" failed: {reason}'
        state = _present(task)
    task.note_power(state, **values)
    task.release()


def _present(task):
    try:
        return task.interface('power').state(task.node)
    except Exception:
        return None


def check_access(task):
    """The driver has what it needs to reach the BMC; nothing is sent."""
    task.validate('power', 'management')


def read_power(task):
    """The BMC lets us in: whether the machine is on."""
    task.note_power(task.interface('power').state(task.node))


def read_parts(task):
    """Who the BMC says it is, kept in driver_internal_info/bmc, and what else it tells of the machine."""
    info = task.interface('management').bmc_info(task.node)
    task.note(lambda row: {'driver_internal_info': row['driver_internal_info'] | {'bmc': info}})
    parts.read(task)


VERIFY = (
    Step('check access data', check_access),
    Step('read power state',  read_power,   is_quiet=True),
    Step('read parts',        read_parts,   is_quiet=True),
)

ADOPT = (
    Step('check access data', check_access),
    Step('read power state',  read_power,   is_quiet=True),
)
