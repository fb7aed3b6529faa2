//! What agents do: open a row, revise it, take it back.
//!
//! A claim is held against the backend's own reading before anything is stored. One settled drift makes one row, however
//! often it is told: by key, by open row, by hold.
//! Never: a row from a claim that our own read contradicts; a decision.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;

use super::{
    amendments,
    app::App,
    automatic, claim,
    identity::Caller,
    input::{Body, Fields, Named, Optional},
    judge::{self, Author, Judged},
    limits::Counted,
    problem::Problem,
    standing::Standing,
    step::{self, TRIES_MAX},
    telling, thresholds, ticks,
};
use crate::{
    audit::admin::Standing as AgentStanding,
    lifecycle::{self, Step},
    row::{
        Base, Digest, Draft, Kind, PrincipalId, Proposal, Reading, Refusal, Risk, Row, RowId,
        State as RowState, c1, gate, page::outline, present,
    },
    store::{About, Actor, Commit, Committed, LeafDraft, Repeatable, RowWrite},
    wire::{DraftAnswer, DraftOutcome, WithdrawRequest},
};

const KEY_BYTES_MAX: usize = 128;

/// `POST /v1/rows`. With `?supersede=true` an undecided row of the same subject makes way, but none that reviewers amended.
pub(super) async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Fields,
    headers: HeaderMap,
    body: Body<Draft>,
) -> Result<Response, Problem> {
    let supersede = query.one("supersede")?.unwrap_or(false);
    query.end()?;
    let request = Request::of(&app, caller, &headers, &body.bytes, &body.value).await?;
    if let Some(answer) = request.repeated(&app).await? {
        return Ok(answer);
    }
    let draft = body.value;
    amendments::own_words(&draft, None)?;
    ticks::borne_out(&app, &draft).await?;
    let read = Read::of(&app, &draft).await?;
    read.whole(&draft)?;
    for _ in 0..TRIES_MAX {
        let now = app.clock.now();
        if let Some(answer) = already(&app, &request, &read, &draft, now).await? {
            return Ok(answered(StatusCode::OK, &answer));
        }
        let number = app.store.head().await?.next.get(&draft.kind).copied().unwrap_or(1);
        let id = RowId { kind: draft.kind, number };
        // A claim that does not hold changes nothing: not even the row that it would take the place of.
        let judged = read.judge(&app, id, &draft)?;
        parent(&app, &draft).await?;
        if let Some(open) = app.store.open_row(draft.kind, &draft.subject, now).await? {
            let step = if open.state() == RowState::Degraded {
                // The mend of what went wrong must not wait for the watch to end.
                Step::EndWatch { why: format!("{} has something new to decide", draft.subject) }
            } else if supersede
                && open.agent == request.caller.id
                && open.state().undecided()
                && !amendments::amended_already(&app, &open).await?
            {
                Step::Supersede { why: anew(&app, &open, &draft).await? }
            } else {
                return Err(Refusal::SubjectTaken { row: open.id }.into());
            };
            let ruling = request.standing.ruling(&open.agent);
            step::take(&*app.store, open.id, &request.caller.actor(), &ruling, &step, now).await?;
        }
        let mut row = judge::open(id, &draft, &request.author, judged, now);
        row.claim = read.reading.is_none();
        let answer = DraftAnswer { outcome: DraftOutcome::Opened, row: id, revision: 1, state: row.state() };
        let entry = lifecycle::opened(&row);
        let leaf = leaf(&request.caller.actor(), &row, entry, &draft);
        let mut commit = request.commit(StatusCode::CREATED, &answer, now);
        with_body(&mut commit, &row, &draft);
        commit.leaves = vec![leaf];
        commit.work = telling::follow(None, &row, now);
        commit.row = Some(RowWrite { row, expected: None });
        if request.committed(&app, commit).await? {
            crate::stop_point::reach("draft.committed");
            if let Some(counted) = request.counted.filter(|_| read.reading.is_some()) {
                let about = (draft.kind, draft.subject.as_str());
                app.limits.first_told(&request.caller.id, about, counted, now);
            }
            automatic::consider(&app, id).await?;
            return Ok(answered(StatusCode::CREATED, &answer));
        }
        if let Some(answer) = request.repeated(&app).await? {
            return Ok(answer);
        }
    }
    Err(Refusal::Busy.into())
}

