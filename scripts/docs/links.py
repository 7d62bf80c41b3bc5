#!/usr/bin/env python3
"""Sees to it that each link of a document to this repository leads somewhere: the file, and the heading in it.

Links to other sites are not followed: that would make a check depend on them."""

import sys
import urllib.parse

import markdown


def dead_links(document, text):
    """Yields a sentence for each."""
    for link in markdown.links(text):
        if link.is_elsewhere:
            continue
        path, _, name = link.target.partition("#")
        target = (document.parent / urllib.parse.unquote(path)).resolve() if path else document
        where = f"{document.relative_to(markdown.ROOT)}:{link.line}: {link.target}"
        if target != document and not target.exists():
            yield f"{where}: there is no such file"
        elif not target.is_relative_to(markdown.ROOT):
            yield f"{where}: leads out of the repository"
        elif name and target.suffix == ".md":
            known = markdown.anchors(text if target == document else target.read_text())
            if name not in known:
                yield f"{where}: {target.name} has no such heading"


def main():
    documents = markdown.documents()
    dead = [it for document in documents for it in dead_links(document, document.read_text())]
    for it in dead:
        print(it, file=sys.stderr)
    return 1 if dead or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
