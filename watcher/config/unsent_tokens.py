"""Is there a token that would not be sent where the config seems to want it?"""

from probes import AnySourceKind, load_sources
from watcher.config.errors import Mistakes
from watcher.config.sections import Sections


def refuse_unsent_tokens(config: Sections, mistakes: Mistakes) -> None:
    """A token goes over https only, and to discovered targets only where they are named: say so before it is missed."""
    for kind in load_sources():
        settings = getattr(config.sources, kind.name)
        if getattr(settings, "bearer_token_file", None) is not None:
            _refuse_unsent(kind, config, mistakes, named=bool(settings.bearer_token_for))
        elif getattr(settings, "bearer_token_for", ()):
            mistakes.add(("sources", kind.name, "bearer_token_for"), "requires bearer_token_file")


def _refuse_unsent(kind: AnySourceKind, config: Sections, mistakes: Mistakes, *, named: bool) -> None:
    urls = [getattr(target, kind.endpoint) for target in config.discovery.static]
    file = f"sources.{kind.name}.bearer_token_file"
    for index, url in enumerate(urls):
        if url is not None and not url.startswith("https:"):
            place = ("discovery", "static", index, kind.endpoint)
            mistakes.add(place, f"expected an https URL beside {file}: a token is sent over verified TLS only")
    if not named and not any(urls):
        sentence = (
            f"this token is sent to nobody: no static target has {kind.endpoint}, "
            "and bearer_token_for names no target that discovery finds"
        )
        mistakes.add(("sources", kind.name, "bearer_token_file"), sentence)