/// Why a row makes way: what is another in the new draft's base.
async fn anew(app: &App, open: &Row, draft: &Draft) -> Result<String, Problem> {
    let before = app.store.draft(open.id, open.revision).await?;
    let moved = before.map(|before| before.base.moved(&draft.base)).unwrap_or_default();
    let told: Vec<_> = moved.iter().map(|one| format!("{}: {} → {}", one.what, one.was, one.is)).collect();
    Ok(if told.is_empty() { "its agent drafted anew".to_owned() } else { told.join(", ") })
}

/// `POST /v1/rows/{id}/revisions`, with `If-Match: "revision"`.
pub(super) async fn revise(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    headers: HeaderMap,
    body: Body<Draft>,
) -> Result<Response, Problem> {
    let request = Request::of(&app, caller, &headers, &body.bytes, &body.value).await?;
    if let Some(answer) = request.repeated(&app).await? {
        return Ok(answer);
    }
    let expected = if_match(&headers)?;
    let draft = body.value;
    let read = Read::of(&app, &draft).await?;
    for _ in 0..TRIES_MAX {
        let now = app.clock.now();
        let before = own_row(&app, &request.caller, id).await?;
        if before.revision != expected {
            let (signed, current) = (expected, before.revision);
            return Err(Refusal::StaleRevision { row: id, signed, current }.into());
        }
        if (draft.kind, &draft.subject) != (id.kind, &before.subject) {
            return Err(Problem::bad_request("subject", "a revision keeps its row's kind and subject"));
        }
        if draft.proposal.is_some() {
            let whole = app.store.whole(id, None).await?;
            let before = whole.as_ref().map(|whole| &whole.draft);
            amendments::own_words(&draft, before)?;
            if !matches!(before.and_then(|before| before.proposal.as_ref()), Some(Proposal::Live(live)) if live.is_bare())
            {
                read.whole(&draft)?;
            }
            ticks::borne_out(&app, &draft).await?;
        }
        let judged = read.judge(&app, id, &draft)?;
        let mut revision = judge::revision(&before, &draft, judged);
        revision.claim = read.reading.is_none();
        let ruling = request.standing.ruling(&before.agent);
        let mut transition = lifecycle::apply(&ruling, &before, &Step::Revise(Box::new(revision)), now)?;
        for entry in &mut transition.entries {
            entry.body = std::mem::replace(&mut entry.body, c1::map::<&str>([]))
                .with("blobs", blobs(&transition.row, &draft).1);
        }
        let (outcome, row) = (DraftOutcome::Revised, &transition.row);
        let answer = DraftAnswer { outcome, row: id, revision: row.revision, state: row.state() };
        let mut commit = request.commit(StatusCode::OK, &answer, now);
        with_body(&mut commit, &transition.row, &draft);
        let step = step::commit_of(&before, transition, &request.caller.actor(), now);
        (commit.row, commit.leaves, commit.work) = (step.row, step.leaves, step.work);
        if request.committed(&app, commit).await? {
            crate::stop_point::reach("draft.committed");
            automatic::consider(&app, id).await?;
            return Ok(answered(StatusCode::OK, &answer));
        }
        if let Some(answer) = request.repeated(&app).await? {
            return Ok(answer);
        }
    }
    Err(Refusal::Busy.into())
}

