//! Passwords and tokens. None is ever read from the command line, where other users of the machine would see it.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::args::Global;
use crate::failure::Failure;

/// No secret is longer than this many bytes; a file that is was named by mistake.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The password of a room from COLLAB_PASSWORD or the password file; none when neither is given.
///
/// # Errors
/// A file that cannot be read, or is empty.
pub fn given_password(global: &Global) -> anyhow::Result<Option<String>> {
    match &global.password_file {
        Some(path) => first_line(path).map(Some),
        None => Ok(from_env("COLLAB_PASSWORD")),
    }
}

/// The password of a room: given, or asked for on the terminal.
///
/// # Errors
/// Nothing given and nobody to ask.
pub fn password(global: &Global, room: &str) -> anyhow::Result<String> {
    match given_password(global)? {
        Some(password) => Ok(password),
        None => ask(&format!("Password of {room}: ")),
    }
}

/// A new password for a room: given, or asked for twice on the terminal.
///
/// # Errors
/// Nothing given and nobody to ask; two answers that differ.
pub fn new_password(global: &Global, room: &str) -> anyhow::Result<String> {
    if let Some(password) = given_password(global)? {
        return Ok(password);
    }
    let password = ask(&format!("New password of {room} (6 characters at least): "))?;
    if ask("The same again: ")? != password {
        return Err(Failure::new("The two passwords differ.", "Nothing was changed. Run the command again.").into());
    }
    Ok(password)
}

/// The admin token, from what was given or from the usual files of a server on this machine; none when there is no such.
///
/// # Errors
/// A file that was named but cannot be read.
pub fn admin_token(global: &Global) -> anyhow::Result<Option<String>> {
    if let Some(token) = given_admin_token(global)? {
        return Ok(Some(token));
    }
    let data = std::env::var_os("COLLAB_DATA").map_or_else(|| PathBuf::from("data"), PathBuf::from);
    Ok(first_line(&data.join("admin-token")).ok())
}

/// The admin token that was given by hand.
///
/// # Errors
/// A file that was named but cannot be read.
pub fn given_admin_token(global: &Global) -> anyhow::Result<Option<String>> {
    match &global.admin_token_file {
        Some(path) => first_line(path).map(Some),
        None => Ok(from_env("COLLAB_ADMIN_TOKEN")),
    }
}

fn from_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    if !io::stderr().is_terminal() && !io::stdin().is_terminal() {
        let next = "Set COLLAB_PASSWORD, or name a file with --password-file.";
        return Err(Failure::new("A password is needed, and there is no terminal to ask on.", next).into());
    }
    let failed = || {
        Failure::new(
            "The password could not be asked for.",
            "Set COLLAB_PASSWORD, or name a file with --password-file.",
        )
    };
    rpassword::prompt_password(prompt).with_context(failed)
}

fn first_line(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let size = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    if size > MAX_SECRET_BYTES {
        return Err(
            Failure::new(format!("{shown} is too large to be a password or token."), "Name another file.").into()
        );
    }
    let content = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let line = content.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() {
        return Err(Failure::new(
            format!("The first line of {shown} is empty."),
            "Write the secret there, or name another file.",
        )
        .into());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "pass word\nrest").unwrap();
        assert_eq!(first_line(&path).unwrap(), "pass word");
        fs::write(&path, "\n").unwrap();
        assert!(first_line(&path).unwrap_err().to_string().contains("empty"));
        fs::write(&path, vec![b'x'; MAX_SECRET_BYTES as usize + 1]).unwrap();
        assert!(first_line(&path).unwrap_err().to_string().contains("too large"));
        assert!(first_line(&dir.path().join("none")).unwrap_err().to_string().contains("cannot read"));
    }
}
