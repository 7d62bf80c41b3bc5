//! The page that lists all messages: it is made from the sources, so that page and code cannot part.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use salesforce::{Flow, SignInAdvice};
use syn::{
    Attribute, Expr, ExprCall, ExprMethodCall, Item, ItemMod, Lit, Macro, Meta, Token, Variant,
    parse::Parser,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::pages::{hold, paragraphs};

const LINES: (&str, &str) = (
    "<!-- The tables are made by a test: see crates/end-to-end/tests/architecture/messages.rs. -->\n",
    "<!-- End of the tables. -->\n",
);

/// What a reader looks for, and the crates that say it.
const TOPICS: &[(&str, &[&str])] = &[
    ("Salesforce", &["salesforce", "consumer"]),
    ("The file", &["ingest-core"]),
    ("Azure Blob Storage", &["blob-store", "entra", "generate-upload"]),
    ("Redis and runs", &["job-queue"]),
    ("Loads and fields", &["load"]),
    ("Commands, the server and certificates", &["producer", "service", "tls", "batch-sync"]),
];

/// Errors that are said within another message only, and what stands before them there.
const WITHIN: &[(&str, &str)] = &[
    ("IngestError", "{file}: "),
    ("JwtKeyError", "SALESFORCE_JWT_KEY_FILE: {file}: "),
    ("OutputError", "… of run {run} could not be written to {name}; …: "),
    ("UnreadableLoad", "the load of run {run} cannot be read; …: "),
];

/// What messages mean that are no errors with a comment, by what they begin with.
const SAID_INLINE: &[(&str, &str)] = &[
    ("--header is the line `sep=`", "Excel's `sep=` line was given in place of the header."),
    ("API_TOKEN has fewer than", "A short token can be guessed by whoever reaches the address."),
    ("CSV_ENCODING: ", "`CSV_ENCODING` is mistyped; names are those of the web."),
    ("CSV_ESCAPE must be", "Only these two ways to write a quote inside quotes are known."),
    (
        "HTTP_ALLOWED_HOSTS={name}",
        "Without a token, whoever reaches the server may start and cancel runs.",
    ),
    (
        "HTTP_LISTEN={listen}",
        "Without a token, whoever reaches the server may start and cancel runs.",
    ),
    ("QUEUE_DEPTH_LOW (", "Reading stops at the high mark and goes on at the low one."),
    ("a batch could not be looked at", "A fault in the program; report it with the log."),
    (
        "a record could not be deleted: ",
        "`org-check` could not remove its own record; delete it by hand.",
    ),
    (
        "could not find this program",
        "The system does not say where the program's own file is; start it by its path.",
    ),
    (
        "could not listen on {listen} (HTTP_LISTEN)",
        "Another program has the port, mostly a second server, or the address is none of this machine.",
    ),
    (
        "could not read the loads file",
        "`LOADS_FILE` names a file that is not there or that the program may not read.",
    ),
    (
        "could not start {name}",
        "A program of the demonstration cannot be executed; the cause says why.",
    ),
    ("could not write …", "The file or its folder cannot be written to: rights, or a full disk."),
    (
        "dates would be rejected or stored wrongly",
        "Dates of these columns contradict `MAPPING_DATES`. Set it as they are written; columns that fill no date do not matter.",
    ),
    (
        "records of the check are left in the org",
        "`org-check` could not remove what it had made; the cause says why.",
    ),
    (
        "run {run} has no ids file",
        "The load of the run did not ask for one, or no row is delivered yet.",
    ),
    ("run {run} has no rejects file", "No row was rejected, or none is written yet."),
    (
        "the last … of run {run} are in no file yet",
        "The run ended while its outputs could not be written; they are kept in Redis until the command writes them.",
    ),
    ("the user sees no object {OBJECT}", "`org-check` works with an object of its own."),
    (
        "the worker broke off",
        "A fault in the program; it is started again where something restarts it. Report it with the log.",
    ),
    (
        "there was no answer to …",
        "`org-check` asked Salesforce for something and got no answer; the cause says why.",
    ),
    (
        "… cannot be used ({why})",
        "The file of `--offline` is not one that `describe` saved, or of another version.",
    ),
    ("… exists already; name another file", "Nothing is overwritten unasked."),
    (
        "… was changed while it was read",
        "Another program still writes the file, and a part of it would be uploaded.",
    ),
    ("{error}; give --force to replace it", "Nothing is overwritten unasked."),
    (
        "{error}; give another one with --as",
        "Azure does not allow the name of the file as that of a blob.",
    ),
    (
        "{file} has no name that a blob can have",
        "The path has no last part, such as `..`, or is standard input.",
    ),
    (
        "{line} ended with {status}",
        "A step of the demonstration failed; what it said stands above.",
    ),
    (
        "{name} did not start",
        "A program of the demonstration did not become ready in time; what it said stands below.",
    ),
    (
        "{name} must be one ASCII character",
        "Delimiter and quote are single characters; write a tab as `tab` or as the character itself.",
    ),
    (
        "{path} is no regular file",
        "A pipe or a device has no size that an upload could be compared with.",
    ),
    (
        "batch-sync watch needs a terminal",
        "The output goes to a file or a pipe, or there is no terminal in the container.",
    ),
    ("a run of … would fail:", "`check` found that the load does not fit the org or the file."),
    (
        "{error}, and is not known",
        "Nothing is overwritten unasked. Blobs are compared that `upload` wrote, and no pipes.",
    ),
    ("… is empty, so nothing was uploaded", "Mostly an export failed, or its disk was full."),
];

#[test]
fn the_page_of_messages_has_each_that_the_programs_can_say() {
    let topics: Vec<_> = TOPICS.iter().map(|(title, crates)| (title, messages(crates))).collect();
    let of_errors: BTreeMap<_, _> = topics.iter().flat_map(|(_, messages)| messages).fold(
        BTreeMap::new(),
        |mut meanings, (message, meaning)| {
            meanings.entry(message).or_insert(None::<&String>);
            if let Some(meaning) = meaning {
                meanings.insert(message, Some(meaning));
            }
            meanings
        },
    );
    let (mut found, mut used, mut without_meaning) = (sign_in_table(), BTreeSet::new(), Vec::new());
    for (title, messages) in &topics {
        writeln!(found, "\n## {title}\n\n| message | what it means |\n|---|---|").unwrap();
        for message in messages.keys() {
            let inline = SAID_INLINE.iter().find(|(begin, _)| message.starts_with(begin));
            let meaning = match (of_errors[message], inline) {
                (Some(meaning), _) => meaning,
                (None, Some((begin, meaning))) => {
                    used.insert(*begin);
                    *meaning
                }
                (None, None) => {
                    without_meaning.push(message.as_str());
                    continue;
                }
            };
            let message = message.replace('|', "\\|").replace('\n', " ");
            writeln!(found, "| `` {message} `` | {meaning} |").unwrap();
        }
    }

    assert!(
        without_meaning.is_empty(),
        "say why it happens, in the comment of the error, or for a message of anyhow in SAID_INLINE:\n{}",
        without_meaning.join("\n")
    );
    let unused: Vec<_> = SAID_INLINE.iter().filter(|(begin, _)| !used.contains(begin)).collect();
    assert!(unused.is_empty(), "nothing says this any more: {unused:?}");
    hold("troubleshooting.md", LINES, &found);
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

/// The messages of these crates, each with what it means.
fn messages(crates: &[&str]) -> BTreeMap<String, Option<String>> {
    let mut messages = Messages::default();
    for name in crates {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        sources(&folder, &mut |file| {
            messages.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
        });
    }
    messages.0
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

/// What was found so far: messages of errors with their meaning, and those that are made on the spot.
#[derive(Default)]
struct Messages(BTreeMap<String, Option<String>>);

impl Messages {
    fn of_error(&mut self, name: &str, attributes: &[Attribute]) {
        let Some(message) = attributes.iter().find_map(|attribute| match &attribute.meta {
            Meta::List(list) if list.path.is_ident("error") => message(&list.tokens.to_string()),
            _ => None,
        }) else {
            return;
        };
        // It stands before others, each of which is shown whole.
        if WITHIN.iter().any(|(_, before)| message.strip_prefix(before) == Some("{problem}")) {
            return;
        }
        let before = WITHIN.iter().find(|(within, _)| *within == name).map_or("", |(_, said)| said);
        let meaning = paragraphs(attributes).join(" ");
        let meaning = Some(meaning).filter(|meaning| meaning.split(' ').count() > 3);
        // The same message may be said in two places.
        let known = self.0.entry(format!("{before}{message}")).or_default();
        *known = known.take().or(meaning);
    }

    fn inline(&mut self, arguments: &str) {
        if let Some(message) = message(arguments) {
            self.0.entry(message).or_default();
        }
    }

    /// A text, or what `format!` makes.
    fn inline_expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Lit(_) => self.inline(&quoted(expression)),
            Expr::Macro(call) if call.mac.path.is_ident("format") => {
                self.inline(&call.mac.tokens.to_string());
            }
            Expr::MethodCall(call) if call.method == "to_owned" => {
                self.inline_expression(&call.receiver);
            }
            Expr::Closure(closure) => self.inline_expression(&closure.body),
            Expr::Block(block) => match &block.block.stmts[..] {
                [syn::Stmt::Expr(only, None)] => self.inline_expression(only),
                [syn::Stmt::Macro(only)] if only.mac.path.is_ident("format") => {
                    self.inline(&only.mac.tokens.to_string());
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Messages {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Enum(item) => {
                for Variant { attrs, .. } in &item.variants {
                    self.of_error(&item.ident.to_string(), attrs);
                }
            }
            Item::Struct(item) => self.of_error(&item.ident.to_string(), &item.attrs),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        let name = call.path.segments.last().unwrap().ident.to_string();
        if ["bail", "anyhow"].contains(&name.as_str()) {
            self.inline(&call.tokens.to_string());
        }
    }

    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        if let (Expr::Path(path), Some(argument)) = (&*call.func, call.args.first())
            && path.path.is_ident("InvalidSetting")
        {
            self.inline_expression(argument);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if let (true, Some(argument)) =
            (["context", "with_context"].iter().any(|name| call.method == name), call.args.first())
        {
            self.inline_expression(argument);
        }
        visit::visit_expr_method_call(self, call);
    }
}

fn quoted(expression: &Expr) -> String {
    match expression {
        Expr::Lit(text) => match &text.lit {
            Lit::Str(text) => format!("{:?}", text.value()),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// The text that `format!` makes of these arguments, with the commands that it names and `…` for other
/// values. `None`: it has no words of its own.
fn message(arguments: &str) -> Option<String> {
    let (text, values) = (|input: syn::parse::ParseStream<'_>| {
        let text: syn::LitStr = input.parse()?;
        let rest: String = input.cursor().token_stream().to_string();
        input.step(|cursor| {
            let mut rest = *cursor;
            while let Some((_, next)) = rest.token_tree() {
                rest = next;
            }
            Ok(((), rest))
        })?;
        Ok((text.value(), rest))
    })
    .parse_str(arguments)
    .ok()?;
    // Some say `.0`, as only thiserror understands it.
    let values = values.trim_start_matches(',').replace("(.", "(self.").replace(", .", ", self.");
    let values = Punctuated::<Expr, Token![,]>::parse_terminated.parse_str(values.trim());
    let values: Vec<_> = values.into_iter().flatten().map(|value| command(&value)).collect();
    let value = |number: usize| values.get(number).cloned().unwrap_or_else(|| "…".to_owned());
    let mut next = 0;
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        shown.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix(&rest[at..=at]) {
            shown.push_str(&rest[at..=at]);
            rest = after;
            continue;
        }
        let end = after.find('}').unwrap();
        match after[..end].split(':').next().unwrap() {
            "" => {
                shown.push_str(&value(next));
                next += 1;
            }
            name => match name.parse() {
                Ok(number) => shown.push_str(&value(number)),
                Err(_) => write!(shown, "{{{name}}}").unwrap(),
            },
        }
        rest = &after[end + 1..];
    }
    shown.push_str(rest);
    let shown = shown.replace("……", "…");
    let of_values = |text: &str| text.split_once('}').map_or(text, |(_, after)| after).to_owned();
    let words: String = shown.split('{').map(of_values).collect();
    (words.chars().filter(|c| c.is_alphabetic()).count() > 8).then_some(shown)
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
