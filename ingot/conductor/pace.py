"""How many BMCs are asked at once: more while answers come in time, fewer when many do not. Pure: no clock, no I/O."""

LEAST, MOST = 64, 256
#: Shares, among as many outcomes as are asked at once, from which on fewer are asked: of answers that come late (the network or
#: this process has too much to do), and of BMCs that say nothing at all (a segment of the network is gone).
MANY_LATE, MANY_SILENT = 0.2, 0.5
_SHORTEST, _LONGEST = 0.25, 2.0      # seconds


class Pace:
    """``window`` BMCs may be asked at once; one that has not answered after ``patience`` seconds makes room for the next.

    So those that are slow or silent delay the others by little, however long they are waited for.
    """

    def __init__(self):
        self.window = float(LEAST)
        self._usual = 0.05        # seconds that an answer takes, on the average
        self._forget()

    @property
    def patience(self):
        return min(max(4 * self._usual, _SHORTEST), _LONGEST)

    def prompt(self, seconds):
        """An answer came in time."""
        self._usual += (seconds - self._usual) / 16
        self.window = min(self.window + 8 / self.window, MOST)
        self._prompt += 1
        self._judge()

    def late(self):
        """An answer came after it had made room."""
        self._late += 1
        self._judge()

    def silent(self):
        """A BMC that answered until now said nothing."""
        self._silent += 1
        self._judge()

    def _judge(self):
        outcomes = self._prompt + self._late + self._silent
        if outcomes >= self.window:
            if self._late > MANY_LATE * outcomes or self._silent > MANY_SILENT * outcomes:
                self.window = max(self.window * 0.7, LEAST)
            self._forget()

    def _forget(self):
        self._prompt = self._late = self._silent = 0
