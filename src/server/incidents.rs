//! What Dock knows of one incident: its rows, and the incidents that were like it.
//!
//! Never: a platform asked. What PagerDuty says now is in the rows' facts, dated.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{app::App, identity::Caller, input::Named, problem::Problem, view};
use crate::{
    row::{
        Draft, Kind, Row,
        search::{
            Looked,
            alike::{Traits, alike},
        },
    },
    store::RowQuery,
    wire::{AlikeView, IncidentView},
};

/// Post-mortems that are compared, newest first.
const COMPARED_MAX: usize = 500;
const ALIKE_MAX: usize = 10;

/// `GET /v1/incidents/{id}`.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(incident): Named<String>,
) -> Result<Json<IncidentView>, Problem> {
    caller.may_read()?;
    let now = app.clock.now();
    let rows = of(&app, RowQuery { incident: Some(incident.clone()), ..RowQuery::default() }).await?;
    if rows.is_empty() {
        return Err(Problem::not_found(&format!("row of incident {incident}")));
    }
    let kinds = vec![Kind::Postmortem];
    let mut papers = of(&app, RowQuery { kinds, limit: COMPARED_MAX, ..RowQuery::default() }).await?;
    papers.retain(|(row, _)| row.incident.as_deref().is_some_and(|other| other != incident));
    // The newest post-mortem of an incident speaks for it.
    let mut seen = std::collections::BTreeSet::new();
    papers.retain(|(row, _)| seen.insert(row.incident.clone()));
    let traits: Vec<Traits> = papers.iter().map(|paper| traits(std::slice::from_ref(paper))).collect();
    let view = |alike: crate::row::search::alike::Alike| {
        let (row, draft) = papers.get(alike.place)?;
        Some(AlikeView {
            head: Some(view::head(row, row.state().open() && view::stale(row, draft, now), now)),
            incident: row.incident.clone()?,
            row: row.id,
            title: row.title.clone(),
            changed_at: row.changed_at,
            score: alike.score,
            shared: alike.shared,
        })
    };
    let alike = alike(&self::traits(&rows), &traits).into_iter().take(ALIKE_MAX).filter_map(view).collect();
    let heads = rows
        .iter()
        .map(|(row, draft)| view::head(row, row.state().open() && view::stale(row, draft, now), now));
    Ok(Json(IncidentView { incident, rows: heads.collect(), alike, as_of: now }))
}

/// Rows with the bodies of their newest revisions.
async fn of(app: &App, query: RowQuery) -> Result<Vec<(Row, Draft)>, Problem> {
    let rows = app.store.rows(query).await?.rows;
    let mut drafts = app.store.drafts(rows.iter().map(|row| (row.id, row.revision)).collect()).await?;
    Ok(rows.into_iter().filter_map(|row| drafts.remove(&row.id).map(|draft| (row, draft))).collect())
}

fn traits(rows: &[(Row, Draft)]) -> Traits {
    let mut traits = Traits::default();
    for (row, draft) in rows {
        traits.add(&Looked::of(row, draft));
    }
    traits
}
