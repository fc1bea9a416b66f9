//! Nothing executable comes through, whatever the text, whether it is Markdown or taken for HTML.

use std::time::{Duration, Instant};

use super::*;

/// One attack a line, after the OWASP cheat sheet on evading filters; `\n`, `\t`, `\0` and `\r` stand for the characters.
const VECTORS: &str = include_str!("xss.txt");

/// What may be in an opening tag: its name, and its attributes with their values.
type Tag = (String, Vec<(String, String)>);

fn vectors() -> Vec<String> {
    let lines = VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let unescape =
        |line: &str| line.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("\\0", "\0");
    lines.map(unescape).collect()
}

/// Reads HTML strictly: every `<` begins a tag as this module's parts write it. Panics at anything else.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    for piece in html.split('<').skip(1) {
        let end = end_of_tag(piece).unwrap_or_else(|| panic!("a tag without an end in {html}"));
        let tag = &piece[..end];
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "no tag: <{tag} in {html}");
        tags.push((name.clone(), attributes(tag.trim_start_matches('/').strip_prefix(&name).unwrap(), html)));
    }
    tags
}

/// Where a tag ends: at the first `>` outside of quotes.
fn end_of_tag(piece: &str) -> Option<usize> {
    let mut quoted = false;
    piece.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '>' && !quoted).then_some(at)
    })
}

fn attributes(mut rest: &str, html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, tail)) = rest.trim_start().split_once("=\"") {
        let (value, tail) = tail.split_once('"').unwrap_or_else(|| panic!("a value without an end in {html}"));
        found.push((name.to_owned(), value.replace("&amp;", "&")));
        rest = tail;
    }
    assert!(rest.trim_matches([' ', '/']).is_empty(), "{rest:?} is no attribute in {html}");
    found
}

fn assert_harmless(html: &str) {
    for (name, attributes) in tags(html) {
        assert!(TAGS.contains(&name.as_str()), "<{name}> in {html}");
        for (attribute, value) in attributes {
            let allowed = match (name.as_str(), attribute.as_str()) {
                ("a", "href") | ("img", "src") => SCHEMES.iter().any(|scheme| {
                    value.to_ascii_lowercase().strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':'))
                }),
                ("a", "rel") => value == "noopener noreferrer nofollow",
                ("ol", "start") => value.bytes().all(|byte| byte.is_ascii_digit()),
                ("a" | "img", "title") | ("img", "alt") => true,
                _ => false,
            };
            assert!(allowed, "{name} {attribute}={value:?} in {html}");
        }
    }
}

#[test]
fn no_attack_comes_through_as_markdown_or_as_html() {
    let vectors = vectors();
    assert!(vectors.len() >= 80, "the attacks were found: {}", vectors.len());
    for vector in &vectors {
        for markdown in
            [vector.clone(), format!("a *b* {vector} c"), format!("> - {vector}"), format!("`x`\n\n{vector}\n\ny")]
        {
            assert_harmless(&render(&markdown).unwrap());
        }
        // The second wall stands by itself.
        assert_harmless(&sanitise(vector));
        assert_harmless(&sanitise(&format!("<p title=\"{vector}\">{vector}</p>")));
    }
}

#[test]
fn the_check_itself_finds_what_is_executable() {
    let caught = |html: &str| std::panic::catch_unwind(|| assert_harmless(html)).is_err();
    for html in [
        "<script>alert(1)</script>",
        "<p onclick=\"x\">",
        "<a href=\"javascript:x\">",
        "<img src=\"data:x\">",
        "<p style=\"x\">",
        "<p x>",
        "<",
    ] {
        assert!(caught(html), "{html}");
    }
    assert!(!caught("<p>a &lt;b&gt; <a href=\"https://x/?a&amp;b\" rel=\"noopener noreferrer nofollow\">c</a></p>"));
}

#[test]
fn text_is_rendered_and_html_is_shown() {
    let html =
        render("# Title\n\n*a* **b** ~~c~~ `d` [e](https://e.example \"t\") <b>f</b>\n\n- [x] g\n\n|h|\n|-|\n|i|\n")
            .unwrap();
    for part in [
        "<h1>Title</h1>",
        "<em>a</em> <strong>b</strong> <del>c</del> <code>d</code>",
        "<a href=\"https://e.example\" title=\"t\" rel=\"noopener noreferrer nofollow\">e</a>",
        "&lt;b&gt;f&lt;/b&gt;",
        "☑ g",
        "<td>i</td>",
    ] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert_eq!(render("[a](javascript:alert(1)) [b](/x) ![c](data:x)").unwrap().matches("href=\"").count(), 0);
}

#[test]
fn crafted_texts_take_bounded_time_and_space() {
    let long = 256 * 1024;
    let attacks = [
        ">".repeat(long),
        "> ".repeat(long / 2),
        "- ".repeat(long / 2),
        "*a ".repeat(long / 3),
        "[".repeat(long),
        "![".repeat(long / 2),
        "<b a=1>".repeat(long / 7) + &"\n\na".repeat(1000),
        "`".repeat(long),
        format!("|{}\n|{}\n{}", "a|".repeat(2000), "-|".repeat(2000), "|\n".repeat(20_000)),
        format!("[a]: {}\n\n{}", "x".repeat(long / 2), "[a] ".repeat(long / 8)),
        "&quot;".repeat(long / 6),
    ];
    for text in attacks {
        let start = Instant::now();
        let html = render(&text);
        let took = start.elapsed();
        println!("{took:?} for {} bytes: {:?}…", text.len(), &text[..20]);
        assert!(took < Duration::from_secs(10), "{took:?} for {:?}…", &text[..20]);
        let longest = SPARE_BYTES + MAX_GROWTH * text.len();
        assert!(html.is_err() || html.is_ok_and(|html| html.len() <= 2 * longest), "{:?}…", &text[..20]);
    }
}
