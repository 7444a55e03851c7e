"""How a store of an older Vacate becomes one of this Vacate: one file a step in `versions`, never changed later."""
