//! A paper to take away: as Markdown, and as one HTML file that prints well.
//!
//! Never: a script, a picture or a style from elsewhere; text of others that could pass for markup; a link that runs
//! something.

use std::fmt::Write as _;

use super::Paper;
use crate::row::page::{Block, Piece};

/// The paper as `CommonMark`. The colophon says which row and revision it is.
pub fn markdown(paper: &Paper, colophon: &str) -> String {
    let mut out = format!("# {}\n\n", plain(&paper.title));
    let blocks = paper.blocks();
    for (at, block) in blocks.iter().enumerate() {
        match block {
            Block::Heading { level, text } => {
                let _ = writeln!(out, "{} {}", "#".repeat(usize::from(*level).clamp(1, 6)), marked(text));
            }
            Block::Paragraph { text } => {
                let _ = writeln!(out, "{}", beginning(marked(text).trim().to_owned()));
            }
            Block::Item { ordered, depth, text } => {
                let mark = if *ordered { "1." } else { "-" };
                let _ = writeln!(out, "{}{mark} {}", "   ".repeat(usize::from(*depth)), marked(text));
            }
            Block::Code { language, code } => {
                let fence = "`".repeat(longest_run(code).max(2) + 1);
                let _ = writeln!(out, "{fence}{language}\n{}\n{fence}", code.trim_end_matches('\n'));
            }
            Block::Table { rows } => table(&mut out, rows),
        }
        let in_list = |block: Option<&Block>| matches!(block, Some(Block::Item { .. }));
        if !(in_list(Some(block)) && in_list(blocks.get(at + 1))) {
            out.push('\n');
        }
    }
    let _ = writeln!(out, "---\n\n{}", plain(colophon));
    out
}

fn table(out: &mut String, rows: &[Vec<Vec<Piece>>]) {
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| marked(cell).replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        if at == 0 {
            let _ = writeln!(out, "|{}", " --- |".repeat(cells.len()));
        }
    }
}

fn marked(text: &[Piece]) -> String {
    let one = |piece: &Piece| match piece {
        Piece::Plain(text) => plain(text),
        Piece::Strong(text) if text.trim().is_empty() => plain(text),
        Piece::Strong(text) => format!("**{}**", plain(text.trim())),
        Piece::Code(text) => {
            let fence = "`".repeat(longest_run(text) + 1);
            format!("{fence} {} {fence}", one_line(text))
        }
        Piece::Link { text, url } => match web(url) {
            Some(url) => format!("[{}](<{url}>)", plain(text)),
            None => plain(text),
        },
    };
    text.iter().map(one).collect()
}

