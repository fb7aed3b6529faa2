//! What a piece of news says: a row's id and kind, whom it asks, until when, and the command that shows it.
//!
//! Never: a word that an agent wrote; a link that decides. The one link there is leads to a page that is published.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::news::{News, What, published};
use crate::row::{PrincipalId, Row, RowId, State};

/// One message, for every kind of target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Of the news: a receiver that has had it may forget this one.
    pub(super) id: String,
    pub(super) row: RowId,
    pub(super) what: What,
    pub(super) state: State,
    pub(super) revision: u32,
    /// Who is asked, as the record knows them.
    pub(super) asks: Vec<PrincipalId>,
    /// When it lapses, where that is near.
    pub(super) until: Option<Timestamp>,
    pub(super) left: SignedDuration,
    /// Where the published page stands, as its platform said.
    pub(super) link: Option<String>,
}

impl Message {
    /// `may`: who may decide on it, in the order in which they are asked.
    pub(super) fn of(news: &News, row: &Row, may: &[PrincipalId], now: Timestamp) -> Self {
        let gave = |one: &PrincipalId| row.standing_keys().any(|key| key.reviewer == *one);
        let asked = match news.what {
            What::Asks => 1,
            What::HalfOver => 2,
            What::AlmostOver | What::SecondKey => row.reviewers.len().max(2),
            What::Outcome | What::Published | What::Answered | What::Settled => 0,
        };
        let asks = may.iter().filter(|one| !gave(one)).take(asked).cloned().collect();
        let waits = matches!(news.what, What::Asks | What::HalfOver | What::AlmostOver | What::SecondKey);
        Self {
            id: format!("msg_{}_{}", row.id, news.id(row).short()),
            row: row.id,
            what: news.what,
            state: row.state(),
            revision: row.revision,
            asks,
            until: waits.then_some(row.expires_at),
            left: row.expires_at.duration_since(now),
            link: Some(news.what).filter(|what| *what == What::Published).and_then(|_| link(published(row)?)),
        }
    }

    /// What to type.
    pub(super) fn command(&self) -> String {
        let verb = if self.until.is_some() { "open" } else { "show" };
        format!("dock {verb} {}", self.row)
    }

    /// `sync-8822 (sync)`.
    pub(super) fn title(&self) -> String {
        format!("{} ({})", self.row, self.row.kind.word())
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let title = self.title();
        let names: Vec<&str> = self.asks.iter().map(PrincipalId::as_str).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        let until =
            self.until.map(|at| format!(", until {}", at.strftime("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
        let waits = if self.state.open() { format!("a decision{of}") } else { "its agent".to_owned() };
        let said = match self.what {
            What::Asks => format!("{title} waits for a decision{of}{until}"),
            What::SecondKey => format!("{title} has a key and wants another{of}{until}"),
            What::HalfOver => format!("{title}: half of its time is over, it waits for {waits}{until}"),
            What::AlmostOver => {
                format!("{title} lapses in {}, it waits for {waits}{until}", lasting(self.left))
            }
            What::Outcome => format!("{title} {}", became(self.state)),
            What::Answered => format!("{title} was sent back and waits for its agent"),
            What::Settled => format!("{title} is {}", self.state.word()),
            What::Published => match &self.link {
                Some(link) => format!("{title} is published: {link}"),
                None => format!("{title} is published"),
            },
        };
        format!("{said}\n{}", self.command())
    }

    /// For programs.
    pub(super) fn json(&self, at: Timestamp) -> Value {
        json!({
            "type": format!("row.{}", self.what.word()),
            "timestamp": at,
            "data": {
                "row": self.row.to_string(),
                "kind": self.row.kind.word(),
                "state": self.state.word(),
                "revision": self.revision,
                "asks": self.asks.iter().map(PrincipalId::as_str).collect::<Vec<_>>(),
                "until": self.until,
                "command": self.command(),
                "link": self.link,
            },
        })
    }
}

fn became(state: State) -> &'static str {
    match state {
        State::Degraded => "was executed, and what it changed is degraded",
        State::RolledBack => "was executed and rolled back",
        State::Failed => "was not executed: its platform said no",
        State::Unknown => "was perhaps executed: nobody can tell, a person has to look",
        _ => "has ended",
    }
}

fn lasting(left: SignedDuration) -> String {
    match left.as_mins() {
        ..=0 => "less than a minute".to_owned(),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes @ 120..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

/// The address in what a read-back said: `version 13 of https://…, as approved`.
fn link(said: &str) -> Option<String> {
    let address =
        said.split_whitespace().find(|word| word.starts_with("https://") || word.starts_with("http://"))?;
    Some(address.trim_end_matches([',', '.', ';']).to_owned())
}
