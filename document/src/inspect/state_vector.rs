//! State vectors: which operations somebody has, as pairs of a client and its next clock.

use super::{Reader, Writer};
use crate::{StateVectorError, UpdateError};

/// The least bytes of a pair.
const PAIR_BYTES: usize = 2;

/// Reads a state vector; each client comes at most once.
pub(crate) fn read_state_vector(bytes: &[u8]) -> Result<Vec<(u64, u32)>, StateVectorError> {
    read(bytes).map_err(|error| match error {
        UpdateError::Malformed(what) => StateVectorError::Malformed(what),
        _ => StateVectorError::Malformed("not a state vector"),
    })
}

/// Writes a state vector; clients without operations are left out.
pub(crate) fn write_state_vector(pairs: impl Iterator<Item = (u64, u32)>) -> Vec<u8> {
    let mut pairs: Vec<_> = pairs.filter(|(_, clock)| *clock > 0).collect();
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    let mut writer = Writer::default();
    writer.count(pairs.len());
    for (client, clock) in pairs {
        writer.uint(client);
        writer.clock(clock);
    }
    writer.into_bytes()
}

fn read(bytes: &[u8]) -> Result<Vec<(u64, u32)>, UpdateError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(PAIR_BYTES)?;
    let mut pair = || Ok::<_, UpdateError>((reader.client()?, reader.clock()?));
    let mut pairs = (0..count).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
    reader.finish()?;
    pairs.sort_unstable();
    if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(UpdateError::Malformed("a client twice"));
    }
    Ok(pairs)
}
