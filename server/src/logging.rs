//! What the server says while it works, on standard error. The audit log is another thing, see [`crate::audit`].

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging as configured. In one process it takes effect once; later calls change nothing.
pub fn start(config: &Config) {
    let terminal = std::io::stderr().is_terminal();
    let filter = EnvFilter::new(&config.log_filter);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match is_json(config.log_format, terminal) {
        true => lines.json().flatten_event(true).try_init(),
        false => lines.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).with_target(false).try_init(),
    };
}

fn is_json(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_programs_unless_asked_otherwise() {
        assert!(is_json(LogFormat::Auto, false) && !is_json(LogFormat::Auto, true));
        assert!(!is_json(LogFormat::Human, false) && is_json(LogFormat::Json, true));
    }
}
