"""A page for people, as a browser would take it apart."""

from html.parser import HTMLParser


class Markup(HTMLParser):
    """Which tags a page has beside its own script, what hangs on them, and all its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.commands: list[str] = []  # the text of each <pre>
        self._in_commands = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "script" or not (dict(attrs).get("src") or "").startswith("/page.js?"):
            self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.ids |= {value for name, value in attrs if name == "id" and value}
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag == "pre":
            self._in_commands = True
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_commands = self._in_commands and tag != "pre"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_commands:
            self.commands[-1] += data

    @property
    def own_links(self) -> set[str]:
        """Those that stay with the daemon."""
        return {link for link in self.links if link.startswith("/")}
