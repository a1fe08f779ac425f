"""Who else knows something of agents for the checklist: where it is asked, and how it lets the watcher in."""
