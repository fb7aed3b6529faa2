//! An incident whose subject has a row already: an open one of another incident, or one that people said no to.
//!
//! Never: an incident that is lost because another one came first.

use super::{
    plan::{self, Act, Known},
    run::{AFTER_ANOTHER, Case, Drafted, Flow, Looker, Stepped},
};
use crate::{
    agent::{Told, Wish},
    platform::pagerduty,
    row::{Decision, Draft, RowId},
};

impl<F: Flow> Looker<'_, F> {
    /// The open row of another incident is revised to name this one, where this one has anything to say. The row remembers
    /// it, so that it is drafted once the row is over, however long that took and whoever was restarted meanwhile.
    pub(super) async fn beside(
        &self,
        wish: &Wish,
        incident: &pagerduty::Incident,
        subject: &str,
        (known, row): (Known<'_>, RowId),
        told: &mut impl FnMut(Told),
    ) -> Result<Stepped, String> {
        let first = known.row(row).ok_or("its row is gone")?;
        let of = first.head.incident.as_deref().ok_or("its row names no incident")?;
        let waits =
            format!("{row} after {of} is open on the same subject and names it; it is drafted after that");
        if plan::names(first, &incident.reference) {
            return Ok(Stepped::Rest(waits));
        }
        let own = Case { incident, subject, before: None, known, also: None };
        if let Drafted::Nothing(why) | Drafted::Stays(why) = Box::pin(self.flow.draft(&own)).await? {
            return Ok(Stepped::Rest(why));
        }
        let of = self.pagerduty.incident(of).await.map_err(|error| error.to_string())?;
        let case = Case { incident: &of, subject, before: Some(first), known, also: Some(incident) };
        match Box::pin(self.flow.draft(&case)).await? {
            // What becomes of that row is for its own look to say.
            Drafted::Nothing(_) | Drafted::Stays(_) => Ok(Stepped::Later(AFTER_ANOTHER)),
            Drafted::Draft(draft) => {
                let draft = Box::new(self.drafter.word(*draft, self.clock, told).await);
                let act = Act::Watch { row, revision: first.head.revision };
                self.carry_out(wish, &act, &case, Drafted::Draft(draft)).await
            }
        }
    }
}

/// Where the very difference was declined for this incident before: who asks for it again is told.
pub(super) fn declined(known: Known<'_>, case: &Case<'_>, draft: &Draft) -> Option<String> {
    known.over(case.subject, &case.incident.reference)?;
    let past = known.past(case.subject, &draft.diff);
    let last = past.into_iter().find(|past| past.same && past.decision == Decision::Decline.word())?;
    Some(format!(
        "the same difference was declined by {} as {} at {}: {}",
        last.by, last.row, last.at, last.note
    ))
}
