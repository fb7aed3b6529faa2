//! The parts of an evidence pack: entries, their proofs against one checkpoint, the heads that statements had seen.
//!
//! Of one row: all its entries, and all that say who held which key. Of a period: the same of every row that it touched.
//! Never: an entry as anything but the bytes that are in the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{
    app::App,
    identity::Caller,
    input::Fields,
    log::{base64, cosigned},
    problem::Problem,
};
use crate::{
    audit::{admin::AdminStatement, leaf::Leaf, pack, statement::Statement},
    row::{Digest, Event, RowId, c1},
    store::{Leaves, StoreError},
    wire::{EvidenceEntry, EvidenceParts},
};

/// Entries of a log that is packed at once.
const EVIDENCE_MAX: u64 = 200_000;

/// `GET /v1/evidence?row=` or `?since=&until=`, or of everything.
pub(super) async fn parts(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<EvidenceParts>, Problem> {
    caller.human()?;
    let row: Option<RowId> = query.one("row")?;
    let (since, until): (Option<Timestamp>, Option<Timestamp>) = (query.one("since")?, query.one("until")?);
    query.end()?;
    let (size, checkpoint) = cosigned(&app).await?;
    if size > EVIDENCE_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the log is too long for one pack",
        )
        .hint("ask for one row, or for a shorter time"));
    }
    let all = leaves(&app, size).await?;
    let within = |leaf: &Leaf| since.is_none_or(|at| leaf.at >= at) && until.is_none_or(|at| leaf.at <= at);
    let rows: BTreeSet<RowId> = match row {
        Some(row) => std::iter::once(row).collect(),
        None => all.iter().filter(|(_, leaf, _)| within(leaf)).filter_map(|(_, leaf, _)| leaf.row).collect(),
    };
    let whole = row.is_none() && since.is_none() && until.is_none();
    let belongs = |leaf: &Leaf| whole || pack::belongs(leaf.event, leaf.row, &rows);
    let mut parts = EvidenceParts {
        checkpoint,
        log_key: app.record.key().to_string(),
        entries: Vec::new(),
        consistency: BTreeMap::new(),
        blobs: BTreeMap::new(),
    };
    for (index, leaf, bytes) in all.iter().filter(|(_, leaf, _)| belongs(leaf)) {
        let proof = base64(&app.store.inclusion(*index, size).await?);
        let text = String::from_utf8_lossy(bytes).into_owned();
        parts.entries.push(EvidenceEntry { index: *index, leaf: text, proof });
        add_what_it_names(&app, &mut parts, leaf, size).await?;
    }
    Ok(Json(parts))
}

/// From the heads that its statement had seen; the blobs that its row points at, where kept.
async fn add_what_it_names(
    app: &App,
    parts: &mut EvidenceParts,
    leaf: &Leaf,
    size: u64,
) -> Result<(), Problem> {
    if let Some(seen) =
        seen(leaf).filter(|seen| (1..size).contains(seen) && !parts.consistency.contains_key(seen))
    {
        parts.consistency.insert(seen, base64(&app.store.consistency(seen, size).await?));
    }
    for digest in leaf.body.get("blobs").and_then(c1::Value::as_list).unwrap_or_default() {
        let Some(digest) = digest.as_text().and_then(|text| text.parse::<Digest>().ok()) else { continue };
        if let Some(bytes) = app.store.blob(digest).await? {
            parts.blobs.insert(digest.to_string(), STANDARD.encode(bytes));
        }
    }
    Ok(())
}

/// The size of the log that a statement's author had seen.
fn seen(leaf: &Leaf) -> Option<u64> {
    let (text, _) = leaf.signed()?;
    if leaf.event == Event::DecisionAccepted {
        return Statement::parse(text.as_bytes()).ok().map(|statement| statement.seen.size);
    }
    AdminStatement::parse(text.as_bytes()).ok().map(|statement| statement.seen.size)
}

/// All entries under a head.
async fn leaves(app: &App, size: u64) -> Result<Vec<(u64, Leaf, Vec<u8>)>, Problem> {
    let mut all = Vec::new();
    let mut index = 0;
    while index < size {
        let page = app.store.leaves(Leaves::From { index, limit: Leaves::LEAVES_MAX }).await?;
        let Some(last) = page.last().map(|leaf| leaf.index) else { break };
        index = last + 1;
        for leaf in page.into_iter().filter(|leaf| leaf.index < size) {
            let parsed = Leaf::parse(&leaf.bytes)
                .map_err(|error| StoreError::Damaged(format!("entry {}: {error}", leaf.index)))?;
            all.push((leaf.index, parsed, leaf.bytes));
        }
    }
    Ok(all)
}
