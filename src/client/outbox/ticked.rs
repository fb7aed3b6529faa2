//! Ticks of a live runbook, kept in the draft of the decision that will sign them: by the console and by `dock tick`, at
//! the same time where need be.
//!
//! Never: a tick of one program lost by a write of another.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{Entry, NoteDraft, Outbox, StoreError, draft};
use crate::client::ticks;

impl Outbox {
    /// Keeps the draft of a live row. Of the steps in `said` its words count; of all others what lies on the disk, where
    /// something of this revision does. A draft that says nothing goes.
    pub fn save_ticks(&self, ours: &NoteDraft, said: &BTreeSet<usize>) -> Result<(), StoreError> {
        self.ask(|db| {
            let change = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
            let (row, revision) = (ours.row.to_string(), ours.revision);
            let select = "SELECT row, revision, verb, note, conditions, since, saved_at FROM draft
                 WHERE row = ?1 AND revision = ?2";
            let disk = change.query_row(select, params![row, revision], draft).optional()?;
            let kept = disk.map_or_else(|| ours.clone(), |disk| beside(&disk, ours, said));
            if kept.note.trim().is_empty() && kept.conditions.is_empty() {
                change.execute("DELETE FROM draft WHERE row = ?1 AND revision = ?2", params![row, revision])?;
            } else {
                change.execute(
                    "INSERT INTO draft VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (row, revision) DO UPDATE SET
                     verb = ?3, note = ?4, conditions = ?5, saved_at = ?7",
                    params![
                        row,
                        revision,
                        kept.verb,
                        kept.note,
                        kept.conditions,
                        kept.since.as_millisecond(),
                        kept.saved_at.as_millisecond()
                    ],
                )?;
            }
            change.commit()
        })
    }
}

/// The steps of which the entry's draft says something else than what is signed.
pub(super) fn unsigned(
    change: &Transaction<'_>,
    entry: &Entry,
    signed: &BTreeMap<String, String>,
) -> rusqlite::Result<Vec<usize>> {
    let select = "SELECT conditions FROM draft WHERE row = ?1 AND revision = ?2";
    let of = params![entry.row.to_string(), entry.revision];
    let kept = change.query_row(select, of, |row| row.get::<_, String>(0)).optional()?;
    Ok(kept.map(|kept| ticks::unsigned(&kept, signed)).unwrap_or_default())
}

/// What is newer than ours on the disk makes the whole newer than ours: whoever wrote ours takes it over.
fn beside(disk: &NoteDraft, ours: &NoteDraft, said: &BTreeSet<usize>) -> NoteDraft {
    let conditions = ticks::merged(&disk.conditions, &ours.conditions, said);
    let newest = disk.saved_at.max(ours.saved_at);
    let saved_at = if conditions == ours.conditions {
        newest
    } else {
        newest.saturating_add(SignedDuration::from_millis(1)).unwrap_or(newest)
    };
    NoteDraft { conditions, saved_at, ..ours.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn ours(conditions: &str, second: i64) -> NoteDraft {
        NoteDraft {
            row: "rb-8824".parse().unwrap(),
            revision: 2,
            verb: "approve".to_owned(),
            note: String::new(),
            conditions: conditions.to_owned(),
            since: sample::at(0),
            saved_at: sample::at(second),
        }
    }

    #[test]
    fn two_programs_tick_the_same_row_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Outbox::open(&folder.path().join("outbox")).unwrap();
        let (console, line) = (open(), open());
        let said = |numbers: &[usize]| numbers.iter().copied().collect::<BTreeSet<_>>();
        console.save_ticks(&ours("1=followed\tone", 1), &said(&[1])).unwrap();
        line.save_ticks(&ours("1=followed\tone\n2=wrong\ttwo", 2), &said(&[2])).unwrap();
        // The console has not seen the second step yet.
        console.save_ticks(&ours("1=followed\tone\n3=skipped\tthree", 2), &said(&[3])).unwrap();
        let [kept] = console.drafts().unwrap().try_into().unwrap();
        assert_eq!(kept.conditions, "1=followed\tone\n2=wrong\ttwo\n3=skipped\tthree");
        assert!(kept.saved_at > sample::at(2), "whoever wrote last learns of it");
        let note = NoteDraft { note: "It stands.".to_owned(), ..ours("1=followed\tone", 3) };
        console.save_ticks(&note, &said(&[])).unwrap();
        let [kept] = line.drafts().unwrap().try_into().unwrap();
        assert_eq!((kept.note.as_str(), kept.conditions.lines().count()), ("It stands.", 3));
        line.save_ticks(&ours("", 4), &said(&[1, 2, 3])).unwrap();
        assert!(console.drafts().unwrap().is_empty(), "nothing is kept of nothing");
    }

    #[test]
    fn ticks_that_came_meanwhile_are_not_dropped_by_a_signature() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(&folder.path().join("outbox")).unwrap();
        let entry = Entry {
            row: "rb-8824".parse().unwrap(),
            revision: 2,
            decision: crate::row::Decision::Approve,
            ..super::super::tests::signed(1)
        };
        let signed = |text: &str| BTreeMap::from([("1".to_owned(), text.to_owned())]);
        outbox.save_ticks(&ours("1=followed\tone\n3=wrong\tthree", 1), &[1, 3].into()).unwrap();
        assert_eq!(outbox.put_ticks(&entry, &signed("followed")).unwrap(), [3]);
        assert_eq!(outbox.put_ticks(&entry, &signed("skipped")).unwrap(), [1, 3]);
        assert!(outbox.entries().unwrap().is_empty() && outbox.drafts().unwrap().len() == 1);
        outbox.save_ticks(&ours("1=followed\tone", 2), &[3].into()).unwrap();
        assert!(outbox.put_ticks(&entry, &signed("followed")).unwrap().is_empty());
        assert!(outbox.entries().unwrap().len() == 1 && outbox.drafts().unwrap().is_empty());
    }
}
