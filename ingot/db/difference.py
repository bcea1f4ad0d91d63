"""What became of a list of things between two looks: added, removed, changed; pure."""


def difference(before, after, key, columns):
    """{'added', 'removed', 'changed'}: lists of dicts of ``columns``; {} when nothing changed.

    :param before: dicts by column. :param after: the same, of the later look. :param key: function of such a dict.
    An entry of "changed" is {'before': what differs, 'after': the same, and whatever ``key`` gives as 'what'}.
    """
    old, new = {key(one): one for one in before}, {key(one): one for one in after}
    told = {'added': [_brief(one, columns) for what, one in new.items() if what not in old],
            'removed': [_brief(one, columns) for what, one in old.items() if what not in new],
            'changed': [change for what in old.keys() & new.keys() if (change := changes(what, old[what], new[what], columns))]}
    told['changed'].sort(key=lambda change: change['what'])
    return {kind: entries for kind, entries in told.items() if entries}


def changes(what, before, after, columns):
    """The entry of ``what`` in "changed", or None when all of ``columns`` are equal."""
    names = [name for name in columns if before.get(name) != after.get(name)]
    return {'what': what, 'before': {name: before.get(name) for name in names},
            'after': {name: after.get(name) for name in names}} if names else None


def _brief(one, columns):
    return {name: one[name] for name in columns if one.get(name) is not None}
