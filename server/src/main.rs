//! Starts the server as the command line, the environment and a file say.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use collab_server::config::{self, Config, ConfigError, Request};
use collab_server::serve::{Addresses, Server};
use collab_server::{logging, maintenance};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let request = match config::read(std::env::args_os(), std::env::vars_os()) {
        Ok(request) => request,
        Err(ConfigError::Arguments(error)) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            eprintln!("collab-server: {error}");
            return ExitCode::from(2);
        }
    };
    let done = match request {
        Request::Serve(config) => serve(*config),
        Request::Show(text) => say(&text),
        Request::Check(data) => check(&data),
        Request::Restore { data, backup } => restore(&data, &backup),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("collab-server: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread carries the network: on few cores it is faster than many. Passwords and the store have threads of their own.
fn serve(config: Config) -> anyhow::Result<()> {
    logging::start(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything is started, so that no signal finds the server unprepared.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let server = Server::start(config).await?;
        let renewal = server.renewal();
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                renewal.notify_one();
            }
        });
        say(&greeting(server.addresses()))?;
        server
            .run(async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            })
            .await;
        Ok(())
    })
}

fn check(data: &Path) -> anyhow::Result<()> {
    let report = maintenance::check(data)?;
    say(&report.to_string())?;
    anyhow::ensure!(report.is_clean(), "the database in {} is damaged", data.display());
    Ok(())
}

fn restore(data: &Path, backup: &Path) -> anyhow::Result<()> {
    say(&maintenance::restore(data, backup)?.to_string())
}

fn greeting(addresses: &Addresses) -> String {
    let Addresses { webtransport, https, http, admin_token, fingerprint, certificate_hash } = addresses;
    let sessions = match webtransport {
        Some(address) => format!("UDP {address}; pages by HTTPS at the same port"),
        None => format!("off; pages and WebSocket by HTTPS, TCP {https}"),
    };
    let mut lines = vec![
        ("Page", format!("http://localhost:{}/", http.port())),
        ("Log", format!("http://localhost:{}/logs", http.port())),
        ("WebTransport", format!("https://localhost:{}/  ({sessions})", https.port())),
        ("Fingerprint", hex::encode(fingerprint)),
    ];
    if let Some(hash) = certificate_hash {
        lines.push(("Certificate", format!("self-signed, SHA-256 {}", hex::encode(hash))));
    }
    lines.push(("Admin token", format!("in {}", admin_token.display())));
    lines.iter().map(|(name, value)| format!("{name:<13} {value}\n")).collect()
}

/// A reader that went away is no reason to stop.
fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
