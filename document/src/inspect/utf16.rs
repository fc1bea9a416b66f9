//! Clocks and offsets count UTF-16 code units; texts here are UTF-8.

/// How many UTF-16 code units: one a character, two for those that UTF-8 writes in four bytes.
pub(crate) fn len(text: &str) -> usize {
    let leads = text.bytes().filter(|byte| byte & 0xc0 != 0x80).count();
    leads + wide(text)
}

/// How many characters need two code units.
pub(crate) fn wide(text: &str) -> usize {
    text.bytes().filter(|byte| *byte >= 0xf0).count()
}

/// The offsets of the second halves of surrogate pairs.
pub(crate) fn second_halves(text: &str) -> impl Iterator<Item = u32> + '_ {
    let mut at = 0;
    text.chars().filter_map(move |char| {
        at += char.len_utf16() as u32;
        (char.len_utf16() == 2).then_some(at - 1)
    })
}

/// The text from an offset on; none when the offset cuts a pair or lies beyond the end.
pub(crate) fn tail(text: &str, offset: u32) -> Option<&str> {
    let mut at = 0;
    for (index, char) in text.char_indices() {
        if at >= offset {
            return (at == offset).then(|| &text[index..]);
        }
        at += char.len_utf16() as u32;
    }
    (at == offset).then_some("")
}
