//! Which rows touched a runbook's steps, and which changed what they name: from Dock, however long ago.
//!
//! Dock tells every agent of what changed within a day; what is older is looked for once, when a live row is first drawn,
//! and goes from revision to revision.
//! Never: a row that was not carried out; a fact that anything but a pointer rests on.

use std::collections::BTreeMap;

use crate::{
    client::api::{Api, ApiError},
    row::{Kind, Proposal, RowId, State, proposal::Live, search::Query},
    wire::{RowHead, RowView},
};

/// Older rows whose bodies are read.
const OLDER_MAX: usize = 20;
/// Things that are gone, and are asked about.
const GONE_MAX: usize = 5;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::agent::scribe) struct History {
    /// The newest row that touched a step, by the step's text.
    pub touched: BTreeMap<String, RowId>,
    /// The newest row that changed an object, by its name.
    pub changed: BTreeMap<String, RowId>,
}

/// What is known of a page. What Dock does not answer is left out: it points the way, and nothing is decided by it.
pub(in crate::agent::scribe) async fn history(
    api: &Api,
    rows: &[RowView],
    page: &str,
    gone: &[String],
    before: Option<&Live>,
) -> History {
    let mut history = History::default();
    let asked = match before {
        Some(live) => {
            let steps = live.steps.iter().filter_map(|step| Some((step.text.clone(), step.row?)));
            history.touched.extend(steps.filter(|(_, row)| row.kind == Kind::Runbook));
            Ok(())
        }
        None => history.older_edits(api, rows, page).await,
    };
    let asked = match asked {
        Ok(()) => history.older_syncs(api, gone).await,
        Err(error) => Err(error),
    };
    if let Err(error) = asked {
        tracing::debug!(%error, page, "what touched its steps long ago is not to be had");
    }
    history.take_edits(rows.iter(), page);
    history.take_syncs(rows);
    history
}

impl History {
    async fn older_edits(&mut self, api: &Api, rows: &[RowView], page: &str) -> Result<(), ApiError> {
        let heads = found(api, &format!("kind:runbook page:{page}")).await?;
        let older = heads.into_iter().filter(|head| is_done(head) && head.subject == page);
        let mut older: Vec<RowId> = older.map(|head| head.id).collect();
        older.retain(|id| rows.iter().all(|row| row.head.id != *id));
        older.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        let mut read = Vec::new();
        for id in older.into_iter().take(OLDER_MAX) {
            read.push(api.row(id).await?);
        }
        self.take_edits(read.iter(), page);
        Ok(())
    }

    /// The newest sync that has the name in what it changed.
    async fn older_syncs(&mut self, api: &Api, gone: &[String]) -> Result<(), ApiError> {
        for name in gone.iter().take(GONE_MAX) {
            let heads = found(api, &format!("kind:sync \"{name}\"")).await?;
            let newest = heads.into_iter().filter(is_done).map(|head| head.id).max();
            self.changed.extend(newest.map(|row| (name.clone(), row)));
        }
        Ok(())
    }

    fn take_edits<'r>(&mut self, rows: impl Iterator<Item = &'r RowView>, page: &str) {
        let of_page = rows.filter(|row| row.head.kind == Kind::Runbook && row.head.subject == page);
        let mut done: Vec<&RowView> = of_page.filter(|row| is_done(&row.head)).collect();
        done.sort_by_key(|row| row.head.id);
        for row in done {
            let Some(Proposal::Edit(edit)) = &row.proposal else { continue };
            self.touched.extend(edit.operations.iter().map(|one| (one.anchor.text.clone(), row.head.id)));
        }
    }

    fn take_syncs(&mut self, rows: &[RowView]) {
        let mut done: Vec<&RowView> =
            rows.iter().filter(|row| row.head.kind == Kind::Sync && is_done(&row.head)).collect();
        done.sort_by_key(|row| row.head.id);
        for row in done {
            let words = row.diff.split(|c: char| c.is_whitespace() || c == ':');
            let named = words.filter_map(|word| word.split_once('/'));
            self.changed.extend(named.map(|(_, name)| (name.to_owned(), row.head.id)));
        }
    }
}

async fn found(api: &Api, query: &str) -> Result<Vec<RowHead>, ApiError> {
    // A name that is no query is found nowhere.
    let Ok(query) = Query::parse(query) else { return Ok(Vec::new()) };
    Ok(api.find(&query, &[], None).await?.rows.into_iter().map(|found| found.head).collect())
}

fn is_done(head: &RowHead) -> bool {
    matches!(head.state, State::Executed | State::Healthy | State::Degraded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::page::{Action, Anchor, Edit, Operation},
    };

    fn edit(id: &str, state: State, step: &str) -> RowView {
        let anchor = Anchor { id: None, path: vec![], text: step.to_owned() };
        let action = Action::MarkDeprecated { instead: vec![] };
        let operation = Operation { anchor, action, because: String::new(), pointers: vec![], by: None };
        let mut row = sample::view(id, 1, sample::draft());
        row.head.kind = Kind::Runbook;
        row.head.subject = "CONF-1".to_owned();
        row.head.state = state;
        row.proposal = Some(Proposal::Edit(Edit { operations: vec![operation] }));
        row
    }

    #[test]
    fn the_newest_row_that_was_carried_out_counts() {
        let rows = [
            edit("rb-3", State::Healthy, "restart"),
            edit("rb-2", State::Healthy, "restart"),
            edit("rb-4", State::Declined, "restart"),
            edit("rb-5", State::Pending, "wait"),
        ];
        let mut history = History::default();
        history.take_edits(rows.iter(), "CONF-1");
        assert_eq!(history.touched, [("restart".to_owned(), "rb-3".parse().unwrap())].into());
        history = History::default();
        history.take_edits(rows.iter(), "CONF-2");
        assert_eq!(history, History::default());
    }

    #[test]
    fn a_sync_changed_what_its_difference_names() {
        let mut row = sample::view("sync-8830", 1, sample::draft());
        row.head.state = State::Healthy;
        row.diff = "--- Deployment/api-gw: live\n+++ Deployment/api-gw: git\n-  replicas: 3\n".to_owned();
        let mut history = History::default();
        history.take_syncs(std::slice::from_ref(&row));
        assert_eq!(history.changed.get("api-gw"), Some(&row.head.id));
        row.head.state = State::Pending;
        history = History::default();
        history.take_syncs(std::slice::from_ref(&row));
        assert!(history.changed.is_empty());
    }
}
