//! What happened since the server started.

use collab_proto::api::StatusCounts;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// One counter for each thing that is worth it.
#[derive(Debug)]
pub struct Counts {
    /// Edits that were applied.
    pub edits_taken: Counter,
    /// Edits that their author was refused.
    pub edits_rejected: Counter,
    /// Members who came by password or token.
    pub joins: Counter,
    /// Members who came back by resume token.
    pub resumes: Counter,
    /// Joins that were refused.
    pub refused: Counter,
    /// Requests for everything that a member misses.
    pub resyncs: Counter,
    /// Bytes that came on members' streams.
    pub bytes_in: Counter,
    /// Bytes that went out on members' streams.
    pub bytes_out: Counter,
}

impl Counts {
    /// Zeros, which Prometheus can read.
    pub(super) fn new(exported: &mut Registry) -> Self {
        let mut counter = |name: &str, help: &str| {
            let counter: Counter = Counter::default();
            exported.register(name, help, counter.clone());
            counter
        };
        Self {
            edits_taken: counter("edits_taken", "Edits that were applied"),
            edits_rejected: counter("edits_rejected", "Edits that their author was refused"),
            joins: counter("joins", "Members who came by password or token"),
            resumes: counter("resumes", "Members who came back by resume token"),
            refused: counter("refused_joins", "Joins that were refused"),
            resyncs: counter("resyncs", "Requests for everything that a member misses"),
            bytes_in: counter("stream_bytes_in", "Bytes that came on the streams of members"),
            bytes_out: counter("stream_bytes_out", "Bytes that went out on the streams of members"),
        }
    }

    pub(super) fn told(&self) -> StatusCounts {
        StatusCounts {
            edits_taken: self.edits_taken.get(),
            edits_rejected: self.edits_rejected.get(),
            joins: self.joins.get(),
            resumes: self.resumes.get(),
            refused: self.refused.get(),
            resyncs: self.resyncs.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
        }
    }
}
