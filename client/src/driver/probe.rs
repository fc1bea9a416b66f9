//! Measures how long messages take, over a session of its own and without writing anything.

use std::time::{Duration, Instant};

use bytes::Bytes;
use collab_proto::{ClientFrame, Code, Datagram, Join, PROTOCOL, ServerFrame};
use tokio::time::timeout;

use super::Endpoint;
use super::link::{Incoming, Link};
use super::way::{Address, Way};
use crate::{Config, Document};

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection came about, or it broke.
    #[error("{0}")]
    Lost(String),
    /// The server refused the room.
    #[error("{message}")]
    Refused {
        /// Why.
        code: Code,
        /// The reason as a sentence.
        message: String,
    },
}

/// A session that only measures.
#[derive(Debug)]
pub struct Probe {
    link: Link,
    way: Way,
    seq: u64,
    state_vector: Bytes,
}

impl Probe {
    /// Opens a session. Datagrams need no room.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Lost`].
    pub async fn open(endpoint: Endpoint, address: impl Into<Address>) -> Result<Self, ProbeError> {
        let mut link = Link::open(endpoint, address.into().into());
        loop {
            match link.receive().await {
                Incoming::Lost(lost) => return Err(ProbeError::Lost(lost.reason)),
                Incoming::Connected(way, _) => return Ok(Self { link, way, seq: 0, state_vector: Bytes::new() }),
                Incoming::Frame(_) | Incoming::Datagram(_) => {}
            }
        }
    }

    /// What carries the session.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Enters a room, which [`stream`](Self::stream) needs.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub async fn enter(&mut self, config: &Config) -> Result<(), ProbeError> {
        let join = Join {
            protocol: PROTOCOL,
            room: config.room.to_string(),
            credential: config.credential.clone(),
            name: config.name.clone(),
            client_id: config.client_id,
            generation: None,
            state_vector: Document::new(config.client_id.0).state_vector().into(),
        };
        self.send(&ClientFrame::Join(join))?;
        loop {
            match self.frame().await? {
                ServerFrame::Welcome(welcome) => {
                    self.state_vector = welcome.state_vector;
                    return Ok(());
                }
                ServerFrame::Refused { code, message, .. } => return Err(ProbeError::Refused { code, message }),
                _ => {}
            }
        }
    }

    /// The round trip of a datagram; none when it did not come back within the limit.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Lost`].
    pub async fn datagram(&mut self, limit: Duration) -> Result<Option<Duration>, ProbeError> {
        self.seq += 1;
        let (wanted, sent) = (self.seq, Instant::now());
        self.link.send_datagram(&Datagram::Ping { seq: wanted, sent_at: 0 });
        let pong = async {
            loop {
                match self.link.receive().await {
                    Incoming::Datagram(Datagram::Pong { seq, .. }) if seq == wanted => return Ok(sent.elapsed()),
                    Incoming::Lost(lost) => return Err(ProbeError::Lost(lost.reason)),
                    _ => {}
                }
            }
        };
        timeout(limit, pong).await.ok().transpose()
    }

    /// The round trip of a question and its answer on the room's stream.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub async fn stream(&mut self) -> Result<Duration, ProbeError> {
        let sent = Instant::now();
        self.send(&ClientFrame::SyncRequest { state_vector: self.state_vector.clone() })?;
        loop {
            match self.frame().await? {
                ServerFrame::Resync { .. } => return Ok(sent.elapsed()),
                ServerFrame::Refused { code, message, .. } => return Err(ProbeError::Refused { code, message }),
                _ => {}
            }
        }
    }

    /// Leaves in order.
    pub async fn close(self) {
        self.link.close().ended().await;
    }

    fn send(&self, frame: &ClientFrame) -> Result<(), ProbeError> {
        if self.link.send_frame(frame) {
            Ok(())
        } else {
            Err(ProbeError::Lost("the connection does not keep up".to_owned()))
        }
    }

    async fn frame(&mut self) -> Result<ServerFrame, ProbeError> {
        loop {
            match self.link.receive().await {
                Incoming::Frame(frame) => return Ok(frame),
                Incoming::Lost(lost) => return Err(ProbeError::Lost(lost.reason)),
                Incoming::Connected(..) | Incoming::Datagram(_) => {}
            }
        }
    }
}
