"""What creating and patching have in common: version checks, validated changes, answers with their ETag."""

from ingot import errors
from ingot.api import patch, versions
from ingot.api.expose import Answer
from ingot.api.types import document


def shown(call, view, row, **more):
    """The answer that shows one row."""
    return Answer(view.render([row], call)[0], ETag=f'"{row[-1]}"', **more)


def created(call, noun, view, row):
    """The answer to a POST: the row, and where it is from now on."""
    return shown(call, view, row, Location=f'{call.base}/v1/{noun.path}/{row[-2]}')


def check(operations, cls, noun, fixed, minor):
    """Refuse a patch that touches what clients cannot change (``fixed`` too), or do not know yet."""
    roots, known = patch.roots(operations), document.attributes(cls)
    refused = [name for name in roots if name not in known or name in fixed]
    if refused:
        raise errors.PatchRefused(f'A {noun.name} has nothing to change at /{", /".join(refused)[:200]}.')
    versions.require('Field', versions.FIELDS[noun.name], roots, minor)
    gone = [path[0] for _, path, value in operations if len(path) == 1 and value is None]
    versions.require('Removing', versions.REMOVALS.get(noun.name, {}), gone, minor)


def changes(operations, cls, current, defaults=None):
    """{attribute: new value}, validated, of what the patch makes different in ``current``.

    :param defaults: {attribute: value} where removing one does not leave null.
    """
    attributes = document.attributes(cls)
    after = patch.apply(operations, {name: current[name] for name in attributes if name in current})
    after = {name: (defaults or {}).get(name) if value is patch.GONE else value for name, value in after.items()}
    lacking = [name for name, value in after.items() if value is None and attributes[name].mandatory]
    if lacking:
        raise errors.PatchRefused(f'{", ".join(lacking)} cannot be removed.')
    after = {name: document.value(attributes[name], value, name, errors.PatchRefused) for name, value in after.items()}
    return {name: value for name, value in after.items() if value != current[name]}
