use std::ffi::OsString;
use std::fs;

use super::*;

fn read_with(flags: &[&str], variables: &[(&str, &str)]) -> Result<Request, ConfigError> {
    let arguments = std::iter::once("collab-server").chain(flags.iter().copied()).map(OsString::from);
    read(arguments, variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn config(flags: &[&str], variables: &[(&str, &str)]) -> Config {
    match read_with(flags, variables).unwrap() {
        Request::Serve(config) => *config,
        other => panic!("{other:?}"),
    }
}

fn error(flags: &[&str], variables: &[(&str, &str)]) -> String {
    let message = read_with(flags, variables).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// A file with this content, in a folder that goes when it is dropped.
fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("collab.toml");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn nothing_given_means_the_defaults() {
    let config = config(&[], &[("HOME", "/root"), ("COLLAB_PASSWORD", "for the client")]);
    assert_eq!(config, Config::default());
    assert_eq!(config.listen, "[::]:4433".parse().unwrap());
    assert_eq!((config.throttle_ms, config.edits_per_minute, config.burst), (500, 30, 30));
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let (_folder, path) = file("burst = 1\nthrottle_ms = 1\nedits_per_minute = 1\n");
    let variables = [("COLLAB_BURST", "2"), ("COLLAB_THROTTLE_MS", "2"), ("COLLAB_CONFIG", path.as_str())];
    let config = config(&["--burst", "3"], &variables);
    assert_eq!((config.burst, config.throttle_ms, config.edits_per_minute), (3, 2, 1));
}

#[test]
fn the_file_of_the_flag_beats_the_file_of_the_environment() {
    let (_one, flagged) = file("burst = 1");
    let config = config(&["--config", &flagged], &[("COLLAB_CONFIG", "/nowhere.toml")]);
    assert_eq!(config.burst, 1);
}

#[test]
fn every_kind_of_value_is_read_from_every_place() {
    let (_folder, path) = file("names = ['a.example', 'b.example']\nroom_creation = 'admin'\nhttp = '[::1]:80'");
    let from_file = config(&["--config", &path], &[]);
    let from_flags = config(&["--names", "a.example, b.example", "--room-creation=admin", "--http", "[::1]:80"], &[]);
    assert_eq!(from_file, from_flags);
    assert_eq!(from_file.names, ["a.example", "b.example"]);
    assert_eq!(config(&[], &[("COLLAB_HTTP", "localhost:3002")]).http, "127.0.0.1:3002".parse().unwrap());
    assert_eq!(config(&["--max-rooms", "1_000"], &[]).max_rooms, 1000);
}

#[test]
fn an_unknown_name_is_an_error_with_the_nearest() {
    let (_folder, path) = file("throtle_ms = 1");
    let message = error(&["--config", &path], &[]);
    assert!(message.ends_with("there is no throtle_ms; did you mean throttle_ms?"), "{message}");
    assert_eq!(
        error(&[], &[("COLLAB_MAX_ROOM", "1")]),
        "the environment: there is no COLLAB_MAX_ROOM; did you mean COLLAB_MAX_ROOMS?"
    );
    let Err(ConfigError::Arguments(unknown)) = read_with(&["--throtle-ms", "1"], &[]) else { panic!("it was taken") };
    assert!(unknown.to_string().contains("--throttle-ms"));
    assert_eq!(unknown.exit_code(), 2);
}

#[test]
fn numbers_are_checked_at_their_edges() {
    let edges = [
        ("throttle_ms", 0, 60_000),
        ("edits_per_minute", 1, 60_000),
        ("burst", 1, 60_000),
        ("max_update_bytes", 1024, 1_047_552),
        ("max_document_bytes", 4096, 7_340_032),
        ("max_members_per_room", 1, 100_000),
        ("max_sessions", 1, 1_000_000),
        ("max_rooms", 1, 10_000_000),
        ("idle_room_seconds", 0, 86_400),
        ("hash_threads", 1, 256),
        ("stalled_reader_seconds", 1, 3_600),
        ("outbox_bytes", 65_536, 67_108_864),
        ("udp_buffer_bytes", 65_536, 1_073_741_824),
        ("compact_updates", 1, 1_000_000),
        ("compact_bytes", 1024, 1_073_741_824),
        ("drain_seconds", 0, 600),
        ("log_keep_days", 1, 36_500),
        ("log_keep_entries", 1_000, 1_000_000_000_i64),
    ];
    for (name, least, most) in edges {
        let variable = format!("COLLAB_{}", name.to_uppercase());
        for allowed in [least, most] {
            let shown = config(&[], &[(&variable, &allowed.to_string())]).shown();
            assert!(shown.contains(&(name, Some(toml::Value::Integer(allowed)))), "{name} = {allowed}");
        }
        for refused in [most + 1, least - 1] {
            let message = error(&[], &[(&variable, &refused.to_string())]);
            let reason = if refused < 0 { "not a whole number".into() } else { format!("between {least} and {most}") };
            assert!(message.contains(&reason) && message.contains(&variable), "{message}");
        }
    }
    let numbers = KEYS.iter().filter(|key| (key.default)().is_some_and(|value| value.is_integer())).count();
    assert_eq!(numbers, edges.len(), "every number is in the table above");
    assert_eq!(
        error(&["--drain-seconds", "601"], &[]),
        r#"drain_seconds (from --drain-seconds) = "601" seconds is not between 0 and 600"#
    );
}

#[test]
fn other_values_are_checked_with_a_sentence() {
    let wrong = [
        ("COLLAB_LISTEN", "4433", "not an address with a port"),
        ("COLLAB_HTTP", "0.0.0.0:3001", "not a loopback address"),
        ("COLLAB_HTTP", "[::]:3001", "not a loopback address"),
        ("COLLAB_ROOM_CREATION", "nobody", "not one of open, admin"),
        ("COLLAB_LOG_FORMAT", "xml", "not one of auto, human, json"),
        ("COLLAB_LOG_FILTER", "collab=loud", "not a log filter"),
        ("COLLAB_DATA", "", "is empty"),
        ("COLLAB_BURST", "many", "not a whole number"),
        ("COLLAB_BURST", "99999999999999999999", "not a whole number"),
        ("COLLAB_CERT", "cert.pem", "cert is set without key"),
        ("COLLAB_KEY", "key.pem", "key is set without cert"),
    ];
    for (variable, value, reason) in wrong {
        let message = error(&[], &[(variable, value)]);
        assert!(message.contains(reason), "{message}");
    }
    assert!(config(&["--http", "[::ffff:127.0.0.1]:1"], &[]).http.is_ipv6());
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let (_folder, path) = file("burst = 1\nburst = = 2\n");
    assert!(error(&["--config", &path], &[]).starts_with(&format!("{path}, line 2: ")));
    let (_folder, path) = file("[burst]\nx = 1\n");
    assert!(error(&["--config", &path], &[]).contains("burst is a table"));
    assert!(error(&["--config", "/nowhere.toml"], &[]).contains("cannot read the configuration /nowhere.toml"));
}

#[test]
fn what_is_shown_can_be_fed_back() {
    let flags = ["config", "--names", "a.example,b.example", "--cert", "c\"1.pem", "--key", "k.pem", "--burst", "7"];
    let Request::Show(text) = read_with(&flags, &[("COLLAB_THROTTLE_MS", "9")]).unwrap() else { panic!("it serves") };
    assert!(text.lines().any(|line| line.starts_with("burst = 7 ") && line.ends_with("# --burst")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("throttle_ms = 9 ") && line.ends_with("# COLLAB_THROTTLE_MS")));
    assert!(text.lines().any(|line| line.starts_with("outbox_bytes = ") && line.ends_with("# default")));
    let (_folder, path) = file(&text);
    let expected = config(&flags[1..], &[("COLLAB_THROTTLE_MS", "9")]);
    assert_eq!(config(&["--config", &path], &[]), expected);
    assert_eq!(expected.shown().len(), KEYS.len());
}

#[test]
fn help_names_every_key_its_variable_and_the_precedence() {
    let Err(ConfigError::Arguments(help)) = read_with(&["--help"], &[]) else { panic!("no help") };
    assert_eq!(help.exit_code(), 0);
    let help = help.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for key in KEYS {
        assert!(help.contains(&format!("--{} ", key.flag())) && help.contains(&key.variable()), "{}", key.name);
    }
    assert!(help.contains("command line, else the environment, else the file, else the default"));
}
