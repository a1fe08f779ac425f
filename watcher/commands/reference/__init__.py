"""What the program says of itself: `explain`, `completion`, `man`, and the pages of docs/ that are made from code."""
