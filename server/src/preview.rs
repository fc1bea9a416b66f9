//! Markdown as HTML that nothing in it can make do anything.
//!
//! HTML in the text is shown as text, so all markup is ours; ammonia, which parses it as browsers do, then takes out what we did
//! not mean to let through, such as `javascript:` links. What people wrote decides neither how deep the markup nests nor how much
//! longer it is than the text: browsers, and ammonia, take quadratic time for deep nesting.

use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Event, Options, Parser, html};

/// Deeper quotes and lists are shown at this depth.
const MAX_DEPTH: usize = 50;

/// How many times longer than the text its HTML may be, besides [`SPARE_BYTES`].
const MAX_GROWTH: usize = 16;

/// Bytes that the HTML of the shortest text may have.
const SPARE_BYTES: usize = 64 * 1024;

/// Where links and pictures may lead.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// What a text is made of.
const TAGS: [&str; 28] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder.add_tags(TAGS);
    builder.rm_generic_attributes(&["lang", "title"]);
    builder.add_tag_attributes("a", &["href", "title"]);
    builder.add_tag_attributes("img", &["src", "alt", "title"]);
    builder.add_tag_attributes("ol", &["start"]);
    builder.add_url_schemes(SCHEMES);
    builder.url_relative(UrlRelative::Deny);
    builder.link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// The HTML of the text would be longer than `MAX_GROWTH` times the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text becomes too long as HTML")]
pub struct TooLong;

/// Renders Markdown (CommonMark with tables, strikethrough and task lists) as safe HTML.
///
/// # Errors
///
/// [`TooLong`].
pub fn render(markdown: &str) -> Result<String, TooLong> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut depth = 0;
    let events = Parser::new_ext(markdown, options).filter_map(|event| harmless(event, &mut depth));
    let mut page =
        Page { html: String::new(), left: SPARE_BYTES.saturating_add(markdown.len().saturating_mul(MAX_GROWTH)) };
    html::write_html_fmt(&mut page, events).map_err(|_| TooLong)?;
    Ok(sanitise(&page.html))
}

/// Takes out of HTML what is not in the lists above.
fn sanitise(html: &str) -> String {
    SANITISER.clean(html).to_string()
}

/// The same without HTML, inputs, and tags nested too deeply.
fn harmless<'t>(event: Event<'t>, depth: &mut usize) -> Option<Event<'t>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::TaskListMarker(done) => Some(Event::Text(if done { "☑ " } else { "☐ " }.into())),
        Event::Start(_) => {
            *depth += 1;
            (*depth <= MAX_DEPTH).then_some(event)
        }
        Event::End(_) => {
            *depth -= 1;
            (*depth < MAX_DEPTH).then_some(event)
        }
        event => Some(event),
    }
}

/// HTML of bounded length.
struct Page {
    html: String,
    left: usize,
}

impl std::fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(std::fmt::Error)?;
        self.html.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
