"""What comes of a sweep, and the switch that stops them all."""
