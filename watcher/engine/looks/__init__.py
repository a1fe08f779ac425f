"""One look: the source is asked, what it saw is judged, what holds is shown."""
