//! The log as anybody who may read can check it: signed head, tiles, proofs; and the heads that consoles saw.
//!
//! Never: a proof over entries that are not durable.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    app::App,
    identity::Caller,
    input::{Fields, Raw},
    problem::Problem,
};
use crate::{
    audit::{
        merkle::Hash,
        note::{self, VerifierKey},
    },
    store::{Commit, Leaves},
    wire::ProofBody,
};

/// Hashes in a whole tile, and levels of the tree between two levels of tiles (C2SP tlog-tiles).
const TILE_WIDTH: u64 = 256;
const TILE_LEVELS: u8 = 8;

/// `GET /v1/log/checkpoint`: the newest head, with the cosignatures known.
pub(super) async fn checkpoint(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    caller.may_read()?;
    let (_, note) = cosigned(&app).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

pub(super) async fn cosigned(app: &App) -> Result<(u64, String), Problem> {
    let signed = app.record.newest(&*app.store).await?;
    let mut note = signed.note;
    for line in app.store.cosignatures(signed.size).await? {
        note = note::add_signature(&note, &line).unwrap_or(note);
    }
    Ok((signed.size, note))
}

/// `GET /v1/log/tile/L/N[.p/W]`: N in groups of three digits, all but the last with an `x` before.
pub(super) async fn tile(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    caller.may_read()?;
    let missing = || Problem::not_found("such tile");
    let tile = Tile::parse(&path).ok_or_else(missing)?;
    let first = tile.index * TILE_WIDTH;
    let bytes = if let Some(level) = tile.level {
        let level = level.checked_mul(TILE_LEVELS).ok_or_else(missing)?;
        let hashes = app.store.nodes(level, first, tile.width).await?;
        (hashes.len() as u64 == tile.width).then(|| hashes.concat())
    } else {
        let limit = usize::try_from(tile.width).unwrap_or(usize::MAX);
        let leaves = app.store.leaves(Leaves::From { index: first, limit }).await?;
        (leaves.len() == limit).then(|| bundle(leaves.into_iter().map(|leaf| leaf.bytes))).flatten()
    };
    let whole = if tile.width == TILE_WIDTH { "private, max-age=31536000, immutable" } else { "no-store" };
    let kinds = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, whole)];
    Ok((kinds, bytes.ok_or_else(missing)?).into_response())
}

/// Entries with their lengths in two bytes. One that is longer has no place in a bundle.
fn bundle(entries: impl Iterator<Item = Vec<u8>>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for entry in entries {
        out.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&entry);
    }
    Some(out)
}

#[derive(Debug, PartialEq, Eq)]
struct Tile {
    /// `None`: the entries themselves.
    level: Option<u8>,
    index: u64,
    width: u64,
}

impl Tile {
    fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = if level == "entries" { None } else { Some(plain(level)?.try_into().ok()?) };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, plain(width).filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (rest, TILE_WIDTH),
        };
        let groups: Vec<&str> = number.split('/').collect();
        let (last, before) = groups.split_last()?;
        let mut index: u64 = 0;
        for (place, group) in
            before.iter().map(|group| group.strip_prefix('x')).chain([Some(*last)]).enumerate()
        {
            let group =
                group.filter(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))?;
            if place == 0 && group == "000" && !before.is_empty() {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
        }
        index.checked_mul(TILE_WIDTH)?;
        Some(Self { level, index, width })
    }
}

fn plain(text: &str) -> Option<u64> {
    let fits = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| fits)
}

/// `GET /v1/log/proof/inclusion?index=&size=`.
pub(super) async fn inclusion(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<ProofBody>, Problem> {
    caller.may_read()?;
    let (index, size): (u64, u64) = (query.needed("index")?, query.needed("size")?);
    query.end()?;
    within(&app, size)?;
    if index >= size {
        return Err(Problem::bad_request("index", "it is outside a tree of that size"));
    }
    Ok(Json(body(&app.store.inclusion(index, size).await?)))
}

/// `GET /v1/log/proof/consistency?from=&to=`.
pub(super) async fn consistency(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<ProofBody>, Problem> {
    caller.may_read()?;
    let (from, to): (u64, u64) = (query.needed("from")?, query.needed("to")?);
    query.end()?;
    within(&app, to)?;
    if from > to {
        return Err(Problem::bad_request("from", "it is larger than `to`"));
    }
    Ok(Json(body(&app.store.consistency(from, to).await?)))
}

fn within(app: &App, size: u64) -> Result<(), Problem> {
    let has = *app.store.grown().borrow();
    if size <= has {
        Ok(())
    } else {
        Err(Problem::bad_request("size", &format!("the log has {has} entries")))
    }
}

fn body(hashes: &[Hash]) -> ProofBody {
    ProofBody { hashes: base64(hashes) }
}

pub(super) fn base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

/// `POST /v1/log/witness`: a head of ours with the signatures of enrolled witnesses.
pub(super) async fn witness(
    State(app): State<Arc<App>>,
    caller: Caller,
    Raw(bytes): Raw,
) -> Result<StatusCode, Problem> {
    caller.human()?;
    app.writable()?;
    let wrong = |why: &str| Problem::bad_request("body", why);
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("a signed note is UTF-8"))?;
    let (key, standing) = (app.record.key(), app.standing().await?);
    let opened = note::open(text.as_bytes(), key, &[]).map_err(|error| wrong(&error.to_string()))?;
    let head = opened.checkpoint;
    within(&app, head.size)?;
    if app.store.root(head.size).await? != head.root {
        return Err(wrong("this head is not of our log"));
    }
    let lines = note::cosignature_lines(text, key).map_err(|error| wrong(&error.to_string()))?;
    let known = |line: &&str| {
        standing.authority.witnesses().any(|one: &VerifierKey| {
            one.check_cosignature(&head, line.strip_suffix('\n').unwrap_or(line)).is_ok()
        })
    };
    let mut kept = false;
    for line in lines.into_iter().filter(known) {
        let line = line.strip_suffix('\n').unwrap_or(line).to_owned();
        let commit = Commit { cosignature: Some((head.size, line)), ..Commit::at(app.clock.now()) };
        app.store.commit(commit).await?;
        kept = true;
    }
    if kept {
        return Ok(StatusCode::CREATED);
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "unknown_witness", "no enrolled witness signed this head")
        .hint("a home's witness key is enrolled once, signed by its person"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_c2sp_says() {
        let tile = |level, index, width| Some(Tile { level, index, width });
        for (path, expected) in [
            ("0/000", tile(Some(0), 0, 256)),
            ("1/067", tile(Some(1), 67, 256)),
            ("0/x001/x234/067", tile(Some(0), 1_234_067, 256)),
            ("0/x001/000.p/16", tile(Some(0), 1000, 16)),
            ("entries/000.p/1", tile(None, 0, 1)),
            ("0/67", None),
            ("0/x000/067", None),
            ("0/001/067", None),
            ("0/000.p/256", None),
            ("0/000.p/0", None),
            ("00/000", None),
            ("data/000", None),
            ("0/", None),
            ("", None),
        ] {
            assert_eq!(Tile::parse(path), expected, "{path}");
        }
    }
}