/// `POST /v1/rows/{id}/withdraw`.
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    headers: HeaderMap,
    Optional { value, bytes }: Optional<WithdrawRequest>,
) -> Result<Response, Problem> {
    caller.agent()?;
    app.writable()?;
    let why = value.unwrap_or_default().why;
    if why.len() > WithdrawRequest::WHY_MAX {
        let limit = WithdrawRequest::WHY_MAX;
        return Err(Problem::bad_request("why", &format!("has {} bytes; {limit} are the limit", why.len())));
    }
    let step = Step::WithdrawDraft { why };
    let standing = app.standing().await?;
    let author = author(&standing, &caller.id)?;
    let (key, digest) = (key(&headers)?, Digest::of(&bytes));
    let request = Request { key, digest, caller, author, standing, counted: None };
    if let Some(answer) = request.repeated(&app).await? {
        return Ok(answer);
    }
    for _ in 0..TRIES_MAX {
        let now = app.clock.now();
        let before = own_row(&app, &request.caller, id).await?;
        let ruling = request.standing.ruling(&before.agent);
        let transition = lifecycle::apply(&ruling, &before, &step, now)?;
        let (outcome, row) = (DraftOutcome::Revised, &transition.row);
        let answer = DraftAnswer { outcome, row: id, revision: row.revision, state: row.state() };
        let mut commit = step::commit_of(&before, transition, &request.caller.actor(), now);
        commit.repeatable = request.commit(StatusCode::OK, &answer, now).repeatable;
        if request.committed(&app, commit).await? {
            return Ok(answered(StatusCode::OK, &answer));
        }
        if let Some(answer) = request.repeated(&app).await? {
            return Ok(answer);
        }
    }
    Err(Refusal::Busy.into())
}

/// A draft's request, once it is clear that its author may send it.
struct Request {
    key: String,
    digest: Digest,
    caller: Caller,
    author: Author,
    standing: Arc<Standing>,
    /// Among the drafts of its minute; none where taking back is not counted among them.
    counted: Option<Counted>,
}

impl Request {
    async fn of(
        app: &App,
        caller: Caller,
        headers: &HeaderMap,
        bytes: &[u8],
        draft: &Draft,
    ) -> Result<Self, Problem> {
        caller.may_draft(draft)?;
        app.writable()?;
        let key = key(headers)?;
        let counted = Some(app.limits.draft(&caller.id, app.clock.now())?);
        draft.check().map_err(|wrong| Problem::bad_request(wrong.field, &wrong.why))?;
        let standing = app.standing().await?;
        if let Some(halt) = standing.halted_agent(&caller.id) {
            return Err(Refusal::Halted { by: halt.by.clone(), note: halt.note.clone() }.into());
        }
        let author = author(&standing, &caller.id)?;
        Ok(Self { key, digest: Digest::of(bytes), caller, author, standing, counted })
    }

    /// The answer that this key was given before, for the same body.
    async fn repeated(&self, app: &App) -> Result<Option<Response>, Problem> {
        let Some(kept) = app.store.repeated(self.caller.id.clone(), self.key.clone()).await? else {
            return Ok(None);
        };
        if kept.request != self.digest {
            let why = "this key was used for another body";
            return Err(
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", why).field("Idempotency-Key")
            );
        }
        if let Some(counted) = self.counted {
            app.limits.repeated(&self.caller.id, counted);
        }
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
        Ok(Some((status, [(header::CONTENT_TYPE, "application/json")], kept.answer).into_response()))
    }

    fn commit(&self, status: StatusCode, answer: &DraftAnswer, now: Timestamp) -> Commit {
        let repeatable = Repeatable {
            principal: self.caller.id.clone(),
            key: self.key.clone(),
            request: self.digest,
            status: status.as_u16(),
            answer: json(answer),
        };
        Commit { repeatable: Some(repeatable), ..Commit::at(now) }
    }

