//! The programs of the product, as child processes.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

pub(crate) use test_support::wait_until;

/// A started program. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    name: &'static str,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// What an ended program left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts a program of this workspace, with nothing of the environment but
    /// `settings`.
    pub(crate) fn start(
        name: &'static str,
        folder: &Path,
        settings: &[(String, String)],
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(built(name));
        command.env_clear().envs(settings.iter().map(|(name, value)| (name, value)));
        Self::spawn(name, command, folder, arguments)
    }

    /// Starts any program in a folder, where its output goes as well.
    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        folder: &Path,
        arguments: &[&str],
    ) -> Self {
        let number = fs::read_dir(folder).unwrap().count();
        let (stdout, stderr) = (
            folder.join(format!("{number}-{name}.out")),
            folder.join(format!("{number}-{name}.err")),
        );
        let child = command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self { child, name, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let code = self.wait(Duration::from_secs(120)).code();
        Ended { code, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        let status = self.child.try_wait().unwrap()?;
        Some(Ended { code: status.code(), stdout: read(&self.stdout), stderr: read(&self.stderr) })
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Most memory it had resident so far, in bytes.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// Of its memory what is pages of files, its own above all, which the kernel takes back at will.
    pub(crate) fn file_memory_bytes(&self) -> u64 {
        self.status_bytes("RssFile:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn wait(&mut self, at_most: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < at_most,
                "{} does not end:\n{}",
                self.name,
                read(&self.stderr)
            );
            pause();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub(crate) fn pause() {
    pause_for(20);
}

pub(crate) fn pause_for(ms: u64) {
    test_support::sleep(Duration::from_millis(ms));
}

/// A figure that a script names by a variable.
#[expect(clippy::disallowed_methods, reason = "the script names figures by variables")]
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// A path that a script names by a variable.
#[expect(clippy::disallowed_methods, reason = "the script names programs by variables")]
pub(crate) fn path_setting(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Programs are built beside the tests: `make test` builds the workspace first.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(program.exists(), "{} is not built; run `make test`", program.display());
    program
}
