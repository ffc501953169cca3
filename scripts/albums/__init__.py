"""Albums whose dates, places and cameras are invented, and questions about them with answers."""
