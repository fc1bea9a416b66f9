//! What the documents quote exists: every path stands in the repository, every command is one that the programs take.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use collab_tests::process::program;

const DOCUMENTS: [&str; 5] = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "answers.md"];

/// Folders in which the paths that documents quote lie.
const FOLDERS: [&str; 12] =
    ["proto", "document", "certs", "client", "server", "cli", "bench", "tests", "web", "fuzz", "scripts", "docs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).expect("a document")
}

/// What stands between single backquotes outside of blocks.
fn code_spans(text: &str) -> Vec<String> {
    let outside: String = text.split("```").step_by(2).collect();
    outside.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The lines of `sh` blocks, without comments.
fn shell_lines(text: &str) -> Vec<String> {
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn every_path_that_is_quoted_exists() {
    let mut checked = 0;
    for document in DOCUMENTS {
        for span in code_spans(&read(document)) {
            let is_path = FOLDERS.iter().any(|folder| span.starts_with(&format!("{folder}/")));
            if !is_path || span.contains(['*', '{', ' ', '…']) {
                continue;
            }
            assert!(root().join(&span).exists(), "{document} names {span}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 40, "the paths were found: {checked}");
}

#[test]
fn every_link_to_a_file_leads_there() {
    for document in DOCUMENTS {
        let text = read(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_file = !target.contains("://") && !target.starts_with('#');
            assert!(!is_file || root().join(target).exists(), "{document} links to {target}, which is not there");
        }
    }
}

#[test]
fn every_command_that_is_quoted_is_one_that_the_programs_take() {
    let mut commands = BTreeSet::new();
    for document in DOCUMENTS {
        let text = read(document);
        let spans = code_spans(&text).into_iter().chain(shell_lines(&text));
        let last_of_pipe = |line: String| line.rsplit(" | ").next().unwrap_or_default().trim().to_owned();
        commands.extend(spans.map(last_of_pipe).filter(|command| !command.contains('…')));
    }
    let checked = commands.iter().filter(|command| is_taken(command)).count();
    assert!(checked > 15, "the commands were found: {checked}");
}

/// Checks a command without running it; false for what is none of ours.
fn is_taken(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    let output = match words[..] {
        ["make", target] => run(Command::new("make").args(["-n", target]).current_dir(root())),
        ["cargo", "run", "-p", package, "--example", example] => {
            let folder = package.trim_start_matches("collab-");
            let path = root().join(folder).join("examples").join(example).with_extension("rs");
            assert!(path.exists(), "{command}: {} is not there", path.display());
            return true;
        }
        [name @ ("collab-cli" | "collab-server" | "collab-bench"), ref arguments @ ..] if !arguments.is_empty() => {
            // Asked for help, a program reads its arguments and does nothing else.
            run(Command::new(program(name)).args(arguments).arg("--help"))
        }
        _ => return false,
    };
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}
