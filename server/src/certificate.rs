//! Keeps the certificate of a running server fresh. Sessions that stand go on; new handshakes get the new one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use collab_certs::{CertError, Certificates};
use tokio::sync::Notify;

/// Exchanges the certificate when that is due, which is looked at `every` so often, and when the operator asks for it: then a
/// self-signed one is made anew, and PEM files are read again whether they look changed or not.
pub async fn keep(certificates: Arc<Certificates>, every: Duration, asked: Arc<Notify>) {
    let mut every = tokio::time::interval(every);
    let mut told = None;
    loop {
        let done = tokio::select! {
            _ = every.tick() => certificates.refresh(SystemTime::now()),
            () = asked.notified() => {
                told = None;
                certificates.renew(SystemTime::now()).map(|()| true)
            }
        };
        told = tell(done, told);
    }
}

/// Logs what came of it. The same failure is told once, not at every look.
fn tell(done: Result<bool, CertError>, told: Option<String>) -> Option<String> {
    match done.map_err(|error| error.to_string()) {
        Ok(true) => tracing::info!("new handshakes get a new certificate"),
        Ok(false) => {}
        Err(error) if told.as_ref() == Some(&error) => return told,
        Err(error) => {
            tracing::error!(error, "the certificate could not be renewed; the old one stays in use");
            return Some(error);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A certificate and its key in a folder, as an authority would hand them over.
    fn issue(folder: &Path) -> Certificates {
        collab_certs::SelfSigned::open(folder, &[], SystemTime::now()).unwrap();
        Certificates::load_pem(&folder.join("certificate.pem"), &folder.join("certificate.key")).unwrap()
    }

    fn exchange(served: &Path, renewed: &Path) {
        for name in ["certificate.pem", "certificate.key"] {
            fs::copy(renewed.join(name), served.join(name)).unwrap();
        }
    }

    /// The certificate after the one with this hash.
    async fn next(certificates: &Certificates, old: [u8; 32]) -> Arc<collab_certs::Identity> {
        let changed = async {
            while certificates.current().certificate_hash() == old {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), changed).await.expect("another certificate");
        certificates.current()
    }

    #[tokio::test]
    async fn exchanged_files_are_in_use_at_the_next_look() {
        let (served, renewed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificates, new) = (Arc::new(issue(served.path())), issue(renewed.path()));
        let old = certificates.current().certificate_hash();
        let work = tokio::spawn(keep(certificates.clone(), Duration::from_millis(5), Arc::default()));
        exchange(served.path(), renewed.path());
        assert_eq!(next(&certificates, old).await.certificate_hash(), new.current().certificate_hash());
        work.abort();
    }

    #[tokio::test]
    async fn the_operator_need_not_wait_for_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Arc::new(Certificates::self_signed(folder.path(), &[], SystemTime::now()).unwrap());
        let asked = Arc::new(Notify::new());
        let work = tokio::spawn(keep(certificates.clone(), Duration::from_secs(3600), asked.clone()));
        let old = certificates.current();
        asked.notify_one();
        let new = next(&certificates, old.certificate_hash()).await;
        assert_eq!(old.fingerprint(), new.fingerprint(), "clients have pinned the key");
        work.abort();
    }
}
