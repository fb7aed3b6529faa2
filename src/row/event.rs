//! What can happen, by name: the closed list of entries that the record knows.
//!
//! Never: a name that is taken back. The list is added to, since old records are read for ever.

use std::{fmt, str::FromStr};

macro_rules! events {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// The kind of one entry of the record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Event { $($variant),+ }

        impl Event {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it stands in a leaf.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

events! {
    RowOpened "row.opened", RowRevised "row.revised", RowEvidence "row.evidence", RowState "row.state",
    RowExtended "row.extended",
    DecisionAccepted "decision.accepted", DecisionRefused "decision.refused",
    ExecutionIntended "execution.intended", ExecutionConfirmed "execution.confirmed",
    ExecutionFailed "execution.failed", ExecutionUnknown "execution.unknown",
    ExecutionAttested "execution.attested",
    HealthStamped "health.stamped",
    HoldCreated "hold.created", HoldLifted "hold.lifted",
    Halt "halt", HaltResumed "halt.resumed",
    PolicyDecided "policy.decided",
    PersonChanged "person.changed", KeyEnrolled "key.enrolled", KeyRevoked "key.revoked",
    AgentChanged "agent.changed", TokenIssued "token.issued", TokenRevoked "token.revoked",
    WitnessEnrolled "witness.enrolled", BlobDropped "blob.dropped", LogEpoch "log.epoch",
}

/// The text names no event of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an event of the record")]
pub struct NotAnEvent(pub String);

impl FromStr for Event {
    type Err = NotAnEvent;

    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        let found = Self::ALL.iter().copied().find(|event| event.name() == text);
        found.ok_or_else(|| NotAnEvent(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
