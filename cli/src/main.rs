//! `collab-cli`: rooms, their texts and the server's log, from a terminal or a script.
//!
//! One file per command. They share [`args`] (options for all), [`connect`] (where the server is, and whether to trust it),
//! [`door`] (how a room is entered), [`secrets`] (passwords and tokens), [`state`] (what is kept between runs), [`failure`] (errors that say what to do next)
//! and [`output`] (what may be written to a terminal).

mod args;

mod room;

mod cat;

mod follow;

mod write;

mod sync;

mod join;

mod logs;

mod backup;

mod ping;

mod connect;

mod door;

mod secrets;

mod state;

mod unsent;

mod failure;

mod output;

mod time;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// 0 done, 1 failed; clap itself ends with 2 on wrong usage.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Command::Room(command) => room::run(&args.global, command).await,
        Command::Join(command) => join::run(&args.global, command).await,
        Command::Cat(command) => cat::run(&args.global, command).await,
        Command::Follow(command) => follow::run(&args.global, command).await,
        Command::Write(command) => write::run(&args.global, command).await,
        Command::Sync(command) => sync::run(&args.global, command).await,
        Command::Logs(command) => logs::run(&args.global, command).await,
        Command::Backup(command) => backup::run(&args.global, command).await,
        Command::Ping(command) => ping::run(&args.global, command).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has seen enough: `collab-cli cat demo | head -1`.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            failure::print(&error);
            ExitCode::FAILURE
        }
    }
}
