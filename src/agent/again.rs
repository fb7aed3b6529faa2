//! What an agent read again and found the same: the facts of its open row are dated anew, without a new revision.
//!
//! Never: a fact dated that was not read again, or that is judged otherwise now: it grows stale, and whoever decides sees so.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    client::api::Api,
    row::{Draft, signal::Again},
    wire::{ConfirmRequest, RowView},
};

/// Half of some fact's time is over, and nobody has decided yet.
pub(super) fn is_due(row: &RowView, now: Timestamp) -> bool {
    row.head.state.undecided() && row.signals.iter().any(|view| view.half_over(now))
}

/// Tells Dock what of the row's facts this draft, made of what was just read, says too. Where that fails a look later
/// tells it again, and until then the facts are as old as they look.
pub(super) async fn tell(api: &Api, row: &RowView, draft: &Draft, now: Timestamp) {
    if !is_due(row, now) {
        return;
    }
    let request = same(row, draft);
    if request.again.is_empty() {
        return;
    }
    if let Err(error) = api.confirm_row(row.head.id, &request).await {
        tracing::debug!(row = %row.head.id, %error, "its facts could not be dated anew");
    }
}

/// Each signal of the row that the draft has too: of the same rule, about the same record, with the same verdict. Its
/// number may have moved within that; then it is told what it is now.
fn same(row: &RowView, draft: &Draft) -> ConfirmRequest {
    let mut left: Vec<_> = draft.signals.iter().collect();
    let mut again = BTreeMap::new();
    for (place, view) in (0_u32..).zip(&row.signals) {
        let was = &view.signal;
        let found = left.iter().position(|is| {
            (&is.name, &is.rule, &is.pointer.reference, is.verdict)
                == (&was.name, &was.rule, &was.pointer.reference, was.verdict)
        });
        let Some(is) = found.map(|at| left.remove(at)) else { continue };
        if is.fetched_at > view.read_at() {
            let value = (is.value != was.value).then(|| is.value.clone());
            again.insert(place, Again { at: is.fetched_at, value });
        }
    }
    ConfirmRequest { revision: row.head.revision, evidence_sha256: row.evidence_sha256, again }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        client::sample,
        row::{Grade, Pointer, Signal, State, Weight},
    };

    fn signal(name: &str, value: &str, verdict: Grade, at: Timestamp) -> Signal {
        Signal {
            name: name.into(),
            value: value.into(),
            verdict,
            weight: Weight::Note,
            pointer: Pointer {
                name: "datadog_slo".into(),
                platform: "datadog".into(),
                reference: "abc".into(),
                url: String::new(),
            },
            rule: "read/1".into(),
            fetched_at: at,
            budget_s: 300,
            series: None,
        }
    }

    #[test]
    fn what_is_judged_the_same_is_dated_anew_and_nothing_else() {
        let (then, now) = (sample::at(0), sample::at(180));
        let good = |name, value, at| signal(name, value, Grade::Good, at);
        let row = sample::view(
            "gate-9826",
            2,
            Draft {
                signals: vec![
                    good("CI", "2 of 2 green", then),
                    good("p95", "142 ms", then),
                    good("burn", "0.2x", then),
                    good("alerts", "none fires", then),
                    good("gone", "x", then),
                ],
                ..sample::draft()
            },
        );
        let draft = Draft {
            signals: vec![
                good("p95", "151 ms", now),
                good("CI", "2 of 2 green", now),
                signal("burn", "4x", Grade::Bad, now),
                // What could not be read again keeps its date.
                good("alerts", "none fires", then),
            ],
            ..sample::draft()
        };
        let told = same(&row, &draft);
        let of = |value: Option<&str>| Again { at: now, value: value.map(str::to_owned) };
        assert_eq!(told.again, BTreeMap::from([(0, of(None)), (1, of(Some("151 ms")))]));
        assert_eq!((told.revision, told.evidence_sha256), (2, row.evidence_sha256));
    }

    #[test]
    fn it_is_due_once_half_of_a_budget_is_over() {
        let mut row = sample::view(
            "gate-9826",
            1,
            Draft { signals: vec![signal("CI", "green", Grade::Good, sample::at(0))], ..sample::draft() },
        );
        assert!(!is_due(&row, sample::at(149)) && is_due(&row, sample::at(150)));
        row.signals[0].again = Some(Again { at: sample::at(100), value: None });
        assert!(!is_due(&row, sample::at(249)) && is_due(&row, sample::at(250)));
        row.head.state = State::Approved;
        assert!(!is_due(&row, sample::at(0) + SignedDuration::from_hours(1)));
    }
}
