"""BIOS settings and firmware versions: read from the machine, and remembered for those who ask the API."""

import logging

from ingot import errors
from ingot.db.bios import SETTINGS
from ingot.db.firmware import COMPONENTS

log = logging.getLogger(__name__)
#: {interface kind: (its method, where the answer is kept)}
KEPT = {'bios': ('settings', SETTINGS), 'firmware': ('components', COMPONENTS)}


def read(task):
    """Remember what the machine's BIOS and firmware are now; what cannot be read stays as it was, and the log says why."""
    for kind in KEPT:
        try:
            read_one(task, kind)
        except errors.HardwareFailure as error:
            log.warning('Node %s: %s cannot be read: %s', task.uuid, kind, error)
    task.save()


def read_one(task, kind):
    """Note what the interface ``kind`` tells of the machine now; nothing when the driver has none that could tell."""
    method, kept = KEPT[kind]
    has_kind = kind in task.drivers.of(task.node).interfaces
    tell = getattr(task.interface(kind), method, None) if has_kind else None
    if tell is not None:
        task.note(writes=kept.writing(task.database, task.node['id'], tell(task.node)))
