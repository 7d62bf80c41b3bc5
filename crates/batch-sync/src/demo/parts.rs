//! The processes of the demonstration: started in one folder, and ended with it.

use std::{
    env,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// Something that starts answers within this time, also on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A process that is asked to end has this time to do so.
const STOP_MAX: Duration = Duration::from_secs(20);

/// Every Azurite has this key, so it is no secret.
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// All that runs, in the order in which it was started.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: PathBuf,
    /// This program.
    program: PathBuf,
    running: Vec<(&'static str, Child)>,
}

impl Parts {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let program = env::current_exe().context("could not find this program")?;
        Ok(Self { folder: folder.to_owned(), program, running: Vec::new() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives its URL.
    pub(crate) async fn start_redis(&mut self, server: &Path) -> anyhow::Result<String> {
        let port = free_port()?;
        let mut command = self.command(server);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "everysec"]);
        command.args(["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]);
        command.arg("--dir").arg(&self.folder);
        self.spawn("redis", command)?;
        self.listens("redis", port).await?;
        Ok(format!("redis://127.0.0.1:{port}"))
    }

    /// Gives its connection string.
    pub(crate) async fn start_azurite(&mut self, azurite: &Path) -> anyhow::Result<String> {
        let port = free_port()?;
        let mut command = self.command(azurite);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location"]);
        command.arg(self.folder.join("azurite"));
        self.spawn("azurite", command)?;
        self.listens("azurite", port).await?;
        Ok(format!(
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={AZURITE_KEY};\
             BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1"
        ))
    }

    /// Gives its URL.
    pub(crate) async fn start_simulator(&mut self) -> anyhow::Result<String> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let mut command = self.command(&self.program);
        command.args(["simulate", "--listen", &address]);
        self.spawn("salesforce", command)?;
        self.listens("salesforce", port).await?;
        Ok(format!("http://{address}"))
    }

    pub(crate) async fn start_consumer(&mut self, name: &'static str) -> anyhow::Result<()> {
        service::say("$ batch-sync consume &");
        let mut command = self.command(&self.program);
        command.arg("consume");
        self.spawn(name, command)?;
        let is_ready = async || {
            fs::read_to_string(self.log(name)).is_ok_and(|log| log.contains("worker started"))
        };
        self.until(name, is_ready).await
    }

    /// Runs a command of this program to its end, where the reader sees it.
    ///
    /// # Errors
    ///
    /// When it does not end with code 0.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let line = format!("batch-sync {}", arguments.join(" "));
        service::say(&format!("$ {line}"));
        let mut command = self.command(&self.program);
        let status = command.args(arguments).status().await.with_context(|| line.clone())?;
        if !status.success() {
            bail!("{line} ended with {status}");
        }
        Ok(())
    }

    /// The last line of each log, for a person who has to find out what went wrong.
    pub(crate) fn last_words(&self) -> String {
        let last = |name: &str| {
            let log = fs::read_to_string(self.log(name)).unwrap_or_default();
            let line = log.trim_end().lines().last().unwrap_or("nothing").to_owned();
            format!("{name} said: {}", service::shown(&line, service::SENTENCE_MAX))
        };
        let words: Vec<String> = self.running.iter().map(|(name, _)| last(name)).collect();
        format!("the demonstration broke off ({})", words.join("; "))
    }

    /// Ends all, the last one first: the services outlive those that use them.
    pub(crate) async fn stop(self) {
        for (_, mut child) in self.running.into_iter().rev() {
            if let Some(id) = child.id() {
                service::ask_to_end(id);
            }
            if timeout(STOP_MAX, child.wait()).await.is_err() {
                // It is a temporary process with temporary data.
                let _gone = child.kill().await;
            }
        }
    }

    /// In the folder, where the settings are; with none of the caller's.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear().kill_on_drop(true);
        let variables = service::variables();
        for name in ["PATH", "HOME", "TERM", "COLUMNS", "NO_COLOR", "LANG", "LD_LIBRARY_PATH"] {
            if let Some(value) = variables(name) {
                command.env(name, value);
            }
        }
        command
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) -> anyhow::Result<()> {
        let log = File::create(self.log(name))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        self.running.push((name, child));
        Ok(())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    async fn listens(&self, name: &'static str, port: u16) -> anyhow::Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.until(name, async || TcpStream::connect(address).await.is_ok()).await
    }

    async fn until(
        &self,
        name: &'static str,
        is_ready: impl AsyncFn() -> bool,
    ) -> anyhow::Result<()> {
        let ready = async {
            while !is_ready().await {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(START_MAX, ready).await.with_context(|| format!("{name} did not start"))
    }
}

/// One that nobody listens on at the moment.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
