//! The page that lists all messages: it is made from the sources, so that page and code cannot part.
//!
//! Renew it with `RENEW_DOCS=1 cargo test -p end-to-end --test architecture -- messages`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use salesforce::{Flow, SignInAdvice};
use syn::{
    Attribute, Expr, Fields, Item, Lit, Meta, Token, Variant, parse::Parser, punctuated::Punctuated,
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
const BEGIN: &str = "<!-- The tables are made by a test: see crates/end-to-end/tests/architecture/messages.rs. -->\n";
const END: &str = "<!-- End of the tables. -->\n";

/// What a reader looks for, and the crates that say it.
const TOPICS: &[(&str, &[&str])] = &[
    ("Salesforce", &["salesforce", "consumer"]),
    ("The file", &["ingest-core"]),
    ("Azure Blob Storage", &["blob-store", "entra", "generate-upload"]),
    ("Redis and runs", &["job-queue"]),
    ("Loads and fields", &["load"]),
    ("Commands, the server and certificates", &["producer", "service", "tls", "batch-sync"]),
];

#[test]
fn the_page_of_messages_has_each_that_the_programs_can_say() {
    let text = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();

    let found = sign_in_table() + &TOPICS.iter().map(topic).collect::<String>();

    #[expect(clippy::disallowed_methods, reason = "it is a setting of this test")]
    if std::env::var("RENEW_DOCS").is_ok() {
        return fs::write(PAGE, format!("{before}{BEGIN}{found}{END}{after}")).unwrap();
    }
    assert!(
        written == found,
        "docs/troubleshooting.md is not what the programs say; renew it: RENEW_DOCS=1 cargo test -p \
         end-to-end --test architecture -- messages"
    );
}

fn sign_in_table() -> String {
    let mut table = "\n## Signing in to Salesforce\n\n\
                     | salesforce gave no token: | description with | by | what to do |\n|---|---|---|---|\n"
        .to_owned();
    for advice in SignInAdvice::ALL {
        let by = match advice.flow {
            None => "",
            Some(Flow::ClientCredentials) => "client credentials",
            Some(Flow::JwtBearer) => "JWT bearer",
            Some(Flow::RefreshToken) => "refresh token",
            Some(Flow::Password) => "password",
            Some(_) => panic!("a way to sign in without words"),
        };
        let SignInAdvice { error, says, what_to_do, .. } = advice;
        writeln!(table, "| `{error}` | {says} | {by} | {what_to_do} |").unwrap();
    }
    writeln!(table, "| another | | | {} |", SignInAdvice::OTHERWISE).unwrap();
    table
}

fn topic((title, crates): &(&str, &[&str])) -> String {
    let mut messages = BTreeMap::new();
    for name in *crates {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        sources(&folder, &mut |file| {
            for item in syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items {
                read(&item, &mut messages);
            }
        });
    }
    let mut table = format!("\n## {title}\n\n| message | what it means |\n|---|---|\n");
    for (message, meaning) in messages {
        writeln!(table, "| {} | {} |", message.replace('|', "\\|"), meaning.replace('|', "\\|"))
            .unwrap();
    }
    table
}

fn sources(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path);
        }
    }
}

fn read(item: &Item, messages: &mut BTreeMap<String, String>) {
    match item {
        Item::Enum(item) => {
            for Variant { attrs, .. } in &item.variants {
                messages.extend(message(attrs).map(|message| (message, meaning(attrs))));
            }
        }
        Item::Struct(item) if !matches!(item.fields, Fields::Unit) || !item.attrs.is_empty() => {
            messages.extend(message(&item.attrs).map(|message| (message, meaning(&item.attrs))));
        }
        _ => {}
    }
}

/// The text of `#[error("…")]`, with the commands that it names and `…` for other values.
fn message(attributes: &[Attribute]) -> Option<String> {
    let list = attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("error") => Some(list),
        _ => None,
    })?;
    let parts = Punctuated::<Expr, Token![,]>::parse_terminated;
    let parts = parts.parse2(list.tokens.clone()).ok()?;
    let mut parts = parts.into_iter();
    let Expr::Lit(text) = parts.next()? else { return None };
    let Lit::Str(text) = text.lit else { return None };
    let mut values = parts.map(|value| command(&value));
    let mut shown = String::new();
    let mut rest = text.value();
    while let Some(at) = rest.find('{') {
        let (before, after) = (rest[..at].to_owned(), rest[at + 1..].to_owned());
        shown.push_str(&before);
        if let Some(after) = after.strip_prefix('{') {
            shown.push('{');
            rest = after.to_owned();
            continue;
        }
        let end = after.find('}').unwrap();
        match &after[..end] {
            "" => shown.push_str(&values.next().unwrap_or_else(|| "…".to_owned())),
            name if name.starts_with(|c: char| c.is_ascii_digit()) => shown.push('…'),
            name => write!(shown, "{{{}}}", name.split(':').next().unwrap()).unwrap(),
        }
        rest = after[end + 1..].to_owned();
    }
    shown.push_str(&rest.replace("}}", "}"));
    // A text that is all of another error says nothing here.
    let says_something = shown.chars().filter(|c| c.is_alphabetic()).count() > 8;
    says_something.then(|| format!("`` {} ``", shown.replace('\n', " ")))
}

/// What stands for a value: the commands of the product, as who installed it types them.
fn command(value: &Expr) -> String {
    let Expr::Call(call) = value else { return "…".to_owned() };
    let Expr::Path(path) = &*call.func else { return "…".to_owned() };
    match path.path.segments.last().unwrap().ident.to_string().as_str() {
        "producer" => "batch-sync".to_owned(),
        "consumer" => "batch-sync consume".to_owned(),
        "resume_command" => "batch-sync resume {run}".to_owned(),
        _ => "…".to_owned(),
    }
}

/// The comment, in one line.
fn meaning(attributes: &[Attribute]) -> String {
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
    lines.collect::<Vec<_>>().join(" ").replace('[', "").replace("](", " (").replace(']', "")
}
