#!/usr/bin/env python3
"""The documents as a site, by mdBook. docs/SUMMARY.md says which, and in which order.

    site_pages.py MDBOOK FOLDER    writes FOLDER/html

Documents keep the places that they have in the repository, and with them their links to each other. What else they
link is copied beside them; a folder has no page, so of a link to one the words are left."""

import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import markdown

HERE = pathlib.Path(__file__).parent
SUMMARY = markdown.ROOT / "docs/SUMMARY.md"


def chapters():
    """The documents that the summary names."""
    targets = [it.target for it in markdown.links(SUMMARY.read_text())]
    return [(SUMMARY.parent / target).resolve() for target in targets]


def left_out(known):
    """Documents of docs/ that are no chapter, so that no reader of the site finds them."""
    return sorted(it.name for it in SUMMARY.parent.glob("*.md") if it != SUMMARY and it not in known)


def lay_out(folder):
    """Puts the sources of the site into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "src"
    source.mkdir(parents=True)
    for file in ("book.toml", "site.css"):
        shutil.copy(HERE / file, folder)
    known = chapters()
    if left_out(known):
        sys.exit(f"docs/SUMMARY.md lacks {', '.join(left_out(known))}")
    for document in known:
        text = with_links_to_pages(document, document.read_text(), set(known))
        place(source, document).write_text(text)
        for link in markdown.links(text):
            target = target_of(document, link.target)
            if target and target.is_file() and target not in known:
                shutil.copy(target, place(source, target))
    summary = SUMMARY.read_text()
    # Its place is the top of the site.
    summary = re.sub(r"\]\(((?:\.\./)?)([^)]+)\)", lambda it: f"]({'' if it[1] else 'docs/'}{it[2]})", summary)
    (source / "SUMMARY.md").write_text(summary)


def place(source, file):
    to = source / file.relative_to(markdown.ROOT)
    to.parent.mkdir(parents=True, exist_ok=True)
    return to


def target_of(document, target):
    """The file or folder that a link leads to, or nothing if it leads elsewhere."""
    path = urllib.parse.unquote(target.partition("#")[0])
    if not path or markdown.Link(0, target).is_elsewhere:
        return None
    return (document.parent / path).resolve()


def with_links_to_pages(document, text, known):
    def changed(found):
        words, target = found.groups()
        it = target_of(document, target)
        if it and it.is_dir():
            readme = it / "README.md"
            return f"[{words}]({target.rstrip('/')}/README.md)" if readme in known else words
        if it and it.suffix == ".md" and it not in known:
            sys.exit(f"{document.relative_to(markdown.ROOT)} links {target}, which docs/SUMMARY.md lacks")
        return found.group()

    return re.sub(r"(?<!!)\[((?:[^\[\]]|\n)*)\]\(([^)\s]+)\)", changed, text)


class Page(html.parser.HTMLParser):
    """What a page links, and what in it can be linked."""

    def __init__(self, file):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif (tag, name) in {("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")}:
                self.links.append(value or "")


def dead_links(site):
    """Yields a sentence for each link of a page to what the site has not."""
    pages = {file: Page(file) for file in sorted(site.rglob("*.html"))}
    for file, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            path, _, name = link.partition("#")
            target = (file.parent / urllib.parse.unquote(path)).resolve() if path else file
            if not target.exists():
                yield f"{file.relative_to(site)}: {link}: the site has no such file"
            elif name and target in pages and urllib.parse.unquote(name) not in pages[target].ids:
                yield f"{file.relative_to(site)}: {link}: the page has no such heading"


def main(mdbook, folder):
    folder = pathlib.Path(folder).resolve()
    lay_out(folder)
    built = subprocess.run([mdbook, "build", folder], capture_output=True, text=True)
    said = built.stdout + built.stderr
    complaints = [it for it in said.splitlines() if re.search(r"\b(WARN|ERROR)\b", it)]
    if built.returncode or complaints:
        sys.exit(f"mdbook: {said if built.returncode else chr(10).join(complaints)}")
    dead = list(dead_links(folder / "html"))
    if dead:
        sys.exit("\n".join(dead))
    print(f"{len(chapters())} pages: {folder}/html/index.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
