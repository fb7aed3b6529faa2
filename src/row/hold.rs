//! A hold: one drift of one application that a person declined. The same drift attaches to it and does not page again.
//!
//! Never: ended by automation. A changed drift, the incident's end or a person ends it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, PrincipalId, RowId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub subject: String,
    pub drift: Digest,
    pub row: RowId,
    pub by: PrincipalId,
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Lifted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    pub by: PrincipalId,
    pub at: Timestamp,
    pub why: String,
}
