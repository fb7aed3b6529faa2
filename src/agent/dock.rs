//! What Dock has told an agent: everything once, afterwards what changed since.
//!
//! Some hundred rows are megabytes, and an agent with much to do looks many times a minute.
//! Never: a row older than the position that it is said to be true at.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::{
    client::api::{Api, ApiError},
    wire::Snapshot,
};

/// Dock tells of rows that ended so lately; older ones are forgotten here, too.
const ENDED_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Dock as it was told last.
#[derive(Debug, Default)]
pub(super) struct Dock(Option<Snapshot>);

impl Dock {
    /// Dock as it is now.
    pub(super) async fn now(&mut self, api: &Api) -> Result<&Snapshot, ApiError> {
        let changed = match &self.0 {
            None => None,
            Some(known) => match api.changes(known.position, std::time::Duration::ZERO).await {
                Ok(changed) => (changed.position.epoch == known.position.epoch).then_some(changed),
                // It was restored: what is known may be of another history.
                Err(error) if error.code() == "unknown_position" => None,
                Err(error) => return Err(error),
            },
        };
        let told = match (self.0.take(), changed) {
            (Some(known), Some(changed)) => merged(known, changed),
            _ => api.snapshot().await?,
        };
        Ok(self.0.insert(told))
    }
}

/// What is known, with what changed since in its place.
fn merged(known: Snapshot, changed: Snapshot) -> Snapshot {
    let since = changed.as_of.saturating_sub(ENDED_KEPT).unwrap_or(changed.as_of);
    let mut rows: BTreeMap<_, _> = known.rows.into_iter().map(|row| (row.head.id, row)).collect();
    rows.extend(changed.rows.into_iter().map(|row| (row.head.id, row)));
    rows.retain(|_, row| !row.head.state.over() || row.head.changed_at >= since);
    Snapshot { rows: rows.into_values().collect(), ..changed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{RowId, State},
    };

    #[test]
    fn what_changed_takes_the_place_of_what_was_known_and_what_is_long_over_goes() {
        let row = |id: &str, state, at| {
            let mut view = sample::view(id, 1, sample::draft());
            (view.head.state, view.head.changed_at) = (state, sample::at(at));
            view
        };
        let day = 24 * 60 * 60;
        let known = sample::snapshot(vec![
            row("sync-1", State::Pending, 0),
            row("sync-2", State::Declined, 0),
            row("sync-3", State::Pending, 0),
            row("sync-4", State::Declined, day),
        ]);
        let rows = vec![row("sync-3", State::Approved, day), row("sync-5", State::Pending, day)];
        let changed = Snapshot { as_of: sample::at(day + 1), ..sample::snapshot(rows) };
        let position = changed.position;
        let now = merged(known, changed);
        let told: Vec<(RowId, State)> = now.rows.iter().map(|row| (row.head.id, row.head.state)).collect();
        let expected = [
            ("sync-1", State::Pending),
            ("sync-3", State::Approved),
            ("sync-4", State::Declined),
            ("sync-5", State::Pending),
        ];
        assert_eq!(told, expected.map(|(id, state)| (id.parse().unwrap(), state)));
        assert_eq!((now.position, now.as_of), (position, sample::at(day + 1)));
    }
}
