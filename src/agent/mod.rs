//! The agents that Dock brings along: each gathers facts (IO) and drafts a row from them (pure).
//!
//! What they have in common: [`facts`] that know whether they were asked, answered or not to be had; a [`rule`] and the
//! `finding` that it makes; plain `words`; the `inquiry` of what concerns a service whatever is proposed for it; the loop
//! of flows that write about [`incidents`]; the `drafter`, who has a say in words alone; what rouses them, `wake`; what Dock
//! told them, `dock`, and what they tell it of their own calls, `tally`; what they are asked and tell, [`Wish`] and [`Told`].
//! Never: decides, or writes to a platform. An agent gets a `Source` of each platform, never an `Actuator`.

mod again;
pub mod argus;
pub mod chronicler;
mod dock;
mod drafter;
pub mod facts;
mod finding;
pub mod gatekeeper;
pub mod incidents;
mod inquiry;
pub mod people;
mod requests;
pub mod rule;
pub mod scribe;
pub mod story;
mod tally;
mod told;
mod wake;
mod words;

pub use tally::platform_calls;
pub use told::{Told, Wish};
