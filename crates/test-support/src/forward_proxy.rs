use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::process::{Server, free_port};

/// Whom what it sends comes from: an address of this machine that no other client has.
pub const FORWARD_PROXY_IP: &str = "127.0.0.9";

/// A tinyproxy, as companies have one between their machines and the world.
#[derive(Debug)]
pub struct ForwardProxy {
    server: Server,
    port: u16,
    data: TempDir,
}

impl ForwardProxy {
    /// Starts one on a free port, with more lines of its configuration.
    ///
    /// # Panics
    ///
    /// When there is no tinyproxy.
    #[must_use]
    pub fn start(lines: &[&str]) -> Self {
        Self::start_on(free_port(), lines)
    }

    /// The same on this port.
    ///
    /// # Panics
    ///
    /// When there is no tinyproxy.
    #[must_use]
    pub fn start_on(port: u16, lines: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let log = data.path().join(LOG);
        let configuration = format!(
            "Port {port}\nListen 127.0.0.1\nBind {FORWARD_PROXY_IP}\nTimeout 600\nMaxClients 100\n\
             LogFile \"{}\"\nLogLevel Connect\n{}\n",
            log.display(),
            lines.join("\n")
        );
        let file = data.path().join("tinyproxy.conf");
        fs::write(&file, configuration).expect("a temporary file can be written");
        let arguments = ["-d", "-c", file.to_str().expect("its path is text")];
        let mut server = Server::start(&[program()], &arguments);
        server.wait_until_it_listens_on(port, "set TINYPROXY to the path of a tinyproxy");
        Self { server, port, data }
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The lines of requests that it was sent, oldest first, such as `CONNECT localhost:443 HTTP/1.1`.
    ///
    /// # Panics
    ///
    /// When its log cannot be read.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.data.path().join(LOG)).expect("its log can be read");
        let requests = log.lines().filter_map(|line| line.split_once("Request (file descriptor "));
        requests.filter_map(|(_, line)| Some(line.split_once("): ")?.1.to_owned())).collect()
    }

    /// kill -9; comes back when it is gone.
    pub fn kill(&mut self) {
        self.server.kill();
    }
}

const LOG: &str = "tinyproxy.log";

/// `TINYPROXY`, else from the PATH, else where `make` puts it.
#[expect(clippy::disallowed_methods, reason = "the test script names programs by variables")]
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("TINYPROXY") {
        return program.into();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.services/tinyproxy/tinyproxy");
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join("tinyproxy")).find(|file| file.exists())
    });
    let found = on_path.or_else(|| made.exists().then_some(made));
    found.expect("no tinyproxy: set TINYPROXY to its path, or run `make test`, which gets it")
}
