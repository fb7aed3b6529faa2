//! What an operation does and where, in the words that every list of operations has.
//!
//! Never: what it writes; that is its blocks.

use super::{Action, Operation};

/// `INSERT` and `before`: what is done, and how that lies to the place which the anchor names.
pub fn named(operation: &Operation) -> (&'static str, &'static str) {
    let top = operation.anchor.text.is_empty();
    match &operation.action {
        Action::InsertBefore { .. } => ("INSERT", "before"),
        Action::InsertAfter { .. } if top => ("INSERT", "at the top of the page"),
        Action::InsertAfter { .. } => ("INSERT", "after"),
        Action::Replace { .. } => ("REPLACE", ""),
        Action::ReplaceValue { .. } => ("REPLACE A VALUE", "in"),
        Action::MarkDeprecated { .. } => ("MARK DEPRECATED", ""),
    }
}
