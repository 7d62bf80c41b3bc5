//! A real Azurite of our own, shared by all tests of this process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

/// The account and key that every Azurite knows; public by design.
pub(crate) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Starts Azurite in a folder of its own, and ends it and removes the folder
/// when its input ends: that is when this process does, however it does.
const LIFETIME: &str = r#"
    dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
    "$@" --location "$dir" & azurite=$!
    read -r _; { kill -9 "$azurite"; wait "$azurite"; } 2> /dev/null
"#;

pub(crate) struct Azurite {
    port: u16,
    _lifetime: (Child, ChildStdin),
}

impl Azurite {
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Azurite> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    pub(crate) fn start(more_arguments: &[&str]) -> Self {
        let arguments = "--blobPort 0 --silent --skipApiVersionCheck --disableTelemetry";
        let mut child = Command::new("sh")
            .args(["-c", LIFETIME, "sh"])
            .args(command())
            .args(arguments.split(' '))
            .args(more_arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let lifetime = child.stdin.take().expect("it is piped");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let port = says
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("successfully listens on"))
            .and_then(|line| line.rsplit(':').next()?.trim().parse().ok())
            .expect("Azurite says where it listens");
        Self { port, _lifetime: (child, lifetime) }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// `AZURITE`, else from the PATH, else where `make` puts it.
#[allow(clippy::disallowed_methods, reason = "a test has no settings")]
fn command() -> Vec<PathBuf> {
    if let Ok(command) = std::env::var("AZURITE") {
        return command.split_whitespace().map(PathBuf::from).collect();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.services/node_modules/.bin/azurite-blob");
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join("azurite-blob")).find(|file| file.exists())
    });
    let found = on_path.or_else(|| made.exists().then_some(made));
    vec![found.expect("no Azurite: set AZURITE to its command, or run `make test`, which gets it")]
}
