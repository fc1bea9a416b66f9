//! The messages of Yjs servers, bare or in the frames of Hocuspocus.
//!
//! Hocuspocus puts the document's name before each message, wants a token first, and knows messages of its own; see
//! `OutgoingMessage.ts` and `MessageReceiver.ts` in `packages/server/src` of <https://github.com/ueberdosis/hocuspocus>.

use collab_proto::yjs::{Message, Reader, Writer};

/// Kinds of messages: those of y-protocols, and one that only answers and asks for no answer.
const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const SYNC_REPLY: u64 = 4;

/// Kinds of `SYNC`.
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

/// Kinds of `AUTH`.
const TOKEN: u64 = 0;
const DENIED: u64 = 0;
const DENIED_BY_HOCUSPOCUS: u64 = 1;

/// The version of the provider that is spoken for. Hocuspocus writes it down.
const PROVIDER_VERSION: &[u8] = b"4.8.0";

/// How a server wants messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// As y-protocols writes them.
    Bare,
    /// Behind the name of a document.
    Hocuspocus(String),
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// What the user lacked: an update.
    Missing(&'a [u8]),
    /// Somebody's edit: an update.
    Edited(&'a [u8]),
    /// Cursors and names.
    Awareness,
    /// No, and why.
    Denied(&'a str),
    /// What asks for nothing here.
    Other,
}

impl Framing {
    /// What goes before everything else, if something does.
    pub fn opening(&self, token: &str) -> Option<Vec<u8>> {
        let Self::Hocuspocus(_) = self else { return None };
        let mut writer = self.writer();
        [AUTH, TOKEN].into_iter().for_each(|number| writer.uint(number));
        writer.bytes(token.as_bytes());
        writer.bytes(PROVIDER_VERSION);
        Some(writer.0)
    }

    /// A message as the server wants it.
    pub fn write(&self, message: &Message<'_>) -> Vec<u8> {
        let mut writer = self.writer();
        writer.0.extend(message.to_bytes());
        writer.0
    }

    fn writer(&self) -> Writer {
        let mut writer = Writer::default();
        if let Self::Hocuspocus(document) = self {
            writer.bytes(document.as_bytes());
        }
        writer
    }

    /// What a server's message says.
    ///
    /// # Errors
    ///
    /// It is no message, or one for another document: says which.
    pub fn read<'a>(&self, bytes: &'a [u8]) -> Result<Told<'a>, &'static str> {
        let mut reader = Reader(bytes);
        if let Self::Hocuspocus(document) = self
            && reader.bytes() != Some(document.as_bytes())
        {
            return Err("a message for another document");
        }
        match reader.uint().ok_or("an empty message")? {
            SYNC | SYNC_REPLY => sync(reader).ok_or("a message that y-protocols does not know"),
            AWARENESS => Ok(Told::Awareness),
            AUTH => Ok(self.denial(reader).map_or(Told::Other, Told::Denied)),
            _ => Ok(Told::Other),
        }
    }

    /// The reason of a denial; none when it is another message of its kind.
    fn denial<'a>(&self, mut reader: Reader<'a>) -> Option<&'a str> {
        let denied = if *self == Self::Bare { DENIED } else { DENIED_BY_HOCUSPOCUS };
        if reader.uint()? != denied {
            return None;
        }
        Some(std::str::from_utf8(reader.bytes()?).unwrap_or("for a reason that is no text"))
    }
}

fn sync(mut reader: Reader<'_>) -> Option<Told<'_>> {
    let (kind, bytes) = (reader.uint()?, reader.bytes()?);
    match kind {
        STEP_1 => Some(Told::Other),
        STEP_2 => Some(Told::Missing(bytes)),
        UPDATE => Some(Told::Edited(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use collab_proto::ClientId;
    use serde_json::Value;

    use super::super::presence::Presence;
    use super::*;

    /// What the packages themselves write; `make.mjs` beside it made it.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../peers/vectors/messages.json")).unwrap()
    }

    fn bytes(value: &Value) -> Vec<u8> {
        let hex = value.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn hocuspocus(vectors: &Value) -> Framing {
        Framing::Hocuspocus(vectors["room"].as_str().unwrap().to_owned())
    }

    #[test]
    fn what_stock_providers_say_is_said_byte_for_byte() {
        let vectors = vectors();
        let client = vectors["client"].as_u64().unwrap();
        let (vector, update) = (bytes(&vectors["stateVector"]), bytes(&vectors["update"]));
        let ada = Presence::new(ClientId(client), "Ada").here();
        for (message, name) in [
            (Message::SyncStep1(&vector), "step1"),
            (Message::SyncStep2(&update), "step2"),
            (Message::Update(&update), "update"),
            (Message::Awareness(&ada), "awareness"),
        ] {
            assert_eq!(Framing::Bare.write(&message), bytes(&vectors["yProtocols"][name]), "{name}");
        }
        let [step1, presence] = [Message::SyncStep1(&vector), Message::Awareness(&ada)];
        assert_eq!(Framing::Bare.opening("token"), None);
        assert_eq!(Framing::Bare.write(&step1), bytes(&vectors["yWebsocketProvider"][0]));
        assert_eq!(Framing::Bare.write(&presence), bytes(&vectors["yWebsocketProvider"][1]));
        let framing = hocuspocus(&vectors);
        let token = vectors["token"].as_str().unwrap();
        assert_eq!(framing.opening(token).unwrap(), bytes(&vectors["hocuspocusProvider"][0]));
        assert_eq!(framing.write(&step1), bytes(&vectors["hocuspocusProvider"][1]));
        assert_eq!(framing.write(&presence), bytes(&vectors["hocuspocusProvider"][2]));
    }

    #[test]
    fn what_servers_say_is_understood() {
        let vectors = vectors();
        let update = bytes(&vectors["update"]);
        let (bare, framing) = (Framing::Bare, hocuspocus(&vectors));
        for (name, told) in [
            ("step1", Told::Other),
            ("step2", Told::Missing(&update)),
            ("update", Told::Edited(&update)),
            ("awareness", Told::Awareness),
            ("denied", Told::Denied("no")),
        ] {
            assert_eq!(bare.read(&bytes(&vectors["yProtocols"][name])), Ok(told), "{name}");
        }
        for (name, told) in [
            ("authenticated", Told::Other),
            ("denied", Told::Denied("no")),
            ("step1", Told::Other),
            ("replyStep1", Told::Other),
            ("update", Told::Edited(&update)),
            ("status", Told::Other),
        ] {
            assert_eq!(framing.read(&bytes(&vectors["hocuspocusServer"][name])), Ok(told), "{name}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let framing = Framing::Hocuspocus("room".to_owned());
        for bad in [&[][..], &[0], &[0, 2], &[0, 2, 9, 1], &[0, 7, 0], &[0xff; 12]] {
            assert!(Framing::Bare.read(bad).is_err(), "{bad:?}");
            assert!(framing.read(bad).is_err(), "{bad:?}");
        }
        assert!(framing.read(b"\x05other\x08\x01").is_err());
        assert_eq!(framing.read(b"\x04room\x08\x01"), Ok(Told::Other));
    }
}
