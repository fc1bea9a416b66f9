//! What stock Yjs providers speak: the messages of [y-protocols](https://github.com/yjs/y-protocols): varints, byte strings and texts as lib0 writes them.

/// What a provider says.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// What it has: a state vector. It wants what it lacks.
    SyncStep1(&'a [u8]),
    /// What we lack: an update.
    SyncStep2(&'a [u8]),
    /// A change of its own: an update.
    Update(&'a [u8]),
    /// Cursors and names.
    Awareness(&'a [u8]),
    /// It wants everybody's cursors and names.
    QueryAwareness,
}

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;

const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

const PERMISSION_DENIED: u64 = 0;

impl<'a> Message<'a> {
    /// Reads a message; none when it is not one.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let message = match reader.uint()? {
            SYNC => match reader.uint()? {
                STEP_1 => Self::SyncStep1(reader.bytes()?),
                STEP_2 => Self::SyncStep2(reader.bytes()?),
                UPDATE => Self::Update(reader.bytes()?),
                _ => return None,
            },
            AWARENESS => Self::Awareness(reader.bytes()?),
            QUERY_AWARENESS => Self::QueryAwareness,
            _ => return None,
        };
        reader.0.is_empty().then_some(message)
    }

    /// Writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let mut say = |kind: &[u64], bytes: &[u8]| {
            kind.iter().for_each(|number| writer.uint(*number));
            writer.bytes(bytes);
        };
        match self {
            Self::SyncStep1(bytes) => say(&[SYNC, STEP_1], bytes),
            Self::SyncStep2(bytes) => say(&[SYNC, STEP_2], bytes),
            Self::Update(bytes) => say(&[SYNC, UPDATE], bytes),
            Self::Awareness(bytes) => say(&[AWARENESS], bytes),
            Self::QueryAwareness => writer.uint(QUERY_AWARENESS),
        }
        writer.0
    }
}

/// Says that the provider may not enter, and why. It shows that to its developer.
pub fn denied(reason: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.uint(AUTH);
    writer.uint(PERMISSION_DENIED);
    writer.bytes(reason.as_bytes());
    writer.0
}

/// Reads what lib0 wrote.
#[derive(Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// A number of at most 53 bits, which is how far JavaScript counts.
    pub fn uint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..56).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return (number < 1 << 53).then_some(number);
            }
        }
        None
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.uint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// Writes as lib0 does.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// A number.
    pub fn uint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A byte string, or a text.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.uint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written() {
        let long = [7; 300];
        for message in [
            Message::SyncStep1(&[0]),
            Message::SyncStep2(&[0, 0]),
            Message::Update(&long),
            Message::Awareness(&long),
            Message::QueryAwareness,
        ] {
            assert_eq!(Message::read(&message.to_bytes()), Some(message));
        }
        // As y-protocols writes it.
        assert_eq!(Message::SyncStep1(&[0]).to_bytes(), [0, 0, 1, 0]);
        assert_eq!(denied("no"), [2, 0, 2, b'n', b'o']);
    }

    #[test]
    fn what_is_no_message_is_none() {
        let endless = [0xff; 20];
        for bytes in [&[][..], &[0], &[0, 3, 0], &[0, 0, 2, 1], &[0, 0, 1, 0, 9], &[1, 5], &[2, 0, 0], &[9], &endless] {
            assert_eq!(Message::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn numbers_end_where_javascript_ends() {
        let read = |number: u64| {
            let mut writer = Writer::default();
            writer.uint(number);
            Reader(&writer.0).uint()
        };
        for number in [0, 127, 128, (1 << 53) - 1] {
            assert_eq!(read(number), Some(number));
        }
        assert_eq!((read(1 << 53), read(u64::MAX)), (None, None));
    }
}
