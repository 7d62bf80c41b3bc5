//! Pages with a part that is made from the sources, so that page and code cannot part.
//!
//! Renew them with `RENEW_DOCS=1 cargo test -p end-to-end --test architecture`.

use std::{fs, path::PathBuf};

use syn::{Attribute, Expr, Lit, Meta};

/// Holds what stands between two lines of a page against what was found, or writes it there.
pub(crate) fn hold(page: &str, (begin, end): (&str, &str), found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (written, after) = rest.split_once(end).unwrap();

    #[expect(clippy::disallowed_methods, reason = "it is a setting of this test")]
    if std::env::var("RENEW_DOCS").is_ok() {
        return fs::write(path, format!("{before}{begin}{found}{end}{after}")).unwrap();
    }
    assert!(
        written == found,
        "docs/{page} is not what the programs say; renew it: RENEW_DOCS=1 cargo test -p end-to-end \
         --test architecture"
    );
}

/// The paragraphs of a comment, each in one line, as a cell of a table.
pub(crate) fn paragraphs(attributes: &[Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(text) => match &text.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    let paragraphs = lines.split(String::is_empty).map(|lines| lines.join(" "));
    paragraphs.filter(|text| !text.is_empty()).map(|text| text.replace('|', "\\|")).collect()
}
