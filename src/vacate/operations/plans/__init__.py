"""Plans: made, shown, applied, and settled where an application was cut off."""
