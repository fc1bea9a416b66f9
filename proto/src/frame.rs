//! What goes over a room's stream. One bidirectional stream is one membership; its first frame is [`ClientFrame::Join`].

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ClientId, Code, EditId, Generation, MemberId, Slot};

/// From a client to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientFrame {
    /// Asks to enter a room. First on the stream, and only there.
    Join(Join),
    /// Changes the text. Answered by [`ServerFrame::Saved`] or [`ServerFrame::Rejected`].
    Edit {
        /// The author's number for it.
        id: EditId,
        /// A Yjs update, format v1.
        update: Bytes,
    },
    /// Asks for what the client lacks. Answered by [`ServerFrame::Resync`].
    SyncRequest {
        /// What the client has: a Yjs state vector, format v1.
        state_vector: Bytes,
    },
    /// Changes the name that others see. Answered by [`ServerFrame::Members`], to everybody.
    SetName {
        /// The new name, cleaned by the server.
        name: String,
    },
}

/// The first frame of a membership. In every version of the protocol the frame begins with number 0 and then the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The version that the client speaks: [`crate::PROTOCOL`].
    pub protocol: u32,
    /// Which room. Not a [`crate::RoomName`] yet, so that a bad name gets its own answer.
    pub room: String,
    /// What gives the right to enter.
    pub credential: Credential,
    /// The name that others see, cleaned by the server.
    pub name: String,
    /// Under which replica id the client edits.
    pub client_id: ClientId,
    /// The generation of the client's copy; none when it has no copy.
    pub generation: Option<Generation>,
    /// What the client's copy holds: a Yjs state vector, format v1.
    pub state_vector: Bytes,
}

/// What gives the right to enter a room. Its debug form hides the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// The room's password.
    Password(String),
    /// The token from an earlier [`Welcome`]: brings back the same member, role and budget.
    Resume(String),
    /// A token that the server or an embedding application made.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Resume(_) => "Resume(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and writes.
    Editor,
    /// Reads, writes, and rules the room.
    Owner,
}

/// What `Saved` means on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Synced to the disk of the one server.
    Disk,
    /// Synced by a quorum of the cluster.
    Quorum,
}

/// A member as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Who.
    pub id: MemberId,
    /// The cleaned name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// The limits that the server holds this member to, so that an honest client slows itself down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Shortest time between two edits, in milliseconds.
    pub throttle_ms: u32,
    /// How many edits a minute the budget refills.
    pub edits_per_minute: u32,
    /// How many edits the full budget holds.
    pub burst: u32,
    /// How many edits are left in the budget now.
    pub tokens: u32,
    /// Largest update, in bytes.
    pub max_update_bytes: u32,
    /// Largest document, in bytes of its encoded state.
    pub max_document_bytes: u32,
}

/// The answer to a successful [`Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Who the client is in this room.
    pub member: MemberId,
    /// The name after cleaning.
    pub name: String,
    /// What the member may do.
    pub role: Role,
    /// Brings the same member back after a lost connection, without the password.
    pub resume_token: String,
    /// The limits in force.
    pub policy: Policy,
    /// Which life of the text this is.
    pub generation: Generation,
    /// Names this membership in datagrams of this session.
    pub slot: Slot,
    /// What the server has: a Yjs state vector, format v1.
    pub state_vector: Bytes,
    /// What the client lacks: a Yjs update, format v1.
    pub missing: Bytes,
    /// How many are in the room, this member included.
    pub count: u32,
    /// Who they are, this member included; empty above [`crate::limits::MAX_LISTED_MEMBERS`].
    pub members: Vec<MemberInfo>,
}

/// From the server to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerFrame {
    /// The client is in the room.
    Welcome(Box<Welcome>),
    /// The membership ends, or never began. Last on the stream.
    Refused {
        /// Why.
        code: Code,
        /// The reason as a sentence.
        message: String,
        /// When to try again at the earliest, in milliseconds from now.
        retry_after_ms: Option<u32>,
    },
    /// Somebody else changed the text.
    Edited {
        /// Who.
        member: MemberId,
        /// A Yjs update, format v1.
        update: Bytes,
    },
    /// An edit of this client is safe. Says nothing of any other edit.
    Saved {
        /// Which edit.
        id: EditId,
        /// How safe it is.
        durability: Durability,
    },
    /// An edit of this client was not taken. It stays with the client.
    Rejected {
        /// Which edit.
        id: EditId,
        /// Why.
        code: Code,
        /// The reason as a sentence.
        message: String,
        /// When to send it again at the earliest, in milliseconds from now.
        retry_after_ms: Option<u32>,
    },
    /// Everything that the client may lack: the answer to `SyncRequest`, or the cure of a slow reader.
    Resync {
        /// A Yjs update, format v1.
        update: Bytes,
        /// What the server has now: a Yjs state vector, format v1.
        state_vector: Bytes,
    },
    /// Who came, who went, who changed name or role. Safe to apply twice. When it names as many as there are, it is the whole
    /// list, and whoever is not in it is gone.
    Members {
        /// How many are in the room now.
        count: u32,
        /// Who came or changed; empty above [`crate::limits::MAX_LISTED_MEMBERS`].
        joined: Vec<MemberInfo>,
        /// Who went.
        left: Vec<MemberId>,
    },
    /// This member's role changed.
    RoleChanged {
        /// What the member may do from now on.
        role: Role,
    },
    /// The server asks the client to leave and to come back. Last on the stream.
    GoAway {
        /// When to come back, in milliseconds from now.
        reconnect_after_ms: u32,
        /// Why.
        reason: Code,
    },
    /// The limits of this membership changed.
    PolicyChanged {
        /// What holds from now on.
        policy: Policy,
    },
}
