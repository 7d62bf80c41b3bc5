use tempfile::TempDir;

use crate::{
    certificates::Certificates,
    process::{Server, free_port},
    redis::{RedisServer, redis_program},
};

/// A Sentinel that watches one Redis, alone, and replaces it after three seconds of silence.
#[derive(Debug)]
pub struct RedisSentinel {
    _server: Server,
    port: u16,
    data: TempDir,
}

impl RedisSentinel {
    /// Watches `master` under `name`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, master: &RedisServer) -> Self {
        Self::start_as(name, master, None)
    }

    /// The same, signed in to the Redis and its replicas as a user with a password.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start_as(name: &str, master: &RedisServer, user: Option<(&str, &str)>) -> Self {
        let lines = user.map(|(user, password)| {
            format!("sentinel auth-user {name} {user}\nsentinel auth-pass {name} {password}\n")
        });
        Self::start_on(
            name,
            master.port(),
            &|port| format!("port {port}\n"),
            &lines.unwrap_or_default(),
        )
    }

    /// The same, with further lines for its settings.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(name: &str, master: &RedisServer, lines: &str) -> Self {
        Self::start_on(name, master.port(), &|port| format!("port {port}\n"), lines)
    }

    /// The same over TLS, of a master that speaks it on this port, and with further lines for its
    /// settings.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start_with_tls(
        name: &str,
        master: u16,
        certificates: &Certificates,
        lines: &str,
    ) -> Self {
        let listen = |port: u16| {
            let options = certificates.of_redis(port);
            let pairs = options.chunks(2);
            let lines = pairs.map(|pair| format!("{}\n", pair.join(" ").trim_start_matches("--")));
            format!("port 0\n{}", lines.collect::<String>())
        };
        Self::start_on(name, master, &listen, lines)
    }

    fn start_on(name: &str, master: u16, listen: &dyn Fn(u16) -> String, lines: &str) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        // On a loaded machine a master is silent for a second now and then, which is no reason.
        let settings = format!(
            "{}bind 127.0.0.1\ndir {folder}\nlogfile {folder}/sentinel.log\n\
             sentinel monitor {name} 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds {name} 3000\nsentinel failover-timeout {name} 5000\n{lines}",
            listen(port),
            folder = data.path().display(),
        );
        // It writes into this file what it finds out.
        let file = data.path().join("sentinel.conf");
        std::fs::write(&file, settings).expect("a temporary file can be written");
        let file = file.to_str().expect("its path is text");
        let mut server = Server::start(&[redis_program()], &[file, "--sentinel"]);
        server.wait_until_it_listens_on(port, "a Redis of the distribution is a Sentinel too");
        Self { _server: server, port, data }
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it said, since its start.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.data.path().join("sentinel.log")).unwrap_or_default()
    }
}
