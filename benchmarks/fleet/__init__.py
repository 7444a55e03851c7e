"""What a fleet of components costs one service, over many links to a stand-in that answers as a real server did."""

from benchmarks.fleet.measuring import measure

__all__ = ["measure"]
