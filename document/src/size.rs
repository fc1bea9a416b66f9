//! How long the encoded document is, without encoding it after every edit.

/// What cutting one item in two adds to the encoded state, at most: a header with two ids, and a length.
const CUT_BYTES: usize = 40;

/// Times the cap up to which deletions are taken when the document is full. Deleting shrinks a text, but scattered deletions
/// lengthen its history, and that needs a bound as well.
const DELETION_ALLOWANCE: usize = 2;

/// An upper bound of the encoded length. It drifts upwards with every update, and is measured again only near the cap.
#[derive(Debug)]
pub(crate) struct Size {
    bound: usize,
    exact: bool,
}

/// What an update may add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) bytes: usize,
    pub(crate) items: usize,
    pub(crate) deletions: usize,
}

impl Growth {
    fn bound(self) -> usize {
        self.bytes + CUT_BYTES * (self.items + 2 * self.deletions)
    }
}

impl Size {
    /// Of a document without text.
    pub(crate) fn empty() -> Self {
        Self { bound: 2, exact: true }
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// Whether there is room under `max` bytes. `measure` gives the exact length, and is called only when the bound says no.
    pub(crate) fn has_room<E>(
        &mut self,
        growth: Growth,
        max: usize,
        measure: impl FnOnce() -> Result<usize, E>,
    ) -> Result<bool, E> {
        let max = if growth.items == 0 { max.saturating_mul(DELETION_ALLOWANCE) } else { max };
        if self.bound + growth.bound() <= max {
            return Ok(true);
        }
        if !self.exact {
            *self = Self { bound: measure()?, exact: true };
        }
        Ok(self.bound + growth.bytes <= max)
    }

    /// Counts an update that was applied.
    pub(crate) fn add(&mut self, growth: Growth) {
        self.bound += growth.bound();
        self.exact = false;
    }
}
