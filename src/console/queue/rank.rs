//! Which of two rows comes first.
//!
//! Never: undecided. Two rows with one rank are one row.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::client::Listed;
use crate::row::{PrincipalId, RowId};

/// Smaller comes first: share of lifetime left in hundredths, riskier first, production first, asked first, oldest, id.
type Rank = (i64, Reverse<crate::row::Risk>, bool, bool, Timestamp, RowId);

/// A runbook whose incident is on comes before all but what is about to lapse.
const LIVE: i64 = 10;

/// Pure and total.
pub fn rank(row: &Listed, me: Option<&PrincipalId>, now: Timestamp) -> impl Ord {
    let life = row.expires_at.duration_since(row.created_at).as_millis().max(1);
    let left = row.waits_until().duration_since(now).as_millis();
    let share = i64::try_from((left * 100 / life).clamp(0, 100)).unwrap_or(100);
    let share = match (row.state.undecided(), row.is_live()) {
        (false, _) => 100,
        (true, false) => share,
        // It lives for days on paper, and is needed now: its steps are followed, or wait to be signed.
        (true, true) => share.min(LIVE),
    };
    let elsewhere = !matches!(&*row.environment, "production" | "prod");
    let not_asked = !row.reviewers.iter().any(|reviewer| Some(reviewer) == me);
    let rank: Rank = (share, Reverse(row.risk), elsewhere, not_asked, row.created_at, row.id);
    rank
}
