"""The controls of the checklist as data, a file a section, typed and checked when they are loaded."""
