//! Reading rows: lists, one row, its revisions, its history, and the wait for what becomes of it.
//!
//! Never: a change.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;

use super::{
    app::App,
    claim,
    identity::Caller,
    input::{Fields, Named},
    problem::Problem,
    standing::Standing,
    view,
};
use crate::{
    config::nearest,
    row::{
        Base, Hold, Proposal, Reading, Row, RowId, Stage,
        id::NotAnId,
        search::{Document, Looked, Query, excerpts},
    },
    store::{Cursor, Leaves, RowQuery, Search, Whole},
    wire::{Fresh, HistoryEntry, RowFound, RowHead, RowPage, RowView},
};

/// The longest wait of a long poll.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(25);

/// `GET /v1/rows?state=&kind=&incident=&subject=&since=&q=&cursor=&limit=`. With `q`, what fits best first, each row with
/// the lines that show why.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
) -> Result<Json<RowPage>, Problem> {
    caller.may_read()?;
    let cursor: Option<String> = query.one("cursor")?;
    let search: Option<String> = query.one("q")?;
    let mut wanted = RowQuery {
        states: query.all("state")?,
        kinds: query.all("kind")?,
        incident: query.one("incident")?,
        subject: query.one("subject")?,
        since: query.one("since")?,
        after: None,
        limit: query.one("limit")?.unwrap_or(0),
    };
    query.end()?;
    if let Some(text) = search {
        return found(&app, &text, wanted, cursor.as_deref()).await.map(Json);
    }
    wanted.after = cursor.as_deref().map(read_cursor).transpose()?;
    let page = app.store.rows(wanted).await?;
    let rows = heads(&app, &page.rows, app.clock.now()).await?;
    let rows = rows.into_iter().map(|head| RowFound { head, matches: Vec::new() }).collect();
    Ok(Json(RowPage { rows, next: page.next.map(write_cursor) }))
}

async fn heads(app: &App, rows: &[Row], now: Timestamp) -> Result<Vec<RowHead>, Problem> {
    // Only what is open can be stale, and only its facts say so.
    let open = rows.iter().filter(|row| row.state().open()).map(|row| (row.id, row.revision));
    let drafts = app.store.drafts(open.collect()).await?;
    let stale = |row: &Row| drafts.get(&row.id).is_some_and(|draft| view::stale(row, draft, now));
    Ok(rows.iter().map(|row| view::head(row, stale(row), now)).collect())
}

/// A page of a search. Its cursor counts what was given already.
async fn found(app: &App, text: &str, among: RowQuery, cursor: Option<&str>) -> Result<RowPage, Problem> {
    let query = asked(text)?;
    let wrong = || Problem::bad_request("cursor", "it is no cursor of this search");
    let skip = cursor.map_or(Ok(0), str::parse).map_err(|_| wrong())?;
    let now = app.clock.now();
    let limit = among.limit;
    let page = app.store.search(Search { query: query.clone(), among, now, skip, limit }).await?;
    let drafts = app.store.drafts(page.rows.iter().map(|row| (row.id, row.revision)).collect()).await?;
    let line = |row: &Row| {
        let draft = drafts.get(&row.id);
        let matches = draft.map(|draft| excerpts(&query, &Document::of(&Looked::of(row, draft))));
        let stale = row.state().open() && draft.is_some_and(|draft| view::stale(row, draft, now));
        RowFound { head: view::head(row, stale, now), matches: matches.unwrap_or_default() }
    };
    let rows = page.rows.iter().map(line).collect();
    Ok(RowPage { rows, next: page.next.map(|skip| skip.to_string()) })
}

/// The query, if it asks nothing that only a reader's own list knows.
fn asked(text: &str) -> Result<Query, Problem> {
    let query = Query::parse(text).map_err(|error| {
        let meant = nearest(&error.word, error.among.iter().copied());
        Problem::bad_request("q", &error.sentence(meant))
    })?;
    if query.own().is_some() {
        let why =
            "`is:` and `left:` are told by a reader's own list; the backend knows who decided what, and when";
        return Err(Problem::bad_request("q", why));
    }
    Ok(query)
}

/// `GET /v1/rows/{id}`.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
) -> Result<Json<RowView>, Problem> {
    caller.may_read()?;
    shown(&app, id, None).await.map(Json)
}

/// `GET /v1/rows/{id}/revisions/{n}`: the row as it stands, with an earlier revision's body and digests.
pub(super) async fn revision(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, revision)): Path<(String, String)>,
) -> Result<Json<RowView>, Problem> {
    caller.may_read()?;
    let id: RowId = id.parse().map_err(|error: NotAnId| Problem::bad_request("path", &error.to_string()))?;
    let revision = revision.parse().map_err(|_| Problem::bad_request("path", "a revision is a number"))?;
    shown(&app, id, Some(revision)).await.map(Json)
}

