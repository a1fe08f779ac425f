"""How a rollout is shown: its record by the checklist's template, as Markdown and JSON, and its answer at a gate."""
