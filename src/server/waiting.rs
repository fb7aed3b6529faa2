//! Pipelines that wait at Dock itself: they say so with each poll, and are told what was decided about their run.
//!
//! What is approved is answered by the executor, who reads the base again first; what was declined, has expired or could
//! not be carried out is told from the row at once: no is always safe. Agents read from here who waits.
//! Never: an approval that the executor did not give, or to who came after it; a service told to who has no scope for it;
//! more of a row than who waits for it needs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    app::App,
    identity::Caller,
    input::{Body, Fields},
    problem::Problem,
    rows::{WAIT_MAX, wait_of},
};
use crate::{
    row::{
        Base, Decision, Kind, Row, State as RowState,
        gate::{GateBase, Pipeline},
        search::{Key, Query, Term, Test},
        waiting::{
            Answer, Asks, Ended, No, Place, Reports, Said, Seen, Turn, Waiting, Who, Word, attempt_of,
        },
    },
    store::{RowQuery, Search, StoreError},
    wire::{Waited, WaitedRow},
};

/// While an executor may be answering, it is looked so often: its answer is no entry of the record.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Who gave no sign for so long is not listed.
const LISTED: SignedDuration = SignedDuration::from_hours(24);
/// No more are listed.
const LISTED_MAX: usize = 1_000;
/// Rows of one run that are looked through for its attempt.
const ROWS_MAX: usize = 16;
/// Deploys that are looked through for the newest that is there.
const DEPLOYS_MAX: usize = 16;
/// Rows whose commit may be there.
const DEPLOYED: [RowState; 3] = [RowState::Executed, RowState::Healthy, RowState::Degraded];

/// `PUT /v1/gates/{service}/{environment}/{run}?wait=25`: the pipeline is there, and asks. The same words again are a sign
/// of life; another attempt takes the place of the one before.
pub(super) async fn says(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(place): Path<(String, String, String)>,
    mut query: Fields,
    body: Body<Asks>,
) -> Result<Json<Waited>, Problem> {
    let place = place_of(place)?;
    caller.may_wait(&place.service)?;
    app.writable()?;
    let wait = wait_of(&mut query)?;
    query.end()?;
    gated(&app, &place)?;
    body.value.check().map_err(|(field, why)| Problem::bad_request(field, &why))?;
    let (asks, now) = (body.value, app.clock.now());
    let before = app.store.waiting(place.clone()).await?;
    let listener = asks.listener.clone();
    let counted = || attempt_of(before.as_ref(), &asks.commit, listener.as_deref(), now);
    let said = asks.said(asks.attempt.unwrap_or_else(counted));
    let earlier = before.as_ref().filter(|before| before.said.attempt > said.attempt);
    if let Some(answer) = earlier.and_then(|before| before.told_before(&said, listener.as_deref(), now)) {
        return told(&app, said.attempt, answer.clone()).await.map(Json);
    }
    let turn = Turn::Says { said: said.clone(), by: caller.id.clone(), listener };
    let waiting = take(&app, &place, turn.clone()).await?;
    let news = before.is_none_or(|before| before.said != said || before.gone(app.since, now).is_some());
    if news && waiting.answer.is_none() {
        app.hooks.pipeline(&place, now);
    }
    app.wait_for(answered(&app, &place, &said), wait).await;
    let row = match look(&app, &place, &said).await? {
        // Asking with the answer there is what takes it.
        Looked::Told => match take(&app, &place, turn).await?.answer {
            Some(answer) => return told(&app, said.attempt, answer).await.map(Json),
            None => None,
        },
        Looked::Waits(row) => row,
    };
    let row = row.map(|row| shown(&row, None));
    Ok(Json(Waited { attempt: said.attempt, row, answer: None }))
}

/// What was found of a run that waits.
enum Looked {
    Told,
    /// Its row, where there is one.
    Waits(Option<Box<Row>>),
}

