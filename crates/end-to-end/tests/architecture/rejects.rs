//! The table of our own reject codes is made from their comments.

use std::fmt::Write;

use ingest_core::{RejectCode, may_be_done};
use syn::Item;

use super::pages::{hold, paragraphs};

const LINES: (&str, &str) = (
    "<!-- The table is made by a test: see crates/end-to-end/tests/architecture/rejects.rs. -->\n",
    "<!-- End of the table. -->\n",
);

const SOURCE: &str = include_str!("../../../ingest-core/src/reject_code.rs");

#[test]
fn the_page_of_rejects_has_each_of_our_codes() {
    let mut table =
        "\n| code | what happened | may be done | what to do |\n|---|---|---|---|\n".to_owned();
    let mut row = |code: &str, may_be_done: bool, comment: &[String]| {
        let [happened, to_do] = comment else {
            panic!("{code}: say in a paragraph what happened, and in another one what to do")
        };
        let may_be_done = if may_be_done { "**yes**" } else { "no" };
        writeln!(table, "| `{code}` | {happened} | {may_be_done} | {to_do} |").unwrap();
    };
    let mut http = Vec::new();
    for item in syn::parse_file(SOURCE).unwrap().items {
        match item {
            Item::Enum(codes) if codes.ident == "RejectCode" => {
                assert_eq!(codes.variants.len(), RejectCode::ALL.len());
                for (variant, code) in codes.variants.iter().zip(RejectCode::ALL) {
                    assert_eq!(variant.ident.to_string(), format!("{code:?}"), "in this order");
                    row(code.as_str(), code.may_be_done(), &paragraphs(&variant.attrs));
                }
            }
            Item::Fn(of_answers) if of_answers.sig.ident == "http_code" => {
                http = paragraphs(&of_answers.attrs);
            }
            _ => {}
        }
    }
    row("HTTP_…", may_be_done("HTTP_502"), &http);

    hold("rejects.md", LINES, &format!("{table}\n"));
}
