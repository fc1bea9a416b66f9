//! Programs that are measured together and gone together: a server with what stands before it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::machine::Usage;

/// One process group. Dropped, everything in it is killed; when this program dies, however that happens, so do they.
#[derive(Debug, Default)]
pub struct Group {
    children: Vec<Child>,
}

/// A program that the kernel kills when the thread that starts it ends. `setpriv` is part of util-linux.
pub fn bound(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

impl Group {
    /// Starts one more program, made by [`bound`], without a standard input.
    pub fn spawn(&mut self, command: &mut Command) -> anyhow::Result<&mut Child> {
        let group = self.id().map_or(0, u32::cast_signed);
        let started = command.stdin(Stdio::null()).process_group(group).spawn();
        let name = || format!("cannot start {}", command.get_program().to_string_lossy());
        self.children.push(started.with_context(name)?);
        self.children.last_mut().context("a program was started")
    }

    /// The group's number: the process id of its first program.
    pub fn id(&self) -> Option<u32> {
        self.children.first().map(Child::id)
    }

    /// What all of them have used so far.
    pub fn usage(&self) -> Option<Usage> {
        Usage::of_group(self.id()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // Whoever has ended already needs no killing.
            let _ = kill_process_group(group, Signal::KILL);
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::process::ChildStdout;

    use super::*;

    /// A shell with a grandchild that outlives it, and what they write: the grandchild's number, and the end when both are gone.
    fn family(group: &mut Group) -> (u32, BufReader<ChildStdout>) {
        let mut command = bound("sh");
        command.args(["-c", "tail -f /dev/null & echo $!; wait"]).stdout(Stdio::piped());
        let mut output = BufReader::new(group.spawn(&mut command).unwrap().stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        (line.trim().parse().unwrap(), output)
    }

    #[test]
    fn a_group_is_measured_together_and_leaves_nobody() {
        let mut group = Group::default();
        let (first, mut output) = family(&mut group);
        let alone = group.usage().unwrap();
        let (second, mut other_output) = family(&mut group);
        assert!(Usage::of(first).is_some() && Usage::of(second).is_some());
        assert!(group.usage().unwrap().rss_bytes > alone.rss_bytes);
        let id = group.id().unwrap();
        drop(group);
        for output in [&mut output, &mut other_output] {
            output.read_to_end(&mut Vec::new()).unwrap();
        }
        assert_eq!(Usage::of_group(id), None);
    }

    #[test]
    fn a_program_that_is_missing_shows_in_its_end() {
        let mut group = Group::default();
        let child = group.spawn(bound("there-is-no-such-program").stderr(Stdio::null())).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
