//! What is kept between runs, in `$XDG_STATE_HOME/collab` (usually `~/.local/state/collab`), for this user alone: the
//! owner tokens of the rooms created here, what could not be sent yet ([`crate::unsent`]), what synced files had in common with
//! their rooms ([`crate::sync`]), and copies of texts whose rooms are others by now.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use jiff::Zoned;

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    dir: PathBuf,
}

impl State {
    /// The directory of this user. It is made when something is written.
    pub fn of_user() -> Self {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || set("HOME").unwrap_or_else(std::env::temp_dir).join(".local/state");
        Self { dir: set("XDG_STATE_HOME").unwrap_or_else(home).join("collab") }
    }

    /// The token that came when the room was created from here.
    pub fn owner_token(&self, server: &str, room: &str) -> Option<String> {
        fs::read_to_string(self.token_path(server, room)).ok().filter(|token| !token.is_empty())
    }

    /// Keeps a token, readable by this user alone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_owner_token(&self, server: &str, room: &str, token: &str) -> anyhow::Result<()> {
        let path = self.token_path(server, room);
        make_dir(path.parent().unwrap_or(&self.dir))?;
        let draft = path.with_extension(format!("new-{}", std::process::id()));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let kept =
            written.and_then(|mut file| file.write_all(token.as_bytes())).and_then(|()| fs::rename(&draft, &path));
        kept.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Forgets a token that is of no use any more.
    pub fn forget_owner_token(&self, server: &str, room: &str) {
        // There may be none, and one that stays is refused by the server anyway.
        let _ = fs::remove_file(self.token_path(server, room));
    }

    /// Keeps a text that could not be saved in its room, and tells where.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_text(&self, room: &str, text: &str) -> anyhow::Result<PathBuf> {
        let dir = self.dir.join("kept");
        make_dir(&dir)?;
        let time = Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = dir.join(format!("{room}-{time}-{}.txt", std::process::id()));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        written
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Where the editors of a room keep what they could not send yet.
    pub fn unsent_dir(&self, server: &str, room: &str) -> PathBuf {
        self.dir.join("unsent").join(file_name(server)).join(room)
    }

    /// Where it is kept what a file and a room had in common; `file` is the whole path.
    pub fn synced_dir(&self, server: &str, room: &str, file: &Path) -> PathBuf {
        let below: PathBuf = file.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        self.dir.join("synced").join(file_name(server)).join(room).join(below)
    }

    /// A room's name is safe as a file name.
    fn token_path(&self, server: &str, room: &str) -> PathBuf {
        self.dir.join("owners").join(file_name(server)).join(room)
    }
}

/// A server's address as a file name.
fn file_name(server: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    server.trim_end_matches('/').chars().map(safe).collect()
}

/// Makes a directory for this user alone, with those above it.
///
/// # Errors
/// It cannot be made.
pub fn make_dir(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| format!("cannot make {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_text_that_was_not_saved_is_kept_whole() {
        let dir = tempfile::tempdir().unwrap();
        let state = State { dir: dir.path().to_owned() };
        let path = state.keep_text("demo", "é\n").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "é\n");
    }

    #[test]
    fn an_owner_token_is_kept_for_its_server_and_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = State { dir: dir.path().join("state") };
        state.keep_owner_token("http://localhost:3001", "demo", "token").unwrap();
        assert_eq!(state.owner_token("http://localhost:3001", "demo").as_deref(), Some("token"));
        assert_eq!(state.owner_token("https://localhost:4433", "demo"), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.token_path("http://localhost:3001", "demo")), 0o600);
        assert_eq!(mode(&state.dir), 0o700);
        state.forget_owner_token("http://localhost:3001", "demo");
        assert_eq!(state.owner_token("http://localhost:3001", "demo"), None);
    }
}