/// Until there is an answer, or nothing can be read.
async fn answered(app: &App, place: &Place, said: &Said) {
    let mut grown = app.store.grown();
    loop {
        grown.mark_unchanged();
        let Ok(Looked::Waits(row)) = look(app, place, said).await else { return };
        let answering =
            row.is_some_and(|row| matches!(row.state(), RowState::Approved | RowState::Executing));
        let pause = if answering { LOOK_EVERY } else { WAIT_MAX };
        tokio::select! {
            done = grown.changed() => if done.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Is there an answer for this attempt? What its row comes to by itself becomes one here.
async fn look(app: &App, place: &Place, said: &Said) -> Result<Looked, Problem> {
    let waiting = app.store.waiting(place.clone()).await?;
    if waiting.is_some_and(|waiting| waiting.told(said.attempt, &said.commit).is_some()) {
        return Ok(Looked::Told);
    }
    let Some(row) = row_of(app, place, said).await? else { return Ok(Looked::Waits(None)) };
    let Some(answer) = comes_to(&row) else { return Ok(Looked::Waits(Some(Box::new(row)))) };
    let (attempt, commit) = (said.attempt, said.commit.clone());
    take(app, place, Turn::Answer { attempt, commit, answer }).await?;
    Ok(Looked::Told)
}

/// `DELETE /v1/gates/{service}/{environment}/{run}?attempt=N`, or `?listener=NAME`: the pipeline stops waiting.
pub(super) async fn leaves(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(place): Path<(String, String, String)>,
    mut query: Fields,
) -> Result<StatusCode, Problem> {
    let place = place_of(place)?;
    caller.may_wait(&place.service)?;
    app.writable()?;
    let who = match query.one::<String>("listener")? {
        Some(name) => Who::Listener(name),
        None => Who::Attempt(query.needed("attempt")?),
    };
    query.end()?;
    take(&app, &place, Turn::Leaves(who)).await?;
    app.hooks.pipeline(&place, app.clock.now());
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v1/gates/{service}/{environment}/{run}/report`: how the deploy ended that the pipeline was told to go on with.
pub(super) async fn reports(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(place): Path<(String, String, String)>,
    body: Body<Reports>,
) -> Result<StatusCode, Problem> {
    let place = place_of(place)?;
    caller.may_wait(&place.service)?;
    app.writable()?;
    gated(&app, &place)?;
    let Reports { commit, attempt, state } = body.value;
    take(&app, &place, Turn::Reports { commit, attempt, state }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/gates`: the runs that gave a sign within a day, waiting or not, the latest first. Who waits gives one all the time,
/// so that what is not listed any more does not wait.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Fields,
) -> Result<Json<Vec<Seen>>, Problem> {
    caller.may_read()?;
    query.end()?;
    let now = app.clock.now();
    let since = now.saturating_sub(LISTED).unwrap_or(Timestamp::MIN);
    let all = app.store.waiting_since(since, LISTED_MAX).await?;
    let seen = |waiting: Waiting| Seen { instead: waiting.instead(app.since, now), waiting, deployed: None };
    Ok(Json(all.into_iter().map(seen).collect()))
}

/// `GET /v1/gates/{service}/{environment}/{run}`.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(place): Path<(String, String, String)>,
) -> Result<Json<Seen>, Problem> {
    caller.may_read()?;
    let place = place_of(place)?;
    let absent = || Problem::not_found(&format!("pipeline that waits with run {}", place.run));
    seen(&app, &place, true).await?.map(Json).ok_or_else(absent)
}

/// A run as it waits now; with what runs there already, where that is asked for.
pub(super) async fn seen(app: &App, place: &Place, whole: bool) -> Result<Option<Seen>, StoreError> {
    let Some(waiting) = app.store.waiting(place.clone()).await? else { return Ok(None) };
    let instead = waiting.instead(app.since, app.clock.now());
    let deployed = if whole { deployed(app, place).await? } else { None };
    Ok(Some(Seen { waiting, instead, deployed }))
}

/// The commit of the newest deploy to this environment that is there: its row is healthy, or its pipeline said so. A commit
/// that was answered and that nobody has seen since was never there, for all we know.
async fn deployed(app: &App, place: &Place) -> Result<Option<String>, StoreError> {
    let is = |key, value: &str| Term { not: false, test: Test::Key(key, vec![value.to_owned()]) };
    let terms = vec![
        is(Key::Kind, Kind::Gate.word()),
        is(Key::Service, &place.service),
        is(Key::Env, &place.environment),
        Term {
            not: false,
            test: Test::Key(Key::State, DEPLOYED.map(|state| state.word().to_owned()).to_vec()),
        },
    ];
    let (query, now) = (Query { terms }, app.clock.now());
    let search = Search { query, among: RowQuery::default(), now, skip: 0, limit: DEPLOYS_MAX };
    let mut rows = app.store.search(search).await?.rows;
    rows.sort_by_key(|row| std::cmp::Reverse(row.changed_at));
    for row in rows {
        if let Some(base) = base_of(app, &row).await?
            && (&base.service, &base.environment) == (&place.service, &place.environment)
            && (row.state() == RowState::Healthy || reported(app, &base).await?)
        {
            return Ok(Some(base.head_sha));
        }
    }
    Ok(None)
}

async fn reported(app: &App, base: &GateBase) -> Result<bool, StoreError> {
    let (service, environment) = (base.service.clone(), base.environment.clone());
    let Ok(run) = base.run.parse() else { return Ok(false) };
    let waiting = app.store.waiting(Place { service, environment, run }).await?;
    let told = waiting.as_ref().and_then(|waiting| waiting.told(base.attempt, &base.head_sha)?.report);
    Ok(told.is_some_and(|report| report.state == Ended::Deployed))
}

async fn base_of(app: &App, row: &Row) -> Result<Option<GateBase>, StoreError> {
    let draft = app.store.draft(row.id, row.revision).await?;
    Ok(draft.and_then(|draft| match draft.base {
        Base::Gate(base) => Some(base),
        _ => None,
    }))
}

/// The newest row about this attempt of this commit.
async fn row_of(app: &App, place: &Place, said: &Said) -> Result<Option<Row>, StoreError> {
    let (kinds, subject) = (vec![Kind::Gate], Some(place.subject()));
    let query = RowQuery { kinds, subject, limit: ROWS_MAX, ..RowQuery::default() };
    let mut rows = app.store.rows(query).await?.rows;
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    for row in rows {
        if let Some(base) = base_of(app, &row).await?
            && (base.attempt, &base.head_sha) == (said.attempt, &said.commit)
        {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What a row says by itself to who waits: a no of some kind. Where another row may come in its place, nothing.
fn comes_to(row: &Row) -> Option<Answer> {
    let declines = || {
        let declines = |key: &&crate::row::Key| key.decision == Decision::Decline && key.void.is_none();
        row.keys.iter().rev().find(declines)
    };
    let (word, key, said) = match row.state() {
        RowState::Declined => {
            let key = declines()?;
            (Word::Declined, Some(key), format!("declined by {}", key.reviewer))
        }
        RowState::Expired => (Word::Expired, None, "nobody decided in time".to_owned()),
        RowState::Failed | RowState::Unknown => {
            (Word::Failed, None, "it was approved and could not be carried out".to_owned())
        }
        _ => return None,
    };
    let decision = key.map(|key| key.decision_id.clone());
    let tag = decision.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
    Some(Answer {
        word,
        row: row.id,
        said: format!("dock {}{tag} {said}", row.id),
        decision,
        conditions: BTreeMap::new(),
        given_at: row.changed_at,
        taken_at: None,
        taken_by: None,
        report: None,
    })
}

async fn told(app: &App, attempt: u32, answer: Answer) -> Result<Waited, Problem> {
    let absent = || Problem::not_found(&format!("row {}", answer.row));
    let row = app.store.row(answer.row).await?.ok_or_else(absent)?;
    Ok(Waited { attempt, row: Some(shown(&row, Some(&answer))), answer: Some(answer) })
}

/// As much of a row as who waits for it is told: who decided, and their words, once that is what they were told.
fn shown(row: &Row, answer: Option<&Answer>) -> WaitedRow {
    let decided = answer.and_then(|answer| answer.decision.as_ref());
    let key = row.keys.iter().rev().find(|key| Some(&key.decision_id) == decided);
    let with = |one: &&crate::row::Key| {
        let same = |key: &crate::row::Key| (key.decision, key.revision) == (one.decision, one.revision);
        one.void.is_none() && key.is_some_and(same)
    };
    WaitedRow {
        id: row.id,
        kind: row.id.kind,
        subject: row.subject.clone(),
        environment: row.environment.clone(),
        title: row.title.clone(),
        state: row.state(),
        how: row.how(),
        by: row.keys.iter().filter(with).map(|key| key.reviewer.clone()).collect(),
        note: key.and_then(|key| key.note.clone()),
    }
}

async fn take(app: &App, place: &Place, turn: Turn) -> Result<Waiting, Problem> {
    app.store.turn(place.clone(), turn, app.clock.now()).await?.map_err(|no| refused(&no))
}

fn refused(no: &No) -> Problem {
    let problem = |status, code| Problem::new(status, code, no.to_string().as_str());
    match no {
        No::Nobody => problem(StatusCode::NOT_FOUND, "not_found"),
        No::Attempt { .. } | No::OtherCommit { .. } => problem(StatusCode::CONFLICT, "attempt_taken")
            .hint("--attempt N, one more than the last, where the same run is tried again"),
        No::TooMany(_) => problem(StatusCode::TOO_MANY_REQUESTS, "too_many_runs")
            .hint("--run is the number of the pipeline's run: a job that is started again keeps it"),
        No::NotToldToGoOn(_) => problem(StatusCode::CONFLICT, "not_told")
            .hint("a deploy is reported with the --run, --commit and --environment that were waited with"),
        No::Over { attempt, .. } => problem(StatusCode::CONFLICT, "attempt_over").hint(&format!(
            "an answer is for who waited for it; a run that is started again asks anew, with --attempt {} or without \
             --attempt",
            attempt.saturating_add(1)
        )),
        No::Left(_) | No::Told(_) | No::Taken(_) | No::TakenBack => {
            problem(StatusCode::CONFLICT, "waits_no_more").hint("ask again")
        }
    }
}

fn place_of((service, environment, run): (String, String, String)) -> Result<Place, Problem> {
    let run = run.parse().ok().filter(|run| i64::try_from(*run).is_ok());
    let run = run.ok_or_else(|| Problem::bad_request("path", "a run is a number of 63 bits"))?;
    Ok(Place { service, environment, run })
}

/// The service's runs wait here, and before this environment.
fn gated(app: &App, place: &Place) -> Result<(), Problem> {
    let Place { service, environment, .. } = place;
    let found = app.gates.get(service).ok_or_else(|| {
        Problem::not_found(&format!("gate of {}", service.escape_default()))
            .hint("the backend's config names it: [gates.NAME], with pipeline = \"elsewhere\"")
    })?;
    if found.pipeline != Pipeline::Elsewhere {
        let why = format!("the runs of {service} wait on GitHub, and nobody is told to here");
        let hint = "without --commit this waits for the run's answer on GitHub; or pipeline = \"elsewhere\" in [gates.NAME]";
        return Err(Problem::new(StatusCode::CONFLICT, "waits_on_github", why.as_str()).hint(hint));
    }
    if !found.environments.contains_key(environment) {
        let why = format!("gate of {service} before {}", environment.escape_default());
        return Err(Problem::not_found(&why).hint("the config names it: environments = { … }"));
    }
    Ok(())
}