/// Text that no reader of Markdown takes for markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        if "\\`*_{}[]<>()#+!|~&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text at a line's beginning, where it would begin a list or a rule.
fn beginning(text: String) -> String {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match text[digits..].chars().next() {
        Some('-' | '=') if digits == 0 => format!("\\{text}"),
        Some('.') if digits > 0 => format!("{}\\{}", &text[..digits], &text[digits..]),
        _ => text,
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A link that leads somewhere, and runs nothing.
fn web(url: &str) -> Option<&str> {
    let known = url.starts_with("https://") || url.starts_with("http://");
    let clean = !url.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`\\".contains(c));
    (known && clean).then_some(url)
}

/// The paper as one HTML file: nothing in it is loaded from elsewhere, and nothing in it runs.
pub fn html(paper: &Paper, colophon: &str) -> String {
    let title = escaped(&paper.title);
    let mut body = String::new();
    let mut list: Option<bool> = None;
    for block in paper.blocks() {
        let wanted = if let Block::Item { ordered, .. } = &block { Some(*ordered) } else { None };
        if wanted != list {
            if let Some(ordered) = list {
                body.push_str(if ordered { "</ol>\n" } else { "</ul>\n" });
            }
            if let Some(ordered) = wanted {
                body.push_str(if ordered { "<ol>\n" } else { "<ul>\n" });
            }
            list = wanted;
        }
        element(&mut body, &block);
    }
    if let Some(ordered) = list {
        body.push_str(if ordered { "</ol>\n" } else { "</ul>\n" });
    }
    let colophon = escaped(colophon);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1 dir=\"auto\">{title}</h1>\n{body}<footer>{colophon}</footer>\n</body>\n</html>\n"
    )
}

fn element(out: &mut String, block: &Block) {
    let _ = match block {
        Block::Heading { level, text } => {
            let level = (*level).clamp(1, 6);
            writeln!(out, "<h{level} dir=\"auto\">{}</h{level}>", inline(text))
        }
        Block::Paragraph { text } => writeln!(out, "<p dir=\"auto\">{}</p>", inline(text)),
        Block::Item { depth, text, .. } => {
            writeln!(out, "<li dir=\"auto\" style=\"margin-left:{depth}em\">{}</li>", inline(text))
        }
        Block::Code { code, .. } => writeln!(out, "<pre><code>{}</code></pre>", escaped(code)),
        Block::Table { rows } => {
            let row = |(at, row): (usize, &Vec<Vec<Piece>>)| {
                let tag = if at == 0 { "th" } else { "td" };
                let cells: String =
                    row.iter().map(|cell| format!("<{tag} dir=\"auto\">{}</{tag}>", inline(cell))).collect();
                format!("<tr>{cells}</tr>\n")
            };
            let rows: String = rows.iter().enumerate().map(row).collect();
            writeln!(out, "<table>\n{rows}</table>")
        }
    };
}

fn inline(text: &[Piece]) -> String {
    let one = |piece: &Piece| match piece {
        Piece::Plain(text) => escaped(text),
        Piece::Strong(text) => format!("<strong>{}</strong>", escaped(text)),
        Piece::Code(text) => format!("<code>{}</code>", escaped(text)),
        Piece::Link { text, url } => match web(url) {
            Some(url) => format!("<a href=\"{}\">{}</a>", escaped(url), escaped(text)),
            None => escaped(text),
        },
    };
    text.iter().map(one).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "
body{font:11pt/1.45 Georgia,serif;color:#111;background:#fff;max-width:46em;margin:2em auto;padding:0 1em}
h1,h2,h3{font-family:Helvetica,Arial,sans-serif;line-height:1.2}
h1{font-size:1.6em}h2{font-size:1.2em;margin-top:1.6em;border-bottom:1px solid #999}
ul,ol{padding-left:1.2em}li{margin:.2em 0}
code,pre{font-family:Menlo,Consolas,monospace;font-size:.9em}pre{white-space:pre-wrap;border:1px solid #999;padding:.6em}
table{border-collapse:collapse}th,td{border:1px solid #999;padding:.2em .5em;text-align:left}
a{color:#003a8c}footer{margin-top:2em;border-top:1px solid #999;font-size:.8em;color:#444;overflow-wrap:anywhere}
@page{size:A4;margin:18mm}
@media print{body{max-width:none;margin:0;padding:0}h1,h2,h3{break-after:avoid}li,tr,pre{break-inside:avoid}
a[href]::after{content:\" (\" attr(href) \")\";font-size:.8em;color:#444;overflow-wrap:anywhere}}
";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::paper, *};
    use crate::row::paper::Section;

    #[test]
    fn a_paper_is_markdown_with_its_sections_in_order() {
        let text = markdown(&paper(), "pm-31 revision 1");
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(
            headings,
            [
                "# INC-2099: Redis \\(primary\\) is gone",
                "## Summary",
                "## Impact",
                "## Timeline",
                "## What helped"
            ]
        );
        assert!(text.contains("- **2026-05-29 03:02:00 UTC** Acknowledged by priya [pagerduty](<https://acme.pagerduty.com/incidents/Q1>)\n"));
        assert!(text.ends_with("---\n\npm-31 revision 1\n"));
    }

    #[test]
    fn a_paper_is_one_html_file_that_loads_and_runs_nothing() {
        let mut paper = paper();
        paper.title = "<script>alert(1)</script>".to_owned();
        paper.timeline[0].text = "\"><img src=x onerror=alert(1)>".to_owned();
        if let Some(pointer) = &mut paper.timeline[0].pointer {
            pointer.url = "javascript:alert(1)".to_owned();
        }
        let page = html(&paper, "pm-31 revision 1 & more");
        for never in ["<script", "<img", "javascript:", "@import", "url(", "<link"] {
            assert!(!page.contains(never), "{never}");
        }
        assert!(page.contains("@media print") && page.contains("default-src 'none'"));
        assert!(
            page.contains("<h2 dir=\"auto\">Timeline</h2>\n<ul>\n<li dir=\"auto\"")
                && page.contains("&amp; more")
        );
        assert_eq!(page.matches("<ul>").count(), page.matches("</ul>").count());
    }

    proptest! {
        #[test]
        fn text_of_others_is_never_markup(text in "[<>&\"'`*_#a-z0-9\\[\\]()!|\\\\ \n-]{0,60}") {
            let mut paper = paper();
            paper.timeline.clear();
            let sentences = paper.sections[0].sentences.clone();
            paper.sections = vec![Section { heading: text.clone(), sentences }];
            let page = html(&paper, &text);
            let tags = page.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ', '\n']).next());
            for tag in tags {
                prop_assert!(
                    ["!doctype", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a", "footer"].contains(&tag.trim_start_matches('/')),
                    "{}", tag
                );
            }
            let lines = markdown(&paper, "x");
            let bare = lines.lines().filter(|line| line.starts_with("## ")).count();
            prop_assert_eq!(bare, 2, "{}", lines);
        }
    }
}
