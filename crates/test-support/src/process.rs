use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// Starts the rest of its arguments as a program, whose process id is said before it
/// can say anything itself, and kills it when its input ends: that is when the test
/// process does, however it does.
const LIFETIME: &str = r#"
    sh -c 'echo "$$"; exec "$@"' sh "$@" & server=$!
    exec >&-
    read -r _; { kill -9 "$server"; wait "$server"; } 2> /dev/null
"#;

/// A port that nobody listens on at this moment.
///
/// # Panics
///
/// When the machine has no port left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A server that ends with this value, and with this process.
#[derive(Debug)]
pub(crate) struct Server {
    shell: Child,
    says: BufReader<ChildStdout>,
    pid: u32,
    lifetime: Option<ChildStdin>,
}

impl Server {
    pub(crate) fn start(program: &[PathBuf], arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", LIFETIME, "sh"])
            .args(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let lifetime = shell.stdin.take();
        let mut says = BufReader::new(shell.stdout.take().expect("it is piped"));
        let mut pid = String::new();
        says.read_line(&mut pid).expect("the shell says the process id");
        let pid = pid.trim().parse().expect("a process id is a number");
        Self { shell, says, pid, lifetime }
    }

    pub(crate) fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.pid.to_string()];
        let sent = Command::new("kill").args(arguments).status();
        assert!(sent.is_ok_and(|status| status.success()), "there is a `kill`");
    }

    /// Reads what the server says until `find` finds something.
    pub(crate) fn hear<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut line = String::new();
        while self.says.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if let Some(found) = find(&line) {
                return Some(found);
            }
            line.clear();
        }
        None
    }

    /// Waits until somebody listens on `port`.
    #[expect(clippy::disallowed_methods, reason = "test set-up, outside any runtime")]
    pub(crate) fn wait_until_it_listens_on(&mut self, port: u16, advice: &str) {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "no server on port {port}: {advice}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// kill -9; comes back when it is gone.
    pub(crate) fn kill(&mut self) {
        self.lifetime = None;
        let _gone_already = self.shell.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
