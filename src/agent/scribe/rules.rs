//! The scribe's rules: what makes an operation, what makes it hold, what is only shown.
//!
//! Never: a rule that fires without a message, an entry of the log or a passage of the page to point at.

use serde::Deserialize;

use crate::agent::rule::rules;

rules! {
    DISPUTED "disputed" v 1 Hold from "Slack, PagerDuty notes":
        "somebody said later that what is proposed did not help, or was wrong" => "hold until the two have been heard";
    NOT_PLACED "not-placed" v 1 Hold from "Confluence, Notion":
        "something was marked for the runbook, and no passage of the page belongs to it" => "hold: the place is a person's to name";
    PAGE_UNREADABLE "page-unreadable" v 1 Hold from "Confluence, Notion":
        "something was said for the runbook, and its page cannot be read" => "hold, with nothing to publish: a person mends the page";
    CHAT_CUT "chat-cut" v 1 Hold from "Slack":
        "what was said could not be read to its end" => "hold: what is missing may say otherwise";
    NO_LONGER_FITS "no-longer-fits" v 1 Hold from "Dock, Confluence, Notion":
        "an operation of an edit that a reviewer amended does not fit the page as it is now" => "hold: it is left out and named";
    PLACED_AGAIN "placed-again" v 1 Hold from "Dock, Confluence, Notion":
        "the passage of an operation that a reviewer amended reads otherwise by now, and what was said finds its place anew" => "hold: a person looks whether that is the place";
    RESTRICTED "restricted" v 1 Hold from "Confluence":
        "the page's restrictions keep Dock's executor from editing it" => "hold: nothing could be published";
    UNKNOWN_FACT "unknown-fact" v 1 Hold from "every platform that was asked":
        "a read failed" => "hold: unknown is never fine";
    STEP_SAID "step-said" v 1 Go from "Slack, PagerDuty notes":
        "somebody named a step that the runbook lacks, and where it belongs" => "insert it there";
    COMMAND_BEFORE_RECOVERY "command-before-recovery" v 1 Go from "Slack, PagerDuty":
        "responders ran a command that the page does not have, between two that it has, and things recovered" => "insert it after the step that came before";
    CONTRADICTED "contradicted" v 1 Go from "Slack, PagerDuty notes":
        "somebody said not to do what a step says, and what to do instead" => "mark the step as deprecated, and link what replaces it";
    VALUE_CHANGED "value-changed" v 1 Go from "Slack, PagerDuty notes":
        "somebody said that a value on the page is another one now" => "replace the value";
    SECTION_SAID "section-said" v 1 Go from "Slack, PagerDuty notes":
        "somebody wrote a list for the runbook under a heading that the page lacks" => "insert it as a section";
    TICKED_WRONG "ticked-wrong" v 1 Go from "Dock":
        "who was on call ticked a step of the live runbook as wrong, and signed it" => "mark the step as deprecated";
    ASKED_FOR "asked-for" v 1 Go from "Dock":
        "a reviewer asked for a step in a note, and signed it" => "insert it where the note says";
    KEPT "kept-as-amended" v 1 Go from "Dock":
        "the operation stands in the edit as a reviewer amended it" => "keep it as it is";
    STEP_FAILED "step-failed" v 1 Note from "Slack, PagerDuty notes, Dock":
        "a step was said to have failed" => "who said so and what came of it";
    STEP_SKIPPED "step-skipped" v 1 Note from "Slack, PagerDuty notes, Dock":
        "a step was skipped" => "who said so";
    PAGE_SAYS_SO "page-says-so" v 1 Note from "Confluence, Notion":
        "what was said stands on the page already" => "nothing is proposed of it";
    INSTRUCTIONS_IN_CHAT "instructions-in-chat" v 1 Note from "Slack":
        "a message tells the agent, or whoever decides, what to do" => "shown, and never followed";
    INSTRUCTIONS_IN_NOTES "instructions-in-notes" v 1 Note from "PagerDuty":
        "a note on the incident tells the agent, or whoever decides, what to do" => "shown, and never followed";
    INSTRUCTIONS_ON_PAGE "instructions-on-page" v 1 Note from "Confluence, Notion":
        "the page tells the agent, or whoever decides, what to do" => "shown, and never followed";
    ANOTHER_INCIDENT "another-incident" v 1 Note from "PagerDuty":
        "another incident has something to say of this page, while this row is open" => "named here; drafted once this row is over";
    NOT_AS_AMENDED "not-as-amended" v 1 Note from "Dock":
        "something would be proposed that is not in the edit as a reviewer amended it" => "it stays out, and is named";
    DECLINED_BEFORE "declined-before" v 1 Note from "Dock":
        "the same edit of this page was declined before" => "who declined it, when and why";
    READ "read" v 1 Note from "every platform that was asked":
        "a fact that was read and raises no concern" => "shown as evidence";
}

/// What can be set per installation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Reactions that mark a message for the runbook, without colons.
    pub marks: Vec<String>,
    /// A command counts as what helped if things were well again so many minutes after it.
    pub recovers_within_min: u32,
    /// More operations than these are for a person to write.
    pub operations_max: usize,
    /// How long what a platform said stays fresh on the screen, in seconds.
    pub fresh_s: u32,
    /// So many minutes a row whose page moved is left to its reviewers before it is drafted anew, where its edit lies apart
    /// from what moved: they can merge it. 0 leaves them none.
    pub merge_min: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            marks: ["memo", "pencil", "pencil2", "bookmark_tabs", "notebook", "runbook"]
                .map(str::to_owned)
                .to_vec(),
            recovers_within_min: 30,
            operations_max: 8,
            fresh_s: 3600,
            merge_min: 10,
        }
    }
}
