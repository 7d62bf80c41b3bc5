use std::path::PathBuf;

use tempfile::TempDir;

use crate::{
    clock::MovableClock,
    process::{Server, free_port},
};

/// In the folder of its data. Nobody reads what a server writes to its output: it would stand
/// still when the pipe is full.
const LOG: &str = "redis.log";

/// A Redis with an append-only file, as in production.
#[derive(Debug)]
pub struct RedisServer {
    server: Server,
    port: u16,
    options: Vec<String>,
    environment: Vec<(&'static str, String)>,
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
        Self::start_in(options, Vec::new())
    }

    /// Starts a Redis whose time of day is that of `clock`, also when it is started again.
    ///
    /// # Panics
    ///
    /// When there is no `redis-server`.
    #[must_use]
    pub fn start_by(clock: &MovableClock) -> Self {
        Self::start_in(&[], clock.environment())
    }

    fn start_in(options: &[&str], environment: Vec<(&'static str, String)>) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let server = serve(port, &data, &options, &environment);
        Self { server, port, options, environment, data }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The same as a number.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGSTOP: it is there, and does not answer.
    ///
    /// # Panics
    ///
    /// When there is no `kill`.
    pub fn stand_still(&self) {
        self.server.signal("STOP");
    }

    /// SIGCONT.
    ///
    /// # Panics
    ///
    /// When there is no `kill`.
    pub fn go_on(&self) {
        self.server.signal("CONT");
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Bytes of its append-only file: what is in it was answered for.
    ///
    /// # Panics
    ///
    /// When the file cannot be found.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        std::fs::metadata(log_file(&self.data)).expect("a running Redis has its file").len()
    }

    /// Kills it and cuts its append-only file off after `bytes`, as a power cut does
    /// to what was not yet on the disk. Gives what was cut off.
    ///
    /// The cut may be in the middle of a transaction, and of a command.
    ///
    /// # Panics
    ///
    /// When the file cannot be changed.
    pub fn lose_log_after(&mut self, bytes: u64) -> Vec<u8> {
        self.kill();
        let file = log_file(&self.data);
        let mut kept = std::fs::read(&file).expect("the file can be read");
        let at = kept.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
        let lost = kept.split_off(at);
        std::fs::write(&file, kept).expect("the file can be written");
        lost
    }

    /// The same, of what was appended since the last of its commands with this word, and that
    /// command.
    ///
    /// # Panics
    ///
    /// When the file cannot be changed, or has no such word.
    pub fn lose_log_from_last(&mut self, word: &str) -> Vec<u8> {
        let log = std::fs::read(log_file(&self.data)).expect("the file can be read");
        let at = log.windows(word.len()).rposition(|window| window == word.as_bytes());
        let at = at.expect("a command has this word");
        self.lose_log_after(u64::try_from(at).expect("a file is not that long"))
    }

    /// What it said, since its first start.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.data.path().join(LOG)).unwrap_or_default()
    }

    /// Starts it again on the same port with the data it had.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_again(&mut self) {
        self.server.kill();
        self.server = serve(self.port, &self.data, &self.options, &self.environment);
    }
}

/// What Redis appends to: one file before version 7, the last of several since.
fn log_file(data: &TempDir) -> PathBuf {
    let folder = data.path().join("appendonlydir");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return data.path().join("appendonly.aof");
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let appended = files.filter(|file| file.to_string_lossy().ends_with(".incr.aof"));
    appended.max().expect("Redis has a file to append to")
}

fn serve(port: u16, data: &TempDir, options: &[String], environment: &[(&str, String)]) -> Server {
    let port_text = port.to_string();
    let folder = data.path().to_str().expect("its path is text");
    let mut arguments = vec!["--port", &port_text, "--dir", folder, "--bind", "127.0.0.1"];
    arguments.extend(["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]);
    arguments.extend(["--maxmemory-policy", "noeviction", "--loglevel", "warning"]);
    arguments.extend(["--logfile", LOG]);
    arguments.extend(options.iter().map(String::as_str));
    let variables = environment.iter().map(|(name, value)| format!("{name}={value}").into());
    let command: Vec<PathBuf> =
        ["env".into()].into_iter().chain(variables).chain([redis_program()]).collect();
    let mut server = Server::start(&command, &arguments);
    server.wait_until_it_listens_on(
        port,
        "run `make test`, which gets Redis, or install redis-server",
    );
    server
}

/// `REDIS_SERVER`, else the one of the PATH.
#[expect(clippy::disallowed_methods, reason = "the test script names programs by variables")]
#[must_use]
pub fn redis_program() -> PathBuf {
    std::env::var_os("REDIS_SERVER").map_or_else(|| "redis-server".into(), PathBuf::from)
}
