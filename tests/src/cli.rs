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

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(b"", arguments).await
    }

    /// Runs a command that has these bytes as its input.
    pub async fn run_with(&self, input: &[u8], arguments: &[&str]) -> Ended {
        Process::start(self.command(arguments), input).ended().await
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

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("collab-cli"));
        command.env_clear().args(arguments).current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.env("COLLAB_URL", &self.url).env("USER", "ada").envs(self.environment.iter().cloned());
        command
    }
}
