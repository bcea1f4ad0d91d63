"""Deployment, rebuild and deletion of an instance, each on one screen."""

import functools

from ingot import errors
from ingot.conductor import clean, plan, promise, ramdisk, steps
from ingot.conductor.flow import Step
from ingot.conductor.ramdisk import mint_token, power_off, publish_ramdisk, start_ramdisk, withdraw_boot
from ingot.db import allocation as allocations
from ingot.db import operation as operations


def check_traits(node):
    """InvalidParameter unless the node has the traits that its instance wants, a list of strings."""
    wanted = node['instance_info'].get('traits') or []
    if not isinstance(wanted, list) or not all(isinstance(trait, str) for trait in wanted):
        raise errors.InvalidParameter(f'Node {node["uuid"]}: instance_info/traits must be a list of strings.')
    missing = sorted(set(wanted) - set(node['traits']))
    if missing:
        raise errors.InvalidParameter(f'Node {node["uuid"]} lacks traits of instance_info/traits: {", ".join(missing)}.',
                                      remedy='Choose another node, or give it the traits if they are true of it.')


def validate(task):
    """Everything that a deployment needs is there; nothing is touched."""
    ramdisk.validate(task)
    task.validate('deploy')
    promise.check(task)


def fetch_image(task):
    """The image is in the cache, and held for this operation."""
    image = task.interface('deploy').fetch(task.node, task.operation['uuid'])
    if image is not None:
        task.note(image_path=image.path, image_checksum=image.checksum)


def fetch_seconds(conf):
    """A download and a conversion may follow each other."""
    return conf.images.download_timeout + conf.images.convert_timeout + conf.conductor.step_timeout


def release_image(task):
    task.interface('deploy').release(task.node, task.operation['uuid'])


def export_image(task):
    """A read-only LUN with a CHAP secret of this operation; the plan that names them is stored with it."""
    deploy, uuid = task.interface('deploy'), task.operation['uuid']
    image = deploy.fetch(task.node, uuid)          # held already: this looks it up
    export = None if image is None else deploy.export(task.node, uuid, image)
    actions = [*promise.actions(task), *plan.write_actions(task.node, image, export, task.operation['configdrive'])]
    task.note(plan=plan.build(task.node, task.operation, task.patience, actions),
              export_iqn=export and export.iqn)


def publish(task):
    """As ``ramdisk.publish_ramdisk``; the export that the machine is to read comes with it when another conductor had made it."""
    operation = task.operation
    if operation['export_iqn'] and not task.interface('deploy').has_export(task.node, operation['uuid']):
        fetch_image(task)
        export_image(task)
    publish_ramdisk(task)


def start(task):
    start_ramdisk(task, publish)


def await_machine(task):
    """As of every ramdisk; devices that it did not find as they were promised are failed before the deployment is."""
    try:
        return ramdisk.await_machine(task)
    except errors.MachineFailed:
        promise.settle(task)
        raise


def withdraw_export(task):
    task.interface('deploy').withdraw(task.node, task.operation['uuid'])


def put_away(task):
    """What the machine needed of us is gone: boot record, export, hold on the image."""
    withdraw_boot(task)
    withdraw_export(task)
    release_image(task)


def start_instance(task):
    """Boot the system from the disk, now and from now on."""
    ramdisk.boot_from(task, 'disk', is_persistent=True)
    promise.put_to_use(task)


DEPLOY = (
    Step('validate',         validate),
    Step('fetch image',      fetch_image,      undo=release_image, seconds=fetch_seconds),
    Step('export image',     export_image,     undo=withdraw_export, is_quiet=True),      # read-only LUN, CHAP of this deployment
    # The boot record for its MACs, with a one-time token: not quiet, for it takes the place of whosoever's before.
    Step('publish ramdisk',  publish,          undo=withdraw_boot, prepare=mint_token, seconds=fetch_seconds),
    Step('start ramdisk',    start,            undo=power_off, seconds=fetch_seconds),
    Step('await machine',    await_machine),                             # WAIT: the agent works alone, then reports
    Step('withdraw export',  put_away,         is_quiet=True),
    Step('start instance',   start_instance),
)


#: Steps of a higher priority come before the image is written, the others after it; none is started at priority 0.
_WRITE_PRIORITY = 80


def with_steps(operation):
    """The steps of a deployment with those that its templates or its request add."""
    chosen = operation['arguments'].get('steps') or []
    before = [step for step in chosen if step['priority'] > _WRITE_PRIORITY]
    after = [step for step in chosen if 0 < step['priority'] <= _WRITE_PRIORITY]
    return (DEPLOY[0], *steps.build('deploy', before), *DEPLOY[1:-1], *steps.build('deploy', after, len(before) + 1), DEPLOY[-1])


def withdraw_deployment(task):
    """What an operation that this one ended had put out is gone: before anything that needs the BMC, which may be dead."""
    withdraw_boot(task)
    ended = task.operation['arguments'].get('ended')
    if ended:
        task.interface('deploy').withdraw(task.node, ended)
        task.interface('deploy').release(task.node, ended)


#: What a node has of its instance.
_NO_INSTANCE = {'instance_info': {}, 'instance_uuid': None, 'instance_name': None, 'allocation_uuid': None}


def forget_instance(task):
    """Nothing of the instance is left in the row; from here on the node is cleaned."""
    if task.node['provision_state'] == 'deleting':
        task.move('clean', _NO_INSTANCE, **_forgetting(task))


def withdraw(task):
    """As ``forget_instance``, of a deployment that is queued: nothing was done that could be undone or cleaned."""
    task.withdraw(_NO_INSTANCE, **_forgetting(task))


def _forgetting(task):
    """What is written together with the end of an instance, as the arguments of ``note``. Most nodes have no allocation."""
    has_allocation = task.node['allocation_uuid']
    return {'writes': [operations.forgetting_configdrives(task.node)],
            'also': functools.partial(allocations.free, node_id=task.node['id']) if has_allocation else None}


TEAR_DOWN = (
    Step('withdraw deployment', withdraw_deployment),
    Step('stop instance',       power_off),                              # hard: what it writes is of no worth any more
    Step('forget instance',     forget_instance, is_quiet=True),
)
DELETE = TEAR_DOWN + clean.CLEAN
DELETE_ONLY = TEAR_DOWN + clean.SKIP
