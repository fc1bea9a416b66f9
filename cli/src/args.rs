//! The command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};
use collab_client::driver::Choice;
use collab_client::trust::Fingerprint;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  collab-cli room create demo             make a room (asks for a password)
  collab-cli join demo                    write in it, in this terminal
  printf 'hello\\n' | collab-cli write demo
  collab-cli cat demo
  collab-cli --url https://notes.example:4433 join demo

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Write together, live: rooms, their texts and the server's log, from a terminal or a script.
#[derive(Debug, Parser)]
#[command(name = "collab-cli", version, styles = STYLES, after_help = EXAMPLES)]
pub struct Args {
    /// The options for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create, list, show and delete rooms, or change a password
    #[command(subcommand)]
    Room(crate::room::Command),
    /// Write in a room, live, in this terminal
    Join(crate::join::Command),
    /// Print the text of a room
    Cat(crate::cat::Command),
    /// Print the text of a room, and again as it changes
    Follow(crate::follow::Command),
    /// Make the text of a room equal to standard input
    Write(crate::write::Command),
    /// Keep a file and the text of a room equal, both ways
    Sync(crate::sync::Command),
    /// Print the server's log (needs the admin token)
    Logs(crate::logs::Command),
    /// Write everything that the server holds to a file (needs the admin token)
    Backup(crate::backup::Command),
    /// Measure how long a message takes to the server and back
    Ping(crate::ping::Command),
}

/// The options for every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options for every command")]
pub struct Global {
    /// Where the server is: http://localhost:3001 on the same machine, https://HOST:4433 from another
    #[arg(long, global = true, env = "COLLAB_URL", default_value = "http://localhost:3001", value_name = "URL")]
    pub url: String,

    /// The name that others see
    #[arg(long, global = true, env = "USER", default_value = "guest", hide_env = true, value_name = "NAME")]
    #[arg(help = "The name that others see [default: $USER]", hide_default_value = true)]
    pub name: String,

    /// Read the room's password from the first line of a file; or set COLLAB_PASSWORD; otherwise it is asked for
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Read the admin token from a file; or set COLLAB_ADMIN_TOKEN [default: $COLLAB_DATA/admin-token, data/admin-token]
    #[arg(long, global = true, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// Trust only a server whose key or certificate has this SHA-256; otherwise a self-signed one is trusted at the first meeting
    #[arg(long, global = true, value_name = "HEX")]
    pub cert_hash: Vec<Fingerprint>,

    /// What carries rooms: auto tries webtransport, and websocket where that does not come through
    #[arg(long, global = true, default_value = "auto", value_name = "auto|webtransport|websocket")]
    pub transport: Choice,

    /// Print JSON, one value per line, where data is printed
    #[arg(long, global = true)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn there_is_no_password_option() {
        let parsed = Args::try_parse_from(["collab-cli", "cat", "demo", "--password", "secret"]);
        assert_eq!(parsed.unwrap_err().kind(), clap::error::ErrorKind::UnknownArgument);
    }

    #[test]
    fn every_command_shows_examples() {
        for command in Args::command().get_subcommands_mut() {
            let leaves: Vec<_> = match command.has_subcommands() {
                true => command.get_subcommands().cloned().collect(),
                false => vec![command.clone()],
            };
            for leaf in leaves.iter().filter(|leaf| leaf.get_name() != "help") {
                let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("collab-cli"), "{} has no example", leaf.get_name());
            }
        }
    }
}
