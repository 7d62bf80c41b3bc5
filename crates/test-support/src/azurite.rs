use std::{
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;

use crate::process::Server;

/// The account that every Azurite knows; public by design.
pub const AZURITE_ACCOUNT: &str = "devstoreaccount1";

/// Its key; public by design.
pub const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An Azurite with its data in a temporary folder.
#[derive(Debug)]
pub struct Azurite {
    _server: Server,
    port: u16,
    _data: TempDir,
}

impl Azurite {
    /// Starts an Azurite on a free port.
    ///
    /// # Panics
    ///
    /// When there is no Azurite.
    #[must_use]
    pub fn start(more_arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = data.path().to_str().expect("its path is text");
        let mut arguments = vec!["--location", folder, "--blobPort", "0", "--silent"];
        arguments.extend(["--skipApiVersionCheck", "--disableTelemetry"]);
        arguments.extend(more_arguments);
        let mut server = Server::start(&azurite_command(), &arguments);
        let port = server.hear(|line| {
            let address = line.contains("successfully listens on").then_some(line)?;
            address.rsplit(':').next()?.trim().parse().ok()
        });
        Self { port: port.expect("Azurite says where it listens"), _server: server, _data: data }
    }

    /// The one that all tests of this process share, each in a container of its own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Azurite> = LazyLock::new(|| Azurite::start(&[]));
        &SHARED
    }

    /// The name of a container that no other test of this process has.
    #[must_use]
    pub fn new_container() -> String {
        static CONTAINERS: AtomicU64 = AtomicU64::new(0);
        format!("test-{}", CONTAINERS.fetch_add(1, Ordering::Relaxed))
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// With the account's key.
    #[must_use]
    pub fn connection_string(&self) -> String {
        azurite_connection_string(&self.address())
    }
}

/// The connection string of an Azurite at `address`, or of a proxy before one.
#[must_use]
pub fn azurite_connection_string(address: &str) -> String {
    format!(
        "AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};\
         BlobEndpoint=http://{address}/{AZURITE_ACCOUNT}"
    )
}

/// Program and arguments: `AZURITE`, else from the PATH, else where `make` puts it.
#[expect(clippy::disallowed_methods, reason = "the test script names programs by variables")]
#[must_use]
pub fn azurite_command() -> Vec<PathBuf> {
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
