"""What boards can give: asked once for all boards that no entry of a request can tell apart."""

from ingot.scheduler import assign, mask


class Fit:
    """Answers of ``assign`` for the boards of a site; entries are request.Devices."""

    def __init__(self, site):
        self.site, self._answers, self._masks, self._flavors = site, {}, {}, {}

    def mask(self, entries):
        """The nodes of the site, taken or not, whose boards can give these entries, as an int."""
        if entries not in self._masks:
            boards = (each for each in self.site.boards.boards.values() if self.answer(each, entries))
            self._masks[entries] = mask.of((number for each in boards for number in each.nodes), len(self.site.nodes))
        return self._masks[entries]

    def answer(self, board, entries):
        """The assign.Answer of a board for these entries, or None."""
        if len(board.kinds) < sum(entry.count for entry in entries):
            return None
        flavors = self.flavors(board)
        wanted = self._wanted(entries)
        members = tuple(tuple(bool(bits & every) for bits in flavors) for every in wanted)
        key = entries, members, tuple(bits.bit_count() for bits in flavors), tuple(kind.numa for kind in board.kinds), board.shape
        if key not in self._answers:
            self._answers[key] = assign.assign(board.shape, key[3], [
                assign.Entry(sum(1 << place for place, is_one in enumerate(row) if is_one), entry.count, entry.is_near)
                for row, entry in zip(members, entries, strict=True)], key[2])
        return self._answers[key]

    def flavors(self, board):
        """For each device of a board the bits of the flavors that mean it."""
        if (found := self._flavors.get(id(board))) is None:
            found = self._flavors[id(board)] = self.site.flavors_of(board)
        return found

    def worth(self, board):
        """What the devices of a board are worth: for each how many flavors mean it."""
        return sum(bits.bit_count() for bits in self.flavors(board))

    def _wanted(self, entries):
        return [self.site.bits(entry.flavors) for entry in entries]
