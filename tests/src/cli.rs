//! The real command line client, in a home of its own.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::PASSWORD;
use crate::process::{Ended, Process, program};
use crate::server::TestServer;

/// Somebody at a shell.
#[derive(Debug)]
pub struct Cli {
    home: TempDir,
    url: String,
    environment: Vec<(String, String)>,
}

impl Cli {
    /// Somebody at the server's own machine, who knows the rooms' password.
    pub fn new(server: &TestServer) -> Self {
        Self::at(&server.url())
    }

    /// Somebody who reaches the server by this address.
    pub fn at(url: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(home.path().join("config/collab")).expect("a folder");
        Self { home, url: url.to_owned(), environment: Vec::new() }.with("COLLAB_PASSWORD", PASSWORD)
    }

    /// The same with another variable in the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with the admin token of a server.
    #[must_use]
    pub fn as_admin(self, server: &TestServer) -> Self {
        self.with("COLLAB_ADMIN_TOKEN", &server.admin_token())
    }

    /// A file in the configuration folder.
    pub fn config_file(&self, name: &str) -> PathBuf {
        self.home.path().join("config/collab").join(name)
    }

    /// A file in the folder where the commands run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(b"", arguments).await
    }

    /// Runs a command that has these bytes as its input. Nothing that it writes into a pipe may act on a terminal.
    pub async fn run_with(&self, input: &[u8], arguments: &[&str]) -> Ended {
        let ended = Process::start(self.command(arguments), input).ended().await;
        assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'), "{arguments:?}: {ended:?}");
        ended
    }

    /// Runs a command that must succeed: what it printed.
    pub async fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Starts a command that goes on.
    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.command(arguments), b"")
    }

    /// A command that is not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("collab-cli"));
        command.env_clear().args(arguments).current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.env("TERM", "xterm-256color");
        command.env("COLLAB_URL", &self.url).env("USER", "ada").envs(self.environment.iter().cloned());
        command
    }
}
