"""That the checks of the documents can fail, and that what is right passes."""

import re
import unittest

import links
import markdown
import site_pages as site
import words

TEXT = """# The first heading

A [good](README.md) and a [dead](nowhere.md) link, one [to a heading](#the-first-heading),
one [to none](#the-second-heading), `[one](in-code.md)`, [one that leads
on](README.md#no-such-heading) in two lines, and [one elsewhere](https://example.com/x).

```text
[not a link](nowhere.md)
# no heading
```

<!-- [not either](nowhere.md) -->
![a picture](nowhere.png)
"""


class Links(unittest.TestCase):
    def test_dead_ones_are_named_and_no_others(self):
        found = [it.split(": ")[:2] for it in links.dead_links(markdown.ROOT / "X.md", TEXT)]
        # The document itself is not there, so its own headings are asked of the text.
        self.assertEqual(
            [target for _, target in found],
            ["nowhere.md", "#the-second-heading", "README.md#no-such-heading", "nowhere.png"],
        )
        self.assertEqual([where for where, _ in found], ["X.md:3", "X.md:4", "X.md:5", "X.md:13"])

    def test_headings_are_named_as_github_names_them(self):
        text = "# A `code` & *more*, (1.5)\n## Same\n## Same\n### [Linked](x.md) one\n"
        self.assertEqual(markdown.anchors(text), {"a-code--more-15", "same", "same-1", "linked-one"})


class Words(unittest.TestCase):
    rules = [words.Rule(re.compile(r"\bputs back\b", re.I), "release", frozenset(["quotes.md"]))]

    def unwanted(self, text, name="a.md"):
        return list(words.unwanted_words(name, text, self.rules))

    def test_an_unwanted_word_is_named_with_its_line_and_the_better_one(self):
        text = "Fine.\n\nA consumer puts\nback the batch."
        self.assertEqual(self.unwanted(text), ["a.md:3: “puts back”; say: release"])

    def test_code_targets_and_documents_that_quote_it_may_have_it(self):
        self.assertEqual(self.unwanted("`puts back`\n\n```\nputs back\n```\n<!-- puts back -->"), [])
        self.assertEqual(self.unwanted("It puts back.", "quotes.md"), [])


class Site(unittest.TestCase):
    def test_of_a_link_to_a_folder_the_words_are_left(self):
        document = markdown.ROOT / "README.md"
        text = "See [the\nfolder](docs), [deploy](deploy/) and [a page](SECURITY.md)."
        known = {markdown.ROOT / "deploy/README.md", markdown.ROOT / "SECURITY.md"}
        self.assertEqual(
            site.with_links_to_pages(document, text, known),
            "See the\nfolder, [deploy](deploy/README.md) and [a page](SECURITY.md).",
        )

    def test_a_document_that_the_summary_lacks_is_named(self):
        chapters = site.chapters()
        self.assertEqual(site.left_out(chapters), [])
        self.assertEqual(site.left_out([it for it in chapters if it.name != "sizing.md"]), ["sizing.md"])

    def test_a_link_to_a_document_that_is_no_page_is_refused(self):
        with self.assertRaises(SystemExit):
            site.with_links_to_pages(markdown.ROOT / "README.md", "[it](SECURITY.md)", set())


if __name__ == "__main__":
    unittest.main()
