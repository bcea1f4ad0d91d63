"""What a ramdisk of Ironic's kind sends: look-ups, heartbeats, the result of an inspection."""

from wsme import types

from ingot import errors
from ingot.api.types import scalar


class LookupQuery(types.Base):
    addresses = types.wsattr(scalar.Words())
    node_uuid = types.wsattr(scalar.Uuid())


class InspectionQuery(types.Base):
    node_uuid = types.wsattr(scalar.Uuid())


class Heartbeat(types.Base):
    callback_url = types.wsattr(scalar.Text(2048, pattern=r'|https?://[^\s/]+(/\S*)?', is_nullable=False), mandatory=True)
    agent_version = types.wsattr(scalar.Text(64))
    agent_token = types.wsattr(scalar.Text())
    agent_verify_ca = types.wsattr(scalar.Text(65536))
    agent_status = types.wsattr(scalar.Choice('start', 'end', 'error'))
    agent_status_message = types.wsattr(scalar.Text(4096))


def inspection(given):
    """(inventory, plugin data) from the body of continue_inspection; Invalid."""
    inventory = given.get('inventory') if isinstance(given, dict) else None
    if not isinstance(inventory, dict):
        raise errors.Invalid('The body must be an object with an inventory, which is an object too.')
    cards = inventory.get('interfaces')
    if not isinstance(cards, list) or not cards or not all(
            isinstance(card, dict) and isinstance(card.get('mac_address'), str) for card in cards):
        raise errors.Invalid('inventory/interfaces must be a list of at least one object with a mac_address.')
    if not all(isinstance(inventory.get(name), str | None) for name in ('bmc_address', 'bmc_v6address')):
        raise errors.Invalid('inventory/bmc_address and bmc_v6address must be strings, or null.')
    return inventory, {name: value for name, value in given.items() if name != 'inventory'}


def macs(texts):
    """Those of ``texts`` that are MAC addresses, as they are stored; ramdisks also tell of cards that have none."""
    known = scalar.Mac()
    found = []
    for text in texts:
        try:
            found.append(known.check(text))
        except ValueError:
            continue
    return found
