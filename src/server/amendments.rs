//! What reviewers change of a proposal before deciding on it: lines of a post-mortem, operations of an edit.
//!
//! The change is theirs, a revision with digests of its own: base, effect and difference are computed anew from our own
//! reading, and every key is void. The agent's signals and rationale stay as they were. Where an edit's page has moved, a
//! merge takes the edit over to the page as it is now, if what moved lies apart.
//! Never: an agent's change; words in the name of somebody who did not say them.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};

use super::{
    app::App,
    claim, drafts,
    identity::Caller,
    input::{Body, Named},
    judge,
    problem::Problem,
    rows::shown,
    step::{self, TRIES_MAX},
};
use crate::{
    lifecycle::{self, Step},
    policy::{Asker, Permission, RowFacts, Wish},
    row::{
        Amendment, Base, Draft, Kind, PrincipalId, Proposal, Reading, Refusal, Row, RowId, c1, page::Proposed,
    },
    store::{Committed, Whole},
    wire::RowView,
};

/// `POST /v1/rows/{id}/amendments`, with `If-Match: "revision"`: the revision whose numbers are meant.
pub(super) async fn amend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    headers: HeaderMap,
    body: Body<Amendment>,
) -> Result<Json<RowView>, Problem> {
    caller.human()?;
    app.writable()?;
    app.limits.draft(&caller.id, app.clock.now())?;
    let expected = drafts::if_match(&headers)?;
    for _ in 0..TRIES_MAX {
        let whole = whole(&app, id).await?;
        let standing = app.standing().await?;
        let attributes = app.shifts.attributes(&app, &standing, &caller.id, app.clock.now()).await;
        let asker = Asker::Human { id: &caller.id, attributes: &attributes };
        let of = RowFacts { row: &whole.row, facts: &whole.draft.facts };
        if let Permission::Deny { why } = app.engine.may(asker, Wish::Review(of)) {
            return Err(why.into());
        }
        let before = whole.row;
        if !before.state().undecided() {
            return Err(Refusal::OutOfStep { state: before.state(), step: "amend".to_owned() }.into());
        }
        if before.revision != expected {
            let (signed, current) = (expected, before.revision);
            return Err(Refusal::StaleRevision { row: id, signed, current }.into());
        }
        let mut draft = amended(&whole.draft, &caller, &body.value)?;
        let reading = claim::read(&app, &draft.base, draft.proposal.as_ref(), claim::Look::Whole).await?;
        let mut reading = reading.ok_or_else(|| claim::not_configured(platform(id.kind)))?;
        taken_over(&before, &whole.draft, &body.value, &mut draft, &mut reading)?;
        let now = app.clock.now();
        let draft = Draft {
            base: reading.base(),
            effect: reading.effect(),
            diff: reading.difference(),
            read_at: now,
            ..draft
        };
        draft.check().map_err(|wrong| Problem::bad_request(wrong.field, &wrong.why))?;
        let judged = judge::claim(id, &draft, &reading, &app.asks)?;
        let mut revision = judge::revision(&before, &draft, judged);
        revision.amended_by = Some(caller.id.clone());
        let ruling = standing.ruling(&before.agent);
        let mut transition = lifecycle::apply(&ruling, &before, &Step::Revise(Box::new(revision)), now)?;
        for entry in &mut transition.entries {
            let body = std::mem::replace(&mut entry.body, c1::map::<&str>([]));
            entry.body = body.with("blobs", drafts::blobs(&transition.row, &draft).1);
        }
        let row = transition.row.clone();
        let mut commit = step::commit_of(&before, transition, &caller.actor(), now);
        drafts::with_body(&mut commit, &row, &draft);
        commit.authority = Some(standing.version);
        if let Committed::At(_) = app.store.commit(commit).await? {
            return shown(&app, id, None).await.map(Json);
        }
    }
    Err(Refusal::Busy.into())
}

async fn whole(app: &App, id: RowId) -> Result<Whole, Problem> {
    app.store.whole(id, None).await?.ok_or_else(|| Problem::not_found(&format!("row {id}")))
}

/// The draft with the reviewer's changes in what it proposes.
fn amended(draft: &Draft, caller: &Caller, amendment: &Amendment) -> Result<Draft, Problem> {
    let Some(proposal) = &draft.proposal else {
        let why = format!("a {} row proposes no text that could be changed", draft.kind.word());
        return Err(Problem::bad_request("row", &why));
    };
    let next = proposal.amended(&caller.id, amendment);
    let next = next.map_err(|why| Problem::bad_request("amendment", &why.to_string()))?;
    if next == *proposal && !amendment.merge {
        return Err(Problem::bad_request("amendment", "it changes nothing"));
    }
    let mut amended_by = draft.amended_by.clone();
    if !amended_by.contains(&caller.id) {
        amended_by.push(caller.id.clone());
    }
    let mut title = draft.title.clone();
    if let (Proposal::Edit(was), Proposal::Edit(now)) = (proposal, &next) {
        title = Some(now.retitled(&title, was))
            .filter(|new| new.len() <= Draft::TITLE_BYTES_MAX)
            .unwrap_or(title);
    }
    Ok(Draft { title, proposal: Some(next), amended_by, ..draft.clone() })
}

