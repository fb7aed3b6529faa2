//! What a page says of itself: the content property `dock`, which whoever edits the page can set.
//!
//! It makes things stricter and never laxer: what the config asks for stays the least. A word that is not known, or of a
//! shape that is none of ours, may have been meant to make them stricter: it counts as if it did.
//! Never: a right that is given by it; a property passed over since it could not be read.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value as Json;

/// The property's key.
pub const PROPERTY: &str = "dock";
/// A longer name of an owner is none.
const OWNER_CHARS_MAX: usize = 120;

/// What a page says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Says {
    /// It has no such property, or its platform knows none.
    #[default]
    Nothing,
    Known(Word),
    /// It has one that says nothing that we know, and why.
    Unknown(String),
    /// There may be one that this account may not read, and why.
    Unread(String),
}

/// The property's value: `{"sensitive": true, "by_hand": false, "owner": "sessions"}`, each of it left out at will.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Word {
    /// An edit takes two people.
    pub sensitive: bool,
    /// People edit it by hand, and Dock publishes nothing on it.
    pub by_hand: bool,
    /// Whose page it is, for people to read.
    pub owner: Option<String>,
}

impl Says {
    /// A property's value, as somebody wrote it.
    pub fn of(value: &Json) -> Self {
        let odd =
            |why: &str| Self::Unknown(format!("its property `{PROPERTY}` is not as it should be: {why}"));
        if !value.is_object() {
            return odd("it is no object");
        }
        match Word::deserialize(value) {
            Err(error) => odd(&error.to_string()),
            Ok(Word { owner: Some(owner), .. }) if owner.chars().count() > OWNER_CHARS_MAX => {
                odd(&format!("its owner has more than {OWNER_CHARS_MAX} characters"))
            }
            Ok(word) => Self::Known(word),
        }
    }

    /// The fewest keys that it leaves an edit.
    pub fn keys(&self) -> NonZeroU32 {
        let strict = match self {
            Self::Nothing => false,
            Self::Known(word) => word.sensitive,
            Self::Unknown(_) | Self::Unread(_) => true,
        };
        if strict { NonZeroU32::MIN.saturating_add(1) } else { NonZeroU32::MIN }
    }

    /// Why it is not known what it says.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) | Self::Unread(why) => Some(why),
            Self::Nothing | Self::Known(_) => None,
        }
    }

    /// Who alone may edit the page, where Dock may not.
    pub fn shuts_out(&self) -> Option<String> {
        let by_hand = matches!(self, Self::Known(word) if word.by_hand);
        by_hand.then(|| format!("people by hand alone, as its property `{PROPERTY}` says"))
    }

    /// In words; none where there is nothing.
    pub fn words(&self) -> Option<String> {
        let Self::Known(word) = self else { return None };
        let owner = word.owner.as_ref().map(|owner| format!("owner: {}", owner.trim()));
        let parts = [
            word.sensitive.then(|| "sensitive: two people".to_owned()),
            word.by_hand.then(|| "edited by hand alone".to_owned()),
            owner,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_page_says_of_itself_is_known_in_full_or_counts_as_strict() {
        for (value, keys, shut, words) in [
            (json!({}), 1, false, None),
            (json!({"sensitive": true}), 2, false, Some("sensitive: two people")),
            (json!({"sensitive": false, "owner": " sessions "}), 1, false, Some("owner: sessions")),
            (
                json!({"by_hand": true, "sensitive": true, "owner": null}),
                2,
                true,
                Some("sensitive: two people; edited by hand alone"),
            ),
        ] {
            let says = Says::of(&value);
            assert!(matches!(says, Says::Known(_)), "{value}");
            let read = (says.keys().get(), says.shuts_out().is_some(), says.words());
            assert_eq!(read, (keys, shut, words.map(str::to_owned)), "{value}");
        }
        for (value, why) in [
            (json!("sensitive"), "it is no object"),
            (json!(null), "it is no object"),
            // A sequence would do for a struct, field by field.
            (json!([true, false, null]), "it is no object"),
            (json!({"sensitive": "yes"}), "invalid type"),
            (json!({"sensible": true}), "unknown field `sensible`"),
            (json!({"owner": "o".repeat(121)}), "more than 120 characters"),
        ] {
            let says = Says::of(&value);
            assert!(matches!(&says, Says::Unknown(told) if told.contains(why)), "{value}: {says:?}");
            assert_eq!((says.keys().get(), says.words()), (2, None), "{value}");
        }
        assert_eq!((Says::Nothing.keys().get(), Says::Nothing.shuts_out()), (1, None));
    }
}