    /// Whether it was committed; if somebody else was faster, it is computed anew.
    async fn committed(&self, app: &App, mut commit: Commit) -> Result<bool, Problem> {
        commit.authority = Some(self.standing.version);
        match app.store.commit(commit).await? {
            Committed::At(_) => Ok(true),
            Committed::SubjectTaken(row) => {
                tracing::debug!(%row, "another row of the subject came first");
                Ok(false)
            }
            Committed::Conflict if app.standing().await?.version != self.standing.version => {
                Err(Refusal::Busy.into())
            }
            Committed::Conflict | Committed::LeaseLost => Ok(false),
        }
    }
}

/// The backend's own read. None for kinds that the backend cannot read: then the row is a claim.
struct Read {
    reading: Option<Reading>,
}

impl Read {
    async fn of(app: &App, draft: &Draft) -> Result<Self, Problem> {
        let reading = claim::read(app, &draft.base, draft.proposal.as_ref(), claim::Look::Whole).await?;
        if let Some(reading) = &reading {
            let facts = claim::facts(app, reading, &draft.facts).await?;
            if facts != draft.facts {
                let (what, claimed, read) = ("the facts".to_owned(), json(&draft.facts), json(&facts));
                return Err(Refusal::ClaimMismatch { what, claimed, read }.into());
            }
        }
        Ok(Self { reading })
    }

    /// A live runbook shows its page's steps with all commands and warnings: nothing is left out that somebody would need.
    fn whole(&self, draft: &Draft) -> Result<(), Problem> {
        let (Some(Reading::Page(reading)), Some(Proposal::Live(live))) = (&self.reading, &draft.proposal)
        else {
            return Ok(());
        };
        let lacks = match outline::read(&reading.page.body) {
            Ok(outline) => live.lacks(&outline),
            Err(why) => Some(why.to_string()),
        };
        let Some(read) = lacks else { return Ok(()) };
        let (what, claimed) = ("what the page's steps are".to_owned(), "another".to_owned());
        Err(Refusal::ClaimMismatch { what, claimed, read }.into())
    }

    fn judge(&self, app: &App, id: RowId, draft: &Draft) -> Result<Judged, Problem> {
        let Some(reading) = &self.reading else {
            // What has no class of its own is irreversible.
            let risk =
                draft.risk.max(if draft.kind == Kind::Sync { Risk::Reversible } else { Risk::Irreversible });
            let about =
                thresholds::About { kind: draft.kind, environment: &draft.environment, risk, reading: None };
            let rule = judge::rule(about, &app.asks, NonZeroU32::MIN);
            return Ok(Judged { risk, rule, drift: None });
        };
        Ok(judge::claim(id, draft, reading, &app.asks)?)
    }
}

/// A parent that is named is a row of ours; that of a gate is the healthy deploy of the same run that its service's config
/// promotes from.
pub(super) async fn parent(app: &App, draft: &Draft) -> Result<(), Problem> {
    let Some(id) = draft.parent else { return Ok(()) };
    let mismatch = |read: String| Refusal::ClaimMismatch {
        what: "the parent".to_owned(),
        claimed: id.to_string(),
        read,
    };
    let Some(parent) = app.store.row(id).await? else {
        return Err(mismatch("no such row".to_owned()).into());
    };
    let Base::Gate(base) = &draft.base else { return Ok(()) };
    let promotes = app.gates.get(&base.service).and_then(|service| {
        let to = service.promotes_to.get(&parent.environment)?;
        let run = base.run.parse().ok()?;
        Some(
            *to == draft.environment
                && parent.subject == gate::subject(&base.service, run, &parent.environment),
        )
    });
    if promotes != Some(true) {
        let read = format!("{} before {}, which promotes nothing here", parent.subject, parent.environment);
        return Err(mismatch(read).into());
    }
    if parent.state() != RowState::Healthy {
        return Err(mismatch(parent.state().to_string()).into());
    }
    Ok(())
}

