//! One reading of what a row is about, whatever its kind: the agent drafts from it, the server holds the draft against it,
//! the executor compares it with what was reviewed.
//!
//! Never: reads a platform. Same reading, same answer, whoever asks.

use std::num::NonZeroU32;

use super::{
    Base, Digest, Effect, Kind, Moved, Risk, base::RecordEffect, difference, gate, page, paper, sync,
};

/// What the platforms said about one subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Sync(Box<sync::Reading>),
    Gate(Box<gate::Reading>),
    Page(Box<page::Reading>),
    Paper(Box<paper::Reading>),
}

impl Reading {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sync(_) => Kind::Sync,
            Self::Gate(_) => Kind::Gate,
            Self::Page(_) => Kind::Runbook,
            Self::Paper(_) => Kind::Postmortem,
        }
    }

    pub fn subject(&self) -> String {
        match self {
            Self::Sync(reading) => reading.app.clone(),
            Self::Gate(reading) => reading.subject(),
            Self::Page(reading) => reading.subject(),
            Self::Paper(reading) => reading.incident.clone(),
        }
    }

    pub fn environment(&self) -> &str {
        match self {
            Self::Sync(reading) => reading.environment.as_deref().unwrap_or("unknown"),
            Self::Gate(reading) => &reading.environment,
            Self::Page(reading) => &reading.environment,
            Self::Paper(reading) => &reading.environment,
        }
    }

    pub fn base(&self) -> Base {
        match self {
            Self::Sync(reading) => Base::Sync(reading.base()),
            Self::Gate(reading) => Base::Gate(reading.base()),
            Self::Page(reading) => Base::Runbook(reading.base()),
            Self::Paper(reading) => Base::Postmortem(reading.base()),
        }
    }

    pub fn effect(&self) -> Effect {
        match self {
            Self::Sync(reading) => Effect::Argocd(reading.effect()),
            Self::Gate(reading) => reading.execution(),
            Self::Page(reading) => match &reading.proposed {
                page::Proposed::Live(live) => Effect::Record(live.effect()),
                page::Proposed::Edit(_) if reading.only_tells() => Effect::Record(RecordEffect::default()),
                page::Proposed::Edit(_) | page::Proposed::Nothing => {
                    published(reading.page.site, reading.effect())
                }
            },
            Self::Paper(reading) => match &reading.paper {
                Some(paper) => published(paper.site, reading.effect()),
                None => Effect::None,
            },
        }
    }

    pub fn difference(&self) -> String {
        match self {
            Self::Sync(reading) => difference::of_sync(reading),
            Self::Gate(reading) => difference::of_gate(reading),
            Self::Page(reading) => difference::of_page(reading),
            Self::Paper(reading) => difference::of_paper(reading),
        }
    }

    pub fn risk(&self) -> Risk {
        match self {
            Self::Sync(reading) => reading.risk(),
            Self::Gate(reading) => reading.class(),
            Self::Page(reading) => reading.costs(),
            Self::Paper(reading) => reading.risk(),
        }
    }

    /// Keys that the subject itself asks for, beside what its risk does.
    pub fn keys(&self) -> NonZeroU32 {
        match self {
            Self::Page(reading) => reading.asks(),
            Self::Sync(_) | Self::Gate(_) | Self::Paper(_) => NonZeroU32::MIN,
        }
    }

    /// The subject asks by now for more keys than a row's rule.
    pub fn asks_more(&self, keys: u32) -> Option<Moved> {
        match self {
            Self::Page(reading) => reading.asks_more(keys),
            Self::Sync(_) | Self::Gate(_) | Self::Paper(_) => None,
        }
    }

    /// What a hold is keyed by; only a drift can be held.
    pub fn drift(&self) -> Option<Digest> {
        match self {
            Self::Sync(reading) => Some(reading.base().drift()),
            Self::Gate(_) | Self::Page(_) | Self::Paper(_) => None,
        }
    }

    /// What has moved from `base` to this.
    pub fn moved(&self, base: &Base) -> Vec<Moved> {
        match (self, base) {
            (Self::Gate(reading), Base::Gate(base)) => reading.moved(base),
            (Self::Page(reading), Base::Runbook(base)) => reading.moved(base),
            (Self::Paper(reading), Base::Postmortem(base)) => reading.moved(base),
            _ => base.moved(&self.base()),
        }
    }

    /// Why there is nothing to decide, if there is nothing.
    pub fn nothing_to_decide(&self) -> Option<String> {
        match self {
            Self::Sync(reading) => {
                let nothing = reading.touched().is_empty() && reading.sync_status == "Synced";
                nothing.then(|| "the application is in sync".to_owned())
            }
            Self::Page(reading) => reading.nothing_to_decide(),
            Self::Paper(reading) => reading.nothing_to_decide(),
            Self::Gate(reading) if reading.waits => None,
            Self::Gate(reading) => {
                let run = reading.run.id;
                let instead = reading.instead.as_deref().unwrap_or("nothing of it is pending");
                Some(format!("run {run} does not wait before {}: {instead}", reading.environment))
            }
        }
    }
}

/// What is published where.
fn published(site: page::Site, effect: Option<super::base::PageEffect>) -> Effect {
    match (site, effect) {
        (page::Site::Confluence, Some(effect)) => Effect::Confluence(effect),
        (page::Site::Notion, Some(effect)) => Effect::Notion(effect),
        (_, None) => Effect::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_reads_as_its_kind_and_one_that_does_not_wait_is_nothing_to_decide() {
        let waiting = gate::example::reading();
        let reading = Reading::Gate(Box::new(waiting.clone()));
        assert_eq!(reading.kind(), Kind::Gate);
        assert_eq!(reading.subject(), "billing-worker/9826/production");
        assert_eq!((reading.risk(), reading.drift()), (Risk::Irreversible, None));
        assert!(reading.moved(&reading.base()).is_empty() && reading.nothing_to_decide().is_none());
        assert!(reading.difference().contains("aws_iam_role.billing_export"));
        let instead = Some("rejected in GitHub by govind".to_owned());
        let over = Reading::Gate(Box::new(gate::Reading { waits: false, instead, ..waiting }));
        assert_eq!(
            over.nothing_to_decide().as_deref(),
            Some("run 9826 does not wait before production: rejected in GitHub by govind")
        );
        assert_eq!(over.moved(&reading.base()).len(), 1);
    }
}
