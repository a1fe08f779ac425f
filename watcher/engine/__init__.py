"""From one look to the board: ask, judge, debounce, publish."""
