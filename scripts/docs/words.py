#!/usr/bin/env python3
"""Sees to it that the documents use the words of words.toml: one word for one thing, and the field's word first."""

import dataclasses
import pathlib
import re
import sys
import tomllib

import markdown


@dataclasses.dataclass(frozen=True)
class Rule:
    words: re.Pattern
    say: str
    not_in: frozenset

    @classmethod
    def of(cls, entry):
        return cls(re.compile(entry["words"], re.I), entry["say"], frozenset(entry.get("not-in", [])))


def rules():
    path = pathlib.Path(__file__).with_name("words.toml")
    return [Rule.of(it) for it in tomllib.loads(path.read_text())["rule"]]


def unwanted_words(name, text, rules):
    """Yields a sentence for each word of the document `name` that a rule is against."""
    # A phrase may go on in the next line.
    prose = list(markdown.prose(text))
    joined = "\n".join(line for _, line in prose)
    flat = joined.replace("\n", " ")
    for rule in rules:
        if name in rule.not_in:
            continue
        for found in rule.words.finditer(flat):
            number = prose[joined.count("\n", 0, found.start())][0]
            yield f"{name}:{number}: “{found.group()}”; say: {rule.say}"


def main():
    known = rules()
    documents = markdown.documents()
    unwanted = []
    for document in documents:
        name = str(document.relative_to(markdown.ROOT))
        unwanted += unwanted_words(name, document.read_text(), known)
    names = {str(it.relative_to(markdown.ROOT)) for it in documents}
    for rule in known:
        unwanted += [f"words.toml: there is no document {it}" for it in sorted(rule.not_in - names)]
    for it in unwanted:
        print(it, file=sys.stderr)
    return 1 if unwanted or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