/// An edit whose page has moved is changed with a merge or not at all: what its reviewer read is no longer what it would be
/// carried out on. With one its operations are anchored on the page as it was just read, unless what moved touches them.
fn taken_over(
    row: &Row,
    was: &Draft,
    amendment: &Amendment,
    draft: &mut Draft,
    reading: &mut Reading,
) -> Result<(), Problem> {
    let (Reading::Page(page), Some(Proposal::Edit(edit)), Some(Proposal::Edit(next))) =
        (&mut *reading, &was.proposal, &mut draft.proposal)
    else {
        return Ok(());
    };
    let Base::Runbook(base) = &was.base else { return Ok(()) };
    let moved = page.changed(base);
    match (amendment.merge, moved.is_empty()) {
        (false, true) => return Ok(()),
        (false, false) => return Err(Refusal::BaseMoved { row: row.id, moved }.into()),
        (true, true) => {
            let why = "nothing moved on the page since the draft: there is nothing to merge";
            return Err(Problem::bad_request("merge", why));
        }
        (true, false) => {}
    }
    let touched = |touched: Vec<String>| Problem::from(Refusal::EditTouched { row: row.id, touched });
    let reworded: Vec<usize> = amendment.reword.keys().copied().collect();
    let against = page.since(edit, &was.diff).against(&amendment.strike, &reworded);
    if !against.is_empty() {
        return Err(touched(against));
    }
    let refitted = next.refitted(&page.page.body).map_err(|why| touched(vec![why.to_string()]))?;
    if let [first, ..] = refitted.left_out.as_slice() {
        return Err(touched(vec![format!("operation {}: {}", first.number, first.why)]));
    }
    next.operations = refitted.kept.into_iter().map(|one| one.operation).collect();
    page.proposed = Proposed::Edit(next.clone());
    Ok(())
}

/// Reviewers changed what this row proposes.
pub(super) async fn amended_already(app: &App, row: &Row) -> Result<bool, Problem> {
    let draft = app.store.draft(row.id, row.revision).await?;
    Ok(draft.is_some_and(|draft| !draft.amended_by.is_empty()))
}

/// What an agent sends in a person's name has to be what that person said, in the revision before; and whoever changed that
/// one is named in the next: no agent goes back to its own words as if nobody had said anything.
pub(super) fn own_words(draft: &Draft, before: Option<&Draft>) -> Result<(), Problem> {
    let amended = before.map(|before| before.amended_by.as_slice()).unwrap_or_default();
    if let Some(foreign) = draft.amended_by.iter().find(|person| !amended.contains(person)) {
        let why = format!("{foreign} has not changed this proposal");
        return Err(Problem::bad_request("amended_by", &why));
    }
    if !amended.iter().all(|person| draft.amended_by.contains(person)) {
        let (what, claimed, read) =
            (Refusal::WHO_AMENDED.to_owned(), names(&draft.amended_by), names(amended));
        return Err(Refusal::ClaimMismatch { what, claimed, read }.into());
    }
    let was = before.and_then(|before| before.proposal.as_ref());
    match draft.proposal.as_ref().and_then(|proposal: &Proposal| proposal.put_in_mouths(was)) {
        Some(why) => Err(Problem::bad_request("proposal", &why)),
        None => Ok(()),
    }
}

fn names(people: &[PrincipalId]) -> String {
    match people {
        [] => "nobody".to_owned(),
        some => some.iter().map(PrincipalId::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn platform(kind: Kind) -> &'static str {
    match kind {
        Kind::Sync => "ArgoCD",
        Kind::Gate => "GitHub",
        Kind::Runbook => "The page's platform",
        Kind::Postmortem => "PagerDuty",
        Kind::Policy => "The policy's record",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::paper::tests as example;

    #[test]
    fn an_agent_speaks_for_nobody_but_repeats_what_was_said() {
        let clean = example::draft();
        assert!(own_words(&clean, None).is_ok());
        let by: PrincipalId = "priya".parse().unwrap();
        let amendment = Amendment { lines: [(1, false)].into_iter().collect(), ..Amendment::default() };
        let proposal = clean.proposal.as_ref().map(|was| was.amended(&by, &amendment).unwrap());
        let amended = Draft { proposal, amended_by: vec![by], ..clean.clone() };
        assert_eq!(own_words(&amended, None).unwrap_err().body.field.as_deref(), Some("amended_by"));
        let silent = Draft { amended_by: vec![], ..amended.clone() };
        assert_eq!(own_words(&silent, Some(&clean)).unwrap_err().body.field.as_deref(), Some("proposal"));
        assert!(own_words(&amended, Some(&amended)).is_ok());
        let undone = own_words(&clean, Some(&amended)).unwrap_err().body;
        assert_eq!(undone.refusal.map(|refusal| refusal.code()), Some("claim_mismatch"));
        let without = Draft { proposal: clean.proposal, ..amended.clone() };
        assert!(
            own_words(&without, Some(&amended)).is_ok(),
            "what no longer fits may be left out, under their names"
        );
    }
}
