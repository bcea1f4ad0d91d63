"""Before anything is written: every PCI device that was promised to the instance is there, with the link that was promised."""

from ..errors import AgentError

NAME = 'verify devices'
_REMEDY = 'Reseat or replace it, then inspect the node. Nothing was written to the disk.'


def run(action, job):
    """``devices``: [{address, vendor_id, product_id, link_width, link_speed, parent}], null for what was not promised."""
    check(action['devices'], lambda address: look(job.machine, address), job.log)
    return {}


def check(devices, find, log):
    """AgentError devices-differ, with ``devices`` [{address, problem, promised, found}], unless all are as promised.

    :param find: address -> {vendor_id, product_id, link_width, link_speed, max_vfs} of what is there, or None.
    """
    found = [(device, find(device['address'])) for device in devices]
    breaches = [breach for device, there in found if (breach := differ(device, there, find))]
    if breaches:
        raise AgentError('devices-differ', ' '.join(map(sentence, breaches)), _REMEDY, devices=breaches)
    for device, there in found:
        if there and is_slower(device, there):       # no breach: links of idle devices slow down to save power
            log(f'PCI device {device["address"]}: its link runs at {there["link_speed"]:g} GT/s now, {device["link_speed"]:g} '
                'were seen by inspection')


def differ(device, there, find):
    """What is wrong with one device: {address, problem, promised, found}, or None."""
    breach = {'address': device['address'], 'promised': ids(device)}
    if there is None:
        if device.get('parent') and (find(device['parent']) or {}).get('max_vfs'):
            return None                              # a VF: there when the driver of its PF has made it
        return {**breach, 'problem': 'missing', 'found': None}
    if ids(there) != ids(device):
        return {**breach, 'problem': 'another', 'found': ids(there)}
    if (there['link_width'] or 0) < (device.get('link_width') or 0):
        return {**breach, 'problem': 'narrow', 'promised': device['link_width'], 'found': there['link_width'] or 0}
    return None


def ids(device):
    return f'{device["vendor_id"]}:{device["product_id"]}'


def sentence(breach):
    """A breach as a person would say it."""
    return _WORDS[breach['problem']].format(**breach)


_WORDS = {'missing': 'PCI device {address}: {promised} was promised, nothing is there.',
          'another': 'PCI device {address}: {promised} was promised, {found} is there.',
          'narrow': 'PCI device {address}: a link of {promised} lanes was promised, {found} are up.'}


def is_slower(device, there):
    return bool(there['link_speed']) and there['link_speed'] < (device.get('link_speed') or 0)


def look(machine, address):
    """What is at ``address``, from sysfs (Linux ABI/testing/sysfs-bus-pci), or None."""
    place = 'bus/pci/devices', address
    if not machine.names(*place):
        return None
    speed = (machine.read(*place, 'current_link_speed') or '').partition(' ')[0]      # '8.0 GT/s PCIe', or 'Unknown'
    return {**{name: (machine.read(*place, file) or '').removeprefix('0x')
               for name, file in (('vendor_id', 'vendor'), ('product_id', 'device'))},
            'link_width': machine.number(*place, 'current_link_width'),
            'link_speed': float(speed) if speed.replace('.', '', 1).isdigit() else None,
            'max_vfs': machine.number(*place, 'sriov_totalvfs')}
