"""The documents of the repository: their headings, links and prose."""

import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^\s*(?:>\s*)?(```+|~~~+)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
# A label may hold a picture, which has a link of its own.
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$")
IN_HTML = re.compile(r"(?:href|src)=\"([^\"]+)\"")
CODE = re.compile(r"(`+)(?:(?!\1).|\1`+)*?\1(?!`)")
COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclasses.dataclass(frozen=True)
class Link:
    line: int
    target: str

    @property
    def is_elsewhere(self):
        """Whether it leads out of the repository."""
        return bool(re.match(r"[a-z][a-z0-9+.-]*:", self.target))


def documents():
    """All Markdown files that are, or are about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in sorted(set(listed)) if (ROOT / name).is_file()]


def lines(text):
    """Yields the number and text of each line outside of code blocks and comments."""
    text = COMMENT.sub(lambda it: "\n" * it.group().count("\n"), text)
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if fence is None and mark:
            fence = mark.group(1)
        elif fence is not None:
            if mark and mark.group(1).startswith(fence):
                fence = None
        else:
            yield number, line


def prose(text):
    """Yields the number of each line, and the line without code in it and without targets of links."""
    for number, line in lines(text):
        line = CODE.sub(lambda it: " " * len(it.group()), line)
        yield number, LINK.sub("]", line)


def links(text):
    for number, line in lines(text):
        bare = CODE.sub(lambda it: " " * len(it.group()), line)
        for pattern in (LINK, DEFINITION, IN_HTML):
            for found in pattern.finditer(bare):
                yield Link(number, found.group(1))


def anchors(text):
    """What can be written behind the # of a link to this text, by GitHub's rules."""
    seen, all_of_them = {}, set()
    for _, line in lines(text):
        heading = HEADING.match(line)
        if heading:
            name = anchor(heading.group(1))
            count = seen.get(name, 0)
            seen[name] = count + 1
            all_of_them.add(f"{name}-{count}" if count else name)
        all_of_them.update(re.findall(r"(?:id|name)=\"([^\"]+)\"", line))
    return all_of_them


def anchor(heading):
    heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = heading.replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
