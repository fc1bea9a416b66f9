//! The server's certificate: made, kept, rotated, loaded and reloaded.
//!
//! [`Certificates`] is the whole of it for a server: it opens one of two sources, hands out a TLS configuration whose
//! handshakes always use the newest certificate, and is asked now and then to [`refresh`](Certificates::refresh).
//! A [`SelfSigned`] certificate lives 13 days because browsers accept hashes of certificates of 14 days at most; its *key* stays,
//! so that other clients may pin the [`fingerprint`](Identity::fingerprint) for years.
//!
//! Time is an argument everywhere. This is the only crate that names rcgen.

mod certificates;

mod identity;

mod self_signed;

mod pem_files;

mod resolver;

mod error;

pub mod private_file;

pub use certificates::Certificates;
pub use error::CertError;
pub use identity::Identity;
pub use pem_files::PemFiles;
pub use resolver::Resolver;
pub use self_signed::{SelfSigned, machine_name};
