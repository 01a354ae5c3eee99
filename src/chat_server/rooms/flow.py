"""What is measured of the rooms' turns, of all rooms together. Never knows what happens in them."""

from chat_server.metrics import NUMBERS, Histogram


class Flow:
    """Histograms of the turns of all rooms together."""

    def __init__(self) -> None:
        """There has been none."""
        self.shown = Histogram()
        """Seconds from the first to the last who was shown what a turn had for them."""
        self.entries = Histogram(NUMBERS)
        """Entries that had waited in a room's inbox, and were taken out together."""