/// The same is held, or its row is open: nothing is opened and nobody is paged.
async fn already(
    app: &App,
    request: &Request,
    read: &Read,
    draft: &Draft,
    now: Timestamp,
) -> Result<Option<DraftAnswer>, Problem> {
    let Some(reading) = &read.reading else { return Ok(None) };
    let read_drift = reading.drift();
    if let Some(open) = app.store.open_row(draft.kind, &draft.subject, now).await? {
        let waits_for_agent = matches!(open.state(), RowState::NeedsChanges | RowState::Stale);
        // A drift is the same over any number of commits; where there is none, only the same base is the same.
        let unchanged = match read_drift {
            Some(drift) => open.drift == Some(drift),
            None => open.digests.base == reading.base().digest(),
        };
        let same = unchanged && open.agent == request.caller.id && !waits_for_agent;
        let (outcome, state) = (DraftOutcome::Exists, open.state());
        return Ok(same.then_some(DraftAnswer { outcome, row: open.id, revision: open.revision, state }));
    }
    let mut standing = app.store.holds().await?.into_iter();
    let same = |hold: &crate::row::Hold| hold.subject == draft.subject && Some(hold.drift) == read_drift;
    let Some(hold) = standing.find(same) else {
        return Ok(None);
    };
    let Some(row) = app.store.row(hold.row).await? else { return Ok(None) };
    let (outcome, state) = (DraftOutcome::OnHold, row.state());
    Ok(Some(DraftAnswer { outcome, row: row.id, revision: row.revision, state }))
}

/// The row, if it is the caller's own: others' do not exist for an agent that wants to change them.
async fn own_row(app: &App, caller: &Caller, id: RowId) -> Result<Row, Problem> {
    let row = app.store.row(id).await?.ok_or_else(|| Problem::not_found(&format!("row {id}")))?;
    if row.agent == caller.id {
        Ok(row)
    } else {
        Err(Problem::forbidden(&format!("{id} is {}'s row", row.agent)))
    }
}

fn author(standing: &Standing, agent: &PrincipalId) -> Result<Author, Problem> {
    let known =
        standing.authority.agents().get(agent).filter(|agent| agent.standing == AgentStanding::Active);
    let known = known.ok_or_else(|| Problem::forbidden(&format!("the agent {agent} is not active")))?;
    Ok(Author { agent: agent.clone(), owner: known.owner.clone() })
}

/// What the row points at, kept beside the log: the difference, and the text that reviewers are shown.
pub(super) fn blobs(row: &Row, draft: &Draft) -> (Vec<Vec<u8>>, c1::Value) {
    let shown = present::text(draft, row.id, row.revision);
    let blobs = vec![draft.diff.clone().into_bytes(), shown.into_bytes()];
    let digests = c1::list(blobs.iter().map(Digest::of));
    (blobs, digests)
}

pub(super) fn with_body(commit: &mut Commit, row: &Row, draft: &Draft) {
    commit.draft = Some(Box::new(draft.clone()));
    commit.blobs = blobs(row, draft).0;
}

fn leaf(actor: &Actor, row: &Row, entry: lifecycle::Entry, draft: &Draft) -> LeafDraft {
    let about = About::Row { row: row.id, revision: row.revision };
    let body = entry.body.with("blobs", blobs(row, draft).1);
    LeafDraft { actor: actor.clone(), event: entry.event, about, body }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let text = headers.get("Idempotency-Key").and_then(|value| value.to_str().ok());
    let fits = |text: &&str| !text.is_empty() && text.len() <= KEY_BYTES_MAX;
    let why = format!("1 to {KEY_BYTES_MAX} visible characters are needed");
    text.filter(fits).map(str::to_owned).ok_or_else(|| Problem::bad_request("Idempotency-Key", &why))
}

pub(super) fn if_match(headers: &HeaderMap) -> Result<u32, Problem> {
    let text = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let revision = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    revision.ok_or_else(|| {
        let why = "the revision that is revised is needed, in quotation marks";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "revision_needed", why).field("If-Match")
    })
}

fn answered(status: StatusCode, answer: &DraftAnswer) -> Response {
    (status, axum::Json(answer)).into_response()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
