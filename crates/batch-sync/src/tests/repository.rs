//! What the documents may name: targets of make, crates, calls of the API, files, settings.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Documents, and folders of documents.
const DOCUMENTS: [&str; 9] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "ARCHITECTURE.md",
    "docs",
    "deploy",
    "crates/end-to-end/GUARANTEES.md",
    "crates/producer/web/README.md",
    "crates/salesforce-simulator/README.md",
];

/// Settings that are not ours, or not in `.env.example`.
const OTHER_SETTINGS: [&str; 10] = [
    "API_TOKEN_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_LOG",
    "REDIS_SERVER",
    "AZURITE",
    "MODEL_CASES",
    "MODEL_SEED",
];

#[derive(Debug)]
pub(super) struct Repository {
    root: PathBuf,
    documents: Vec<(String, String)>,
    makefile: String,
    settings: BTreeSet<String>,
    api: serde_json::Value,
}

impl Repository {
    pub(super) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let mut documents = Vec::new();
        for place in DOCUMENTS {
            add_documents(&root, Path::new(place), &mut documents);
        }
        let settings = text(".env.example");
        let settings = settings.lines().filter_map(|line| {
            let (name, _) = line.trim_start_matches("# ").split_once('=')?;
            Some(name.to_owned())
        });
        let settings = settings.chain(OTHER_SETTINGS.map(str::to_owned)).collect();
        let api =
            serde_json::from_str(&text("crates/producer/src/server/routes/openapi.json")).unwrap();
        Self { documents, makefile: text("Makefile"), settings, api, root }
    }

    /// Their paths and texts.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.documents.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn has_setting(&self, name: &str) -> Result<(), String> {
        self.settings
            .contains(name)
            .then_some(())
            .ok_or_else(|| format!("there is no setting {name}"))
    }

    /// A word that looks like a path in this repository has to be one.
    pub(super) fn has_what_is_named(&self, word: &str) -> Result<(), String> {
        let folders = ["deploy/", "docs/", "scripts/", "crates/"];
        let is_path = folders.iter().any(|folder| word.starts_with(folder));
        let is_there = !is_path || word.contains(['$', '*']) || self.root.join(word).exists();
        is_there.then_some(()).ok_or_else(|| format!("there is no {word}"))
    }

    pub(super) fn has_targets(&self, words: &[String]) -> Result<(), String> {
        for word in words {
            let (is_there, what) = match word.split_once('=') {
                None => (self.makefile.contains(&format!("\n{word}:")), "target"),
                // `FILE ?= …`, or a name of the list that is exported.
                Some((name, _)) => {
                    let exported = self.makefile.lines().filter(|line| line.starts_with("export "));
                    let mut exported = exported.flat_map(str::split_whitespace);
                    let is_set = self.makefile.contains(&format!("\n{name} ?="));
                    (is_set || exported.any(|it| it == name), "variable")
                }
            };
            if !is_there {
                return Err(format!("the Makefile has no {what} {word}"));
            }
        }
        Ok(())
    }

    pub(super) fn has_package(&self, words: &[String]) -> Result<(), String> {
        let mut named =
            words.windows(2).filter(|pair| ["-p", "--package"].contains(&pair[0].as_str()));
        let missing = named.find(|pair| !self.root.join("crates").join(&pair[1]).is_dir());
        missing.map_or(Ok(()), |pair| Err(format!("there is no crate {}", pair[1])))
    }

    /// A call of curl whose path the API describes, with that method.
    pub(super) fn has_call(&self, words: &[String]) -> Result<(), String> {
        let after =
            |flag: &str| words.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1].as_str());
        let method = match (after("-X"), after("-T")) {
            (Some(method), _) => method.to_lowercase(),
            (None, Some(_)) => "put".to_owned(),
            (None, None) => "get".to_owned(),
        };
        let path = |word: &str| {
            let path = word
                .split_once("://")
                .map_or(word, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
            let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
            path.starts_with('/').then_some(path)
        };
        let Some(path) = words[1..].iter().find_map(|word| path(word)) else {
            return Err("it names no path".to_owned());
        };
        // The simulator describes its own calls.
        if path.starts_with("/__sim/") {
            return Ok(());
        }
        let fits = |template: &str| {
            let (mut asked, mut described) = (path.split('/'), template.split('/'));
            asked.clone().count() == described.clone().count()
                && asked.all(|part| {
                    described.next().is_some_and(|it| it.starts_with('{') || it == part)
                })
        };
        let calls = self.api["paths"].as_object().unwrap();
        let is_there =
            calls.iter().any(|(template, methods)| fits(template) && !methods[&method].is_null());
        is_there.then_some(()).ok_or_else(|| format!("the API has no {method} {path}"))
    }
}

fn add_documents(root: &Path, place: &Path, documents: &mut Vec<(String, String)>) {
    let path = root.join(place);
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
        entries.sort();
        entries.iter().for_each(|name| add_documents(root, &place.join(name), documents));
    } else if path.extension().is_some_and(|extension| extension == "md") {
        documents.push((place.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
}
