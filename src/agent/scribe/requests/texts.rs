//! What an operation writes, as texts and links that a note can ask to have otherwise.
//!
//! Never: a word found within another one; a link lost without being told.

use super::Wanted;
use crate::row::page::{Action, Block, Piece, markup};

/// A line of a note as text with marks.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    match markup::parse(text.trim()).map_err(|why| why.to_string())?.as_slice() {
        [Block::Paragraph { text } | Block::Item { text, .. }] => Ok(text.clone()),
        _ => Err("it is more than a line; reword it with dock amend".to_owned()),
    }
}

/// The one link that an action has. What replaces a deprecated step becomes one.
pub(super) fn link_of(action: &mut Action) -> Result<&mut String, String> {
    if let Action::MarkDeprecated { instead } = action
        && instead.iter().all(|piece| matches!(piece, Piece::Plain(_)))
        && let [_, last @ Piece::Plain(_)] = instead.as_mut_slice()
        && let Piece::Plain(text) = last
    {
        *last = Piece::Link { text: std::mem::take(text), url: String::new() };
    }
    let mut links = all_pieces(action).into_iter().filter_map(|piece| match piece {
        Piece::Link { url, .. } => Some(url),
        Piece::Plain(_) | Piece::Strong(_) | Piece::Code(_) => None,
    });
    match (links.next(), links.next()) {
        (Some(url), None) => Ok(url),
        (None, _) => Err("the operation links nothing".to_owned()),
        (Some(_), Some(_)) => Err("the operation links several things; reword it with dock amend".to_owned()),
    }
}

fn all_pieces(action: &mut Action) -> Vec<&mut Piece> {
    match action {
        Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
            blocks.iter_mut().flat_map(text_of).collect()
        }
        Action::MarkDeprecated { instead } => instead.iter_mut().collect(),
        Action::ReplaceValue { .. } => Vec::new(),
    }
}

fn text_of(block: &mut Block) -> Vec<&mut Piece> {
    match block {
        Block::Heading { text, .. } | Block::Paragraph { text } | Block::Item { text, .. } => {
            text.iter_mut().collect()
        }
        Block::Table { rows } => rows.iter_mut().flatten().flatten().collect(),
        Block::Code { .. } => Vec::new(),
    }
}

/// The texts that an action writes.
pub(super) fn texts(action: &mut Action) -> Vec<&mut String> {
    if let Action::ReplaceValue { is, .. } = action {
        return vec![is];
    }
    all_pieces(action).into_iter().map(text_in).collect()
}

fn text_in(piece: &mut Piece) -> &mut String {
    let (Piece::Plain(text) | Piece::Strong(text) | Piece::Code(text) | Piece::Link { text, .. }) = piece;
    text
}

/// All that an action writes, as text.
pub(super) fn text(action: &Action) -> String {
    let mut action = action.clone();
    texts(&mut action).into_iter().map(|text| text.as_str()).collect()
}

/// Where an operation's links go.
pub(super) fn links(one: &Wanted) -> Vec<&str> {
    let blocks = match &one.operation.action {
        Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
            blocks
        }
        Action::MarkDeprecated { instead } => return instead.iter().filter_map(url).collect(),
        Action::ReplaceValue { .. } => return Vec::new(),
    };
    let pieces = blocks.iter().flat_map(|block| match block {
        Block::Heading { text, .. } | Block::Paragraph { text } | Block::Item { text, .. } => {
            text.iter().collect::<Vec<_>>()
        }
        Block::Table { rows } => rows.iter().flatten().flatten().collect(),
        Block::Code { .. } => Vec::new(),
    });
    pieces.filter_map(url).collect()
}

fn url(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Link { url, .. } => Some(url),
        Piece::Plain(_) | Piece::Strong(_) | Piece::Code(_) => None,
    }
}

/// With the link that the words had, where they name its text still and link nothing else.
pub(super) fn with_link(pieces: Vec<Piece>, was: &Action) -> Vec<Piece> {
    let Action::MarkDeprecated { instead } = was else { return pieces };
    let link = instead.iter().find(|piece| url(piece).is_some());
    let Some(Piece::Link { text, url: to }) = link.filter(|_| pieces.iter().all(|one| url(one).is_none()))
    else {
        return pieces;
    };
    let mut found = false;
    let split = pieces.into_iter().flat_map(|piece| match &piece {
        Piece::Plain(plain) if !found && plain.contains(text.as_str()) => {
            found = true;
            let (before, after) = plain.split_once(text.as_str()).unwrap_or((plain, ""));
            let link = Piece::Link { text: text.clone(), url: to.clone() };
            vec![Piece::Plain(before.to_owned()), link, Piece::Plain(after.to_owned())]
        }
        _ => vec![piece],
    });
    split.filter(|piece| !matches!(piece, Piece::Plain(text) if text.is_empty())).collect()
}
