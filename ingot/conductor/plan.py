"""What the machine is told: the plan of docs/agent-protocol.md, and the words on its kernel line; pure."""

import secrets

from ingot import config, errors
from ingot.drivers import base

INVENTORY = {'action': 'inventory'}
ERASE = {'action': 'erase metadata', 'root_device': None}
#: (interface, step) of a manual cleaning -> the action that the agent has for it.
CLEAN_STEPS = {('deploy', 'erase_devices_metadata'): ERASE}


def build(node, operation, seconds, actions):
    """The whole plan; ``seconds`` is the machine's deadline, counted from its hello."""
    return {'version': 1, 'operation': operation['uuid'], 'node': node['uuid'], 'deadline': int(seconds),
            'actions': actions, 'then': 'power off'}


def write_actions(node, image, export, configdrive):
    """The actions of a deployment; without an image (a driver that needs none) only the config drive is written."""
    actions = []
    if image is not None and export is not None:
        manifest = image.manifest
        actions.append({'action': 'write image', 'root_device': root_device(node), 'target': export._asdict(),
                        'image': {'size': manifest.size, 'chunk_size': manifest.chunk_size,
                                  'extents': [list(extent) for extent in manifest.extents],
                                  'chunks': list(manifest.chunks)}})
        if configdrive:
            actions.append({'action': 'write configdrive', 'iso': configdrive})
    return actions


def clean_actions(steps):
    """The actions of a cleaning: of ``steps`` (of the request), or of automated cleaning when there are none.

    Invalid names a step that no agent of ours has.
    """
    if steps is None:
        return [INVENTORY, ERASE]
    return [INVENTORY, *map(_clean_action, steps)]


def _clean_action(step):
    name = (step.get('interface'), step.get('step'))
    if name not in CLEAN_STEPS:
        possible = ', '.join('.'.join(one) for one in CLEAN_STEPS)
        raise errors.Invalid(f'There is no clean step {name[0]}.{name[1]}; possible: {possible}.')
    return CLEAN_STEPS[name]


def root_device(node):
    """The hints for the root disk, of the instance or else of the node."""
    return node['instance_info'].get('root_device') or node['properties'].get('root_device') or {}


def new_token():
    """43 URL-safe characters, 256 bits."""
    return secrets.token_urlsafe(32)


def boot_files(conf, node, operation, token):
    """What the machine netboots: the ramdisk, and on its kernel line where to call home and as whom.

    Words of the operator ([agent] kernel_append) are the boot interface's to add.
    """
    words = {'ingot.api': config.agent_url(conf), 'ingot.operation': operation['uuid'], 'ingot.token': token}
    return base.boot_files(node, conf, words)
