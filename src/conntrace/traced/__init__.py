"""All that runs inside the traced program. Notes facts; never thinks, waits or raises."""
