use std::path::PathBuf;

use tempfile::TempDir;

use crate::process::{Server, free_port};

/// A Redis with an append-only file, as in production.
#[derive(Debug)]
pub struct RedisServer {
    server: Server,
    port: u16,
    options: Vec<String>,
    data: TempDir,
}

impl RedisServer {
    /// Starts a Redis on a free port.
    ///
    /// # Panics
    ///
    /// When there is no `redis-server`.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a Redis with further options, such as `["--maxmemory", "20mb"]`.
    ///
    /// # Panics
    ///
    /// When there is no `redis-server`.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let server = serve(port, &data, &options);
        Self { server, port, options, data }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Process id, for signals.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port with the data it had.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_again(&mut self) {
        self.server.kill();
        self.server = serve(self.port, &self.data, &self.options);
    }
}

fn serve(port: u16, data: &TempDir, options: &[String]) -> Server {
    let port_text = port.to_string();
    let folder = data.path().to_str().expect("its path is text");
    let mut arguments = vec!["--port", &port_text, "--dir", folder, "--bind", "127.0.0.1"];
    arguments.extend(["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]);
    arguments.extend(["--maxmemory-policy", "noeviction", "--loglevel", "warning"]);
    arguments.extend(options.iter().map(String::as_str));
    let mut server = Server::start(&[program()], &arguments);
    server.wait_until_it_listens_on(
        port,
        "run `make test`, which gets Redis, or install redis-server",
    );
    server
}

#[expect(clippy::disallowed_methods, reason = "the test script names programs by variables")]
fn program() -> PathBuf {
    std::env::var_os("REDIS_SERVER").map_or_else(|| "redis-server".into(), PathBuf::from)
}
