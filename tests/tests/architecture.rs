//! What must not be there: dependencies that point the wrong way, clocks and sockets in the cores, a library named outside
//! the one place that wraps it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every Rust file of the workspace's crates by its path from the root, without comments and without what only tests see.
fn sources() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in ["proto", "document", "certs", "client", "server", "cli", "bench", "tests"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100, "the sources were found: {}", files.len());
    files
}

fn collect(folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("below the root").to_str().expect("UTF-8").to_owned();
            files.insert(name, code_of(&fs::read_to_string(&path).expect("a source")));
        }
    }
}

/// Unit tests stand at the end of a file; they may use a clock.
fn code_of(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the code says this, as whole words. What ends in `::` is a crate: a module of the same name does not count.
fn names(code: &str, what: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_crate = what.ends_with("::");
    code.match_indices(what).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + what.len()..]);
        let goes_on = before.ends_with(is_word) || is_crate && before.ends_with("::");
        !goes_on && (is_crate || !after.starts_with(is_word))
    })
}

/// Every file that names one of the paths, except where that is allowed.
fn offenders(paths: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut offenders = Vec::new();
    for (file, code) in sources() {
        let found = paths.iter().filter(|path| !allowed(&file) && names(&code, path));
        offenders.extend(found.map(|path| format!("{file} names {path}")));
    }
    offenders
}

fn is_test(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("_tests.rs")
}

/// The parts that are pure: time and bytes are arguments.
fn is_core(file: &str) -> bool {
    let driver = ["driver/", "api.rs", "api/", "known_servers.rs", "trust.rs"];
    let room =
        ["core.rs", "core/people.rs", "keeper.rs", "admission.rs", "outbox.rs", "turn.rs", "roster.rs", "presence.rs"];
    let client = file.strip_prefix("client/src/").is_some_and(|file| !driver.iter().any(|it| file.starts_with(it)));
    let room = file.strip_prefix("server/src/room/").is_some_and(|file| room.contains(&file));
    client || room || file.starts_with("proto/src/") || file.starts_with("document/src/")
}

#[test]
fn the_cores_know_no_clock_no_socket_and_no_runtime() {
    let impure = [
        "tokio",
        "Instant::now",
        "SystemTime",
        "UdpSocket",
        "TcpListener",
        "TcpStream",
        "std::fs",
        "std::thread",
        "std::io",
        "socket2",
        "reqwest",
        "rand::random",
    ];
    let cores = sources().keys().filter(|file| is_core(file)).count();
    assert!(cores >= 30, "the cores were found: {cores}");
    assert_eq!(offenders(&impure, |file| !is_core(file) || is_test(file)), [""; 0]);
    let elsewhere = offenders(&impure, is_core);
    assert!(impure.iter().all(|path| elsewhere.iter().any(|found| found.ends_with(path))), "{elsewhere:?}");
}

/// A library is named below these places, in tests, and nowhere else.
fn assert_wrapped(path: &str, places: &[&str]) {
    let allowed = |file: &str| is_test(file) || places.iter().any(|place| file.starts_with(place));
    assert_eq!(offenders(&[path], allowed), [""; 0]);
    assert_ne!(offenders(&[path], is_test), [""; 0], "{path} is named where it is wrapped");
}

#[test]
fn each_library_is_named_where_it_is_wrapped() {
    assert_wrapped("yrs::", &["document/"]);
    assert_wrapped("redb::", &["server/src/store/redb"]);
    assert_wrapped("rcgen::", &["certs/"]);
    assert_wrapped("jsonwebtoken::", &["server/src/auth/tokens.rs"]);
    assert_wrapped("argon2::", &["server/src/auth/passwords.rs"]);
    assert_wrapped("ammonia::", &["server/src/auth/names.rs", "server/src/preview.rs"]);
    assert_wrapped("pulldown_cmark::", &["server/src/preview.rs"]);
    assert_wrapped("prometheus_client::", &["server/src/metrics"]);
    let files = [
        "proto/src/codec.rs",
        "server/src/store/redb/",
        "server/src/store/backup",
        "cli/src/unsent.rs",
        "bench/src/workers/",
    ];
    assert_wrapped("postcard::", &files);
    assert_wrapped("anyhow::", &["server/src/main.rs", "cli/", "bench/"]);
    // The start-up holds the endpoint that the transport made, to close it at the end.
    let transports = ["client/src/driver/", "server/src/transport/", "server/src/serve.rs", "bench/src/wire/"];
    assert_wrapped("wtransport::", &transports);
    assert_wrapped("tungstenite::", &transports);
    // The load generator has a bare echo to compare with.
    assert_wrapped("quinn::", &[&transports[..], &["bench/src/floor/quic.rs"]].concat());
    assert_wrapped("quinn_proto::", &["server/src/transport/"]);
}

/// The direct dependencies of each crate, apart from those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = command.output().expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let list = |value: &Value, field: &str| value[field].as_array().expect("a list").clone();
    let of = |package: &Value| {
        let all = list(package, "dependencies").into_iter();
        all.filter(|dependency| dependency["kind"] != "dev").map(|dependency| name(&dependency)).collect()
    };
    list(&metadata, "packages").iter().map(|package| (name(package), of(package))).collect()
}

#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("collab-proto", &[][..]),
        ("collab-document", &[]),
        ("collab-certs", &[]),
        ("collab-client", &["collab-document", "collab-proto"]),
        ("collab-server", &["collab-certs", "collab-document", "collab-proto"]),
        ("collab-cli", &["collab-client", "collab-document", "collab-proto"]),
        ("collab-bench", &["collab-certs", "collab-client", "collab-document", "collab-proto"]),
        ("collab-fuzz-targets", &["collab-document", "collab-proto", "collab-server"]),
        ("collab-tests", &["collab-client", "collab-document", "collab-proto", "collab-server"]),
    ]);
    let dependencies = dependencies();
    assert_eq!(
        dependencies.keys().map(String::as_str).collect::<Vec<_>>(),
        allowed.keys().copied().collect::<Vec<_>>()
    );
    for (package, needs) in &dependencies {
        let ours: Vec<_> = needs.iter().filter(|name| name.starts_with("collab-")).map(String::as_str).collect();
        let wrong: Vec<_> = ours.iter().filter(|name| !allowed[package.as_str()].contains(name)).collect();
        assert_eq!(wrong, [&""; 0], "{package}");
    }
}

#[test]
fn each_library_is_a_dependency_where_it_is_wrapped() {
    let holders = |library: &str| -> Vec<String> {
        let all = dependencies().into_iter().filter(|(_, needs)| needs.contains(library));
        all.map(|(package, _)| package).collect()
    };
    assert_eq!(holders("yrs"), ["collab-document"]);
    assert_eq!(holders("redb"), ["collab-server"]);
    assert_eq!(holders("rcgen"), ["collab-certs"]);
    assert_eq!(holders("anyhow"), ["collab-bench", "collab-cli", "collab-server"]);
    assert_eq!(holders("wtransport"), ["collab-bench", "collab-client", "collab-server", "collab-tests"]);
    for pure in ["collab-proto", "collab-document"] {
        assert!(!dependencies()[pure].contains("tokio"), "{pure}");
    }
}

#[test]
fn every_crate_follows_the_lints_of_the_workspace() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    assert!(workspace.contains("unsafe_code = \"forbid\"") && workspace.contains("unwrap_used = \"deny\""));
    for package in dependencies().keys() {
        let folder = package.strip_prefix("collab-").expect("our crates are called so").replace("fuzz-", "fuzz/");
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package}");
    }
}
