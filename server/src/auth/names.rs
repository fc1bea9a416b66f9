//! Cleaning the names people give themselves.

use collab_proto::Code;
use collab_proto::limits::{MAX_NAME_CHARS, MAX_RAW_NAME_BYTES};
use unicode_normalization::UnicodeNormalization;

use crate::refusal::Refusal;

/// Markup escaped more often than this was not typed by a person.
const MAX_ESCAPE_DEPTH: usize = 4;

/// A name that is safe to show, and whether cleaning changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanName {
    /// The name: NFC, 1 to 40 characters, no markup, no control or direction characters.
    pub name: String,
    /// Whether it differs from what came in.
    pub changed: bool,
}

/// Cleans a display name: markup goes (ammonia), control and direction-changing characters go, white space is folded, the rest
/// is normalised (NFC) and cut at [`MAX_NAME_CHARS`].
///
/// # Errors
///
/// [`Code::BadName`] when nothing is left, or for more than [`MAX_RAW_NAME_BYTES`].
pub fn clean(raw: &str) -> Result<CleanName, Refusal> {
    if raw.len() > MAX_RAW_NAME_BYTES {
        return Err(Code::BadName.into());
    }
    let text = without_markup(raw);
    let visible: String = text.chars().filter(|c| c.is_whitespace() || !is_invisible(*c)).nfc().collect();
    let folded = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = folded.chars().take(MAX_NAME_CHARS).collect();
    let name = name.trim_end().to_owned();
    if name.is_empty() {
        return Err(Code::BadName.into());
    }
    Ok(CleanName { changed: name != raw, name })
}

/// The text of an HTML fragment. What holds neither `<` nor `&` holds no markup and is taken as it is.
///
/// Ammonia answers in HTML, while a name is text: its escapes are taken back, and since that may bring markup to light that was
/// escaped before, it is cleaned again until nothing changes.
fn without_markup(raw: &str) -> String {
    let mut text = raw.to_owned();
    for _ in 0..MAX_ESCAPE_DEPTH {
        if !text.contains(['<', '&']) {
            return text;
        }
        let cleaned = unescape(&ammonia::Builder::empty().clean(&text).to_string());
        if cleaned == text {
            return text;
        }
        text = cleaned;
    }
    text.replace(['<', '>', '&'], "")
}

fn unescape(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Characters that change how others' names are read without being seen: controls, zero-width and direction marks.
/// The joiner stays, since families of emoji and some scripts need it.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(raw: &str) -> String {
        clean(raw).unwrap().name
    }

    #[test]
    fn an_ordinary_name_is_left_alone() {
        for name in ["Ada", "Zoë Müller", "李雷", "👩‍🚀 Sally", "O'Brien", "1 < 2", "R&D", "a > b"] {
            assert_eq!(clean(name).unwrap(), CleanName { name: name.into(), changed: false }, "{name}");
        }
    }

    #[test]
    fn markup_and_tricks_are_removed() {
        assert_eq!(cleaned("<b>Ada</b>"), "Ada");
        assert_eq!(cleaned("<script>alert(1)</script>Eve"), "Eve");
        assert_eq!(cleaned("Eve<img src=x onerror=alert(1)>"), "Eve");
        assert_eq!(cleaned("Eve&lt;script&gt;alert(1)&lt;/script&gt;"), "Eve");
        assert!(!cleaned(&format!("Eve&{}lt;b&gt;", "amp;".repeat(9))).contains(['<', '&']));
        assert_eq!(cleaned("a\u{202e}b\u{0}c\u{1b}[31m"), "abc[31m");
        assert_eq!(cleaned("  two \n\t words  "), "two words");
        assert_eq!(cleaned("e\u{301}"), "é");
        assert!(clean("<b>Ada</b>").unwrap().changed);
    }

    #[test]
    fn a_name_is_limited_at_both_edges() {
        assert_eq!(cleaned(&"é".repeat(40)).chars().count(), 40);
        assert_eq!(cleaned(&"é".repeat(41)).chars().count(), 40);
        for empty in ["", "  ", "\u{200b}", "<b></b>"] {
            assert_eq!(clean(empty).unwrap_err().code, Code::BadName);
        }
        assert!(clean(&"x".repeat(MAX_RAW_NAME_BYTES)).is_ok());
        assert_eq!(clean(&"x".repeat(MAX_RAW_NAME_BYTES + 1)).unwrap_err().code, Code::BadName);
    }
}
