"""Counts visits."""
import collections

LIMIT = 100


def clamp(visits):
    # Never more than the limit.
    return min(visits, LIMIT)


@register("counter")
class Counter(Base):
    """Visits by page."""

    default = 0

    def __init__(self):
        self.visits = collections.Counter()

    @property
    def total(self) -> int:
        """All visits of all pages."""
        return sum(self.visits.values())

    async def record(self, page: str) -> int:
        self.visits[page] += 1
        return clamp(self.visits[page])


class TestCounter(unittest.TestCase):
    def test_total(self):
        assert Counter().total == 0
