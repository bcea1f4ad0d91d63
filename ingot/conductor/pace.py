"""How many BMCs are asked at once: more while answers come in time, fewer when many do not. Pure: no clock, no I/O."""

LEAST, MOST = 32, 256
#: Share of late ones, among as many as are asked at once, from which on fewer are asked.
MANY = 0.2
_SHORTEST, _LONGEST = 0.25, 2.0      # seconds


class Pace:
    """``window`` BMCs may be asked at once; one that has not answered after ``patience`` seconds makes room for the next.

    So those that are silent delay the others by next to nothing, however long they are waited for.
    """

    def __init__(self):
        self.window = 64.0
        self._usual = 0.05        # seconds that an answer takes, on the average
        self._prompt = self._late = 0

    @property
    def patience(self):
        return min(max(4 * self._usual, _SHORTEST), _LONGEST)

    def answered(self, seconds):
        """An answer came in time."""
        self._usual += (seconds - self._usual) / 16
        self.window = min(self.window + 8 / self.window, MOST)
        self._prompt += 1
        self._judge()

    def late(self):
        """One that answered until now did not in time."""
        self._late += 1
        self._judge()

    def _judge(self):
        if self._prompt + self._late >= self.window:
            if self._late > MANY * (self._prompt + self._late):
                self.window = max(self.window * 0.7, LEAST)
            self._prompt = self._late = 0