/// `GET /v1/rows/{id}/history`: its entries of the record, byte for byte.
pub(super) async fn history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    caller.may_read()?;
    let leaves = app.store.leaves(Leaves::OfRow(id)).await?;
    if leaves.is_empty() {
        return Err(Problem::not_found(&format!("row {id}")));
    }
    let entry = |leaf: crate::store::Leaf| HistoryEntry {
        index: leaf.index,
        leaf: String::from_utf8_lossy(&leaf.bytes).into_owned(),
    };
    Ok(Json(leaves.into_iter().map(entry).collect()))
}

/// `GET /v1/rows/{id}/wait?until=decided&wait=`: the row when somebody has decided, or when the time is over.
pub(super) async fn wait(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    mut query: Fields,
) -> Result<Json<RowView>, Problem> {
    caller.may_read()?;
    let until: Option<String> = query.one("until")?;
    if until.is_some_and(|until| until != "decided") {
        return Err(Problem::bad_request("until", "only `decided` can be waited for"));
    }
    let wait = wait_of(&mut query)?;
    query.end()?;
    let mut grown = app.store.grown();
    // Whatever ends the wait, the row is shown as it is then.
    let decided = async {
        loop {
            grown.mark_unchanged();
            let open = app.store.row(id).await.is_ok_and(|row| row.is_some_and(|row| row.state().open()));
            if !open || grown.changed().await.is_err() {
                return;
            }
        }
    };
    app.wait_for(decided, wait).await;
    shown(&app, id, None).await.map(Json)
}

/// `POST /v1/rows/{id}/fresh`: base and difference as the platform gives them now, and what moved.
pub(super) async fn fresh(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
) -> Result<Json<Fresh>, Problem> {
    caller.may_read()?;
    let whole = app.store.whole(id, None).await?.ok_or_else(|| Problem::not_found(&format!("row {id}")))?;
    let was = &whole.draft.base;
    let reading = claim::read(&app, was, whole.draft.proposal.as_ref(), claim::Look::Refreshed).await?;
    let reading = reading.ok_or_else(|| claim::not_configured("The platform"))?;
    let (moved, base, diff) = (reading.moved(was), reading.base(), reading.difference());
    let moved = claim::named(&app, was, moved).await;
    let since = match (&reading, was, &whole.draft.proposal) {
        (Reading::Page(page), Base::Runbook(base), Some(Proposal::Edit(edit))) => {
            (!page.changed(base).is_empty()).then(|| page.since(edit, &whole.draft.diff))
        }
        _ => None,
    };
    Ok(Json(Fresh { row: id, read_at: app.clock.now(), moved, base, diff, since }))
}

/// Seconds to wait, within the limit.
pub(super) fn wait_of(query: &mut Fields) -> Result<Duration, Problem> {
    let seconds: u64 = query.one("wait")?.unwrap_or(0);
    Ok(Duration::from_secs(seconds).min(WAIT_MAX))
}

pub(super) async fn shown(app: &App, id: RowId, revision: Option<u32>) -> Result<RowView, Problem> {
    let mut whole = app
        .store
        .whole(id, revision)
        .await?
        .ok_or_else(|| Problem::not_found(&format!("such row or revision: {id}")))?;
    if let Some(revision) = revision.filter(|revision| *revision != whole.row.revision) {
        as_of_revision(&mut whole, revision);
    }
    let holds = app.store.holds().await?;
    let standing = app.standing().await?;
    Ok(view_of(app, &whole, &holds, &standing, app.clock.now()))
}

/// The row's head with what was proposed at an earlier revision.
fn as_of_revision(whole: &mut Whole, revision: u32) {
    let Whole { row, draft, .. } = whole;
    row.revision = revision;
    row.again.clear();
    row.revised_by = None;
    row.digests = draft.digests(row.id, revision);
    row.title.clone_from(&draft.title);
    row.verdict = draft.verdict;
    row.base_revision = draft.base.revision();
    row.incident.clone_from(&draft.incident);
    row.reviewers.clone_from(&draft.reviewers);
}

/// A row as it travels, with what was declined of the same before, and why it does not go on, where it does not.
pub(super) fn view_of(
    app: &App,
    whole: &Whole,
    holds: &[Hold],
    standing: &Standing,
    now: Timestamp,
) -> RowView {
    let Whole { row, draft, decisions } = whole;
    let same =
        |hold: &&Hold| hold.subject == row.subject && Some(hold.drift) == row.drift && hold.row != row.id;
    let before = holds.iter().filter(same).cloned().collect();
    let index =
        |id: &crate::row::DecisionId| decisions.iter().find(|(one, _)| one == id).map(|(_, leaf)| *leaf);
    let mut view = view::whole(row, draft, before, standing.authority.people(), index, now);
    if matches!(row.stage, Stage::Approved { .. } | Stage::Executing { .. }) {
        let troubles = app.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        view.why = troubles.get(&row.id).cloned();
    }
    view
}

fn write_cursor(cursor: Cursor) -> String {
    format!("{}.{}", cursor.changed_at.as_millisecond(), cursor.row)
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let parsed = || {
        let (at, row) = text.split_once('.')?;
        let changed_at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        Some(Cursor { changed_at, row: row.parse().ok()? })
    };
    parsed().ok_or_else(|| Problem::bad_request("cursor", "it is no cursor of ours"))
}
